#include "bytes_handoff/core/budget/memory_pot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "support/budget/budget_probes.hpp"

namespace bytes_handoff::test {
namespace {

using detail::Draw;
using detail::MemoryPot;
using detail::WaitingList;
using testing::ElementsAre;

// A large pot, so that stripes are filled.
constexpr std::size_t kMany = 64 * 1024 * 1024;

TEST(MemoryPot, DrawsUpToItsLimitAndNoMore) {
  MemoryPot pot(1000, 900);
  EXPECT_TRUE(pot.try_draw(600));
  EXPECT_FALSE(pot.try_draw(401));
  EXPECT_TRUE(pot.try_draw(400));
  EXPECT_FALSE(pot.try_draw(1));
  EXPECT_TRUE(pot.try_draw(0));
  EXPECT_EQ(pot.figures().free_bytes, 0U);
  EXPECT_EQ(pot.figures().refusals, 2U);
  give_back(pot, 1000);
  EXPECT_TRUE(pot.try_draw(1000));
}

TEST(MemoryPot, AFloorIsNotTakenOutOfWhatOthersHaveDrawn) {
  MemoryPot pot(1000, 1000);
  ASSERT_TRUE(pot.try_draw(901));
  EXPECT_FALSE(pot.try_take_floor(100));
  EXPECT_EQ(pot.figures().floors, 0U);
  EXPECT_EQ(pot.figures().free_bytes, 99U);
  EXPECT_EQ(pot.figures().refusals, 1U);
  give_back(pot, 1);
  EXPECT_TRUE(pot.try_take_floor(100));
}

TEST(MemoryPot, CreditInTheStripesOfOtherThreadsIsTakenBack) {
  MemoryPot pot(kMany, kMany);
  for (int i = 0; i < 8; ++i) {
    std::thread([&] {
      EXPECT_TRUE(pot.try_draw(1));  // with a chunk for the thread's stripe
      give_back(pot, 1);
    }).join();
  }
  EXPECT_EQ(pot.figures().free_bytes, kMany);
  EXPECT_TRUE(pot.try_draw(kMany));
}

TEST(MemoryPot, IsTightAboveTheHighMarkAndRelaxesBelow) {
  MemoryPot pot(kMany, kMany / 2);
  EXPECT_TRUE(pot.try_draw(kMany / 4));
  EXPECT_FALSE(pot.is_tight());
  EXPECT_TRUE(pot.try_draw(kMany / 4 + 1));
  EXPECT_TRUE(pot.is_tight());
  give_back(pot, 1);
  EXPECT_TRUE(pot.is_tight());  // at the mark it does not change with each draw
  give_back(pot, kMany / 4);
  EXPECT_FALSE(pot.is_tight());
}

TEST(MemoryPot, FirstComeFirstServed) {
  MemoryPot pot(100, 100);
  ASSERT_TRUE(pot.try_draw(100));
  ResumeLog log;
  CreditProbe large(60, "large", &log);
  CreditProbe small(1, "small", &log);
  EXPECT_EQ(pot.draw_or_wait(large), Draw::kWaits);
  EXPECT_EQ(pot.draw_or_wait(small), Draw::kWaits);
  give_back(pot, 59);
  EXPECT_TRUE(log.empty());  // the small one would fit, and does not overtake
  EXPECT_EQ(pot.figures().waiters, 2U);
  EXPECT_EQ(pot.figures().waiting_bytes, 61U);
  give_back(pot, 2);
  EXPECT_THAT(log, ElementsAre("large", "small"));
  EXPECT_EQ(pot.take_grant(large), 60U);
  EXPECT_EQ(pot.take_grant(large), 0U);
  EXPECT_EQ(pot.take_grant(small), 1U);
  EXPECT_EQ(pot.figures().free_bytes, 0U);
  EXPECT_EQ(pot.figures().waits, 2U);
}

TEST(MemoryPot, NobodyDrawsPastWhoWaits) {
  MemoryPot pot(kMany, kMany);
  ASSERT_TRUE(pot.try_draw(1));  // there is credit in this thread's stripe
  CreditProbe all(kMany);
  EXPECT_EQ(pot.draw_or_wait(all), Draw::kWaits);
  EXPECT_FALSE(pot.try_draw(1));
  CreditProbe next(1);
  EXPECT_EQ(pot.draw_or_wait(next), Draw::kWaits);
  give_back(pot, 1);
  EXPECT_EQ(all.resumed, 1);
  EXPECT_EQ(next.resumed, 0);
}

TEST(MemoryPot, WhoLeavesTheLineLetsTheNextIn) {
  MemoryPot pot(100, 100);
  ASSERT_TRUE(pot.try_draw(90));
  CreditProbe large(50);
  CreditProbe small(10);
  EXPECT_EQ(pot.draw_or_wait(large), Draw::kWaits);
  EXPECT_EQ(pot.draw_or_wait(small), Draw::kWaits);
  WaitingList woken;
  EXPECT_TRUE(pot.leave(large, woken));
  resume_all(woken);
  EXPECT_EQ(large.resumed, 0);
  EXPECT_EQ(small.resumed, 1);
  EXPECT_EQ(pot.figures().waiters, 0U);
}

TEST(MemoryPot, WhoLeavesBehindAGrantGivesItBack) {
  MemoryPot pot(100, 100);
  ASSERT_TRUE(pot.try_draw(100));
  CreditProbe first(50);
  CreditProbe second(50);
  EXPECT_EQ(pot.draw_or_wait(first), Draw::kWaits);
  EXPECT_EQ(pot.draw_or_wait(second), Draw::kWaits);
  give_back(pot, 50);
  ASSERT_EQ(first.resumed, 1);
  WaitingList woken;
  EXPECT_FALSE(pot.leave(first, woken));
  resume_all(woken);
  EXPECT_EQ(second.resumed, 1);
  EXPECT_EQ(pot.take_grant(first), 0U);
}

TEST(MemoryPot, AFloorIsNoMoreToBeHad) {
  MemoryPot pot(100, 100);
  EXPECT_TRUE(pot.try_take_floor(30));
  EXPECT_FALSE(pot.could_ever_draw(71));
  EXPECT_TRUE(pot.could_ever_draw(70));
  EXPECT_FALSE(pot.try_take_floor(71));
  EXPECT_EQ(pot.figures().floors, 30U);
  ASSERT_TRUE(pot.try_draw(70));
  CreditProbe waiter(10);
  EXPECT_EQ(pot.draw_or_wait(waiter), Draw::kWaits);
  WaitingList woken;
  pot.give_back_floor(30, woken);
  resume_all(woken);
  EXPECT_EQ(waiter.resumed, 1);
  EXPECT_EQ(pot.figures().floors, 0U);
}

TEST(MemoryPot, AFloorIsTakenPastWhoWaitsIfWhatTheyAskForCanStillBeFree) {
  MemoryPot pot(100, 100);
  ASSERT_TRUE(pot.try_draw(60));
  CreditProbe waiter(80);
  EXPECT_EQ(pot.draw_or_wait(waiter), Draw::kWaits);
  EXPECT_FALSE(pot.try_take_floor(21));
  EXPECT_TRUE(pot.try_take_floor(20));
  EXPECT_FALSE(pot.try_take_floor(1));
  give_back(pot, 59);
  EXPECT_EQ(waiter.resumed, 0);
  give_back(pot, 1);
  EXPECT_EQ(waiter.resumed, 1);
}

TEST(MemoryPot, WhatCanNeverBeFreeDoesNotHoldUpTheLine) {
  MemoryPot pot(100, 100);
  ASSERT_TRUE(pot.try_take_floor(30));
  CreditProbe never(71);
  CreditProbe all(70);
  EXPECT_EQ(pot.draw_or_wait(never), Draw::kNever);
  EXPECT_EQ(pot.figures().refusals, 1U);
  EXPECT_EQ(pot.figures().waiters, 0U);
  EXPECT_EQ(pot.draw_or_wait(all), Draw::kDrawn);
}

struct FlagWaiter final : detail::CreditWaiter {
  void resume(const void*) noexcept override { is_resumed.store(true, std::memory_order_release); }
  std::atomic<bool> is_resumed{false};
};

void draw_or_wait(MemoryPot& pot, std::size_t n) {
  FlagWaiter waiter;
  waiter.bytes = n;
  if (pot.try_draw(n) || pot.draw_or_wait(waiter) == Draw::kDrawn) {
    return;
  }
  while (!waiter.is_resumed.load(std::memory_order_acquire)) {
    std::this_thread::yield();
  }
  EXPECT_EQ(pot.take_grant(waiter), n);
}

// Draws, releases and waits of threads with little for each. The bound is looked at from inside.
TEST(MemoryPotThreads, TheBoundHoldsAndNobodyWaitsForEver) {
  constexpr std::size_t kLimit = 1024 * 1024;
  constexpr unsigned kThreads = 4;
  MemoryPot pot(kLimit, kLimit / 2);
  std::atomic<std::size_t> drawn{0};
  std::atomic<bool> is_passed{false};
  const auto work = [&](unsigned first) {
    std::minstd_rand random(first);
    for (int round = 0; round < 20'000; ++round) {
      const std::size_t n = random() % 2 == 0 ? random() % 2000 : kLimit / 4 + random() % 50'000;
      draw_or_wait(pot, n);
      is_passed = is_passed || drawn.fetch_add(n) + n > kLimit;
      drawn.fetch_sub(n);
      give_back(pot, n);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i <= kThreads; ++i) {
    threads.emplace_back(work, i);
  }
  for (std::thread& each : threads) {
    each.join();
  }
  EXPECT_FALSE(is_passed);
  EXPECT_EQ(pot.figures().free_bytes, kLimit);
  EXPECT_EQ(pot.figures().waiters, 0U);
  EXPECT_TRUE(pot.try_draw(kLimit));
}

// ---- What another thread does in the middle of a step.

/// Has it done where a draw is about to change its stripe, or where the pot has just relaxed.
struct InterruptedSync {
  using Mutex = std::mutex;
  template <class T>
  struct Atomic : std::atomic<T> {
    using std::atomic<T>::atomic;
    bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                                 std::memory_order failure) noexcept {
      run(before_draw);
      return std::atomic<T>::compare_exchange_strong(expected, desired, success, failure);
    }
    void store(T value, std::memory_order order) noexcept {
      std::atomic<T>::store(value, order);
      if (!value) {
        run(behind_relaxing);
      }
    }
  };
  /// One stripe for all.
  [[nodiscard]] static std::size_t thread() noexcept { return 0; }

  static inline std::function<void()> before_draw;
  static inline std::function<void()> behind_relaxing;

 private:
  static void run(std::function<void()>& once) noexcept {
    if (const auto step = std::exchange(once, nullptr)) {
      step();
    }
  }
};
using InterruptedPot = detail::BasicMemoryPot<InterruptedSync>;

TEST(InterruptedMemoryPot, ADrawSeesWhatHasJustComeIntoItsStripe) {
  InterruptedPot pot(kMany, kMany);
  ASSERT_TRUE(pot.try_draw(1));  // with a chunk for the stripe
  InterruptedSync::before_draw = [&] { EXPECT_TRUE(pot.put_back(1)); };
  EXPECT_TRUE(pot.try_draw_here(100));
  EXPECT_FALSE(InterruptedSync::before_draw) << "it has come";
  EXPECT_EQ(pot.figures().free_bytes, kMany - 100);
}

TEST(InterruptedMemoryPot, ADrawGoesToThePotIfItsStripeHasJustBeenUsedUp) {
  InterruptedPot pot(kMany, kMany);
  ASSERT_TRUE(pot.try_draw(1));
  std::size_t others = 1;
  InterruptedSync::before_draw = [&] {
    for (; pot.try_draw_here(1000); others += 1000) {
    }
  };
  EXPECT_FALSE(pot.try_draw_here(2000));
  EXPECT_GT(others, 1U);
  EXPECT_EQ(pot.figures().free_bytes, kMany - others);
  EXPECT_TRUE(pot.try_draw(2000));
  EXPECT_EQ(pot.figures().free_bytes, kMany - others - 2000);
}

// Who gives back has seen nobody wait, and so serves nobody.
TEST(InterruptedMemoryPot, WhoIsAboutToWaitDrawsWhatHasJustBeenGivenBack) {
  InterruptedPot pot(1000, 1000);
  ASSERT_TRUE(pot.try_draw(900));
  CreditProbe waiter(110);
  InterruptedSync::behind_relaxing = [&] { EXPECT_TRUE(pot.put_back(20)); };
  EXPECT_EQ(pot.draw_or_wait(waiter), Draw::kDrawn);
  EXPECT_FALSE(InterruptedSync::behind_relaxing) << "it has come";
  EXPECT_EQ(waiter.resumed, 0);
  EXPECT_FALSE(waiter.is_in_line);
  EXPECT_EQ(pot.figures().waiters, 0U);
  EXPECT_EQ(pot.figures().waiting_bytes, 0U);
  EXPECT_EQ(pot.figures().free_bytes, 10U);
  give_back(pot, 990);
  EXPECT_FALSE(pot.is_tight());
}

}  // namespace
}  // namespace bytes_handoff::test
