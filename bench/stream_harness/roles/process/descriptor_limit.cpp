#include "roles/process/descriptor_limit.hpp"

#include <sys/resource.h>

#include "command_line/strict_number.hpp"

namespace stream_harness {
namespace {

constexpr std::uint64_t kDescriptorsPerWorker = 6;
constexpr std::uint64_t kDescriptorsOfProcess = 16;

}  // namespace

std::uint64_t raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t soft = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : soft;
}

std::string descriptor_shortage(std::uint64_t connections, std::uint64_t descriptors_per_connection,
                                std::uint64_t workers) {
  const std::uint64_t limit = raise_descriptor_limit();
  const auto others = checked_multiply(workers, kDescriptorsPerWorker);
  auto needed = checked_multiply(connections, descriptors_per_connection);
  if (needed && others) needed = checked_add(*needed, *others);
  if (needed) needed = checked_add(*needed, kDescriptorsOfProcess);
  if (limit == 0 || (needed && others && *needed <= limit)) return {};
  return "the run needs " + (needed ? std::to_string(*needed) : "more than 2^64") +
         " descriptors, and the limit (ulimit -n) is " + std::to_string(limit);
}

}  // namespace stream_harness
