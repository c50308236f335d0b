#include "report/latency_histogram.hpp"

#include <algorithm>
#include <bit>

namespace stream_harness {
namespace {

// Each power of two above kExactValues is divided into kHalf buckets, so a bucket is at most
// 1/1024 of its values wide.
constexpr std::uint64_t kExactValues = 2048;
constexpr std::uint64_t kHalf = kExactValues / 2;
constexpr int kExactBits = 11;
constexpr std::uint64_t kInitialRange = (std::uint64_t{1} << 27) - 1;

std::size_t bucket_of(std::uint64_t value) noexcept {
  const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - kExactBits);
  return static_cast<std::size_t>(static_cast<std::uint64_t>(shift) * kHalf + (value >> shift));
}

std::uint64_t largest_in(std::size_t bucket) noexcept {
  if (bucket < kExactValues) return bucket;
  const std::uint64_t shift = bucket / kHalf - 1;
  const std::uint64_t top = bucket - shift * kHalf;
  return ((top + 1) << shift) - 1;
}

}  // namespace

LatencyHistogram::LatencyHistogram() : counts_(bucket_of(kInitialRange) + 1) {}

void LatencyHistogram::record(std::uint64_t value) {
  value = std::max<std::uint64_t>(value, 1);
  const std::size_t bucket = bucket_of(value);
  if (bucket >= counts_.size()) counts_.resize(bucket + 1);
  ++counts_[bucket];
  ++count_;
  max_ = std::max(max_, value);
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  if (other.counts_.size() > counts_.size()) counts_.resize(other.counts_.size());
  for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

std::uint64_t LatencyHistogram::value_at_permille(std::uint64_t permille) const noexcept {
  if (count_ == 0) return 0;
  const std::uint64_t whole = count_ / 1000 * permille;
  const std::uint64_t rest = (count_ % 1000 * permille + 999) / 1000;
  const std::uint64_t rank = std::max<std::uint64_t>(1, whole + rest);
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    seen += counts_[bucket];
    if (seen >= rank) return std::min(largest_in(bucket), max_);
  }
  return max_;
}

}  // namespace stream_harness
