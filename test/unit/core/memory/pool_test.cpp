#include "bytes_handoff/core/memory/pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <latch>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "support/memory/allocation_counter.hpp"
#include "support/memory/pooling.hpp"

namespace bytes_handoff::detail {
namespace {

using test::AllocationScope;

template <class F>
void on_a_thread_of_its_own(F body) {
  std::thread(body).join();
}

std::vector<void*> take(std::size_t count, std::size_t size) {
  std::vector<void*> slots;
  slots.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    slots.push_back(pool_allocate(size));
  }
  return slots;
}

void give_back(const std::vector<void*>& slots, std::size_t size) {
  for (void* slot : slots) {
    pool_deallocate(slot, size);
  }
}

std::vector<std::size_t> sizes_around_every_class() {
  std::vector<std::size_t> sizes{0, 1};
  for (std::size_t power = kSmallestPooled; power <= 2 * kLargestPooled; power *= 2) {
    for (const std::size_t base : {power, power + kCacheLine}) {
      sizes.insert(sizes.end(), {base - 1, base, base + 1});
    }
  }
  return sizes;
}

TEST(Pool, EverySlotIsAlignedToACacheLineAndUsableToItsLastByte) {
  struct Slot {
    unsigned char* memory;
    std::size_t size;
    int mark;
  };
  std::vector<Slot> slots;
  int mark = 1;
  for (int round = 0; round < 3; ++round) {
    for (const std::size_t size : sizes_around_every_class()) {
      auto* memory = static_cast<unsigned char*>(pool_allocate(size));
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(memory) % kCacheLine, 0U) << size;
      std::memset(memory, mark, size);
      slots.push_back({memory, size, mark});
      mark = mark % 250 + 1;
    }
  }
  for (const Slot& slot : slots) {
    const auto expected = static_cast<unsigned char>(slot.mark);
    const bool intact = std::all_of(slot.memory, slot.memory + slot.size,
                                    [&](unsigned char byte) { return byte == expected; });
    EXPECT_TRUE(intact) << "slots overlap at size " << slot.size;
    pool_deallocate(slot.memory, slot.size);
  }
}

TEST(Pool, ASmallSlotIsUsableToItsLastByteAndAtMostHalfAsLargeAgain) {
  std::vector<void*> slots;
  for (std::size_t size = 0; size <= kLargestSmall; ++size) {
    const std::size_t slot_size = small_slot_size(small_class_of(size));
    EXPECT_GE(slot_size, size);
    EXPECT_TRUE(slot_size <= kSmallestSmall || 2 * slot_size < 3 * size) << size;
    slots.push_back(pool_allocate_small(size));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(slots[size]) % 16, 0U);
    std::memset(slots[size], static_cast<int>(size % 251), size);
  }
  for (std::size_t size = 0; size <= kLargestSmall; ++size) {
    const auto* memory = static_cast<const unsigned char*>(slots[size]);
    EXPECT_TRUE(
        std::all_of(memory, memory + size, [&](unsigned char byte) { return byte == size % 251; }))
        << "slots overlap at size " << size;
    pool_deallocate_small(slots[size], size);
  }
}

TEST(Pool, ASlotThatWasGivenBackIsTakenAgain) {
  if (!test::kPooled) GTEST_SKIP() << "nothing is cached under AddressSanitizer";
  for (const std::size_t size : {std::size_t{1}, kSmallestPooled, kSmallestPooled + kCacheLine,
                                 std::size_t{5000}, kLargestPooled, kLargestPooled + kCacheLine}) {
    void* first = pool_allocate(size);
    pool_deallocate(first, size);
    AllocationScope counted;
    void* second = pool_allocate(size);
    EXPECT_EQ(counted.allocations(), 0U);
    EXPECT_EQ(second, first) << size;
    pool_deallocate(second, size);
  }
}

TEST(Pool, SteadyUseTakesNothingFromTheSystemAndGivesNothingBack) {
  if (!test::kPooled) GTEST_SKIP() << "nothing is cached under AddressSanitizer";
  for (const std::size_t size : {std::size_t{64}, std::size_t{2048}, std::size_t{65600}}) {
    std::vector<void*> slots = take(16, size);
    give_back(slots, size);
    AllocationScope counted;
    for (int round = 0; round < 1000; ++round) {
      for (void*& slot : slots) {
        slot = pool_allocate(size);
      }
      give_back(slots, size);
    }
    EXPECT_EQ(counted.allocations(), 0U) << size;
    EXPECT_EQ(counted.deallocations(), 0U) << size;
  }
}

TEST(Pool, LargerThanTheLargestClassGoesStraightToTheSystem) {
  const std::size_t size = kLargestPooled + kCacheLine + 1;
  for (int round = 0; round < 3; ++round) {
    AllocationScope counted;
    void* slot = pool_allocate(size);
    EXPECT_EQ(counted.allocations(), 1U);
    pool_deallocate(slot, size);
    EXPECT_EQ(counted.deallocations(), 1U);
  }
}

TEST(Pool, ASizeThatCannotBeHadThrowsBadAlloc) {
  for (const std::size_t size : {SIZE_MAX / 2, SIZE_MAX - kCacheLine, SIZE_MAX}) {
    EXPECT_THROW(static_cast<void>(pool_allocate(size)), std::bad_alloc) << size;
  }
}

TEST(Pool, AFailureOfTheSystemLeavesThePoolUsable) {
  on_a_thread_of_its_own([] {
    const std::size_t size = kLargestPooled * 2;
    {
      test::FailingAllocations no_memory;
      EXPECT_THROW(static_cast<void>(pool_allocate(size)), std::bad_alloc);
    }
    void* slot = pool_allocate(size);
    std::memset(slot, 1, size);
    pool_deallocate(slot, size);
  });
}

TEST(Pool, WhatAThreadAndTheDepotMayNotKeepGoesBackToTheSystem) {
  if (!test::kPooled) GTEST_SKIP() << "nothing is cached under AddressSanitizer";
  on_a_thread_of_its_own([] {
    constexpr std::size_t kSize = kLargestPooled;
    constexpr std::size_t kThreadKeeps = kThreadCacheBytesPerClass / kSize;
    constexpr std::size_t kDepotKeeps = kDepotBytesPerClass / kSize;
    constexpr std::size_t kTaken = 2 * (kThreadKeeps + kDepotKeeps);
    const std::vector<void*> slots = take(kTaken, kSize);
    AllocationScope counted;
    give_back(slots, kSize);
    EXPECT_GE(counted.deallocations(), kTaken - kThreadKeeps - kDepotKeeps);
    EXPECT_LT(counted.deallocations(), kTaken) << "nothing was kept";

    pool_flush_thread_cache();
    EXPECT_GE(counted.deallocations(), kTaken - kDepotKeeps) << "the thread still keeps some";

    AllocationScope after;
    const std::vector<void*> again = take(kDepotKeeps / 2, kSize);
    EXPECT_EQ(after.allocations(), 1U) << "only the vector: the depot hands out what it keeps";
    give_back(again, kSize);
  });
}

TEST(Pool, AThreadLeavesItsSlotsToTheOthersWhenItEnds) {
  if (!test::kPooled) GTEST_SKIP() << "nothing is cached under AddressSanitizer";
  constexpr std::size_t kSize = 24 * 1024;
  constexpr std::size_t kCount = 20;
  on_a_thread_of_its_own([] { give_back(take(kCount, kSize), kSize); });
  on_a_thread_of_its_own([] {
    AllocationScope counted;
    std::vector<void*> slots;
    slots.reserve(kCount);
    const std::size_t own = counted.allocations();
    for (std::size_t i = 0; i < kCount; ++i) {
      slots.push_back(pool_allocate(kSize));
    }
    EXPECT_EQ(counted.allocations(), own);
    give_back(slots, kSize);
  });
}

TEST(Pool, ASlotMayBeGivenBackOnAnotherThreadAndIsUsedThere) {
  constexpr std::size_t kSize = 3000;
  const std::vector<void*> slots = take(8, kSize);
  on_a_thread_of_its_own([&] {
    give_back(slots, kSize);
    if (test::kPooled) {
      std::vector<void*> again = take(8, kSize);
      EXPECT_TRUE(std::is_permutation(again.begin(), again.end(), slots.begin()));
      give_back(again, kSize);
    }
  });
}

// Lives longer than the cache of its thread when it is made before the thread's first slot.
struct UsesThePoolWhenItsThreadEnds {
  static constexpr std::size_t kSize = 40 * 1024;
  static inline void* given_back = nullptr;
  void* slot = nullptr;
  ~UsesThePoolWhenItsThreadEnds() {
    void* another = pool_allocate(kSize);
    std::memset(another, 1, kSize);
    pool_deallocate(another, kSize);
    given_back = slot;
    pool_deallocate(slot, kSize);
  }
};

// Takes slots until one has to come from the system: all that this thread and the depot had.
std::vector<void*> take_all_cached(std::size_t size) {
  std::vector<void*> slots;
  slots.reserve(2 * (kThreadCacheBytesPerClass + kDepotBytesPerClass) / size);
  for (AllocationScope counted; counted.allocations() == 0;) {
    slots.push_back(pool_allocate(size));
  }
  return slots;
}

TEST(Pool, DestructorsOfThreadLocalObjectsMayUseItAndLeakNothing) {
  constexpr std::size_t kSize = UsesThePoolWhenItsThreadEnds::kSize;
  // A depot that is full would give the slot to the system.
  const std::vector<void*> earlier = take_all_cached(kSize);
  on_a_thread_of_its_own([] {
    thread_local UsesThePoolWhenItsThreadEnds late;
    late.slot = nullptr;
    late.slot = pool_allocate(kSize);
  });
  on_a_thread_of_its_own([] {
    if (!test::kPooled) return;
    const std::vector<void*> cached = take_all_cached(kSize);
    EXPECT_NE(std::find(cached.begin(), cached.end(), UsesThePoolWhenItsThreadEnds::given_back),
              cached.end());
    give_back(cached, kSize);
  });
  give_back(earlier, kSize);
}

TEST(Pool, SlotsThatGoBackAndForthBetweenThreadsNeverHaveTwoOwners) {
  struct Parcel {
    unsigned char* memory;
    std::size_t size;
    unsigned char mark;
  };
  std::mutex mutex;
  std::deque<Parcel> parcels;
  std::latch start(2);
  std::size_t broken = 0;
  const auto work = [&](unsigned char mark) {
    start.arrive_and_wait();
    for (std::size_t i = 0; i < 20'000; ++i) {
      const std::size_t size = 1 + (i * 97) % 4096;
      auto* memory = static_cast<unsigned char*>(pool_allocate(size));
      std::memset(memory, mark, size);
      std::lock_guard lock(mutex);
      parcels.push_back({memory, size, mark});
      if (parcels.size() > 200) {
        const Parcel parcel = parcels.front();
        parcels.pop_front();
        broken += parcel.memory[0] != parcel.mark || parcel.memory[parcel.size - 1] != parcel.mark;
        pool_deallocate(parcel.memory, parcel.size);
      }
    }
  };
  std::thread other([&] { work(1); });
  work(2);
  other.join();
  EXPECT_EQ(broken, 0U);
  for (const Parcel& parcel : parcels) {
    pool_deallocate(parcel.memory, parcel.size);
  }
}

}  // namespace
}  // namespace bytes_handoff::detail
