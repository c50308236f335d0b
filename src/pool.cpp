#include "bytes_handoff/detail/pool.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <mutex>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define BYTES_HANDOFF_UNPOOLED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BYTES_HANDOFF_UNPOOLED 1
#endif
#endif

namespace bytes_handoff::detail {
namespace {

#if defined(BYTES_HANDOFF_UNPOOLED)

void* system_allocate(std::size_t size) {
  return ::operator new (size, std::align_val_t{kCacheLine});
}

void system_deallocate(void* slot) noexcept {
  ::operator delete (slot, std::align_val_t{kCacheLine});
}

#else

// Aligned here, in a plain request of one cache line more, whose address stands in front of the
// slot: before 2.38, glibc does not give the place of a freed aligned request to the next one of
// the same size.
void* system_allocate(std::size_t size) {
  if (size > SIZE_MAX - kCacheLine) {
    throw std::bad_alloc();
  }
  void* const request = ::operator new(size + kCacheLine);
  const auto address = reinterpret_cast<std::uintptr_t>(request);
  void* const slot = reinterpret_cast<void*>((address / kCacheLine + 1) * kCacheLine);
  static_cast<void**>(slot)[-1] = request;
  return slot;
}

void system_deallocate(void* slot) noexcept { ::operator delete(static_cast<void**>(slot)[-1]); }

constexpr std::size_t kSmallestShift = std::bit_width(kSmallestPooled) - 1;
constexpr std::size_t kClasses = std::bit_width(kLargestPooled) - kSmallestShift;

constexpr std::size_t class_of(std::size_t size) {
  return size <= kSmallestPooled
             ? 0
             : static_cast<std::size_t>(std::bit_width(size - 1)) - kSmallestShift;
}

// Blocks carry a header of one cache line; a slot has room for it beside a power of two of data.
constexpr std::size_t slot_size(std::size_t size_class) {
  return (kSmallestPooled << size_class) + kCacheLine;
}

constexpr std::array<std::size_t, kClasses> slots_within(std::size_t bytes) {
  std::array<std::size_t, kClasses> slots{};
  for (std::size_t size_class = 0; size_class < kClasses; ++size_class) {
    slots[size_class] = std::max<std::size_t>(bytes / slot_size(size_class), 8);
  }
  return slots;
}

constexpr auto kThreadLimit = slots_within(kThreadCacheBytesPerClass);
constexpr auto kDepotLimit = slots_within(kDepotBytesPerClass);
constexpr std::size_t kMostSlotsARefill = 64;

// A request of a header and a power of two fits the class of that power.
constexpr std::size_t class_of_request(std::size_t size) {
  return class_of(size > kCacheLine ? size - kCacheLine : size);
}

struct FreeSlot {
  FreeSlot* next;
};

struct FreeList {
  FreeSlot* head;
  std::size_t count;

  void push(void* slot) noexcept {
    head = ::new (slot) FreeSlot{head};
    ++count;
  }

  void* pop() noexcept {
    FreeSlot* slot = head;
    head = slot->next;
    --count;
    return slot;
  }
};

class Depot {
 public:
  // Moves up to `wanted` slots to `to`. False when there was none.
  bool refill(FreeList& to, std::size_t size_class, std::size_t wanted) noexcept {
    std::lock_guard lock(mutex_);
    FreeList& from = lists_[size_class];
    const std::size_t moved = std::min(wanted, from.count);
    for (std::size_t i = 0; i < moved; ++i) {
      to.push(from.pop());
    }
    return moved != 0;
  }

  // Takes `surplus` slots from `from`; what is over the depot's own limit goes to the system.
  void take(FreeList& from, std::size_t size_class, std::size_t surplus) noexcept {
    {
      std::lock_guard lock(mutex_);
      FreeList& to = lists_[size_class];
      for (; surplus != 0 && to.count < kDepotLimit[size_class]; --surplus) {
        to.push(from.pop());
      }
    }
    for (; surplus != 0; --surplus) {
      system_deallocate(from.pop());
    }
  }

 private:
  std::mutex mutex_;
  std::array<FreeList, kClasses> lists_{};
};

// Never destroyed: slots are given back by destructors of static objects too.
Depot& depot() {
  static Depot& instance = *new Depot;
  return instance;
}

enum class CacheState : unsigned char { kUnused, kInUse, kThreadEnded };

// Trivial on purpose: reached without an initialization guard, and still there while the thread's
// other thread_local objects are destroyed.
struct ThreadCache {
  std::array<FreeList, kClasses> lists;
  CacheState state;
};
constinit thread_local ThreadCache cache{};

struct FlushAtThreadExit {
  ~FlushAtThreadExit() {
    pool_flush_thread_cache();
    cache.state = CacheState::kThreadEnded;
  }
};

// False when this thread is past its end and must not cache any more.
bool adopt_thread() noexcept {
  if (cache.state == CacheState::kUnused) {
    static thread_local FlushAtThreadExit flush;
    static_cast<void>(flush);
    cache.state = CacheState::kInUse;
  }
  return cache.state == CacheState::kInUse;
}

void* allocate_slow(std::size_t size_class) {
  FreeList& list = cache.lists[size_class];
  if (adopt_thread()) {
    const std::size_t wanted = std::min(kThreadLimit[size_class] / 2, kMostSlotsARefill);
    if (depot().refill(list, size_class, wanted)) {
      return list.pop();
    }
  }
  return system_allocate(slot_size(size_class));
}

void deallocate_slow(void* slot, std::size_t size_class) noexcept {
  FreeList& list = cache.lists[size_class];
  list.push(slot);
  if (!adopt_thread()) {
    depot().take(list, size_class, list.count);
  } else if (list.count > kThreadLimit[size_class]) {
    depot().take(list, size_class, list.count - kThreadLimit[size_class] / 2);
  }
}

#endif

}  // namespace

#if defined(BYTES_HANDOFF_UNPOOLED)

void* pool_allocate(std::size_t size) { return system_allocate(size); }
void pool_deallocate(void* slot, std::size_t) noexcept { system_deallocate(slot); }
void pool_flush_thread_cache() noexcept {}

#else

void* pool_allocate(std::size_t size) {
  if (size > kLargestPooled + kCacheLine) {
    return system_allocate(size);
  }
  const std::size_t size_class = class_of_request(size);
  if (FreeList& list = cache.lists[size_class]; list.head != nullptr) {
    return list.pop();
  }
  return allocate_slow(size_class);
}

void pool_deallocate(void* slot, std::size_t size) noexcept {
  if (size > kLargestPooled + kCacheLine) {
    system_deallocate(slot);
    return;
  }
  const std::size_t size_class = class_of_request(size);
  FreeList& list = cache.lists[size_class];
  if (cache.state == CacheState::kInUse && list.count < kThreadLimit[size_class]) {
    list.push(slot);
    return;
  }
  deallocate_slow(slot, size_class);
}

void pool_flush_thread_cache() noexcept {
  for (std::size_t size_class = 0; size_class < kClasses; ++size_class) {
    FreeList& list = cache.lists[size_class];
    depot().take(list, size_class, list.count);
  }
}

#endif

}  // namespace bytes_handoff::detail
