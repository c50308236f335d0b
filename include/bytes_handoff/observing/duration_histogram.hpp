#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff {

namespace detail {
class SharedHistogram;
}  // namespace detail

/// How often each duration was seen, to a thousandth of it.
///
/// Below 2,048 ns each has a counter. From there on each power of two is divided into 1,024 buckets
/// of the same width. This is how an HDR histogram of three significant digits counts
/// (hdrhistogram.org).
///
/// Ownership: a value; copies are apart. Threads: one by one thread at a time. Memory: 8 bytes for
/// each bucket up to the longest duration. That is 87 KiB for a millisecond, and 214 KiB for a
/// minute.
class DurationHistogram {
 public:
  /// Nothing was seen. Allocates nothing.
  DurationHistogram() noexcept = default;

  /// Counts one; a negative one as zero. Errors: throws `std::bad_alloc`, with nothing changed.
  /// Cost: constant, but for the room of the first one that is this large.
  void record(std::chrono::nanoseconds duration);

  /// Counts all that `other` has counted. Errors: throws `std::bad_alloc`, with nothing changed.
  void merge(const DurationHistogram& other);

  /// What was counted since `earlier`, which is a copy or a report of before. Its `longest()` is
  /// known to a thousandth. Errors: throws `std::bad_alloc`. Cost: a look at each bucket.
  [[nodiscard]] DurationHistogram since(const DurationHistogram& earlier) const;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// How many were at most this long, or longer by less than a thousandth. Cost: a look at each
  /// bucket.
  [[nodiscard]] std::uint64_t count_at_most(std::chrono::nanoseconds duration) const noexcept;
  /// The longest. Exact, but for `since`. Zero if there is none.
  [[nodiscard]] std::chrono::nanoseconds longest() const noexcept;

  /// The shortest duration that at least `percentile` percent of all do not exceed: 50 is the
  /// median, and 99.99 leaves one of 10,000. It is never too short, and too long by less than a
  /// thousandth; never above `longest()`. Zero if nothing was counted. The percentile is taken to
  /// seven decimals; below 0 and no number are 0, which is the least, and above 100 is 100. Cost: a
  /// look at each bucket.
  [[nodiscard]] std::chrono::nanoseconds at_percentile(double percentile) const noexcept;

 private:
  friend class detail::SharedHistogram;

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;  // nanoseconds
};

}  // namespace bytes_handoff
