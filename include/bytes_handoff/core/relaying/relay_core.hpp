#pragma once

// What a relay decides: which step follows which outcome, whose error is told, and what becomes of
// `out`.

#include <cstddef>
#include <cstdint>

#include "bytes_handoff/core/queue/outcome.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"
#include "bytes_handoff/core/relaying/end_time.hpp"
#include "bytes_handoff/core/relaying/relay_progress.hpp"

namespace bytes_handoff::detail {

/// What a relay does next. One step is under way at a time.
enum class RelayStep : unsigned char {
  kRead,   ///< read from `in`: nothing is left to pass on
  kPass,   ///< pass on what is in the buffer
  kFlush,  ///< have a stream send on what it keeps
  kClose,  ///< end `out` in order
  kCut,    ///< reset `out`, once its peer has what was passed on
  kAbort,  ///< reset `out` without waiting
  kDone,
};

/// Not thread safe: each step happens behind the one before.
class RelayCore {
 public:
  /// `flushes`: whether `out` may keep what it is given. `cancelled`: the code of a cancellation.
  RelayCore(const RelayOptions& options, bool flushes, const ErrorValue& cancelled) noexcept
      : time_(options.close_timeout, options.close_limit),
        ends_out_(options.end_out),
        flushes_(flushes),
        cancelled_code_(cancelled),
        progress_(options.progress != nullptr ? options.progress : &own_progress_) {}

  [[nodiscard]] const ErrorValue& error() const noexcept { return error_; }
  [[nodiscard]] RelayCounts counts() const noexcept { return progress_->counts(); }
  /// What counts, while it runs and after it.
  [[nodiscard]] const RelayProgress& progress() const noexcept { return *progress_; }
  [[nodiscard]] bool has_out_failed() const noexcept { return stop_ == Stop::kOutFailed; }
  [[nodiscard]] bool ends_out() const noexcept { return ends_out_; }
  [[nodiscard]] EndTime::Duration close_timeout() const noexcept { return time_.timeout(); }
  /// By itself: not because it is read no more.
  [[nodiscard]] bool has_in_failed() const noexcept {
    return in_ == In::kFailed && !stops_reading_;
  }

  /// While no read is under way: whether all that is left is to pass on what a failed `in` had
  /// delivered, and to reset `out`. The time for that is limited. One that is read no more has
  /// failed.
  [[nodiscard]] bool only_passes_on() noexcept {
    if (stops_reading_ && in_ == In::kOpen && stop_ == Stop::kNo) {
      fail_unread();
    }
    return in_ == In::kFailed && ends_out_ && stop_ == Stop::kNo;
  }

  /// Where it `only_passes_on`, and `out` makes it wait. Returns when to look again. If the time is
  /// over, `out` has failed, and is to be reset at once. `has_acknowledged`: the peer's system has
  /// more than at the last look.
  [[nodiscard]] EndTime::TimePoint look_at_time(EndTime::TimePoint now,
                                                bool has_acknowledged) noexcept {
    acknowledged_ += has_acknowledged ? 1U : 0U;
    const auto next = time_.look(now, progress_->counts().passed_on + acknowledged_);
    if (!next) {
      fail_out(ErrorValue::of(Errc::timed_out));
    }
    return next.value_or((EndTime::TimePoint::max)());
  }
  /// For the reset that follows: how long that may take in all.
  [[nodiscard]] EndTime::Duration limit_left(EndTime::TimePoint now) const noexcept {
    return time_.limit_left(now);
  }

  /// It cannot begin. Nothing is ended, and the user's `RelayProgress` may be another relay's.
  void refuse(const ErrorValue& error) noexcept {
    progress_ = &own_progress_;
    fail(RelaySide::in, error);
  }

  /// With what is buffered when it starts.
  [[nodiscard]] RelayStep begin(std::size_t buffered) noexcept {
    progress_->start(buffered);
    rest_ = buffered;
    return next();
  }

  /// Behind a read of `n` bytes. The end of `in` is 0 bytes without an error.
  [[nodiscard]] RelayStep after_read(const ErrorValue& error, std::size_t n) noexcept {
    progress_->add_received(n);
    rest_ += n;
    const bool is_ours = (stop_ != Stop::kNo || stops_reading_) && error == cancelled_code_;
    if (error && !is_ours) {
      in_ = In::kFailed;
      fail(RelaySide::in, error);
    } else if (!error && n == 0) {
      in_ = In::kEnded;
    }
    return next();
  }

  /// Behind a write of which the stream, or the queue, took `n` bytes.
  [[nodiscard]] RelayStep after_pass(const ErrorValue& error, std::size_t n) noexcept {
    progress_->add_passed_on(n);
    rest_ -= n;
    is_unflushed_ = flushes_;
    zero_writes_ = n == 0 ? static_cast<std::uint8_t>(zero_writes_ + 1) : std::uint8_t{0};
    if (error) {
      return after_out(error);
    }
    if (zero_writes_ == kMaxZeroWrites) {
      fail_out(ErrorValue::of(Errc::no_progress));
    }
    return next();
  }

  [[nodiscard]] RelayStep after_flush(const ErrorValue& error) noexcept {
    if (stops_reading_ && stop_ == Stop::kNo && error == cancelled_code_) {
      return next();  // a wait before a read
    }
    is_unflushed_ = false;
    return error ? after_out(error) : next();
  }

  /// Behind the end of `out`.
  [[nodiscard]] RelayStep after_end(const ErrorValue& error) noexcept {
    if (error && stop_ == Stop::kCancelled) {
      fail(RelaySide::none, cancelled_code_);
    } else if (error) {
      fail(RelaySide::out, error);
    }
    return RelayStep::kDone;
  }

  /// It was cancelled: to be told before each step that follows.
  void cancel() noexcept {
    if (stop_ == Stop::kNo) {
      stop_ = Stop::kCancelled;
    }
  }

  /// `in` is read no more: to be told before each step that follows. What it has delivered is
  /// passed on. Then it counts as failed with `aborted`.
  void stop_reading() noexcept { stops_reading_ = true; }

  /// What was received and not passed on is lost.
  void lose(const ErrorValue& error) noexcept {
    error_ = error;
    progress_->set_failed(RelaySide::in);
  }

  /// `out` takes nothing any more.
  void fail_out(const ErrorValue& error) noexcept {
    if (stop_ == Stop::kNo) {
      stop_ = Stop::kOutFailed;
      fail(RelaySide::out, error);
    }
  }

  /// What follows now: also where a cancellation has come before a step could start.
  [[nodiscard]] RelayStep next() noexcept {
    if (stop_ == Stop::kOutFailed) {
      return RelayStep::kDone;
    }
    if (stop_ == Stop::kCancelled) {
      return next_when_cancelled();
    }
    if (rest_ != 0) {
      return RelayStep::kPass;
    }
    if (is_unflushed_) {
      return RelayStep::kFlush;
    }
    if (in_ == In::kOpen) {
      if (!stops_reading_) {
        return RelayStep::kRead;
      }
      fail_unread();
    }
    if (!ends_out_) {
      return RelayStep::kDone;
    }
    return in_ == In::kEnded ? RelayStep::kClose : RelayStep::kCut;
  }

 private:
  enum class In : unsigned char { kOpen, kEnded, kFailed };
  enum class Stop : unsigned char { kNo, kCancelled, kOutFailed };

  // The error of `in` may not be told twice. So it is told, and `out` does not wait for what is
  // left: a cut would look whole to whoever starts again.
  [[nodiscard]] RelayStep next_when_cancelled() noexcept {
    if (in_ == In::kFailed) {
      return ends_out_ ? RelayStep::kAbort : RelayStep::kDone;
    }
    fail(RelaySide::none, cancelled_code_);
    return RelayStep::kDone;
  }

  [[nodiscard]] RelayStep after_out(const ErrorValue& error) noexcept {
    if (stop_ != Stop::kCancelled || error != cancelled_code_) {
      stop_ = Stop::kNo;  // an error that the stream has told is told, cancelled or not
      fail_out(error);
    }
    return next();
  }

  void fail_unread() noexcept {
    in_ = In::kFailed;
    fail(RelaySide::in, ErrorValue::of(Errc::aborted));
  }

  // The first error is kept.
  void fail(RelaySide side, const ErrorValue& error) noexcept {
    if (!error_) {
      error_ = error;
      progress_->set_failed(side);
    }
  }

  EndTime time_;
  std::uint64_t rest_ = 0;          // received and not passed on
  std::uint64_t acknowledged_ = 0;  // looks that have found more
  const bool ends_out_;
  const bool flushes_;
  bool is_unflushed_ = false;
  bool stops_reading_ = false;
  In in_ = In::kOpen;
  Stop stop_ = Stop::kNo;
  std::uint8_t zero_writes_ = 0;
  const ErrorValue cancelled_code_;
  ErrorValue error_;
  RelayProgress own_progress_;
  RelayProgress* progress_;  // its own, or the user's: told, and never asked what to do
};

/// Whether a relay may read on while a queue holds `pending` bytes of its budget. What is queued
/// may keep the block that was read into, so the next read may take one more.
[[nodiscard]] constexpr bool has_budget_for_a_block(std::size_t pending, std::size_t block,
                                                    std::size_t budget) noexcept {
  return pending == 0 || (block <= budget && pending <= budget - block);
}

}  // namespace bytes_handoff::detail
