#pragma once

// Publications. A source of their own, as room_paths.hpp says.

#include "room_paths.hpp"

namespace bench_instructions {

void report_fan_out(const Counter& counter);

}  // namespace bench_instructions
