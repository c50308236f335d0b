#include "report/latency_histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace stream_harness {
namespace {

constexpr auto kMaxValue = std::numeric_limits<std::uint64_t>::max();

TEST(LatencyHistogram, AnEmptyOneIsZero) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.max(), 0u);
  EXPECT_EQ(histogram.value_at_permille(500), 0u);
  EXPECT_EQ(histogram.value_at_permille(1000), 0u);
}

TEST(LatencyHistogram, ZeroCountsAsOne) {
  LatencyHistogram histogram;
  histogram.record(0);
  EXPECT_EQ(histogram.value_at_permille(500), 1u);
  EXPECT_EQ(histogram.max(), 1u);
}

// The bound that the class promises, on both sides of every power of two and at random values in
// between. The larger value recorded keeps max() from cutting the answer short.
TEST(LatencyHistogram, AValueIsFoundWithinAThousandth) {
  std::vector<std::uint64_t> values;
  std::mt19937_64 random(7);
  for (int bits = 0; bits < 64; ++bits) {
    const std::uint64_t power = std::uint64_t{1} << bits;
    for (const std::uint64_t value : {power - 1, power, power + 1, power + random() % power}) {
      if (value != 0) values.push_back(value);
    }
  }
  for (const std::uint64_t value : values) {
    LatencyHistogram histogram;
    histogram.record(value);
    histogram.record(kMaxValue);
    const std::uint64_t found = histogram.value_at_permille(500);
    EXPECT_GE(found, value);
    EXPECT_LE(found - value, value / 1000) << value;
    if (value < 2048) {
      EXPECT_EQ(found, value);
    }
  }
}

TEST(LatencyHistogram, TheRankIsRoundedUpAndExact) {
  LatencyHistogram histogram;
  for (std::uint64_t value = 1; value <= 1000; ++value) {
    histogram.record(value);
    EXPECT_EQ(histogram.value_at_permille(999), (value * 999 + 999) / 1000);
  }
}

TEST(LatencyHistogram, PercentilesOfManyValuesKeepTheBound) {
  std::vector<std::uint64_t> values;
  std::mt19937_64 random(11);
  std::lognormal_distribution<double> distribution(9, 2);
  LatencyHistogram histogram;
  for (int i = 0; i < 20000; ++i) {
    values.push_back(static_cast<std::uint64_t>(distribution(random)) + 1);
    histogram.record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const std::uint64_t permille : {0u, 1u, 10u, 500u, 950u, 990u, 999u, 1000u}) {
    const std::uint64_t rank = std::max<std::uint64_t>(1, permille * 20);
    const std::uint64_t exact = values[rank - 1];
    const std::uint64_t found = histogram.value_at_permille(permille);
    EXPECT_GE(found, exact);
    EXPECT_LE(found - exact, exact / 1000) << permille;
  }
  EXPECT_EQ(histogram.max(), values.back());
  EXPECT_EQ(histogram.value_at_permille(1000), values.back());
}

TEST(LatencyHistogram, ValuesFarBeyondSixtySecondsAreRecorded) {
  LatencyHistogram histogram;
  histogram.record(60'000'000);
  histogram.record(kMaxValue);
  EXPECT_EQ(histogram.count(), 2u);
  EXPECT_EQ(histogram.max(), kMaxValue);
  EXPECT_EQ(histogram.value_at_permille(1000), kMaxValue);
  EXPECT_LE(histogram.value_at_permille(500), 60'060'000u);
}

TEST(LatencyHistogram, MergingIsRecordingInOne) {
  LatencyHistogram small;
  LatencyHistogram large;
  LatencyHistogram all;
  for (std::uint64_t value = 1; value < 5000; value += 7) {
    small.record(value);
    all.record(value);
    large.record(value << 40);
    all.record(value << 40);
  }
  small.merge(large);
  EXPECT_EQ(small.count(), all.count());
  EXPECT_EQ(small.max(), all.max());
  for (std::uint64_t permille = 0; permille <= 1000; ++permille) {
    EXPECT_EQ(small.value_at_permille(permille), all.value_at_permille(permille));
  }
}

}  // namespace
}  // namespace stream_harness
