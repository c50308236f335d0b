#pragma once

#include <chrono>
#include <cstdint>

namespace stream_harness {

/// What this process (all its threads) has used so far, or between two moments.
struct ProcessUsage {
  bool measured = false;
  std::chrono::microseconds cpu_user{0};
  std::chrono::microseconds cpu_system{0};
  std::uint64_t voluntary_context_switches = 0;
  std::uint64_t involuntary_context_switches = 0;
  std::uint64_t max_rss_bytes = 0;  ///< the peak since the process began, also in a difference
};

/// Asks the kernel (getrusage, and /proc for the memory). `measured` is false where it does not
/// tell.
[[nodiscard]] ProcessUsage current_process_usage() noexcept;

/// What was used between the two; `max_rss_bytes` is the later one's.
[[nodiscard]] ProcessUsage usage_between(const ProcessUsage& begin,
                                         const ProcessUsage& end) noexcept;

}  // namespace stream_harness
