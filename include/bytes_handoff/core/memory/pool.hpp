#pragma once

// Memory that comes and goes at the pace of reads and writes: blocks, item segments, ticket states,
// small copies.
//
// Every slot belongs to a size class: powers of two, and for small things the half of the way to
// the next one, too. A thread takes from and gives back to a cache of its own without
// synchronization; a cache that runs empty or over is refilled from, or partly emptied into, a
// depot that all threads share (one mutex, many slots at a time). A slot may be given back on
// another thread than the one that took it. What the depot may not keep goes back to `operator
// delete`.
//
// One limit bounds what caches and depot keep together (bytes_handoff/memory.hpp). A cache holds no
// more than it has leased from that limit, and leases change only under the depot's mutex.
//
// Under AddressSanitizer nothing is cached, so that a use after free is seen where it happens.

#include <bit>
#include <cstddef>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

inline constexpr std::size_t kCacheLine = 64;

/// Smallest and largest slot that is cached; larger requests go straight to `operator new`.
inline constexpr std::size_t kSmallestPooled = 64;
inline constexpr std::size_t kLargestPooled = 128 * 1024;

/// Smallest and largest slot of `pool_allocate_small`.
inline constexpr std::size_t kSmallestSmall = 32;
inline constexpr std::size_t kLargestSmall = 1024;

/// Bytes that a thread keeps for itself, of one size class and in all; bytes that the depot keeps
/// of one. The process's limit may be less.
inline constexpr std::size_t kThreadCacheBytesPerClass = 2 * 1024 * 1024;
inline constexpr std::size_t kThreadCacheBytes = 4 * 1024 * 1024;
inline constexpr std::size_t kDepotBytesPerClass = 8 * 1024 * 1024;

/// Bytes that the system takes for a request beyond its size: usually, and at most, where the rest
/// of a piece is too small for another request.
inline constexpr std::size_t kSystemOverhead = 2 * sizeof(void*);
inline constexpr std::size_t kMostSystemOverhead = 4 * sizeof(void*);
/// Bytes that a slot of `pool_allocate` takes beyond its size: also room to align it.
inline constexpr std::size_t kSlotOverhead = kCacheLine + kSystemOverhead;

/// At least `size` bytes, aligned to a cache line. O(1), about 5 ns from the thread's cache.
/// Throws std::bad_alloc.
[[nodiscard]] void* pool_allocate(std::size_t size);

/// Gives back what `pool_allocate(size)` returned, with the same size, on any thread. O(1).
void pool_deallocate(void* slot, std::size_t size) noexcept;

/// At least `size` bytes, at most `kLargestSmall`, aligned as `operator new` aligns, without room
/// to align them further. O(1). Throws std::bad_alloc.
[[nodiscard]] void* pool_allocate_small(std::size_t size);

/// Gives back what `pool_allocate_small(size)` returned, with the same size, on any thread. O(1).
void pool_deallocate_small(void* slot, std::size_t size) noexcept;

/// The size class of a small request, and the size of its slots: 32, 48, 64, 96 and so on
[[nodiscard]] constexpr std::size_t small_class_of(std::size_t size) noexcept {
  if (size <= kSmallestSmall) {
    return 0;
  }
  const auto width = static_cast<std::size_t>(std::bit_width(size - 1));
  const std::size_t quarter = (size - 1) >> (width - 2);  // 2 or 3
  return 2 * (width - std::bit_width(kSmallestSmall)) + quarter - 1;
}
[[nodiscard]] constexpr std::size_t small_slot_size(std::size_t small_class) noexcept {
  return small_class % 2 == 0 ? kSmallestSmall << (small_class / 2)
                              : (kSmallestSmall / 2 * 3) << (small_class / 2);
}

/// Gives this thread's cached slots, and its lease, to the depot. A thread does so itself when it
/// ends.
void pool_flush_thread_cache() noexcept;

}  // namespace bytes_handoff::detail
