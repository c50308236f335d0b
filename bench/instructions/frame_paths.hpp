#pragma once

// Frames out of a buffer. A source of their own, as room_paths.hpp says.

#include "room_paths.hpp"

namespace bench_instructions {

void report_frames(const Counter& counter);

}  // namespace bench_instructions
