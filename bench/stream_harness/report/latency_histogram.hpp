#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace stream_harness {

/// Counts values as an HDR histogram of three significant digits does: values below 2048 exactly,
/// larger ones in buckets whose width is at most a thousandth of the value. Any 64-bit value can be
/// recorded; the counters grow with the largest (136 KiB for values up to 60 s in microseconds).
///
/// Not thread-safe: one per worker, merged at the end.
class LatencyHistogram {
 public:
  LatencyHistogram();

  /// Counts one value; zero counts as 1. O(1); allocates only where the value is larger than any
  /// before and than the initial range (134 s in microseconds).
  void record(std::uint64_t value);

  /// Adds everything that `other` has counted.
  void merge(const LatencyHistogram& other);

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

  /// The largest value recorded, exactly; 0 where nothing was.
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }

  /// The least value that at least `permille` thousandths (0 to 1000) of those recorded do not
  /// exceed. Not below the true one, and above it by at most a thousandth; never above `max()`. 0
  /// where nothing was recorded.
  [[nodiscard]] std::uint64_t value_at_permille(std::uint64_t permille) const noexcept;

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace stream_harness
