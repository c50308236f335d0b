#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>

#include "interleavings/write_queue_program.hpp"
#include "support/sanitizers.hpp"
#include "support/stepping/explorer.hpp"

namespace bytes_handoff::test {

// Sanitizers make a switch several times as expensive, and need no schedule more than once.
#if BYTES_HANDOFF_TEST_WITH_ASAN || BYTES_HANDOFF_TEST_WITH_TSAN
inline constexpr std::size_t kMostSchedules = 150;
#else
inline constexpr std::size_t kMostSchedules = SIZE_MAX;
#endif

/// All schedules within the bounds, of which there must be at least `least`.
inline void explore_all(const ProgramShape& shape, std::size_t least, Bounds bounds) {
  Explorer explorer;
  bounds.most_schedules = kMostSchedules;
  const auto result =
      explorer.explore([&] { return std::make_unique<WriteQueueProgram>(shape); }, bounds);
  testing::Test::RecordProperty("schedules", std::to_string(result.schedules));
  testing::Test::RecordProperty("states", std::to_string(result.states));
  EXPECT_EQ(result.failure, "");
  EXPECT_TRUE(result.is_complete || result.schedules == kMostSchedules);
  EXPECT_GE(result.schedules, std::min(least, kMostSchedules));
}

/// All orders of locks and wake-ups, without a bound.
inline void explore_states(const ProgramShape& shape, std::size_t least) {
  explore_all(shape, least, {.points = kLocks | kMarks, .merges_states = true});
}

inline ProgramShape shape_of(std::size_t items, std::size_t bytes_a_write = 1) {
  ProgramShape shape;
  shape.config.max_items = items;
  shape.config.max_pending_bytes = 3;
  shape.writes = 2;
  shape.bytes_a_write = bytes_a_write;
  return shape;
}

}  // namespace bytes_handoff::test
