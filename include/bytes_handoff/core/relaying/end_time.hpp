#pragma once

// How long the end of an output may take.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "bytes_handoff/core/support/later.hpp"

namespace bytes_handoff::detail {

/// The bounds of an end, as `WriteHandoffConfig` has them: `close_timeout` without progress, and
/// `close_limit` in all. They count from the first look.
class EndTime {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::nanoseconds;

  EndTime(Duration close_timeout, Duration close_limit) noexcept
      : timeout_(close_timeout), limit_(close_limit) {}

  [[nodiscard]] Duration timeout() const noexcept { return timeout_; }

  /// Returns when to look again; nothing if the time is over. `progress` counts all that is one.
  /// What makes progress goes on, also where it may not be silent at all.
  [[nodiscard]] std::optional<TimePoint> look(TimePoint now, std::uint64_t progress) noexcept {
    const bool is_silent = has_begun() && progress == progress_;
    since_ = (std::min)(since_, now);
    if (!is_silent) {
      progress_ = progress;
      progress_at_ = now;
    }
    const TimePoint silent_until = later(progress_at_, timeout_);
    const TimePoint end_at = later(since_, limit_);
    if ((is_silent && now >= silent_until) || now >= end_at) {
      return std::nullopt;
    }
    return (std::min)({silent_until, end_at, later(now, look_pause(timeout_))});
  }

  /// What `close_limit` leaves for the rest of the end.
  [[nodiscard]] Duration limit_left(TimePoint now) const noexcept {
    return has_begun() ? std::max<Duration>(later(since_, limit_) - now, Duration::zero()) : limit_;
  }

 private:
  [[nodiscard]] bool has_begun() const noexcept { return since_ != (TimePoint::max)(); }

  const Duration timeout_;
  const Duration limit_;
  TimePoint since_ = (TimePoint::max)();  // not yet
  TimePoint progress_at_;
  std::uint64_t progress_ = 0;
};

}  // namespace bytes_handoff::detail
