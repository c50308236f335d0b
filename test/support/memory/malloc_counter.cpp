#include "support/memory/malloc_counter.hpp"

#include <cerrno>

#include "support/sanitizers.hpp"

namespace bytes_handoff::test {
namespace {
constinit thread_local std::size_t calls = 0;
}  // namespace

std::size_t malloc_calls() noexcept { return calls; }

}  // namespace bytes_handoff::test

#if !BYTES_HANDOFF_TEST_WITH_ASAN && !BYTES_HANDOFF_TEST_WITH_TSAN

using bytes_handoff::test::calls;

extern "C" {
void* __libc_malloc(std::size_t);                 // NOLINT
void* __libc_calloc(std::size_t, std::size_t);    // NOLINT
void* __libc_realloc(void*, std::size_t);         // NOLINT
void* __libc_memalign(std::size_t, std::size_t);  // NOLINT

void* malloc(std::size_t size) {
  ++calls;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  ++calls;
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) {
  ++calls;
  return __libc_realloc(memory, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  ++calls;
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  *memory = memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
}  // extern "C"

#endif
