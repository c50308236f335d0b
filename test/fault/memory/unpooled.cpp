// The library's pool, without keeping anything: so that each of its allocations is one that can
// fail, and that must be given back. Linked in place of src/memory/pool.cpp.

#include <new>

#include "bytes_handoff/core/memory/pool.hpp"

namespace bytes_handoff::detail {

void* pool_allocate(std::size_t size) { return ::operator new(size, std::align_val_t(kCacheLine)); }
void pool_deallocate(void* slot, std::size_t size) noexcept {
  ::operator delete(slot, size, std::align_val_t(kCacheLine));
}
void* pool_allocate_small(std::size_t size) { return ::operator new(size); }
void pool_deallocate_small(void* slot, std::size_t) noexcept { ::operator delete(slot); }
void pool_flush_thread_cache() noexcept {}

}  // namespace bytes_handoff::detail
