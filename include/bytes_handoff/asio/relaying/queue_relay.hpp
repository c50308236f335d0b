#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "bytes_handoff/asio/relaying/queue_way.hpp"
#include "bytes_handoff/asio/relaying/relay_operation.hpp"
#include "bytes_handoff/asio/writing/write_handoff.hpp"
#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/core/reading/read_claim.hpp"
#include "bytes_handoff/write_handoff.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// A relay to a queue. It hands over all that is buffered as one piece, and reads on when that is
/// admitted and the queue has budget for one more block. All of it runs on the executor of `in`.
/// From a socket `QueueWay` may have a piece be moved by the kernel, past the buffer.
///
/// While it reads, it also waits for the end of the queue, beside the steps.
template <class In>
class QueueRelay : public RelayOperation<QueueRelay<In>, In> {
  using Base = RelayOperation<QueueRelay, In>;
  using typename Base::Canceller;
  using typename Base::Self;

  using Base::buffer_;
  using Base::core_;
  using Base::destroyed_context_;
  using Base::in_;
  using Base::in_context_;

 public:
  template <RelayPart kPart>
  using PartExecutor = ExecutorOf<In>;

  QueueRelay(HandoffBuffer& buffer, In& in, WriteHandoff out, const RelayOptions& options)
      : Base(buffer, in, options, false, true),
        out_(std::move(out)),
        way_(options.by),
        is_written_(out_.pending_bytes() == 0) {}

  template <RelayPart kPart>
  [[nodiscard]] ExecutorOf<In> executor() const noexcept {
    return in_->get_executor();
  }
  static bool has_one_executor() noexcept { return true; }

  /// Behind `note_cancelled`, where `in` is used.
  void cancel_in() noexcept {
    if (const Self self = this->try_hold()) {
      of_in_.emit(this->cancelled_by());
      of_out_.emit(this->cancelled_by());
    }
  }
  static void cancel_out() noexcept {}

  /// For a tunnel, on any thread: see `StreamRelay`.
  [[nodiscard]] ErrorValue out_lost_by() const noexcept { return end_for_reads(out_).lost_by(); }

 private:
  friend Base;
  template <class, RelayPart>
  friend class RelayHandler;

  // Something may be left that was read and not passed on.
  void take_back() noexcept {
    if (!piece_.empty()) {
      put_back();
    }
    way_.end();
  }

  template <RelayPart kPart>
  [[nodiscard]] net::cancellation_slot slot() noexcept {
    return canceller(kPart).signal.slot();
  }
  [[nodiscard]] Canceller& canceller(RelayPart part) noexcept {
    return part == RelayPart::kIn ? of_in_ : part == RelayPart::kOut ? of_out_ : of_watch_;
  }

  // To begin, and behind others that had their turn.
  template <RelayPart kPart>
  void arrive(const Self& self) noexcept {
    if (std::exchange(has_begun_, true) || watch_queue(self)) {
      go(self, core_.next());
    }
  }

  // Whether that could be started.
  [[nodiscard]] bool watch_queue(const Self& self) noexcept {
    try {
      out_.async_closed(RelayHandler<QueueRelay, RelayPart::kBeside>(self));
      return true;
    } catch (...) {
      destroyed_context_ = nullptr;
      core_.fail_out(to_error_value(error_of_current_exception()));
      return false;
    }
  }

  template <RelayPart kPart>
  void complete(Self self, const net_error_code& error, std::size_t n) noexcept {
    if constexpr (kPart == RelayPart::kBeside) {
      on_queue_end(error);
    } else {
      if (Initiation* const inside = Initiation::of(this)) {
        inside->complete(error, n);
        return;
      }
      canceller(kPart).forget_step();
      go(self, after(step_, error));
    }
  }

  template <RelayPart kPart>
  void lose(Self /*keeps this*/) noexcept {
    if constexpr (kPart != RelayPart::kBeside) {
      if (Initiation* const inside = Initiation::of(this)) {
        inside->drop();
        return;
      }
      destroyed_context_ = in_context_;
      put_back();
      of_watch_.emit(net::cancellation_type::terminal);
    }
  }

  // A flush only waits until `in` may be read.
  void cancel_read() noexcept {
    of_in_.emit(net::cancellation_type::terminal);
    if (step_ == RelayStep::kFlush) {
      of_out_.emit(net::cancellation_type::terminal);
    } else if (step_ == RelayStep::kPass) {
      this->note_cancellation();
      cut_behind_rest();
    }
  }

  // What a failed input had delivered waits for room. That comes within the limits of the queue's
  // end, or not at all.
  void cut_behind_rest() noexcept {
    if (!is_ending_ && core_.only_passes_on()) {
      is_ending_ = true;
      QueueAccess::abort_behind_waiters(out_);
    }
  }

  // A queue that has ended takes nothing any more. What is under way ends, too.
  void on_queue_end(const net_error_code& error) noexcept {
    if (!is_ending_) {
      core_.fail_out(to_error_value(error ? error : to_net_error(Errc::closed)));
      of_in_.emit(net::cancellation_type::terminal);
    }
  }

  void go(const Self& self, RelayStep step) noexcept {
    unsigned pieces = 0;
    std::size_t bytes = 0;
    while ((step = this->look_at_cancellation(step)) != RelayStep::kDone) {
      if (step == RelayStep::kPass) {
        if (pieces == kMaxInlineWrites || bytes >= kMaxInlineBytes) {
          return this->template yield<RelayPart::kIn>(self);
        }
        pieces += 1;
        bytes += buffer_->size();
      }
      if (step == RelayStep::kRead && !may_read()) {
        step = RelayStep::kFlush;
      }
      step_ = step;
      const InitiationResult result = take(self, step);
      if (result.outcome == InitiationOutcome::kUnderWay) {
        return step == RelayStep::kPass ? cut_behind_rest() : void();
      }
      if (result.outcome == InitiationOutcome::kDropped) {
        destroyed_context_ = in_context_;
        break;
      }
      step = after(step, result.error);
    }
    is_ending_ = true;
    of_watch_.emit(net::cancellation_type::terminal);
  }

  [[nodiscard]] InitiationResult take(const Self& self, RelayStep step) noexcept {
    switch (step) {
      case RelayStep::kRead:
        return start_move_or_read(self);
      case RelayStep::kPass:
        return start_pass(self);
      case RelayStep::kFlush:
        return this->initiate([&] { out_.async_flush(out_handler(self)); });
      case RelayStep::kClose:
        is_ending_ = true;
        return this->initiate([&] { out_.async_close(out_handler(self)); });
      case RelayStep::kCut:
        is_ending_ = true;
        out_.abort(after_written);
        return this->initiate([&] { out_.async_closed(out_handler(self)); });
      case RelayStep::kAbort:
        out_.abort(after_written);
        break;
      case RelayStep::kDone:
        break;
    }
    return {InitiationOutcome::kCompleted, {}, 0};
  }

  [[nodiscard]] RelayStep after(RelayStep step, const net_error_code& error) noexcept {
    this->note_cancellation();
    const ErrorValue value = to_error_value(error);
    switch (step) {
      case RelayStep::kRead:
        return this->has_only_waited(error) ? core_.next() : after_move_or_read(value);
      case RelayStep::kPass: {
        const std::size_t admitted = piece_size_ - piece_.size();
        put_back();
        is_written_ = is_written_ && admitted == 0;
        return core_.after_pass(to_error_value(of_queue(error)), admitted);
      }
      case RelayStep::kFlush:
        is_written_ = !error;
        return core_.after_flush(value);
      default:
        return core_.after_end(value);
    }
  }

  [[nodiscard]] InitiationResult start_move_or_read(const Self& self) noexcept {
    read_before_ = buffer_->size();
    return way_.read(
        *buffer_, *in_, most_in_pipe(), piece_,
        [&](auto& in) {
          return this->initiate(
              [&] { in.async_wait(in.wait_read, RelayHandler<QueueRelay, RelayPart::kIn>(self)); });
        },
        [&] { return this->start_read(self); });
  }

  [[nodiscard]] RelayStep after_move_or_read(const ErrorValue& error) noexcept {
    switch (way_.take_done_by()) {
      case DoneBy::kWait:
        return error ? this->after_read(error, 0) : core_.next();
      case DoneBy::kMove:
        if (!piece_.empty()) {
          claim_.emplace(*buffer_);  // it takes back what is not passed on
        }
        return this->after_read(error, piece_.size());
      case DoneBy::kCopy:
        break;
    }
    const std::size_t n = buffer_->size() - read_before_;
    way_.after_read(n);
    return this->after_read(error, n);
  }

  // Bytes that the queue has room for now, where it takes pipes.
  [[nodiscard]] std::size_t most_in_pipe() const noexcept {
    const std::size_t most = QueueAccess::config(out_).max_pending_bytes;
    return QueueAccess::takes_pieces(out_) ? most - (std::min)(most, out_.pending_bytes()) : 0;
  }

  // What the queue holds may keep the buffer's block. Behind a flush it holds nothing of this.
  [[nodiscard]] bool may_read() const noexcept {
    const HandoffBufferConfig& config = buffer_->config();
    return is_written_ || has_budget_for_a_block(out_.pending_bytes(),
                                                 (std::max)(config.block_size, config.read_reserve),
                                                 QueueAccess::config(out_).max_pending_bytes);
  }

  [[nodiscard]] auto out_handler(const Self& self) noexcept {
    return RelayHandler<QueueRelay, RelayPart::kOut>(self);
  }

  // At once, if there is room; else by the line of those who wait.
  [[nodiscard]] InitiationResult start_pass(const Self& self) noexcept {
    if (piece_.empty()) {
      piece_ = BufferAccess::take_all(*buffer_);
    }
    piece_size_ = piece_.size();
    const std::span<Bytes> piece(&piece_, 1);
    try {
      const auto ticket = out_.try_write(piece);
      if (ticket) {
        return {InitiationOutcome::kCompleted, {}, 0};
      }
      if (ticket.error().reason == WriteRefusalReason::closed) {
        return {InitiationOutcome::kCompleted, to_net_error(Errc::closed), 0};
      }
    } catch (...) {
      return {InitiationOutcome::kCompleted, error_of_current_exception(), 0};
    }
    if (!way_.copy_out(piece_)) {  // while it waits it holds no pipe
      return {InitiationOutcome::kCompleted, net::error::no_memory, 0};
    }
    claim_.emplace(*buffer_);
    return this->initiate([&] { out_.async_send(piece, may_cut, out_handler(self)); });
  }

  // Why the queue is closed, where it knows.
  [[nodiscard]] net_error_code of_queue(const net_error_code& error) const noexcept {
    const net_error_code first = error == Errc::closed ? out_.first_error() : net_error_code();
    return first ? first : error;
  }

  // What is left of the piece, unless the buffer has gone with its context.
  void put_back() noexcept {
    if (!way_.copy_out(piece_)) {
      core_.lose(to_error_value(net::error::no_memory));
      piece_ = Bytes();
    }
    Bytes left = std::exchange(piece_, Bytes());
    if (!left.empty() && (!claim_ || claim_->has_buffer())) {
      BufferAccess::put_back(*buffer_, std::move(left));
    }
    claim_.reset();
  }

  WriteHandoff out_;
  QueueWay<In> way_;
  Bytes piece_;  // what the queue is to take, or has not taken yet
  std::size_t piece_size_ = 0;
  std::size_t read_before_ = 0;
  std::optional<ReadClaim> claim_;
  bool has_begun_ = false;
  bool is_written_;  // nothing of the buffer's is in the queue
  bool is_ending_ = false;
  RelayStep step_ = RelayStep::kDone;
  Canceller of_in_;
  Canceller of_out_;
  Canceller of_watch_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
