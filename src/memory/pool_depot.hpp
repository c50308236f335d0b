#pragma once

// The parts of the pool: size classes, what a thread keeps, and the depot that threads share. Of
// src/memory/pool.cpp alone.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>

#include "bytes_handoff/core/memory/pool.hpp"
#include "bytes_handoff/core/support/static_mutex.hpp"
#include "bytes_handoff/memory.hpp"

namespace bytes_handoff::detail {

// Aligned here, in a plain request of one cache line more, whose address stands in front of the
// slot: before 2.38, glibc does not give the place of a freed aligned request to the next one of
// the same size.
inline void* system_allocate(std::size_t size) {
  if (size > SIZE_MAX - kCacheLine) {
    throw std::bad_alloc();
  }
  void* const request = ::operator new(size + kCacheLine);
  const auto address = reinterpret_cast<std::uintptr_t>(request);
  void* const slot = reinterpret_cast<void*>((address / kCacheLine + 1) * kCacheLine);
  static_cast<void**>(slot)[-1] = request;
  return slot;
}

inline void system_deallocate(void* slot) noexcept {
  ::operator delete(static_cast<void**>(slot)[-1]);
}

// Classes of `pool_allocate`, then those of `pool_allocate_small`.
inline constexpr std::size_t kSmallestShift = std::bit_width(kSmallestPooled) - 1;
inline constexpr std::size_t kAlignedClasses = std::bit_width(kLargestPooled) - kSmallestShift;
inline constexpr std::size_t kClasses = kAlignedClasses + small_class_of(kLargestSmall) + 1;

constexpr std::size_t class_of(std::size_t size) {
  return size <= kSmallestPooled
             ? 0
             : static_cast<std::size_t>(std::bit_width(size - 1)) - kSmallestShift;
}

// A request of a header and a power of two fits the class of that power.
constexpr std::size_t class_of_request(std::size_t size) {
  return class_of(size > kCacheLine ? size - kCacheLine : size);
}

constexpr std::size_t class_of_small_request(std::size_t size) {
  return kAlignedClasses + small_class_of(size);
}

constexpr bool is_small(std::size_t size_class) { return size_class >= kAlignedClasses; }

// Blocks carry a header of one cache line; a slot has room for it beside a power of two of data.
constexpr std::size_t slot_size(std::size_t size_class) {
  return is_small(size_class) ? small_slot_size(size_class - kAlignedClasses)
                              : (kSmallestPooled << size_class) + kCacheLine;
}

// What a slot takes from the system.
constexpr std::size_t footprint(std::size_t size_class) {
  return slot_size(size_class) + (is_small(size_class) ? kSystemOverhead : kSlotOverhead);
}

inline void* allocate_slot(std::size_t size_class) {
  return is_small(size_class) ? ::operator new(slot_size(size_class))
                              : system_allocate(slot_size(size_class));
}

inline void deallocate_slot(void* slot, std::size_t size_class) noexcept {
  if (is_small(size_class)) {
    ::operator delete(slot);
  } else {
    system_deallocate(slot);
  }
}

using SlotCounts = std::array<std::uint32_t, kClasses>;

consteval SlotCounts slots_within(std::size_t bytes, std::size_t least, std::size_t most) {
  SlotCounts slots{};
  for (std::size_t size_class = 0; size_class < kClasses; ++size_class) {
    slots[size_class] =
        static_cast<std::uint32_t>(std::clamp(bytes / footprint(size_class), least, most));
  }
  return slots;
}

inline constexpr SlotCounts kThreadLimit = slots_within(kThreadCacheBytesPerClass, 8, UINT32_MAX);
inline constexpr SlotCounts kDepotLimit = slots_within(kDepotBytesPerClass, 8, UINT32_MAX);
// What a thread leases for a class at first. It trades the memory of threads that use many classes
// little against visits to the depot: a lease doubles at each until it is enough.
inline constexpr SlotCounts kFirstLease = slots_within(64 * 1024, 2, 8);
inline constexpr std::uint32_t kMostSlotsAMove = 64;
// A lease that is enough for such moves. A thread has more of a class only if its list runs empty
// and over in turns: one that only gives back leaves the slots to those that take.
inline constexpr std::uint32_t kLeaseToMove = 2 * kMostSlotsAMove;
static_assert(kClasses <= 32, "more than there are bits in ThreadCache::ran_empty");

struct FreeSlot {
  FreeSlot* next;
};

/// Slots that move together: moving them is O(1) where their last is known.
struct Chain {
  FreeSlot* first = nullptr;
  FreeSlot* last = nullptr;
  std::uint32_t count = 0;
};

struct FreeList {
  FreeSlot* head;
  std::uint32_t count;
  std::uint32_t limit;  // in a thread's cache: the slots that it has leased room for

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

  /// The first `n`, which must be there. O(n).
  Chain cut(std::uint32_t n) noexcept {
    Chain chain{head, head, n};
    if (n == 0) {
      return {};
    }
    for (; n > 1; --n) {
      chain.last = chain.last->next;
    }
    head = chain.last->next;
    count -= chain.count;
    chain.last->next = nullptr;
    return chain;
  }
};

enum class CacheState : unsigned char { kUnused, kInUse, kThreadEnded };

// Trivial on purpose: reached without an initialization guard, and still there while the thread's
// other thread_local objects are destroyed.
struct ThreadCache {
  std::array<FreeList, kClasses> lists;
  std::size_t leased;       // bytes: the sum of what the lists may hold
  std::size_t trims;        // of the depot's, those that this thread has followed
  std::uint32_t ran_empty;  // a bit for each class that did since its lease last grew
  unsigned forks;           // handlers of a fork that hold the depot's mutex for this thread
  CacheState state;
};

// Slots on their way to the system. They go at its end, when the depot's mutex is free again.
class Leaving {
 public:
  Leaving() noexcept = default;
  Leaving(const Leaving&) = delete;
  Leaving& operator=(const Leaving&) = delete;
  ~Leaving() {
    while (head_ != nullptr) {
      const Slots slots = *head_;
      deallocate_slot(head_, slots.size_class);
      for (FreeSlot* slot = slots.next; slot != nullptr;) {
        deallocate_slot(std::exchange(slot, slot->next), slots.size_class);
      }
      head_ = slots.below;
    }
  }

  void add(const Chain& chain, std::size_t size_class) noexcept {
    if (chain.count != 0) {
      FreeSlot* const next = chain.first->next;
      head_ = ::new (static_cast<void*>(chain.first)) Slots{next, head_, size_class};
    }
  }

 private:
  struct Slots {  // in the first of them
    FreeSlot* next;
    Slots* below;
    std::size_t size_class;
  };
  static_assert(sizeof(Slots) <= kSmallestSmall);

  Slots* head_ = nullptr;
};

// The depot's slots of one class, in batches as they came, so that the mutex is held for a moment
// alone: threads that wait for it go to sleep.
class Batches {
 public:
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }

  /// O(1).
  void put(const Chain& chain) noexcept {
    Batch* below = top_;
    std::uint32_t count = chain.count;
    if (below != nullptr && count + below->count <= kMostSlotsAMove) {
      count += below->count;
      const Batch joined = *below;
      chain.last->next = ::new (static_cast<void*>(below)) FreeSlot{joined.next};
      below = joined.below;
    }
    FreeSlot* const next = chain.first->next;
    top_ = ::new (static_cast<void*>(chain.first)) Batch{next, below, count};
    count_ += chain.count;
  }

  /// Some, at most `most` and at least one if there is any. O(1) for as many as were put together,
  /// else O(most). Precondition: `most` is not 0.
  [[nodiscard]] Chain take(std::uint32_t most) noexcept {
    if (top_ == nullptr) {
      return {};
    }
    const Batch batch = *top_;
    Chain chain{::new (static_cast<void*>(top_)) FreeSlot{batch.next}, nullptr, batch.count};
    top_ = batch.below;
    if (batch.count > most) {
      chain.count = most;
      FreeSlot* last = chain.first;
      for (std::uint32_t n = most; n > 1; --n) {
        last = last->next;
      }
      FreeSlot* const rest = std::exchange(last->next, nullptr);
      FreeSlot* const next = rest->next;
      top_ = ::new (static_cast<void*>(rest)) Batch{next, batch.below, batch.count - most};
    }
    count_ -= chain.count;
    return chain;
  }

 private:
  struct Batch {  // in its first slot
    FreeSlot* next;
    Batch* below;
    std::uint32_t count;
  };
  static_assert(sizeof(Batch) <= kSmallestSmall);

  Batch* top_ = nullptr;
  std::uint32_t count_ = 0;
};

// What all threads share. Everything in it is called with the mutex held.
class Depot {
 public:
  StaticMutex mutex;

  [[nodiscard]] PoolStatistics statistics() const noexcept {
    return {limit_, bytes_, leased_, threads_};
  }

  void add_thread() noexcept { ++threads_; }
  void remove_thread() noexcept { --threads_; }
  void keep_only(const ThreadCache& survivor) noexcept {
    threads_ = survivor.state == CacheState::kInUse ? 1 : 0;
    leased_ = survivor.leased;
  }

  [[nodiscard]] bool has(std::size_t size_class) const noexcept {
    return batches_[size_class].count() != 0;
  }

  [[nodiscard]] Chain take(std::size_t size_class, std::uint32_t most) noexcept {
    const Chain chain = batches_[size_class].take(most);
    bytes_ -= chain.count * footprint(size_class);
    return chain;
  }

  void put(const Chain& chain, std::size_t size_class, Leaving& leaving) noexcept {
    if (chain.count == 0) {
      return;
    }
    Batches& batches = batches_[size_class];
    const std::size_t bytes = chain.count * footprint(size_class);
    if (batches.count() + chain.count <= kDepotLimit[size_class] && bytes <= room()) {
      bytes_ += bytes;
      batches.put(chain);
    } else {
      leaving.add(chain, size_class);
    }
  }

  // Lets the thread keep more slots of a class: twice as many, as far as its share and the limit
  // go. Where its share is used up, the class that has most gives half of it, provided that it is
  // left with no less: so two classes never take from each other in turns.
  void lease_more(ThreadCache& of, std::size_t size_class, Leaving& leaving) noexcept {
    FreeList& list = of.lists[size_class];
    const std::size_t each = footprint(size_class);
    const std::uint32_t wanted =
        std::min(std::max(2 * list.limit, kFirstLease[size_class]), kThreadLimit[size_class]);
    if (wanted <= list.limit) {
      return;
    }
    std::size_t bytes = (wanted - list.limit) * each;
    if (bytes > left_of_share(of)) {
      const std::size_t largest = largest_lease(of);
      if (of.lists[largest].limit * footprint(largest) / 2 >= wanted * each) {
        reduce(of, largest, of.lists[largest].limit / 2, leaving);
      }
      bytes = std::min(bytes, left_of_share(of));
    }
    give_back_until(bytes, leaving);
    const auto more = static_cast<std::uint32_t>(std::min(bytes, room()) / each);
    list.limit += more;
    of.leased += more * each;
    leased_ += more * each;
  }

  // What a thread owes at each visit: to follow a trim, and to keep to its share, which shrinks as
  // threads come.
  void settle(ThreadCache& of, Leaving& leaving) noexcept {
    if (of.trims != trims_) {
      of.trims = trims_;
      for (std::size_t size_class = 0; size_class < kClasses; ++size_class) {
        FreeList& list = of.lists[size_class];
        leaving.add(list.cut(list.count), size_class);
      }
      end_lease(of, leaving);
    }
    while (of.leased > share()) {
      const std::size_t largest = largest_lease(of);
      reduce(of, largest, of.lists[largest].limit / 2, leaving);
    }
  }

  void end_lease(ThreadCache& of, Leaving& leaving) noexcept {
    for (std::size_t size_class = 0; size_class < kClasses; ++size_class) {
      reduce(of, size_class, 0, leaving);
    }
  }

  void trim(Leaving& leaving) noexcept {
    ++trims_;
    give_back_until(SIZE_MAX, leaving);
  }

  void set_limit(std::size_t bytes, Leaving& leaving) noexcept {
    trims_ += bytes < limit_ ? 1 : 0;
    limit_ = bytes;
    give_back_until(0, leaving);
  }

 private:
  [[nodiscard]] std::size_t kept() const noexcept { return leased_ + bytes_; }
  [[nodiscard]] std::size_t room() const noexcept { return limit_ - std::min(limit_, kept()); }

  // A quarter of the limit is enough for all threads at first. What is left lets threads that come
  // later have their share, too, while the earlier ones keep what they leased when they were fewer.
  [[nodiscard]] std::size_t share() const noexcept {
    return std::min(kThreadCacheBytes, limit_ / 4 / std::max<std::size_t>(threads_, 1));
  }
  [[nodiscard]] std::size_t left_of_share(const ThreadCache& of) const noexcept {
    return share() - std::min(share(), of.leased);
  }

  [[nodiscard]] static std::size_t largest_lease(const ThreadCache& of) noexcept {
    std::size_t largest = 0;
    for (std::size_t size_class = 1; size_class < kClasses; ++size_class) {
      if (of.lists[size_class].limit * footprint(size_class) >
          of.lists[largest].limit * footprint(largest)) {
        largest = size_class;
      }
    }
    return largest;
  }

  void reduce(ThreadCache& of, std::size_t size_class, std::uint32_t limit,
              Leaving& leaving) noexcept {
    FreeList& list = of.lists[size_class];
    const std::size_t bytes = (list.limit - limit) * footprint(size_class);
    list.limit = limit;
    of.leased -= bytes;
    leased_ -= bytes;
    while (list.count > limit) {
      put(list.cut(std::min(list.count - limit, kMostSlotsAMove)), size_class, leaving);
    }
  }

  // Makes room in the limit, at the cost of what the depot keeps: of the class with the most bytes.
  void give_back_until(std::size_t bytes, Leaving& leaving) noexcept {
    while (bytes_ != 0 && (room() < bytes || kept() > limit_)) {
      std::size_t most = 0;
      for (std::size_t size_class = 1; size_class < kClasses; ++size_class) {
        if (batches_[size_class].count() * footprint(size_class) >
            batches_[most].count() * footprint(most)) {
          most = size_class;
        }
      }
      while (has(most) && (room() < bytes || kept() > limit_)) {
        leaving.add(take(most, 1), most);
      }
    }
  }

  std::size_t limit_ = kDefaultPoolLimit;
  std::size_t bytes_ = 0;
  std::size_t leased_ = 0;
  std::size_t threads_ = 0;
  std::size_t trims_ = 0;
  std::array<Batches, kClasses> batches_{};
};

}  // namespace bytes_handoff::detail
