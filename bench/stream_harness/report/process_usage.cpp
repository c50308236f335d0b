#include "report/process_usage.hpp"

#include <sys/resource.h>

#include <array>
#include <cstdio>
#include <memory>

namespace stream_harness {
namespace {

std::chrono::microseconds to_micros(const timeval& time) noexcept {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

// The peak since this program began; 0 where the kernel does not tell. The one of getrusage may be
// larger: it has what the process took before, as a copy of whoever started it.
std::uint64_t peak_resident_bytes() noexcept {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> status(
      std::fopen("/proc/self/status", "re"), &std::fclose);
  std::array<char, 256> line;
  unsigned long long kibibytes = 0;
  while (status && std::fgets(line.data(), static_cast<int>(line.size()), status.get())) {
    if (std::sscanf(line.data(), "VmHWM: %llu kB", &kibibytes) == 1) return kibibytes * 1024;
  }
  return 0;
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
  result.max_rss_bytes = peak_resident_bytes();
  if (result.max_rss_bytes == 0) {
    result.max_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  }
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
