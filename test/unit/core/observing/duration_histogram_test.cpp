#include "bytes_handoff/observing/duration_histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "bytes_handoff/core/observing/duration_buckets.hpp"
#include "bytes_handoff/core/observing/shared_histogram.hpp"

namespace bytes_handoff::test {
namespace {

using std::chrono::nanoseconds;

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

// On both sides of every power of two, and at random between them.
std::vector<std::int64_t> values_of_all_sizes() {
  std::vector<std::int64_t> values{0, kLargest};
  std::mt19937_64 random(7);
  for (int bits = 0; bits < 63; ++bits) {
    const std::int64_t power = std::int64_t{1} << bits;
    const auto between = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(power));
    for (const std::int64_t value : {power - 1, power, power + 1, power + between}) {
      values.push_back(value);
    }
  }
  return values;
}

void expect_same(const DurationHistogram& one, const DurationHistogram& other) {
  EXPECT_EQ(one.count(), other.count());
  EXPECT_EQ(one.longest(), other.longest());
  for (double percentile = 0; percentile <= 100; percentile += 0.125) {
    EXPECT_EQ(one.at_percentile(percentile), other.at_percentile(percentile)) << percentile;
  }
}

TEST(DurationHistogram, AnEmptyOneIsZero) {
  const DurationHistogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.longest(), nanoseconds(0));
  EXPECT_EQ(histogram.at_percentile(50), nanoseconds(0));
  EXPECT_EQ(histogram.at_percentile(100), nanoseconds(0));
}

// The larger one that is recorded keeps longest() from cutting the answer short.
TEST(DurationHistogram, ADurationIsFoundToAThousandth) {
  for (const std::int64_t value : values_of_all_sizes()) {
    DurationHistogram histogram;
    histogram.record(nanoseconds(value));
    histogram.record(nanoseconds(kLargest));
    const std::int64_t found = histogram.at_percentile(50).count();
    EXPECT_GE(found, value);
    EXPECT_LE(found - value, value / 1000) << value;
    if (value < 2048) {
      EXPECT_EQ(found, value);
    }
  }
}

TEST(DurationHistogram, EachBucketBeginsBehindTheOneBefore) {
  for (std::size_t bucket = 1; bucket != detail::kDurationBuckets; ++bucket) {
    const std::uint64_t first = detail::largest_in(bucket - 1) + 1;
    ASSERT_EQ(detail::bucket_of(first), bucket);
    ASSERT_EQ(detail::bucket_of(detail::largest_in(bucket)), bucket);
  }
}

TEST(DurationHistogram, ANegativeDurationCountsAsNone) {
  DurationHistogram histogram;
  histogram.record(nanoseconds(-1));
  histogram.record(nanoseconds::min());
  EXPECT_EQ(histogram.count(), 2U);
  EXPECT_EQ(histogram.longest(), nanoseconds(0));
}

TEST(DurationHistogram, TheRankIsRoundedUpAndExact) {
  DurationHistogram histogram;
  for (std::int64_t value = 1; value <= 1000; ++value) {
    histogram.record(nanoseconds(value));
    EXPECT_EQ(histogram.at_percentile(99.9).count(), (value * 999 + 999) / 1000);
  }
  EXPECT_EQ(histogram.at_percentile(0.1), nanoseconds(1));
  EXPECT_EQ(histogram.at_percentile(0), nanoseconds(1));
}

TEST(DurationHistogram, APercentileIsTakenToSevenDecimals) {
  DurationHistogram histogram;
  for (std::int64_t value = 1; value <= 100'000; ++value) {
    histogram.record(nanoseconds(value));
  }
  for (const double percentile : {99.99, 99.999, 33.333}) {
    const auto exact = static_cast<std::int64_t>(std::llround(percentile * 1000));
    const std::int64_t found = histogram.at_percentile(percentile).count();
    EXPECT_GE(found, exact);
    EXPECT_LE(found - exact, exact / 1000) << percentile;
  }
  // Each of these is one of the first durations, which have counters of their own.
  EXPECT_EQ(histogram.at_percentile(0.001), nanoseconds(1));
  EXPECT_EQ(histogram.at_percentile(0.0010001), nanoseconds(2));
  EXPECT_EQ(histogram.at_percentile(1.2345), nanoseconds(1235));
}

TEST(DurationHistogram, WhatIsNoPercentileIsTheNearestOne) {
  DurationHistogram histogram;
  histogram.record(nanoseconds(1));
  histogram.record(nanoseconds(2));
  for (const double least : {-0.0, -1.0, -HUGE_VAL, std::nan("")}) {
    EXPECT_EQ(histogram.at_percentile(least), nanoseconds(1)) << least;
  }
  for (const double most : {100.0, 100.1, 1e300, HUGE_VAL}) {
    EXPECT_EQ(histogram.at_percentile(most), nanoseconds(2)) << most;
  }
}

TEST(DurationHistogram, RanksOfManyDurationsKeepTheBound) {
  std::vector<std::int64_t> values;
  std::mt19937_64 random(11);
  std::lognormal_distribution<double> distribution(9, 2);
  DurationHistogram histogram;
  for (int i = 0; i < 20000; ++i) {
    values.push_back(static_cast<std::int64_t>(distribution(random)) + 1);
    histogram.record(nanoseconds(values.back()));
  }
  std::sort(values.begin(), values.end());
  for (const unsigned permille : {0U, 1U, 10U, 500U, 950U, 990U, 999U, 1000U}) {
    const std::int64_t exact = values[std::max(1U, permille * 20) - 1];
    const std::int64_t found = histogram.at_percentile(permille / 10.0).count();
    EXPECT_GE(found, exact);
    EXPECT_LE(found - exact, exact / 1000) << permille;
  }
  EXPECT_EQ(histogram.longest().count(), values.back());
  EXPECT_EQ(histogram.at_percentile(100).count(), values.back());
}

TEST(DurationHistogram, MergingIsRecordingInOne) {
  DurationHistogram small;
  DurationHistogram large;
  DurationHistogram all;
  for (std::int64_t value = 1; value < 5000; value += 7) {
    small.record(nanoseconds(value));
    all.record(nanoseconds(value));
    large.record(nanoseconds(value << 40));
    all.record(nanoseconds(value << 40));
  }
  DurationHistogram merged = small;
  merged.merge(large);
  expect_same(merged, all);
  merged = large;
  merged.merge(small);
  expect_same(merged, all);
}

TEST(DurationHistogram, WhatCameSinceIsADifference) {
  DurationHistogram earlier;
  earlier.record(nanoseconds(100));
  earlier.record(nanoseconds(5'000'000));
  DurationHistogram now = earlier;
  EXPECT_EQ(now.since(earlier).count(), 0U);
  EXPECT_EQ(now.since(earlier).longest(), nanoseconds(0));
  now.record(nanoseconds(100));
  now.record(nanoseconds(3000));
  DurationHistogram expected;
  expected.record(nanoseconds(100));
  expected.record(nanoseconds(3001));  // the last one of its bucket
  expect_same(now.since(earlier), expected);
  expect_same(now.since(DurationHistogram()), now);
  EXPECT_EQ(earlier.since(now).count(), 0U) << "the wrong way round";
}

TEST(DurationHistogram, CountsWhatIsAtMostSoLong) {
  DurationHistogram histogram;
  EXPECT_EQ(histogram.count_at_most(nanoseconds(1)), 0U);
  for (const std::int64_t value : {0, 5, 2000, 100'000}) {
    histogram.record(nanoseconds(value));
  }
  EXPECT_EQ(histogram.count_at_most(nanoseconds(-1)), 0U);
  EXPECT_EQ(histogram.count_at_most(nanoseconds(0)), 1U);
  EXPECT_EQ(histogram.count_at_most(nanoseconds(4)), 1U);
  EXPECT_EQ(histogram.count_at_most(nanoseconds(5)), 2U);
  EXPECT_EQ(histogram.count_at_most(nanoseconds(1999)), 2U);
  EXPECT_EQ(histogram.count_at_most(nanoseconds(99'000)), 3U);
  EXPECT_EQ(histogram.count_at_most(nanoseconds(100'000)), 4U);
  EXPECT_EQ(histogram.count_at_most(nanoseconds(kLargest)), 4U);
}

TEST(SharedHistogram, CountsAsTheOtherDoes) {
  detail::SharedHistogram shared;
  DurationHistogram plain;
  expect_same(shared.counted(), plain);
  for (const std::int64_t value : values_of_all_sizes()) {
    shared.record(nanoseconds(value));
    plain.record(nanoseconds(value));
  }
  expect_same(shared.counted(), plain);
}

// While it is looked at: what is seen is never more than was recorded, and has its maximum.
TEST(SharedHistogram, CountsWhatAllThreadsRecord) {
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  detail::SharedHistogram shared;
  DurationHistogram plain;
  std::vector<std::thread> threads;
  for (int thread = 0; thread != kThreads; ++thread) {
    for (int i = 1; i <= kEach; ++i) {
      plain.record(nanoseconds(i * 1000 + thread));
    }
    threads.emplace_back([&shared, thread] {
      for (int i = 1; i <= kEach; ++i) {
        shared.record(nanoseconds(i * 1000 + thread));
      }
    });
  }
  for (int look = 0; look != 20; ++look) {
    const DurationHistogram seen = shared.counted();
    EXPECT_LE(seen.count(), plain.count());
    EXPECT_EQ(seen.at_percentile(100), seen.longest()) << "of what is counted";
    EXPECT_EQ(seen.count() == 0, seen.at_percentile(100) == nanoseconds(0));
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  expect_same(shared.counted(), plain);
}

}  // namespace
}  // namespace bytes_handoff::test
