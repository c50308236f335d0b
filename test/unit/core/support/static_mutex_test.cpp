#include "bytes_handoff/core/support/static_mutex.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <mutex>
#include <thread>

namespace bytes_handoff::test {
namespace {

constinit detail::StaticMutex static_mutex;
constinit detail::AtomicMutex atomic_mutex;

// One thread is inside at a time, and each comes in: a wake-up that is lost never ends.
TEST(StaticMutexes, LetOneThreadInAtATime) {
  constexpr int kRounds = 20'000;
  std::array<std::thread, 4> threads;
  int by_one = 0;
  int by_other = 0;
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      for (int i = 0; i < kRounds; ++i) {
        {
          const std::lock_guard lock(atomic_mutex);
          ++by_one;
        }
        const std::lock_guard lock(static_mutex);
        ++by_other;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(by_one, kRounds * 4);
  EXPECT_EQ(by_other, kRounds * 4);
}

TEST(StaticMutexes, LetWhoWaitsInWhenTheyAreUnlocked) {
  std::atomic<bool> is_in{false};
  atomic_mutex.lock();
  std::atomic<int> started{0};
  std::array<std::thread, 2> waiting;
  for (std::thread& thread : waiting) {
    thread = std::thread([&] {
      ++started;
      const std::lock_guard lock(atomic_mutex);
      is_in = true;
    });
  }
  while (started != 2) {
    std::this_thread::yield();
  }
  EXPECT_FALSE(is_in);
  atomic_mutex.unlock();
  for (std::thread& thread : waiting) {
    thread.join();
  }
  EXPECT_TRUE(is_in);
}

}  // namespace
}  // namespace bytes_handoff::test
