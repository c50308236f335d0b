#include "bytes_handoff/core/memory/pool.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <new>

#include "bytes_handoff/core/kernel/kernel_pipe.hpp"
#include "bytes_handoff/memory.hpp"

// GCC's thread-local objects on Windows lose their memory before a thread's destructors run: what
// such a thread keeps would be lost at its end.
#if defined(__SANITIZE_ADDRESS__) || (defined(__MINGW32__) && !defined(__clang__))
#define BYTES_HANDOFF_UNPOOLED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BYTES_HANDOFF_UNPOOLED 1
#endif
#endif

#if !defined(BYTES_HANDOFF_UNPOOLED)
#include "pool_depot.hpp"
#endif

#if defined(__unix__) || defined(__APPLE__)
#define BYTES_HANDOFF_FORKS 1
#include <pthread.h>
#endif

namespace bytes_handoff {
namespace detail {
namespace {

#if defined(BYTES_HANDOFF_UNPOOLED)

void* system_allocate(std::size_t size) {
  return ::operator new (size, std::align_val_t{kCacheLine});
}

void system_deallocate(void* slot) noexcept {
  ::operator delete (slot, std::align_val_t{kCacheLine});
}

#else

constinit thread_local ThreadCache cache{};

// Never destroyed: slots are given back by destructors of static objects too. Made before anything
// runs: the child of a fork does not wait for another thread that was about to make it.
union DepotHolder {
  constexpr DepotHolder() noexcept : depot() {}
  ~DepotHolder() {}  // NOLINT(modernize-use-equals-default): it would be deleted
  Depot depot;
};
constinit DepotHolder depot_holder;

#if defined(BYTES_HANDOFF_FORKS)

// A fork waits until no other thread is in the depot, so that the child finds it whole. Threads may
// register these twice when they are first here at once; the second registration only counts. Other
// handlers of the same fork may use the pool meanwhile. Where these are registered in the middle of
// a fork, some systems call those behind it alone.
void before_fork() noexcept {
  if (cache.forks++ == 0) {
    depot_holder.depot.mutex.lock();
  }
}

void after_fork() noexcept {
  if (cache.forks != 0 && --cache.forks == 0) {
    depot_holder.depot.mutex.unlock();
  }
}

// What the caches of the other threads hold is out of reach: they do not exist in the child.
void after_fork_in_child() noexcept {
  if (cache.forks == 1) {
    depot_holder.depot.keep_only(cache);
  }
  after_fork();
}

// Before the mutex is locked for the first time. Without an initialization guard: the child of a
// fork would wait for the thread that was in it.
void watch_forks() noexcept {
  static constinit std::atomic<bool> watched{false};
  if (!watched.load(std::memory_order_acquire) &&
      pthread_atfork(&before_fork, &after_fork, &after_fork_in_child) == 0) {
    watched.store(true, std::memory_order_release);
  }
}

// Before `main`, so that a program's own handlers may be the first to use the pool: what is
// registered in the middle of a fork comes too late for it. A fork before this is watched by who
// uses the pool.
[[maybe_unused]] const bool watched_from_the_start = (watch_forks(), true);

#else

void watch_forks() noexcept {}

#endif

// The depot, with its mutex held.
class DepotLock {
 public:
  DepotLock() noexcept {
    if (cache.forks == 0) {
      watch_forks();
      depot_holder.depot.mutex.lock();
    }
  }
  DepotLock(const DepotLock&) = delete;
  DepotLock& operator=(const DepotLock&) = delete;
  ~DepotLock() {
    if (cache.forks == 0) {
      depot_holder.depot.mutex.unlock();
    }
  }

  Depot* operator->() const noexcept { return &depot_holder.depot; }
};

struct FlushAtThreadExit {
  ~FlushAtThreadExit() {
    pool_flush_thread_cache();
    cache.state = CacheState::kThreadEnded;
    DepotLock()->remove_thread();
  }
};

// False when this thread is past its end and must not cache any more.
bool adopt_thread() noexcept {
  if (cache.state == CacheState::kUnused) {
    static thread_local FlushAtThreadExit flush;
    static_cast<void>(flush);
    cache.state = CacheState::kInUse;
    DepotLock()->add_thread();
  }
  return cache.state == CacheState::kInUse;
}

// A slot from the depot, with as many more as are half of the lease, for a list that is empty.
void* take_from_depot(std::size_t size_class) noexcept {
  FreeList& list = cache.lists[size_class];
  Leaving leaving;
  const DepotLock depot;
  depot->settle(cache, leaving);
  if (!depot->has(size_class)) {
    return nullptr;
  }
  if (list.limit < kLeaseToMove) {
    depot->lease_more(cache, size_class, leaving);
  }
  const std::uint32_t most = std::clamp(list.limit / 2, std::uint32_t{1}, kMostSlotsAMove);
  const Chain chain = depot->take(size_class, most);
  if (chain.count == 0) {
    return nullptr;
  }
  list.head = chain.first->next;
  list.count = chain.count - 1;
  return chain.first;
}

void* allocate_slow(std::size_t size_class) {
  if (adopt_thread()) {
    cache.ran_empty |= std::uint32_t{1} << size_class;
    if (void* const slot = take_from_depot(size_class)) {
      return slot;
    }
  }
  return allocate_slot(size_class);
}

Chain cut_half(FreeList& list) noexcept {
  return list.cut(std::min({list.count, list.limit / 2, kMostSlotsAMove}));
}

void deallocate_slow(void* slot, std::size_t size_class) noexcept {
  const bool is_caching = adopt_thread();
  FreeList& list = cache.lists[size_class];
  const std::uint32_t bit = std::uint32_t{1} << size_class;
  const bool grows = is_caching && list.limit < kThreadLimit[size_class] &&
                     (list.limit < kLeaseToMove || (cache.ran_empty & bit) != 0);
  const Chain half = grows ? Chain() : cut_half(list);
  Leaving leaving;
  const DepotLock depot;
  if (is_caching) {
    depot->settle(cache, leaving);
  }
  depot->put(half, size_class, leaving);
  if (grows) {
    depot->lease_more(cache, size_class, leaving);
    cache.ran_empty &= ~bit;
    if (list.count >= list.limit) {
      depot->put(cut_half(list), size_class, leaving);
    }
  }
  if (list.count < list.limit) {
    list.push(slot);
  } else {
    FreeSlot* const alone = ::new (slot) FreeSlot{nullptr};
    depot->put({alone, alone, 1}, size_class, leaving);
  }
}

inline void* allocate_in(std::size_t size_class) {
  if (FreeList& list = cache.lists[size_class]; list.head != nullptr) {
    return list.pop();
  }
  return allocate_slow(size_class);
}

inline void deallocate_in(void* slot, std::size_t size_class) noexcept {
  if (FreeList& list = cache.lists[size_class]; list.count < list.limit) {
    list.push(slot);
  } else {
    deallocate_slow(slot, size_class);
  }
}

#endif

}  // namespace

#if defined(BYTES_HANDOFF_UNPOOLED)

void* pool_allocate(std::size_t size) { return system_allocate(size); }
void pool_deallocate(void* slot, std::size_t) noexcept { system_deallocate(slot); }
void* pool_allocate_small(std::size_t size) { return ::operator new(size); }
void pool_deallocate_small(void* slot, std::size_t) noexcept { ::operator delete(slot); }
void pool_flush_thread_cache() noexcept {}

#else

void* pool_allocate(std::size_t size) {
  if (size > kLargestPooled + kCacheLine) {
    return system_allocate(size);
  }
  return allocate_in(class_of_request(size));
}

void pool_deallocate(void* slot, std::size_t size) noexcept {
  if (size > kLargestPooled + kCacheLine) {
    system_deallocate(slot);
    return;
  }
  deallocate_in(slot, class_of_request(size));
}

void* pool_allocate_small(std::size_t size) { return allocate_in(class_of_small_request(size)); }

void pool_deallocate_small(void* slot, std::size_t size) noexcept {
  deallocate_in(slot, class_of_small_request(size));
}

void pool_flush_thread_cache() noexcept {
  Leaving leaving;
  const DepotLock depot;
  depot->end_lease(cache, leaving);
}

#endif

}  // namespace detail

#if defined(BYTES_HANDOFF_UNPOOLED)

PoolStatistics pool_statistics() noexcept { return {}; }
void pool_trim() noexcept { detail::close_idle_pipes(); }
void pool_set_limit(std::size_t) noexcept {}

#else

PoolStatistics pool_statistics() noexcept { return detail::DepotLock()->statistics(); }

void pool_trim() noexcept {
  detail::close_idle_pipes();
  detail::Leaving leaving;
  const detail::DepotLock depot;
  depot->trim(leaving);
  depot->settle(detail::cache, leaving);
}

void pool_set_limit(std::size_t bytes) noexcept {
  detail::Leaving leaving;
  const detail::DepotLock depot;
  depot->set_limit(bytes, leaving);
  depot->settle(detail::cache, leaving);
}

#endif

}  // namespace bytes_handoff
