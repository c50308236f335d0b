#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "roles/process/run_watch.hpp"

namespace stream_harness {

/// What the main thread does while the others work.
struct RunHooks {
  using TimePoint = std::chrono::steady_clock::time_point;

  std::function<void()> stop_requested;  ///< SIGINT or SIGTERM came, for the first time
  std::function<void(TimePoint)> tick;   ///< at least once every `tick_interval`; may be empty
  std::function<std::string(std::chrono::nanoseconds elapsed)> progress;  ///< the progress line
  std::chrono::milliseconds tick_interval{200};
};

/// How often to look whether `timeout` has passed: it is noticed late by an eighth at most.
[[nodiscard]] std::chrono::milliseconds tick_interval_for(std::chrono::milliseconds timeout);

/// Returns when `watch.done()` has been called. Shows the progress line where standard error is a
/// terminal, from the second second on.
void watch_run(RunWatch& watch, const RunHooks& hooks);

/// The progress line of a run in waves: the time, the wave that runs, what has ended in all.
[[nodiscard]] std::string wave_progress(std::chrono::nanoseconds elapsed, std::uint64_t wave,
                                        std::uint64_t ended_connections);

}  // namespace stream_harness
