#include "roles/process/freed_memory.hpp"

#include <cstdlib>
#if defined(__GLIBC__)
#include <malloc.h>

#include <limits>
#endif

namespace stream_harness {

void keep_freed_memory() noexcept {
#if defined(__GLIBC__)
  // The largest that glibc takes.
  constexpr int kMmapThresholdBytes = 32 << 20;
  if (std::getenv("MALLOC_TRIM_THRESHOLD_") == nullptr) {
    mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  }
  if (std::getenv("MALLOC_MMAP_THRESHOLD_") == nullptr) {
    mallopt(M_MMAP_THRESHOLD, kMmapThresholdBytes);
  }
#endif
}

}  // namespace stream_harness
