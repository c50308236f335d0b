#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>

#include "support/sanitizers.hpp"
#include "support/stepping/explorer.hpp"

namespace bytes_handoff::test {

// Sanitizers make a switch several times as expensive, and need no schedule more than once.
#if BYTES_HANDOFF_TEST_WITH_ASAN || BYTES_HANDOFF_TEST_WITH_TSAN
inline constexpr std::size_t kMostSchedules = 150;
#else
inline constexpr std::size_t kMostSchedules = SIZE_MAX;
#endif

/// All schedules of a program within the bounds, of which there must be at least `least`.
template <class Program, class Shape>
void explore_all_of(const Shape& shape, std::size_t least, Bounds bounds) {
  Explorer explorer;
  bounds.most_schedules = kMostSchedules;
  const auto result = explorer.explore([&] { return std::make_unique<Program>(shape); }, bounds);
  testing::Test::RecordProperty("schedules", std::to_string(result.schedules));
  testing::Test::RecordProperty("states", std::to_string(result.states));
  EXPECT_EQ(result.failure, "");
  EXPECT_TRUE(result.is_complete || result.schedules == kMostSchedules);
  EXPECT_GE(result.schedules, std::min(least, kMostSchedules));
}

}  // namespace bytes_handoff::test
