#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/ending/acknowledgement.hpp"
#include "bytes_handoff/asio/ending/reset_stream.hpp"
#include "bytes_handoff/asio/relaying/kernel_way.hpp"
#include "bytes_handoff/asio/relaying/relay_operation.hpp"
#include "bytes_handoff/asio/support/lazy_timer.hpp"
#include "bytes_handoff/asio/support/stream_traits.hpp"
#include "bytes_handoff/asio/support/time_of.hpp"
#include "bytes_handoff/asio/writing/write_handoff.hpp"
#include "bytes_handoff/asio/writing/writer.hpp"
#include "bytes_handoff/config.hpp"
#include "bytes_handoff/end_write.hpp"
#include "bytes_handoff/write_handoff.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// A relay to a stream, which is written to from the buffer: what it has not taken stays there.
/// Between two sockets `WayBetween` may have the kernel move the bytes past the buffer.
///
/// Reads start and complete on the executor of `in`, all else on that of `out`. Between the two it
/// hops, unless they are one.
template <class In, class Out>
class StreamRelay : public RelayOperation<StreamRelay<In, Out>, In> {
  using Base = RelayOperation<StreamRelay, In>;
  using typename Base::Canceller;
  using typename Base::Self;
  using Way = WayBetween<In, Out>;

  using Base::buffer_;
  using Base::core_;
  using Base::destroyed_context_;
  using Base::in_;
  using Base::in_context_;

 public:
  template <RelayPart kPart>
  using PartExecutor = std::conditional_t<kPart == RelayPart::kIn, ExecutorOf<In>, ExecutorOf<Out>>;

  StreamRelay(HandoffBuffer& buffer, In& in, Out& out, const RelayOptions& options,
              bool may_be_cancelled)
      : Base(buffer, in, options, BuffersWrites<Out>, may_be_cancelled),
        out_(&out),
        way_(options.by),
        out_context_(&context_of(out.get_executor())),
        has_one_executor_(is_one(in.get_executor(), out.get_executor())) {}

  template <RelayPart kPart>
  [[nodiscard]] PartExecutor<kPart> executor() const noexcept {
    if constexpr (kPart == RelayPart::kIn) {
      return in_->get_executor();
    } else {
      return out_->get_executor();
    }
  }
  [[nodiscard]] bool has_one_executor() const noexcept { return has_one_executor_; }

  /// Behind `note_cancelled`, where `in` is used. If that is where `out` is, `cancel_out` does all.
  void cancel_in() noexcept {
    if (const Self self = this->try_hold(); self && !has_one_executor_) {
      of_in_.emit(this->cancelled_by());
    }
  }
  /// Likewise where `out` is used. An end that is under way is an end at once from now on.
  void cancel_out() noexcept {
    if (const Self self = this->try_hold()) {
      of_out_.emit(this->cancelled_by());
      if (queue_.valid()) {
        core_.cancel();
        queue_.abort();
      }
    }
  }

  /// For a tunnel, on any thread: what a write was told of a connection that is lost; none if it
  /// was told nothing of that. A read of `out` finds an end then.
  [[nodiscard]] ErrorValue out_lost_by() const noexcept {
    return is_out_lost_.load(std::memory_order_acquire) ? out_lost_by_ : ErrorValue();
  }

  /// For a tunnel, behind `stop_reading`, where `out` is used: the time is limited for what waits
  /// there, and for what is yet to be passed on.
  void limit_time() noexcept {
    if (const Self self = this->try_hold()) {
      this->stops_reading_.store(true, std::memory_order_release);
      if (is_waiting_) {
        this->note_cancellation();
        watch_time(self);
      }
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  friend Base;
  template <class, RelayPart>
  friend class RelayHandler;

  // Says when the queue that ends `out` has let go of it.
  struct LetGo {
    Self self;
    void operator()(Out* /*is not its own*/) noexcept {
      const Self relay = std::move(self);
      relay->on_end_event(relay);
    }
  };

  void take_back() noexcept {
    if (!way_.take_back(*buffer_)) {
      core_.lose(to_error_value(net::error::no_memory));
    }
    timer_.stop();  // its context may be gone when the handler's turn has come
  }

  template <class A, class B>
  [[nodiscard]] static bool is_one([[maybe_unused]] const A& a,
                                   [[maybe_unused]] const B& b) noexcept {
    if constexpr (std::is_same_v<A, B>) {
      return a == b;
    } else {
      return false;
    }
  }

  template <RelayPart kPart>
  [[nodiscard]] net::cancellation_slot slot() noexcept {
    const bool may_be_cut = kPart == RelayPart::kOut && core_.has_in_failed();
    if (kPart >= RelayPart::kBeside || !(this->may_be_cancelled_ || may_be_cut)) {
      return {};
    }
    return canceller(kPart).signal.slot();
  }
  [[nodiscard]] Canceller& canceller(RelayPart part) noexcept {
    return part == RelayPart::kIn && !has_one_executor_ ? of_in_ : of_out_;
  }

  template <RelayPart kPart>
  void arrive(const Self& self) noexcept {
    go(self, core_.next(), kPart);
  }

  template <RelayPart kPart>
  void complete(Self self, const net_error_code& error, std::size_t n) noexcept {
    if constexpr (kPart == RelayPart::kBeside) {
      on_closed(self, error);
    } else if constexpr (kPart == RelayPart::kTime) {
      is_timing_ = false;
      if (!error && is_waiting_) {
        watch_time(self);
      }
    } else {
      if (Initiation* const inside = Initiation::of(this)) {
        inside->complete(error, n);
        return;
      }
      if constexpr (kPart == RelayPart::kOut) {
        is_waiting_ = false;
      }
      canceller(kPart).forget_step();
      go(self, after(step_, error, n), kPart);
    }
  }

  // On the executor of `in`. If that is the one of `out`, the step may be one of `out`.
  void cancel_read() noexcept {
    if (!has_one_executor_ || step_ == RelayStep::kRead) {
      canceller(RelayPart::kIn).emit(net::cancellation_type::terminal);
    }
  }

  // The handler of something under way was destroyed: with its context, as a rule.
  template <RelayPart kPart>
  void lose(Self /*keeps this*/) noexcept {
    if constexpr (kPart < RelayPart::kBeside) {
      if (Initiation* const inside = Initiation::of(this)) {
        inside->drop();
        return;
      }
    }
    if (kPart == RelayPart::kBeside && end_events_ == 0) {
      return;  // it could not be started
    }
    destroyed_context_ = kPart == RelayPart::kIn ? in_context_ : out_context_;
    if constexpr (kPart == RelayPart::kBeside) {
      queue_ = WriteHandoff();
    }
  }

  // Takes steps from `step` on until one is under way, or the relay is over. It runs where `at` is
  // used.
  void go(const Self& self, RelayStep step, RelayPart at) noexcept {
    unsigned writes = 0;
    std::size_t inline_bytes = 0;
    typename Way::Turn turn;
    while ((step = this->look_at_cancellation(step)) != RelayStep::kDone) {
      const RelayPart part = step == RelayStep::kRead ? RelayPart::kIn : RelayPart::kOut;
      if (part != at && !has_one_executor_) {
        return part == RelayPart::kIn ? this->template hop<RelayPart::kIn>(self)
                                      : this->template hop<RelayPart::kOut>(self);
      }
      at = part;
      if (step == RelayStep::kPass &&
          (writes == kMaxInlineWrites || inline_bytes >= kMaxInlineBytes)) {
        return this->template yield<RelayPart::kOut>(self);
      }
      step_ = step;
      const InitiationResult result = take(self, step, turn);
      if (result.outcome == InitiationOutcome::kUnderWay) {
        return part == RelayPart::kOut ? on_wait(self) : void();
      }
      if (result.outcome == InitiationOutcome::kDropped) {
        destroyed_context_ = part == RelayPart::kIn ? in_context_ : out_context_;
        return;
      }
      writes += step == RelayStep::kPass ? 1 : 0;
      inline_bytes += step == RelayStep::kPass && !way_.is_moving() ? result.n : 0;
      step = after(step, result.error, result.n);
    }
    if (is_timing_) {
      timer_.stop();
    }
  }

  [[nodiscard]] InitiationResult take(const Self& self, RelayStep step,
                                      typename Way::Turn& turn) noexcept {
    switch (step) {
      case RelayStep::kRead:
        return way_.read(
            *buffer_, *in_, [&](auto& in) { return wait<RelayPart::kIn>(self, in, in.wait_read); },
            [&] { return this->start_read(self); });
      case RelayStep::kPass:
        return way_.pass(
            *buffer_, *out_, turn,
            [&](auto& out) { return wait<RelayPart::kOut>(self, out, out.wait_write); },
            [&] { return start_write(self); });
      case RelayStep::kFlush:
        return this->initiate([&] { detail::start_flush(*out_, out_handler(self)); });
      case RelayStep::kClose:
      case RelayStep::kCut:
      case RelayStep::kAbort:
        return start_end(self, step);
      case RelayStep::kDone:
        break;
    }
    return {};
  }

  [[nodiscard]] RelayStep after(RelayStep step, const net_error_code& error,
                                std::size_t n) noexcept {
    this->note_cancellation();
    const ErrorValue value = to_error_value(error);
    const DoneBy by = way_.take_done_by();
    if (this->has_only_waited(error) || (by == DoneBy::kWait && !error)) {
      return core_.next();
    }
    switch (step) {
      case RelayStep::kRead:
        if (by == DoneBy::kCopy) {
          way_.after_read(n);
        }
        return this->after_read(value, n);
      case RelayStep::kPass:
        if (by == DoneBy::kCopy) {
          n = (std::min)(n, buffer_->size());
          static_cast<void>(buffer_->advance(n));
        }
        return if_out_is_well(core_.after_pass(value, n), value);
      case RelayStep::kFlush:
        return if_out_is_well(core_.after_flush(value), value);
      default:
        return core_.after_end(value);
    }
  }

  // A stream that has failed may still be read. It is reset when it is closed.
  [[nodiscard]] RelayStep if_out_is_well(RelayStep step, const ErrorValue& error) noexcept {
    if (core_.has_out_failed() && core_.ends_out()) {
      if (is_of_lost_connection(error)) {
        out_lost_by_ = error;
        is_out_lost_.store(true, std::memory_order_release);
      }
      detail::mark_for_reset(*out_);
    }
    return step;
  }

  // ---- Where `out` is used.

  [[nodiscard]] auto out_handler(const Self& self) noexcept {
    return RelayHandler<StreamRelay, RelayPart::kOut>(self);
  }

  // Until a socket is ready for the step that is under way.
  template <RelayPart kPart, class Stream, class What>
  [[nodiscard]] InitiationResult wait(const Self& self, Stream& stream, What what) noexcept {
    return this->initiate([&] { stream.async_wait(what, RelayHandler<StreamRelay, kPart>(self)); });
  }

  // Without waiting, if the stream can do that.
  [[nodiscard]] InitiationResult start_write(const Self& self) noexcept {
    const net::const_buffer bytes(buffer_->peek().data(), buffer_->size());
    if constexpr (NonBlockingWriteStream<Out>) {
      InitiationResult result{InitiationOutcome::kCompleted, {}, 0};
      try {
        ensure_non_blocking(*out_, result.error);
        if (!result.error) {
          result.n = out_->write_some(bytes, result.error);
        }
      } catch (...) {
        result.error = error_of_current_exception();
      }
      if (!is_to_try_again(result.error)) {
        return result;
      }
    }
    return this->initiate([&] {
      out_->async_write_some(std::array<net::const_buffer, 1>{bytes}, out_handler(self));
    });
  }

  // ---- Time, where `out` is used. Only a write or a flush that waits is looked at.

  void on_wait(const Self& self) noexcept {
    is_waiting_ = step_ == RelayStep::kPass || step_ == RelayStep::kFlush;
    if (is_waiting_) {
      watch_time(self);
    }
  }

  void watch_time(const Self& self) noexcept {
    if (is_timing_ || !core_.only_passes_on()) {
      return;
    }
    const Clock::time_point next = core_.look_at_time(now_at(*out_), acknowledged_.has_more(*out_));
    if (!core_.has_out_failed()) {
      BYTES_HANDOFF_HANDLER_LOCATION(Base::kName);
      try {
        timer_.async_wait_until(next, out_->get_executor(),
                                RelayHandler<StreamRelay, RelayPart::kTime>(self));
        is_timing_ = true;
        return;
      } catch (...) {  // as if the time were over
        destroyed_context_ = nullptr;
        core_.fail_out(to_error_value(error_of_current_exception()));
      }
    }
    of_out_.emit(net::cancellation_type::terminal);
    detail::reset_stream(*out_);
  }

  [[nodiscard]] InitiationResult start_end(const Self& self, RelayStep how) noexcept {
    if constexpr (EndsAtOnce<Out>) {
      if (how == RelayStep::kClose) {
        return end_at_once();
      }
    }
    return start_end_by_queue(self, how);
  }

  // In order. Nothing is left to write, so no queue is made for it.
  [[nodiscard]] InitiationResult end_at_once() noexcept {
    InitiationResult result{InitiationOutcome::kCompleted, {}, 0};
    try {
      if (this->may_close_out()) {
        detail::close_at_once(*out_, result.error);
      } else {
        detail::end_write_at_once(*out_, result.error);
      }
    } catch (...) {
      result.error = error_of_current_exception();
    }
    if (result.error) {
      detail::mark_for_reset(*out_);
    }
    return result;
  }

  // A queue in front of `out` knows how to end it. It is there for that alone.
  [[nodiscard]] InitiationResult start_end_by_queue(const Self& self, RelayStep how) noexcept {
    WriteHandoffConfig of_end;
    of_end.close_timeout = core_.close_timeout();
    of_end.close_limit = core_.limit_left(now_at(*out_));
    try {
      queue_ = WriteHandoff(std::shared_ptr<Out>(out_, LetGo{self}, PoolAllocator<Out>()), of_end);
    } catch (...) {
      detail::reset_stream(*out_);
      return {InitiationOutcome::kCompleted, error_of_current_exception(), 0};
    }
    try {
      queue_.async_closed(RelayHandler<StreamRelay, RelayPart::kBeside>(self));
      end_events_ = 2;
    } catch (...) {
      how = RelayStep::kAbort;
      end_events_ = 1;
      end_error_ = error_of_current_exception();
    }
    if (how == RelayStep::kClose) {
      queue_.close();
    } else if (how == RelayStep::kCut) {
      queue_.abort(after_written);
    } else {
      queue_.abort();
    }
    return {};
  }

  void on_closed(const Self& self, const net_error_code& error) noexcept {
    end_error_ = error;
    queue_ = WriteHandoff();
    on_end_event(self);
  }
  void on_end_event(const Self& self) noexcept {
    if (end_events_ != 0 && --end_events_ == 0) {
      go(self, core_.after_end(to_error_value(end_error_)), RelayPart::kOut);
    }
  }

  Out* out_;
  Way way_;
  const net::execution_context* const out_context_;
  Canceller of_out_;  // of all, if there is one executor
  Canceller of_in_;
  WriteHandoff queue_;
  net_error_code end_error_;
  ErrorValue out_lost_by_;
  std::atomic<bool> is_out_lost_{false};
  const bool has_one_executor_;
  RelayStep step_ = RelayStep::kDone;
  unsigned char end_events_ = 0;  // that are to come: the queue has ended, and let go of `out`
  bool is_waiting_ = false;       // a write or a flush is under way, and so this is that side's
  bool is_timing_ = false;
  AcknowledgementLook acknowledged_;
  LazyTimer<ExecutorOf<Out>> timer_;  // made once the time is limited, and there is a wait
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
