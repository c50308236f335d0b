#pragma once

#include <chrono>
#include <memory>

#include "bytes_handoff/core/support/abi.hpp"
#include "bytes_handoff/observing/duration_histogram.hpp"

namespace bytes_handoff {

/// Where a write has spent its time, from its admission until all of it was written. By
/// `steady_clock`, or by the `ManualClock` of the stream's executor.
struct WriteDurations {
  /// Until a stream write began that offered its first byte. Until then it was behind a stream
  /// write that was under way, or the executor's threads were busy with something else. Before it
  /// was admitted, it may have waited for room: `WriteStatistics::time_blocked` has that.
  std::chrono::nanoseconds queued{0};
  /// From then on, until the stream write that took its last byte had completed. A stream write
  /// offers all that is pending when it begins, up to 1 MiB. While a peer takes nothing, what was
  /// offered has its time here, and what is written meanwhile has it in `queued`.
  std::chrono::nanoseconds with_stream{0};

  friend bool operator==(const WriteDurations&, const WriteDurations&) noexcept = default;
};

/// The times of all writes that were wholly written. What a queue had not written when it ended is
/// not in them.
struct WriteTimesReport {
  DurationHistogram queued{};
  DurationHistogram with_stream{};
};

namespace detail {
class WriteTimesState;
struct WriteTimesAccess;
}  // namespace detail

/// Takes the times of all writes of the queues that are given it in `WriteHandoffConfig::times`. A
/// program gives one to all its queues, or one to those of each kind: a few slow queues are the
/// last percent of all.
///
/// A write is the slices that were submitted by one call. What `async_send` submits is admitted in
/// parts, and each part is a write.
///
/// Ownership: a handle; copies are the same. Queues keep it. Threads: any member, any thread, at
///     any time.
/// Memory: 0.9 MiB. In each queue 2 KiB, also while it is idle. If more than 64 items are pending
/// at
///     once, 32 bytes for each, rounded up to a power of two. This is not given back before the
///     queue is gone.
/// Cost: for a write a look at the time, and two or more additions in memory that all queues share.
///     For a stream write another look. A queue without one: a test for each of these.
class WriteTimes {
 public:
  /// None.
  WriteTimes() noexcept = default;
  /// A new one. Errors: throws `std::bad_alloc`.
  [[nodiscard]] static WriteTimes make();

  /// Whether there is one. `report` needs one.
  [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }

  /// What was taken before the call, and perhaps some of what is taken meanwhile.
  ///
  /// Errors: throws `std::bad_alloc`. Cost: 110,000 loads, about 0.6 ms; nobody waits for it.
  [[nodiscard]] WriteTimesReport report() const;

  friend bool operator==(const WriteTimes&, const WriteTimes&) noexcept = default;

 private:
  friend detail::WriteTimesAccess;

  std::shared_ptr<detail::WriteTimesState> state_;
};

}  // namespace bytes_handoff
