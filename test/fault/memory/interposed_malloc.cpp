// malloc and its kin, in front of those of the C library: they fail and count the allocations of
// the library under test, whichever way these come, and fill what is given back.

#include "fault/memory/interposed_malloc.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "fault/library_calls.hpp"

extern "C" {
void* __libc_malloc(std::size_t);                 // NOLINT
void* __libc_calloc(std::size_t, std::size_t);    // NOLINT
void* __libc_realloc(void*, std::size_t);         // NOLINT
void* __libc_memalign(std::size_t, std::size_t);  // NOLINT
void __libc_free(void*);                          // NOLINT
std::size_t malloc_usable_size(void*) noexcept;   // NOLINT
}

namespace bytes_handoff::test {
namespace {

/// A set of addresses that allocates nothing: open addressing, removed ones leave a mark.
class LiveSet {
 public:
  void add(void* memory) noexcept {
    std::size_t at = place(memory);
    while (cells_[at] != nullptr && cells_[at] != mark()) {
      at = (at + 1) % kCells;
    }
    if (++size_ == kCells / 2) {
      std::abort();
    }
    cells_[at] = memory;
  }

  [[nodiscard]] bool remove(void* memory) noexcept {
    for (std::size_t at = place(memory); cells_[at] != nullptr; at = (at + 1) % kCells) {
      if (cells_[at] == memory) {
        cells_[at] = mark();
        if (--size_ == 0) {
          cells_.fill(nullptr);
        }
        return true;
      }
    }
    return false;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  static constexpr std::size_t kCells = 4096;
  [[nodiscard]] static std::size_t place(void* memory) noexcept {
    return (reinterpret_cast<std::uintptr_t>(memory) >> 4U) * 2654435761U % kCells;
  }
  [[nodiscard]] static void* mark() noexcept { return reinterpret_cast<void*>(1); }

  std::array<void*, kCells> cells_{};
  std::size_t size_ = 0;
};

constinit thread_local LiveSet live;

// Whether this allocation fails.
[[nodiscard]] bool fails() noexcept {
  LibraryAllocations& of = library_allocations;
  if (!of.in_library) {
    return false;
  }
  const std::size_t nth = of.made++;
  if (nth < of.first_fails || nth > of.last_fails) {
    return false;
  }
  errno = ENOMEM;
  return true;
}

[[nodiscard]] void* noted(void* memory) noexcept {
  if (memory != nullptr && library_allocations.in_library) {
    live.add(memory);
  }
  return memory;
}

[[nodiscard]] void* aligned(std::size_t alignment, std::size_t size) noexcept {
  return fails() ? nullptr : noted(__libc_memalign(alignment, size));
}

}  // namespace

std::size_t live_library_allocations() noexcept { return live.size(); }

}  // namespace bytes_handoff::test

using namespace bytes_handoff::test;  // NOLINT

extern "C" {

void* malloc(std::size_t size) { return fails() ? nullptr : noted(__libc_malloc(size)); }

void* calloc(std::size_t count, std::size_t size) {
  return fails() ? nullptr : noted(__libc_calloc(count, size));
}

void* realloc(void* memory, std::size_t size) {
  if (fails()) {
    return nullptr;
  }
  static_cast<void>(live.remove(memory));
  return noted(__libc_realloc(memory, size));
}

void* aligned_alloc(std::size_t alignment, std::size_t size) { return aligned(alignment, size); }
void* memalign(std::size_t alignment, std::size_t size) { return aligned(alignment, size); }

int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  *memory = aligned(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}

void free(void* memory) {
  if (memory != nullptr && live.remove(memory)) {
    std::memset(memory, 0xdd, malloc_usable_size(memory));
  }
  __libc_free(memory);
}

}  // extern "C"
