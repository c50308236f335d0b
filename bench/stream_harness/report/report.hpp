#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "bytes_handoff/memory.hpp"
#include "bytes_handoff/observing/duration_histogram.hpp"
#include "command_line/options.hpp"
#include "report/process_usage.hpp"

namespace stream_harness {

/// What a run did.
struct RunResult {
  std::uint64_t actual_iterations = 0;
  /// What a payload has; in a service, which knows of none, the mean of what was forwarded.
  std::uint64_t bytes_per_connection = 0;
  std::uint64_t total_streams = 0;  ///< connections that were started
  std::uint64_t total_bytes = 0;    ///< what the proxies forwarded; in a driver, what the sinks got
  std::uint64_t failed_connections = 0;
  std::uint64_t worker_threads_running = 0;  ///< besides the main one, which waits
  std::chrono::nanoseconds elapsed{0};       ///< of the work
  ProcessUsage usage;                        ///< during the work
  bytes_handoff::DurationHistogram latency;  ///< of the connections that ended in order
  /// Of a service with a memory budget, once its connections have ended.
  bytes_handoff::MemoryBudgetStatistics memory;
};

/// The report: `key=value` lines in their fixed order. Rates of a run that took no time are 0.
[[nodiscard]] std::string format_report(const Options& options, const RunResult& result);

}  // namespace stream_harness
