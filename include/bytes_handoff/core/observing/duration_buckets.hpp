#pragma once

// The buckets of a `DurationHistogram`, by numbers of nanoseconds.

#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// Each value below this has a bucket of its own.
inline constexpr std::uint64_t kExactDurations = 2048;
/// Into so many buckets each power of two from there on is divided.
inline constexpr std::uint64_t kBucketsOfPower = kExactDurations / 2;

[[nodiscard]] constexpr std::size_t bucket_of(std::uint64_t value) noexcept {
  constexpr unsigned kExactBits = std::bit_width(kExactDurations - 1);
  const auto bits = static_cast<unsigned>(std::bit_width(value));
  const unsigned shift = bits > kExactBits ? bits - kExactBits : 0;
  return static_cast<std::size_t>(shift * kBucketsOfPower + (value >> shift));
}

/// The largest value in a bucket.
[[nodiscard]] constexpr std::uint64_t largest_in(std::size_t bucket) noexcept {
  if (bucket < kExactDurations) {
    return bucket;
  }
  const std::uint64_t shift = bucket / kBucketsOfPower - 1;
  const std::uint64_t top = bucket - shift * kBucketsOfPower;
  return ((top + 1) << shift) - 1;
}

[[nodiscard]] constexpr std::uint64_t value_of(std::chrono::nanoseconds duration) noexcept {
  return duration.count() < 0 ? 0 : static_cast<std::uint64_t>(duration.count());
}

/// Those of all durations that there are.
inline constexpr std::size_t kDurationBuckets =
    bucket_of(value_of((std::chrono::nanoseconds::max)())) + 1;

}  // namespace bytes_handoff::detail
