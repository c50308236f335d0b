#pragma once

#include <cstddef>

#include "bytes_handoff/core/queue/age_marks.hpp"
#include "bytes_handoff/core/queue/last_run.hpp"

namespace bytes_handoff::detail {

/// Of all who wait in a line for room.
struct LineTotals {
  std::size_t items;      // that they ask for
  std::size_t bytes;      // within max_waiting_bytes, or those of the first alone
  std::size_t uncounted;  // of them, that are not counted
};

/// What a queue keeps only while it has items, or somebody waits, in memory that is there then.
struct BusyQueue {
  LastRun run;
  AgeMarks ages;
  LineTotals line;  // NOLINT: of nobody, until somebody waits
};

}  // namespace bytes_handoff::detail
