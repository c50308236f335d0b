#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <utility>

namespace bytes_handoff::bench {

/// What this thread has spent on a processor, in seconds. Everything measured here runs on one
/// thread that never sleeps, so this is its duration, less what other programs took meanwhile.
inline double thread_cpu_seconds() noexcept {
  std::timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// What all threads of this process have spent on processors, in seconds.
inline double process_cpu_seconds() noexcept {
  std::timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Counts `section` alone as this iteration's time; for benchmarks with manual time, whose
/// iterations prepare what they then consume. About 0.3 us of the clock's own are in the result: a
/// section should take some tens of microseconds.
template <class Section>
void time_section(benchmark::State& state, Section&& section) {
  const double start = thread_cpu_seconds();
  std::forward<Section>(section)();
  benchmark::ClobberMemory();
  state.SetIterationTime(thread_cpu_seconds() - start);
}

/// Reports bytes and items per second.
inline void count_work(benchmark::State& state, std::size_t bytes_per_iteration,
                       std::size_t items_per_iteration) {
  const auto iterations = static_cast<std::int64_t>(state.iterations());
  state.SetBytesProcessed(iterations * static_cast<std::int64_t>(bytes_per_iteration));
  state.SetItemsProcessed(iterations * static_cast<std::int64_t>(items_per_iteration));
}

}  // namespace bytes_handoff::bench
