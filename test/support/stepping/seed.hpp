#pragma once

// One seed a test process for all random tests: taken from BYTES_HANDOFF_TEST_SEED when that is
// set, so that a failure can be repeated, else new each time.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <random>
#include <span>
#include <string>

namespace bytes_handoff::test {

[[nodiscard]] inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    if (const char* given = std::getenv("BYTES_HANDOFF_TEST_SEED"); given != nullptr) {
      return static_cast<std::uint64_t>(std::strtoull(given, nullptr, 10));
    }
    std::random_device device;
    return (std::uint64_t{device()} << 32U) | device();
  }();
  return value;
}

/// For SCOPED_TRACE in a random test.
[[nodiscard]] inline std::string seed_note() {
  return "to repeat: BYTES_HANDOFF_TEST_SEED=" + std::to_string(seed());
}

/// SplitMix64: a generator of 64 bits of state, so that one for every step of a test costs nothing.
class SplitMix64 {
 public:
  using result_type = std::uint64_t;
  explicit SplitMix64(std::uint64_t from) : state_(from) {}
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return UINT64_MAX; }

  result_type operator()() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

 private:
  std::uint64_t state_;
};

/// Whole numbers, each from `least` to `most` inclusive.
class Random {
 public:
  explicit Random(std::uint64_t from = seed()) : engine_(from) {}

  [[nodiscard]] std::size_t between(std::size_t least, std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(least, most)(engine_);
  }
  [[nodiscard]] bool one_in(std::size_t n) { return between(1, n) == 1; }
  /// An index, as often as its weight says.
  [[nodiscard]] std::size_t weighted(std::span<const std::size_t> weights) {
    std::size_t at =
        between(0, std::accumulate(weights.begin(), weights.end(), std::size_t{0}) - 1);
    std::size_t index = 0;
    while (at >= weights[index]) {
      at -= weights[index++];
    }
    return index;
  }
  [[nodiscard]] std::uint64_t bits() { return engine_(); }

 private:
  SplitMix64 engine_;
};

}  // namespace bytes_handoff::test
