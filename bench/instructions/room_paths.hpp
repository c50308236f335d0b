#pragma once

// Permits and bursts. A source of their own: what is compiled beside the other paths changes what
// the compiler makes of those.

#include <cstddef>
#include <functional>

namespace bench_instructions {

/// What `main.cpp` counts with.
struct Counter {
  void (*count)(const std::function<void()>& part, bool counted);
  void (*report)(const char* name, std::size_t repetitions,
                 const std::function<void(std::size_t)>& path);
};

void report_room(const Counter& counter);

}  // namespace bench_instructions
