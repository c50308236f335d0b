#pragma once

#include <cstddef>
#include <optional>

#include "support/sanitizers.hpp"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace bytes_handoff::test {

/// Bytes of the process that `malloc` has given out, its own bookkeeping included; nothing where it
/// does not say.
[[nodiscard]] inline std::optional<std::size_t> heap_in_use() {
#if defined(__GLIBC__) && !BYTES_HANDOFF_TEST_WITH_ASAN && !BYTES_HANDOFF_TEST_WITH_TSAN
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
#else
  return std::nullopt;
#endif
}

/// Bytes that `malloc` has set aside for what it returned as `memory`; `asked` where it does not
/// say.
[[nodiscard]] inline std::size_t heap_bytes_of([[maybe_unused]] const void* memory,
                                               [[maybe_unused]] std::size_t asked) {
#if defined(__GLIBC__)
  return malloc_usable_size(const_cast<void*>(memory));
#else
  return asked;
#endif
}

}  // namespace bytes_handoff::test
