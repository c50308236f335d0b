#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "report/process_usage.hpp"

namespace stream_harness {

/// Counts connections that come and go, and measures from the first that comes to the last that
/// goes; waiting before and after that is no part of it. Not thread-safe.
class ConnectionSpan {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// The number of the connection: 0, 1, ...
  std::uint64_t opened(TimePoint now) noexcept;
  void closed(TimePoint now) noexcept;

  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  [[nodiscard]] std::uint64_t open() const noexcept { return open_; }

  /// Since when none has been open; nothing before the first, and while one is.
  [[nodiscard]] std::optional<TimePoint> idle_since() const noexcept;

  /// Measures to `now`, although some are open.
  void cut(TimePoint now) noexcept;

  [[nodiscard]] std::chrono::nanoseconds elapsed() const noexcept { return ended_at_ - began_at_; }
  [[nodiscard]] ProcessUsage usage() const noexcept;

 private:
  std::uint64_t total_ = 0;
  std::uint64_t open_ = 0;
  TimePoint began_at_;
  TimePoint ended_at_;
  ProcessUsage before_;
  ProcessUsage after_;
};

}  // namespace stream_harness
