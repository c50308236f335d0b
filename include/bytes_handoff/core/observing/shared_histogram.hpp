#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "bytes_handoff/core/observing/duration_buckets.hpp"
#include "bytes_handoff/observing/duration_histogram.hpp"

namespace bytes_handoff::detail {

/// Counts durations as a `DurationHistogram` does, from any thread. It has a counter for each
/// bucket from the start, 432 KiB in all.
class SharedHistogram {
 public:
  SharedHistogram() : counts_(new std::atomic<std::uint64_t>[kDurationBuckets]()) {}

  void record(std::chrono::nanoseconds duration) noexcept {
    const std::uint64_t value = value_of(duration);
    std::uint64_t longest = max_.load(std::memory_order_relaxed);
    while (longest < value) {
      static_cast<void>(max_.compare_exchange_weak(longest, value, std::memory_order_relaxed));
      longest = max_.load(std::memory_order_relaxed);
    }
    // Who sees that it is counted sees a maximum that is not below it.
    counts_[bucket_of(value)].fetch_add(1, std::memory_order_release);
  }

  /// What was counted before the call, and perhaps some of what is counted meanwhile. Throws
  /// std::bad_alloc.
  [[nodiscard]] DurationHistogram counted() const;

 private:
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<std::uint64_t> max_{0};
};

}  // namespace bytes_handoff::detail
