#include "process_usage.hpp"

#include <sys/resource.h>

namespace stream_harness {
namespace {

std::chrono::microseconds to_micros(const timeval& time) noexcept {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

ProcessUsage current_process_usage() noexcept {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return {};
  ProcessUsage result;
  result.measured = true;
  result.cpu_user = to_micros(usage.ru_utime);
  result.cpu_system = to_micros(usage.ru_stime);
  result.voluntary_context_switches = static_cast<std::uint64_t>(usage.ru_nvcsw);
  result.involuntary_context_switches = static_cast<std::uint64_t>(usage.ru_nivcsw);
  result.max_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  return result;
}

ProcessUsage usage_between(const ProcessUsage& begin, const ProcessUsage& end) noexcept {
  if (!begin.measured || !end.measured) return {};
  ProcessUsage result = end;
  result.cpu_user -= begin.cpu_user;
  result.cpu_system -= begin.cpu_system;
  result.voluntary_context_switches -= begin.voluntary_context_switches;
  result.involuntary_context_switches -= begin.involuntary_context_switches;
  return result;
}

}  // namespace stream_harness
