#pragma once

// Writes of queues that share a memory budget. A source of their own, as room_paths.hpp says.

#include "room_paths.hpp"

namespace bench_instructions {

void report_budget(const Counter& counter);

}  // namespace bench_instructions
