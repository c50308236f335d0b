#pragma once

#include <cstddef>

#include "interleavings/explore_all.hpp"
#include "interleavings/write_queue_program.hpp"

namespace bytes_handoff::test {

/// All schedules within the bounds, of which there must be at least `least`.
inline void explore_all(const ProgramShape& shape, std::size_t least, const Bounds& bounds) {
  explore_all_of<WriteQueueProgram>(shape, least, bounds);
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
