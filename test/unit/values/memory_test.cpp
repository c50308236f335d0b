// What the pool keeps in all, and that it gives it back.
#include "bytes_handoff/memory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/core/memory/pool.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/memory/heap_in_use.hpp"
#include "support/memory/pooling.hpp"

namespace bytes_handoff {
namespace {

using detail::kThreadCacheBytes;
using detail::pool_allocate;
using detail::pool_allocate_small;
using detail::pool_deallocate;
using detail::pool_deallocate_small;

constexpr std::size_t kMiB = 1024 * 1024;

/// Nothing is cached by this thread and the depot at its begin, and the limit is the default again
/// at its end.
class PoolLimit : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::kPooled) GTEST_SKIP() << "nothing is cached under AddressSanitizer";
    pool_trim();
    ASSERT_EQ(pool_statistics().shared_bytes, 0U);
    ASSERT_EQ(pool_statistics().leased_bytes, 0U) << "only this thread is there";
  }
  void TearDown() override {
    pool_set_limit(kDefaultPoolLimit);
    pool_trim();
  }
};

void take_and_give_back(std::size_t count, std::size_t size) {
  std::vector<void*> slots(count);
  for (void*& slot : slots) {
    slot = pool_allocate(size);
  }
  for (void* slot : slots) {
    pool_deallocate(slot, size);
  }
}

/// 2 MiB of each of some size classes, as a thread with much to do has them.
void be_busy() {
  for (const std::size_t size :
       {std::size_t{64}, std::size_t{4096}, 64 * std::size_t{1024}, 128 * std::size_t{1024}}) {
    take_and_give_back(2 * kMiB / size, size);
  }
}

/// Threads that each run `work`, one after the other, and are all alive until it is destroyed.
class IdleThreads {
 public:
  IdleThreads(std::size_t count, const std::function<void()>& work)
      : all_idle_(static_cast<std::ptrdiff_t>(count) + 1),
        end_(static_cast<std::ptrdiff_t>(count) + 1) {
    for (std::size_t i = 0; i < count; ++i) {
      threads_.emplace_back([this, work] {
        {
          const std::lock_guard lock(one_at_a_time_);
          work();
        }
        all_idle_.arrive_and_wait();
        end_.arrive_and_wait();
        if (last_) {
          const std::lock_guard lock(one_at_a_time_);
          last_();
        }
      });
    }
    all_idle_.arrive_and_wait();
  }
  ~IdleThreads() { end({}); }

  /// Each runs `last` and ends.
  void end(std::function<void()> last) {
    if (threads_.empty()) return;
    last_ = std::move(last);
    end_.arrive_and_wait();
    for (std::thread& thread : threads_) {
      thread.join();
    }
    threads_.clear();
  }

 private:
  std::barrier<> all_idle_;
  std::barrier<> end_;
  std::mutex one_at_a_time_;
  std::function<void()> last_;
  std::vector<std::thread> threads_;
};

// What malloc itself keeps a thread: its cache of a few small pieces of each size.
constexpr std::size_t kSlack = 4 * kMiB;

TEST_F(PoolLimit, HoldsForThreadsThatWereBusyAndAreIdle) {
  const auto before = test::heap_in_use();
  const IdleThreads threads(64, be_busy);
  const PoolStatistics now = pool_statistics();
  EXPECT_EQ(now.limit_bytes, kDefaultPoolLimit);
  EXPECT_GE(now.threads, 64U);
  EXPECT_LE(now.cached_bytes(), kDefaultPoolLimit);
  EXPECT_GT(now.leased_bytes, 0U) << "nothing is kept at all";
  if (before) {
    EXPECT_LE(*test::heap_in_use() - *before, kDefaultPoolLimit + kSlack);
  }
}

TEST_F(PoolLimit, HoldsForThreadsThatWereBusyAndHaveEnded) {
  const auto before = test::heap_in_use();
  const std::size_t threads_before = pool_statistics().threads;
  { const IdleThreads threads(64, be_busy); }
  const PoolStatistics now = pool_statistics();
  EXPECT_EQ(now.leased_bytes, 0U) << "a lease ends with its thread";
  EXPECT_EQ(now.threads, threads_before);
  EXPECT_LE(now.shared_bytes, kDefaultPoolLimit);
  EXPECT_GT(now.shared_bytes, 0U) << "a thread leaves its slots to the others";
  if (before) {
    EXPECT_LE(*test::heap_in_use() - *before, kDefaultPoolLimit + kSlack);
  }
}

TEST_F(PoolLimit, HoldsAtEveryMomentWhileThreadsAreBusy) {
  constexpr std::size_t kLimit = 3 * kMiB;
  pool_set_limit(kLimit);
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        be_busy();
      }
    });
  }
  for (int i = 0; i < 300; ++i) {
    const PoolStatistics now = pool_statistics();
    if (now.cached_bytes() > kLimit) {
      ADD_FAILURE() << now.cached_bytes();
      break;
    }
    std::this_thread::yield();
  }
  stop = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST_F(PoolLimit, OneThreadKeepsLittleMoreThanItsShareWhateverItUses) {
  const auto before = test::heap_in_use();
  const IdleThreads thread(1, [] {
    for (std::size_t size = 64; size <= detail::kLargestPooled; size *= 2) {
      take_and_give_back(2 * kMiB / size, size);
    }
  });
  const PoolStatistics now = pool_statistics();
  EXPECT_LE(now.leased_bytes, kThreadCacheBytes);
  EXPECT_GE(now.leased_bytes, kThreadCacheBytes / 2);
  if (before) {
    EXPECT_LE(*test::heap_in_use() - *before, now.cached_bytes() + kSlack / 4);
  }
}

// A thread's classes have its share together: none is without.
TEST_F(PoolLimit, AClassThatComesLateIsGivenRoomByTheLargest) {
  for (std::size_t size = detail::kLargestPooled; size > 64; size /= 2) {
    take_and_give_back(2 * kMiB / size, size);
  }
  constexpr std::size_t kCount = 100;
  for (int round = 0; round < 10; ++round) {
    take_and_give_back(kCount, 64);
  }
  std::vector<void*> slots(kCount);
  for (void*& slot : slots) {
    slot = pool_allocate(64);
  }
  const std::size_t shared = pool_statistics().shared_bytes;
  for (void* slot : slots) {
    pool_deallocate(slot, 64);
  }
  EXPECT_EQ(pool_statistics().shared_bytes, shared) << "they went to the thread's cache";
}

TEST_F(PoolLimit, AThreadThatOnlyGivesBackLeavesTheSlotsToThoseThatTake) {
  constexpr std::size_t kCount = 5000;
  std::vector<void*> slots(kCount);
  for (void*& slot : slots) {
    slot = pool_allocate(64);
  }
  const std::size_t leased = pool_statistics().leased_bytes;
  const IdleThreads thread(1, [&] {
    for (void* slot : slots) {
      pool_deallocate(slot, 64);
    }
  });
  EXPECT_LE(pool_statistics().leased_bytes, leased + 128 * 256U);
  test::AllocationScope counted;
  for (std::size_t i = 0; i < kCount - 128; ++i) {
    slots[i] = pool_allocate(64);
  }
  EXPECT_EQ(counted.allocations(), 0U);
  for (std::size_t i = 0; i < kCount - 128; ++i) {
    pool_deallocate(slots[i], 64);
  }
}

TEST_F(PoolLimit, AThreadThatTakesManyAndGivesThemBackKeepsThemInTheEnd) {
  constexpr std::size_t kCount = 5000;
  for (int round = 0; round < 8; ++round) {
    take_and_give_back(kCount, 64);
  }
  std::vector<void*> slots(kCount);
  for (void*& slot : slots) {
    slot = pool_allocate(64);
  }
  const std::size_t shared = pool_statistics().shared_bytes;
  for (void* slot : slots) {
    pool_deallocate(slot, 64);
  }
  EXPECT_EQ(pool_statistics().shared_bytes, shared) << "they went to the thread's cache";
}

TEST_F(PoolLimit, AThreadThatComesLateHasItsShareToo) {
  const IdleThreads early(48, be_busy);
  const std::size_t leased = pool_statistics().leased_bytes;
  const IdleThreads late(1, be_busy);
  EXPECT_GE(pool_statistics().leased_bytes, leased + kDefaultPoolLimit / 4 / 64 / 2);
}

TEST_F(PoolLimit, AThreadGivesUpWhatIsMoreThanItsShareOnceOthersHaveCome) {
  constexpr std::size_t kShare = kDefaultPoolLimit / 4 / 64;
  be_busy();
  const std::size_t own = pool_statistics().leased_bytes;
  ASSERT_GT(own, 4 * kShare);
  const IdleThreads others(63, [] { pool_deallocate(pool_allocate(64), 64); });
  const std::size_t of_others = pool_statistics().leased_bytes - own;
  take_and_give_back(10'000, 64);
  EXPECT_LE(pool_statistics().leased_bytes, of_others + kShare);
  EXPECT_GT(pool_statistics().leased_bytes, of_others) << "it keeps its share";
}

TEST_F(PoolLimit, OfZeroCachesNothing) {
  take_and_give_back(10, 5000);
  EXPECT_GT(pool_statistics().cached_bytes(), 0U);
  test::AllocationScope lowered;
  pool_set_limit(0);
  EXPECT_EQ(lowered.deallocations(), 10U) << "what was cached goes at once";
  EXPECT_EQ(pool_statistics().cached_bytes(), 0U);
  for (int i = 0; i < 3; ++i) {
    test::AllocationScope counted;
    void* slot = pool_allocate(5000);
    void* small = pool_allocate_small(100);
    EXPECT_EQ(counted.allocations(), 2U);
    pool_deallocate(slot, 5000);
    pool_deallocate_small(small, 100);
    EXPECT_EQ(counted.deallocations(), 2U);
  }
  EXPECT_EQ(pool_statistics().cached_bytes(), 0U);
}

TEST_F(PoolLimit, ThatIsLoweredHoldsAtOnceForTheDepot) {
  std::thread([] { be_busy(); }).join();
  EXPECT_GT(pool_statistics().shared_bytes, 4 * kMiB);
  pool_set_limit(2 * kMiB);
  EXPECT_EQ(pool_statistics().limit_bytes, 2 * kMiB);
  EXPECT_LE(pool_statistics().cached_bytes(), 2 * kMiB);
  EXPECT_GT(pool_statistics().shared_bytes, kMiB) << "no more goes than has to";
}

TEST_F(PoolLimit, ThatIsRaisedLetsThePoolKeepMore) {
  pool_set_limit(kMiB);
  std::thread([] { be_busy(); }).join();
  EXPECT_LE(pool_statistics().shared_bytes, kMiB);
  pool_set_limit(256 * kMiB);
  std::thread([] { be_busy(); }).join();
  EXPECT_GT(pool_statistics().shared_bytes, 4 * kMiB);
}

TEST_F(PoolLimit, FiguresAreExactAtAQuietMoment) {
  take_and_give_back(3, 4096 + 64);
  detail::pool_flush_thread_cache();
  const PoolStatistics now = pool_statistics();
  EXPECT_EQ(now.leased_bytes, 0U);
  EXPECT_EQ(now.shared_bytes, 3 * (4096 + 64 + detail::kSlotOverhead));
  EXPECT_EQ(now.cached_bytes(), now.shared_bytes);
  test::AllocationScope counted;
  pool_trim();
  EXPECT_EQ(counted.deallocations(), 3U);
}

TEST_F(PoolLimit, ATrimGivesBackTheDepotAndTheCacheOfItsThread) {
  std::thread([] { be_busy(); }).join();
  be_busy();
  const auto before = test::heap_in_use();
  const std::size_t cached = pool_statistics().cached_bytes();
  EXPECT_GT(cached, 8 * kMiB);
  pool_trim();
  EXPECT_EQ(pool_statistics().cached_bytes(), 0U);
  if (before) {
    EXPECT_LE(*test::heap_in_use(), *before - 8 * kMiB);
  }
}

TEST_F(PoolLimit, OtherThreadsFollowATrimWhenTheyNextVisitTheDepot) {
  IdleThreads threads(4, be_busy);
  pool_trim();
  EXPECT_EQ(pool_statistics().shared_bytes, 0U);
  EXPECT_GE(pool_statistics().leased_bytes, 4 * kMiB) << "they are idle: nobody can reach them";
  std::size_t deallocations = 0;
  threads.end([&] {
    test::AllocationScope counted;
    void* slot = pool_allocate(2048);  // of a class that they have not used: not in their caches
    deallocations += counted.deallocations();
    pool_deallocate(slot, 2048);
  });
  EXPECT_GE(deallocations, 4 * 20U);
  EXPECT_LE(pool_statistics().cached_bytes(), 4 * 4096U) << "what they have used since";
}

TEST_F(PoolLimit, ASlotThatGoesToMakeRoomForALeaseIsNotTaken) {
  constexpr std::size_t kSize = detail::kLargestPooled + detail::kCacheLine;
  constexpr std::size_t kSlot = kSize + detail::kSlotOverhead;
  void* slot = pool_allocate(kSize);
  // Beside the slot there is less left than a thread's share, which is a quarter.
  pool_set_limit(kSlot * 5 / 4);
  pool_deallocate(slot, kSize);
  ASSERT_EQ(pool_statistics().shared_bytes, kSlot);
  test::AllocationScope counted;
  slot = pool_allocate(kSize);
  EXPECT_EQ(counted.allocations(), 1U);
  EXPECT_EQ(counted.deallocations(), 1U);
  EXPECT_EQ(pool_statistics().shared_bytes, 0U);
  pool_deallocate(slot, kSize);
}

TEST_F(PoolLimit, TheFiguresAddUpWhateverHappens) {
  const auto work = [](std::uint32_t seed) {
    std::minstd_rand random(seed);
    std::vector<std::pair<void*, std::size_t>> held;
    for (int i = 0; i < 30'000; ++i) {
      if (held.size() > 300 || (!held.empty() && random() % 2 == 0)) {
        std::swap(held[random() % held.size()], held.back());
        pool_deallocate(held.back().first, held.back().second);
        held.pop_back();
      } else {
        const std::size_t size = std::size_t{1} << random() % 18U;
        held.emplace_back(pool_allocate(size), size);
      }
      if (random() % 2000 == 0) pool_trim();
      if (random() % 2000 == 0) pool_set_limit(random() % (8 * kMiB));
    }
    for (const auto& [slot, size] : held) {
      pool_deallocate(slot, size);
    }
  };
  pool_deallocate(pool_allocate(64), 64);  // so that this thread has a cache
  const std::size_t threads_before = pool_statistics().threads;
  for (std::uint32_t round = 0; round < 3; ++round) {
    std::thread first(work, 3 * round + 1);
    std::thread second(work, 3 * round + 2);
    work(3 * round + 3);
    first.join();
    second.join();
    pool_trim();
    EXPECT_EQ(pool_statistics().cached_bytes(), 0U);
    EXPECT_EQ(pool_statistics().threads, threads_before);
  }
}

}  // namespace
}  // namespace bytes_handoff
