#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/relaying/errands.hpp"
#include "bytes_handoff/asio/relaying/tunnel_handler.hpp"
#include "bytes_handoff/asio/relaying/tunnel_side.hpp"
#include "bytes_handoff/asio/relaying/tunnel_way.hpp"
#include "bytes_handoff/asio/support/lazy_timer.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/stream_exception.hpp"
#include "bytes_handoff/core/relaying/tunnel_core.hpp"
#include "bytes_handoff/core/support/counted_pointer.hpp"
#include "bytes_handoff/core/support/waiting.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/tunnel.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Both ways of a tunnel, and its timer. It is the operation of a `WaitingOp`, which keeps the
/// user's handler. The core decides; this carries out what it asks for, where the streams are used.
///
/// Who holds it: each way that has begun, the timer's wait, and errands on their way. With the last
/// one it is over.
template <class A, class OutA, class B, class OutB, class Clock>
class TunnelOperation : public Resumable {
  using SideA = TunnelSide<A, OutA>;
  using SideB = TunnelSide<B, OutB>;

  struct Reference {
    static void add(TunnelOperation* tunnel) noexcept {
      tunnel->references_.fetch_add(1, std::memory_order_relaxed);
    }
    static void drop(TunnelOperation* tunnel) noexcept {
      if (tunnel->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        tunnel->timer_.stop();  // its context may be gone when the handler's turn has come
        tunnel->a_.release_work();
        tunnel->b_.release_work();
        tunnel->resume(tunnel->destroyed_context_.load(std::memory_order_relaxed));
      }
    }
  };

 public:
  static constexpr const char* kName = "async_tunnel";
  using Self = CountedPointer<TunnelOperation, Reference>;

  TunnelOperation(const TunnelEnd<A, OutA>& a, const TunnelEnd<B, OutB>& b,
                  const TunnelRules& rules, const TunnelOptions& options)
      : a_(a),
        b_(b),
        errands_of_b_(is_one(a_.executor(), b_.executor()) ? nullptr : std::make_unique<Errands>()),
        a_to_b_(*this, a, b, of_way(options, options.a_to_b)),
        b_to_a_(*this, b, a, of_way(options, options.b_to_a)),
        core_(rules, now(), {}),
        passes_on_if_cancelled_(rules.passes_on_if_cancelled),
        may_close_(options.may_close) {}

  /// From the initiating function. The handler is told of all that fails from here on.
  void start() noexcept {
    const auto self = Self::adopt(this);
    const bool is_a_read = front_end::is_reading(a_.end().buffer());
    if (is_a_read || front_end::is_reading(b_.end().buffer())) {
      refused_by_ = is_a_read ? TunnelCause::read_a : TunnelCause::read_b;
      return;
    }
    if (core_.next_look() != (TimePoint::max)()) {
      ask_a(self, kLookAtTimer);
    }
    if (!a_.end().buffer().empty()) {
      b_to_a_.expect_nothing_at_first();
    }
    if (!b_.end().buffer().empty()) {
      a_to_b_.expect_nothing_at_first();
    }
    references_.fetch_add(kWays, std::memory_order_relaxed);  // the ways'
    a_to_b_.start();
    b_to_a_.start();
  }

  /// Of `WaitingOp`.
  [[nodiscard]] PostMemory& post_memory() noexcept { return errands_.memory(); }
  /// On the handler's executor. A later one may be of another type.
  void cancel(net::cancellation_type_t type) noexcept {
    if (const Self self = try_hold()) {
      TunnelEffects effects;
      core_.cancel(to_error_value(net::error::operation_aborted), effects);
      if (!passes_on_if_cancelled_) {
        a_to_b_.note_cancelled(type);
        b_to_a_.note_cancelled(type);
        ask_a(self, kCancelInput | kCancelOutput);
        ask_b(self, kCancelInput | kCancelOutput);
      }
      carry_out(self, effects);
    }
  }

  [[nodiscard]] std::tuple<net_error_code, TunnelResult> results() const noexcept {
    const TunnelCore::Outcome outcome = core_.outcome();
    TunnelResult result;
    result.a_to_b = {std::get<1>(a_to_b_.results()), of_way(outcome.errors[0])};
    result.b_to_a = {std::get<1>(b_to_a_.results()), of_way(outcome.errors[1])};
    result.cause = cause_of(outcome.origin);
    net_error_code error = to_net_error(outcome.first_error);
    if (refused_by_ != TunnelCause::none) {
      error = to_net_error(Errc::read_in_progress);
      result.cause = refused_by_;
    } else if (!error && is_lost()) {
      error = to_net_error(Errc::closed);
    }
    return {error, result};
  }

  // ---- What its parts tell it.

  template <Way kWay>
  void on_input_failed(const ErrorValue& error) noexcept {
    const Self self(this);
    TunnelEffects effects;
    core_.input_failed(kWay, explained<kWay>(RelaySide::in, to_net_error(error)), effects);
    carry_out(self, effects);
  }

  template <Way kWay>
  [[nodiscard]] ErrorValue input_lost_by() noexcept {
    return way<other_than(kWay)>().out_lost_by();
  }

  template <Way kWay>
  [[nodiscard]] bool may_close_output() const noexcept {
    return may_close_ && core_.has_ended_in_order(other_than(kWay));
  }

  template <Way kWay>
  void on_way_over(const void* destroyed_context) noexcept {
    const auto self = Self::adopt(this);  // the way's
    if (destroyed_context != nullptr) {
      destroyed_context_.store(destroyed_context, std::memory_order_relaxed);
      return;
    }
    const auto [error, counts] = way<kWay>().results();
    const WayEnd how = !error                            ? WayEnd::kInOrder
                       : counts.failed == RelaySide::out ? WayEnd::kWriteFailed
                                                         : WayEnd::kReadFailed;
    TunnelEffects effects;
    core_.way_ended(kWay, how, explained<kWay>(counts.failed, error), now(), effects);
    carry_out(self, effects);
  }

  template <Way kFrom>
  void lose() noexcept {
    const net::execution_context& context = kFrom == Way::kAToB ? a_.context() : b_.context();
    destroyed_context_.store(&context, std::memory_order_relaxed);
  }

 private:
  using TimePoint = TunnelCore::TimePoint;

  template <class OfA, class OfB>
  [[nodiscard]] static bool is_one([[maybe_unused]] const OfA& a,
                                   [[maybe_unused]] const OfB& b) noexcept {
    if constexpr (std::is_same_v<OfA, OfB>) {
      return a == b;
    } else {
      return false;
    }
  }

  [[nodiscard]] static RelayOptions of_way(const TunnelOptions& options,
                                           RelayProgress* progress) noexcept {
    return {true, progress, options.close_timeout, options.close_limit, options.by};
  }

  template <Way kWay>
  [[nodiscard]] auto& way() noexcept {
    if constexpr (kWay == Way::kAToB) {
      return a_to_b_;
    } else {
      return b_to_a_;
    }
  }

  [[nodiscard]] static constexpr TunnelCause cause_of(TunnelOrigin origin) noexcept {
    static_assert(
        static_cast<int>(TunnelOrigin::kWriteB) == static_cast<int>(TunnelCause::write_b) &&
        static_cast<int>(TunnelOrigin::kCancelled) == static_cast<int>(TunnelCause::cancelled));
    return static_cast<TunnelCause>(origin);
  }

  [[nodiscard]] bool is_lost() const noexcept {
    return destroyed_context_.load(std::memory_order_relaxed) != nullptr;
  }
  [[nodiscard]] net_error_code of_way(const ErrorValue& error) const noexcept {
    return !error && is_lost() ? to_net_error(Errc::closed) : to_net_error(error);
  }

  // The end of a read may be that of the side's queue.
  template <Way kWay>
  [[nodiscard]] ErrorValue explained(RelaySide failed, const net_error_code& error) const noexcept {
    if (failed != RelaySide::in) {
      return to_error_value(error);
    }
    return to_error_value(kWay == Way::kAToB ? a_.explain(error) : b_.explain(error));
  }

  void carry_out(const Self& self, const TunnelEffects& effects) noexcept {
    if (effects.tell[index_of(Way::kAToB)]) {
      tell<Way::kAToB>(self);
    }
    if (effects.tell[index_of(Way::kBToA)]) {
      tell<Way::kBToA>(self);
    }
    const Errc reason = effects.is_cut_short ? Errc::aborted : Errc::timed_out;
    if (effects.reset[index_of(Way::kAToB)] && !b_.abort_queue(reason)) {
      ask_b(self, kResetOutput);
    }
    if (effects.reset[index_of(Way::kBToA)] && !a_.abort_queue(reason)) {
      ask_a(self, kResetOutput);
    }
    if (effects.set_timer) {
      ask_a(self, kLookAtTimer);
    }
  }

  template <Way kWay>
  void tell(const Self& self) noexcept {
    switch (core_.stop_of(kWay)) {
      case WayStop::kPassOn:
        if constexpr (kWay == Way::kAToB) {
          ask_a(self, kStopReading);
          ask_b(self, kLimitTime);
        } else {
          ask_b(self, kStopReading);
          ask_a(self, kLimitTime);
        }
        return;
      case WayStop::kReset:
        cancel<kWay>(self);
        return;
      case WayStop::kCancel:  // `cancel` does that, with the type
      case WayStop::kNone:
        return;
    }
  }

  template <Way kWay>
  void cancel(const Self& self) noexcept {
    way<kWay>().note_cancelled(net::cancellation_type::terminal);
    if constexpr (kWay == Way::kAToB) {
      ask_a(self, kCancelInput);
      ask_b(self, kCancelOutput);
    } else {
      ask_b(self, kCancelInput);
      ask_a(self, kCancelOutput);
    }
  }

  // ---- Errands.

  [[nodiscard]] static bool may_be_inside(unsigned errands) noexcept {
    return (errands & (kCancelInput | kCancelOutput) * (1 + kOfSecondSide)) == 0;
  }

  void ask_a(const Self& self, unsigned errands) noexcept {
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      errands_.ask(a_.executor(), errands, may_be_inside(errands), [&] {
        return TunnelHandler<TunnelOperation, Way::kAToB, &TunnelOperation::run_at_a>(self);
      });
    } catch (...) {
      const unsigned lost = errands_.take();
      fail_errands<Way::kAToB>(self, lost % kOfSecondSide);
      fail_errands<Way::kBToA>(self, lost / kOfSecondSide);
    }
  }
  void ask_b(const Self& self, unsigned errands) noexcept {
    if (!errands_of_b_) {
      return ask_a(self, errands * kOfSecondSide);
    }
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      errands_of_b_->ask(b_.executor(), errands, may_be_inside(errands), [&] {
        return TunnelHandler<TunnelOperation, Way::kBToA, &TunnelOperation::run_at_b>(self);
      });
    } catch (...) {
      fail_errands<Way::kBToA>(self, errands_of_b_->take());
    }
  }

  void run_at_a(const Self& self) noexcept {
    const unsigned errands = errands_.take();
    run_errands<Way::kAToB>(a_, errands % kOfSecondSide);
    run_errands<Way::kBToA>(b_, errands / kOfSecondSide);
    if ((errands & kLookAtTimer) != 0) {
      look_at_timer(self);
    }
  }
  void run_at_b(const Self& self) noexcept {
    const unsigned errands = errands_of_b_->take();
    run_errands<Way::kBToA>(b_, errands);
    if ((errands & kFinishTick) != 0) {
      finish_tick(self);
    }
  }
  // `kWay`: the way whose input the side is.
  template <Way kWay, class Side>
  void run_errands(const Side& side, unsigned errands) noexcept {
    if ((errands & kStopReading) != 0) {
      way<kWay>().stop_reading();
    }
    if ((errands & kCancelInput) != 0) {
      way<kWay>().cancel_in();
    }
    if ((errands & kCancelOutput) != 0) {
      way<other_than(kWay)>().cancel_out();
    }
    if constexpr (!Side::kHasQueue) {
      if ((errands & kLimitTime) != 0) {
        way<other_than(kWay)>().limit_time();
      }
    }
    if ((errands & kResetOutput) != 0) {
      side.reset_output();
    }
  }

  // There was no memory to bring them to the executor. A cancellation that does not get there is
  // noticed at the next step.
  template <Way kWay>
  void fail_errands(const Self& self, unsigned errands) noexcept {
    destroyed_context_.store(nullptr, std::memory_order_relaxed);
    const ErrorValue error = to_error_value(net::error::no_memory);
    if ((errands & kStopReading) != 0) {
      cancel<kWay>(self);
    }
    if ((errands & kLimitTime) != 0) {
      cancel<other_than(kWay)>(self);
    }
    if ((errands & (kLookAtTimer | kFinishTick)) != 0) {
      is_ticking_.store(false, std::memory_order_release);
      fail_time(self, error);
    }
  }

  // ---- Time, on the executor of the first side.

  [[nodiscard]] TimePoint now() const noexcept {
    return TimeOf<typename SideA::Executor, Clock>::now(a_.executor());
  }

  void look_at_timer(const Self& self) noexcept {
    const TimePoint next = core_.next_look();
    if (next == (TimePoint::max)()) {
      timer_.stop();
      armed_ = (TimePoint::max)();
    } else if (next < armed_ && !is_ticking_.load(std::memory_order_acquire)) {
      set_timer(self, next);
    }
  }

  void set_timer(const Self& self, TimePoint time) noexcept {
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      armed_ = time;
      timer_.async_wait_until(
          time, a_.executor(),
          TunnelHandler<TunnelOperation, Way::kAToB, &TunnelOperation::tick>(self));
    } catch (...) {
      const ErrorValue error = to_error_value(error_of_current_exception());
      destroyed_context_.store(nullptr, std::memory_order_relaxed);
      armed_ = (TimePoint::max)();
      fail_time(self, error);
    }
  }

  // It looks at one side after the other.
  void tick(const Self& self) noexcept {
    armed_ = (TimePoint::max)();
    a_.look_at_acknowledgement();
    is_ticking_.store(true, std::memory_order_release);
    if (errands_of_b_) {
      ask_b(self, kFinishTick);
    } else {
      finish_tick(self);
    }
  }
  void finish_tick(const Self& self) noexcept {
    b_.look_at_acknowledgement();
    const TunnelCore::Progress progress{moved(a_to_b_.progress()) + b_.progress(),
                                        moved(b_to_a_.progress()) + a_.progress()};
    is_ticking_.store(false, std::memory_order_release);
    TunnelEffects effects;
    core_.tick(now(), progress, effects);
    carry_out(self, effects);
  }
  [[nodiscard]] static std::uint64_t moved(const RelayProgress& progress) noexcept {
    const RelayCounts counts = progress.counts();
    return counts.received + counts.passed_on;
  }

  void fail_time(const Self& self, const ErrorValue& error) noexcept {
    TunnelEffects effects;
    core_.time_failed(error, effects);
    effects.set_timer = false;
    carry_out(self, effects);
  }

  /// Another holder, unless it is over.
  [[nodiscard]] Self try_hold() noexcept {
    unsigned count = references_.load(std::memory_order_relaxed);
    while (count != 0) {
      if (references_.compare_exchange_weak(count, count + 1, std::memory_order_relaxed)) {
        return Self::adopt(this);
      }
    }
    return {};
  }

  SideA a_;
  SideB b_;
  Errands errands_;
  const std::unique_ptr<Errands> errands_of_b_;  // null: there is one executor
  TunnelWay<TunnelOperation, Way::kAToB, A, OutB> a_to_b_;
  TunnelWay<TunnelOperation, Way::kBToA, B, OutA> b_to_a_;
  TunnelCore core_;
  std::atomic<const void*> destroyed_context_{nullptr};
  std::atomic<unsigned> references_{1};
  std::atomic<bool> is_ticking_{false};
  const bool passes_on_if_cancelled_;
  const bool may_close_;
  TunnelCause refused_by_ = TunnelCause::none;
  TimePoint armed_ = (TimePoint::max)();
  LazyTimer<typename SideA::Executor, Clock> timer_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
