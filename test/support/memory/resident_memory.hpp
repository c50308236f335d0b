#pragma once

#include <unistd.h>

#include <cstddef>
#include <fstream>
#include <optional>

namespace bytes_handoff::test {

/// Bytes of this process that are in memory; nothing where the system does not say.
[[nodiscard]] inline std::optional<std::size_t> resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total_pages = 0;
  std::size_t resident_pages = 0;
  if (!(statm >> total_pages >> resident_pages)) {
    return std::nullopt;
  }
  return resident_pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace bytes_handoff::test
