#include "support/memory/allocation_counter.hpp"

#include <cstdlib>
#include <new>

#if defined(_WIN32)
#include <malloc.h>
#endif

namespace bytes_handoff::test {
namespace {

// More than this is refused without asking the system; sanitizers would end the process instead.
constexpr std::size_t kMostBytes = std::size_t{1} << 40U;

constinit thread_local AllocationCounts counts{};
constinit thread_local bool refusing = false;

#if defined(_WIN32)
void* system_allocate(std::size_t size, std::size_t alignment) {
  return _aligned_malloc(size, alignment < sizeof(void*) ? sizeof(void*) : alignment);
}
void system_free(void* memory) noexcept { _aligned_free(memory); }
#else
void* system_allocate(std::size_t size, std::size_t alignment) {
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  return alignment <= alignof(std::max_align_t) ? std::malloc(size)
                                                : std::aligned_alloc(alignment, rounded);
}
void system_free(void* memory) noexcept { std::free(memory); }
#endif

void* counted_allocate(std::size_t size, std::size_t alignment) {
  if (refusing || size > kMostBytes) {
    ++counts.refusals;
    throw std::bad_alloc();
  }
  void* memory = system_allocate(size == 0 ? 1 : size, alignment);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  ++counts.allocations;
  return memory;
}

void counted_free(void* memory) noexcept {
  if (memory != nullptr) {
    ++counts.deallocations;
    system_free(memory);
  }
}

}  // namespace

AllocationCounts allocation_counts() noexcept { return counts; }

FailingAllocations::FailingAllocations() noexcept { refusing = true; }
FailingAllocations::~FailingAllocations() { refusing = false; }

}  // namespace bytes_handoff::test

using bytes_handoff::test::counted_allocate;
using bytes_handoff::test::counted_free;

void* operator new(std::size_t size) { return counted_allocate(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted_allocate(size, static_cast<std::size_t>(alignment));
}
// AddressSanitizer's own one does not end in the one above.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return counted_allocate(size, 1);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept { counted_free(memory); }
void operator delete(void* memory, std::size_t) noexcept { counted_free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { counted_free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { counted_free(memory); }
