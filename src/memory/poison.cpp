#include "bytes_handoff/core/memory/poison.hpp"

#if BYTES_HANDOFF_POISONS
#include <sanitizer/asan_interface.h>

namespace bytes_handoff {

void detail::give_up(const std::byte* data, std::size_t size) noexcept {
  __asan_poison_memory_region(data, size);
}

void detail::take_up(const std::byte* data, std::size_t size) noexcept {
  __asan_unpoison_memory_region(data, size);
}

}  // namespace bytes_handoff
#endif
