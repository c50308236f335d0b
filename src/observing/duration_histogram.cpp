#include "bytes_handoff/observing/duration_histogram.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "bytes_handoff/core/observing/duration_buckets.hpp"

namespace bytes_handoff {
namespace {

constexpr std::uint64_t kAll = 1'000'000'000;  // shares

std::uint64_t shares_of(double percentile) noexcept {
  constexpr double kPercent = static_cast<double>(kAll) / 100;
  if (!(percentile > 0)) {
    return 0;
  }
  return percentile < 100 ? static_cast<std::uint64_t>(std::llround(percentile * kPercent)) : kAll;
}

std::chrono::nanoseconds duration_of(std::uint64_t value) noexcept {
  return std::chrono::nanoseconds(static_cast<std::chrono::nanoseconds::rep>(value));
}

}  // namespace

void DurationHistogram::record(std::chrono::nanoseconds duration) {
  const std::uint64_t value = detail::value_of(duration);
  const std::size_t bucket = detail::bucket_of(value);
  if (bucket >= counts_.size()) {
    counts_.resize(bucket + 1);
  }
  ++counts_[bucket];
  ++count_;
  max_ = std::max(max_, value);
}

void DurationHistogram::merge(const DurationHistogram& other) {
  if (other.counts_.size() > counts_.size()) {
    counts_.resize(other.counts_.size());
  }
  for (std::size_t bucket = 0; bucket != other.counts_.size(); ++bucket) {
    counts_[bucket] += other.counts_[bucket];
  }
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

DurationHistogram DurationHistogram::since(const DurationHistogram& earlier) const {
  DurationHistogram later = *this;
  const std::size_t buckets = std::min(counts_.size(), earlier.counts_.size());
  for (std::size_t bucket = 0; bucket != buckets; ++bucket) {
    later.counts_[bucket] -= std::min(counts_[bucket], earlier.counts_[bucket]);
  }
  while (!later.counts_.empty() && later.counts_.back() == 0) {
    later.counts_.pop_back();
  }
  later.count_ = std::accumulate(later.counts_.begin(), later.counts_.end(), std::uint64_t{0});
  later.max_ =
      later.counts_.empty() ? 0 : std::min(max_, detail::largest_in(later.counts_.size() - 1));
  return later;
}

std::uint64_t DurationHistogram::count_at_most(std::chrono::nanoseconds duration) const noexcept {
  if (duration.count() < 0) {
    return 0;
  }
  const std::size_t buckets =
      std::min(counts_.size(), detail::bucket_of(detail::value_of(duration)) + 1);
  return std::accumulate(counts_.begin(), counts_.begin() + static_cast<std::ptrdiff_t>(buckets),
                         std::uint64_t{0});
}

std::chrono::nanoseconds DurationHistogram::longest() const noexcept { return duration_of(max_); }

std::chrono::nanoseconds DurationHistogram::at_percentile(double percentile) const noexcept {
  const std::uint64_t share = shares_of(percentile);
  // Without a product that could overflow. The first one is the least.
  const std::uint64_t rank =
      std::max<std::uint64_t>(count_ / kAll * share + (count_ % kAll * share + kAll - 1) / kAll, 1);
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket != counts_.size(); ++bucket) {
    seen += counts_[bucket];
    if (seen >= rank) {
      return duration_of(std::min(detail::largest_in(bucket), max_));
    }
  }
  return duration_of(max_);
}

}  // namespace bytes_handoff
