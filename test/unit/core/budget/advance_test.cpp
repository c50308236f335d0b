// Credit that queues draw ahead: how seldom they visit the pot, and how it is taken back.
#include "bytes_handoff/core/memory/advance.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "bytes_handoff/core/budget/memory_pot.hpp"
#include "bytes_handoff/core/budget/queue_account.hpp"
#include "support/budget/budget_probes.hpp"

namespace bytes_handoff::test {
namespace {

using detail::Draw;

constexpr std::size_t kPlenty = 64 * 1024 * 1024;
constexpr std::size_t kAccountFloor = 100;
constexpr std::size_t kAhead = 16 * 1024;  // what a queue draws ahead at once

/// Counts how often the pot's lock is taken.
struct CountedSync {
  struct Mutex {
    void lock() { ++locks; }
    void unlock() {}
  };
  template <class T>
  using Atomic = std::atomic<T>;
  [[nodiscard]] static std::size_t thread() noexcept { return 0; }

  static inline std::size_t locks = 0;
};
using CountedPot = detail::BasicMemoryPot<CountedSync>;
using CountedAccount = LoneAccount<CountedSync>;

template <class Account>
void discharge(Account& account, std::size_t n) {
  detail::WaitingList woken;
  account.discharge(n, woken);
  detail::resume_all(woken);
}

struct QueueAdvance : testing::Test {
  [[nodiscard]] static std::size_t locks_of(auto&& steps) {
    CountedSync::locks = 0;
    steps();
    return CountedSync::locks;
  }
  [[nodiscard]] std::size_t used() const { return kPlenty - pot.figures().free_bytes; }
  [[nodiscard]] std::size_t ahead() const { return pot.figures().ahead_bytes; }

  CountedPot pot{kPlenty, kPlenty - kPlenty / 8};
  QueueCreditProbe waiter;
  QueueCreditProbe other_waiter;
  CountedAccount account{pot, waiter,
                         kAccountFloor};  // the floors are not drawn: that makes no difference
  CountedAccount other{pot, other_waiter, kAccountFloor};
};

TEST_F(QueueAdvance, OverItsFloorAQueueVisitsThePotOnce) {
  EXPECT_EQ(locks_of([&] {
              EXPECT_TRUE(account.try_charge_here(kAccountFloor));
              for (int i = 0; i < 100; ++i) {
                EXPECT_TRUE(account.try_charge(64));
              }
              discharge(account, kAccountFloor + 6400);
            }),
            1U);
  EXPECT_EQ(locks_of([&] {
              EXPECT_TRUE(account.try_charge_here(kAccountFloor));
              for (int i = 0; i < 100; ++i) {
                EXPECT_TRUE(account.try_charge_here(64)) << "without a call, too";
              }
            }),
            0U);
}

TEST_F(QueueAdvance, TheFloorIsUsedUpFirst) {
  EXPECT_TRUE(account.try_charge(kAccountFloor + 1));
  discharge(account, 11);
  EXPECT_FALSE(account.try_charge_here(30)) << "a part comes from elsewhere";
  EXPECT_EQ(account.charged(), kAccountFloor - 10);
  EXPECT_EQ(locks_of([&] { EXPECT_TRUE(account.try_charge(30)); }), 0U);
  EXPECT_EQ(used(), 20U);
  EXPECT_TRUE(account.try_charge_here(5));
  EXPECT_EQ(used(), 25U);
  EXPECT_FALSE(account.try_discharge_here(5));
  discharge(account, 25);
  EXPECT_EQ(used(), 0U);
  discharge(account, 1);
  EXPECT_TRUE(account.try_discharge_here(kAccountFloor - 1));
  EXPECT_EQ(account.charged(), 0U);
}

TEST_F(QueueAdvance, WithoutAShareNothingIsDrawnAhead) {
  CountedPot small{60, 60};  // less than four bytes for each of 16 stripes
  CountedAccount alone{small, waiter, 0};
  EXPECT_EQ(small.share(), 0U);
  EXPECT_TRUE(alone.try_charge(20));
  EXPECT_EQ(small.figures().ahead_bytes, 0U);
  EXPECT_EQ(small.figures().free_bytes, 40U);
  discharge(alone, 20);
}

TEST_F(QueueAdvance, WhatIsDrawnAheadIsFree) {
  EXPECT_TRUE(account.try_charge(kAccountFloor + 1));
  EXPECT_EQ(used(), 1U);
  EXPECT_EQ(ahead(), kAhead);
  EXPECT_TRUE(account.try_charge(1000));
  EXPECT_EQ(used(), 1001U);
  EXPECT_EQ(ahead(), kAhead - 1000);
  discharge(account, kAccountFloor + 1001);
  EXPECT_EQ(used(), 0U);
  EXPECT_EQ(ahead(), kAhead + 1);
}

TEST_F(QueueAdvance, KeepsItsShareOfWhatLeaves) {
  const auto charge_much = [&] {
    for (int i = 0; i < 10; ++i) {
      EXPECT_TRUE(account.try_charge(kAhead));
    }
  };
  charge_much();
  EXPECT_EQ(ahead(), 0U);
  discharge(account, 10 * kAhead);
  EXPECT_EQ(ahead(), pot.share());
  EXPECT_EQ(used(), 0U);
  EXPECT_EQ(locks_of(charge_much), 0U);
  EXPECT_EQ(used(), 10 * kAhead - kAccountFloor);
}

TEST_F(QueueAdvance, WhatAnOpenOneHasNotComesFromTheStripe) {
  EXPECT_TRUE(account.try_charge(kAccountFloor + 1));
  EXPECT_EQ(locks_of([&] {
              for (std::size_t i = 0; i < 2 * kAhead; i += 64) {
                EXPECT_TRUE(account.try_charge(64));
              }
            }),
            0U);
  EXPECT_EQ(ahead(), 0U);
  EXPECT_EQ(used(), 2 * kAhead + 1);
}

TEST_F(QueueAdvance, WhatIsMoreThanItDrawsAtOnceComesFromTheStripe) {
  EXPECT_TRUE(account.try_charge(kAccountFloor + 1));  // with more for the stripe
  EXPECT_EQ(locks_of([&] { EXPECT_TRUE(account.try_charge(2 * kAhead)); }), 0U);
  EXPECT_EQ(ahead(), kAhead);
  EXPECT_EQ(used(), 2 * kAhead + 1);
}

TEST_F(QueueAdvance, ItIsDrawnByWhoDoesNotWait) {
  EXPECT_TRUE(account.try_charge(kAccountFloor + 1));
  EXPECT_TRUE(pot.try_draw(kPlenty - 1));
  EXPECT_EQ(ahead(), 0U);
  EXPECT_FALSE(account.try_charge(1));
  EXPECT_FALSE(account.try_charge_here(1));
  EXPECT_EQ(pot.figures().free_bytes, 0U);
}

TEST_F(QueueAdvance, ItIsDrawnByWhoWouldWaitOrTakesAFloor) {
  EXPECT_TRUE(account.try_charge(kAccountFloor + 1));
  CreditProbe all(kPlenty - 1);
  EXPECT_EQ(pot.draw_or_wait(all), Draw::kDrawn);
  give_back(pot, kPlenty - 1);
  EXPECT_TRUE(account.try_charge(1));
  EXPECT_EQ(ahead(), kAhead);
  EXPECT_TRUE(pot.try_take_floor(kPlenty - 2));
  EXPECT_EQ(ahead(), 0U);
}

TEST_F(QueueAdvance, AnotherQueueIsChargedWhatItHadDrawnAhead) {
  EXPECT_TRUE(account.try_charge(kAccountFloor + 1));
  EXPECT_EQ(other.charge_or_wait(kAccountFloor + kPlenty - 1), Draw::kDrawn);
  EXPECT_EQ(pot.figures().waits, 0U);
  discharge(other, kAccountFloor + kPlenty - 1);
}

TEST_F(QueueAdvance, WhileOneWaitsReleasesGoToThePot) {
  EXPECT_TRUE(account.try_charge(kAccountFloor + 100));
  CreditProbe all(kPlenty - 10);
  EXPECT_EQ(pot.draw_or_wait(all), Draw::kWaits);
  EXPECT_EQ(ahead(), 0U);
  discharge(account, 89);
  EXPECT_EQ(all.resumed, 0);
  EXPECT_FALSE(account.try_charge(kAccountFloor)) << "nobody draws past who waits";
  discharge(account, 1);
  EXPECT_EQ(all.resumed, 1);
  EXPECT_EQ(ahead(), 0U);
}

TEST_F(QueueAdvance, NothingIsDrawnAheadAboveTheMark) {
  ASSERT_TRUE(pot.try_draw(kPlenty - kPlenty / 8 + 1));
  ASSERT_TRUE(pot.is_tight());
  EXPECT_TRUE(account.try_charge(kAccountFloor + 1));
  EXPECT_EQ(ahead(), 0U);
  discharge(account, kAccountFloor + 1);
  EXPECT_EQ(ahead(), 0U);
  give_back(pot, kPlenty / 2);
  ASSERT_FALSE(pot.is_tight());
  EXPECT_TRUE(account.try_charge(kAccountFloor + 1));
  EXPECT_EQ(ahead(), kAhead) << "it is opened again";
}

TEST_F(QueueAdvance, ManyQueuesDrawAheadWithoutTakingBackWhatOthersHave) {
  std::deque<QueueCreditProbe> waiters;
  std::deque<CountedAccount> accounts;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(accounts.emplace_back(pot, waiters.emplace_back(), 0).try_charge(10'000));
  }
  EXPECT_EQ(ahead(), 1000 * kAhead);
  EXPECT_TRUE(accounts.front().try_charge_here(1));
  discharge(accounts.front(), 1);
  for (CountedAccount& each : accounts) {
    discharge(each, 10'000);
  }
}

TEST_F(QueueAdvance, NobodyDrawsAheadSoMuchThatMemoryGetsShort) {
  ASSERT_TRUE(pot.try_draw(kPlenty / 4 * 3));
  std::deque<QueueCreditProbe> waiters;
  std::deque<CountedAccount> accounts;
  for (int i = 0; i < 1000; ++i) {  // with 16 MiB, and there are 8
    EXPECT_TRUE(accounts.emplace_back(pot, waiters.emplace_back(), 0).try_charge(1));
    EXPECT_FALSE(pot.is_tight());
  }
  EXPECT_LE(ahead(), kPlenty / 8);
  EXPECT_TRUE(accounts.front().try_charge_here(1)) << "nothing was taken back";
  discharge(accounts.front(), 1);
  EXPECT_EQ(used(), kPlenty / 4 * 3 + 1000);
  for (CountedAccount& each : accounts) {
    discharge(each, 1);
  }
}

TEST_F(QueueAdvance, AQueueThatHasEndedOrHasGoneHasNone) {
  {
    CountedAccount gone(pot, other_waiter, 0);
    EXPECT_TRUE(gone.try_charge(10));
    EXPECT_TRUE(account.try_charge(kAccountFloor + 10));
    EXPECT_EQ(account.forget_all(), 10U);
    EXPECT_EQ(ahead(), kAhead);
    EXPECT_EQ(gone.forget_all(), 10U);
    EXPECT_EQ(ahead(), 0U);
    EXPECT_TRUE(gone.try_charge(10));
    discharge(gone, 10);
    EXPECT_EQ(ahead(), kAhead + 10);
  }
  EXPECT_EQ(ahead(), 0U);
  EXPECT_EQ(used(), 20U);
}

TEST_F(QueueAdvance, TheFloorIsUsedAgainOnceTheRestHasLeft) {
  EXPECT_TRUE(account.try_charge(kAccountFloor - 1));
  EXPECT_TRUE(account.try_charge(10));
  EXPECT_EQ(used(), 9U);
  EXPECT_TRUE(account.try_charge(10));
  EXPECT_EQ(used(), 19U);
  discharge(account, 20);
  EXPECT_EQ(used(), 0U);
  EXPECT_EQ(account.charged(), kAccountFloor - 1);
  EXPECT_TRUE(account.try_charge(1));
  EXPECT_EQ(used(), 0U);
}

TEST(MemoryPotShare, GetsSmallerWithTheNumberOfMembers) {
  CountedPot pot(kPlenty, kPlenty);
  EXPECT_EQ(pot.share(), 128U * 1024);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(pot.try_take_floor(1));
  }
  EXPECT_EQ(pot.share(), kPlenty / 4000);
  detail::WaitingList woken;
  for (int i = 0; i < 999; ++i) {
    pot.give_back_floor(1, woken);
  }
  EXPECT_EQ(pot.share(), 128U * 1024);
  EXPECT_EQ(CountedPot(64 * 1024, 64 * 1024).share(), 1024U);
  EXPECT_EQ(CountedPot(63, 63).share(), 0U);
}

// Queues on threads of their own, and one who takes nearly all. The bound is looked at from inside.
class QueueAdvanceThreads : public testing::Test {
 protected:
  static constexpr std::size_t kLimit = 1024 * 1024;

  void use(std::size_t n) {
    is_passed = is_passed || used.fetch_add(n) + n > kLimit;
    used.fetch_sub(n);
  }
  void write(unsigned first) {
    std::minstd_rand random(first);
    QueueCreditProbe waiter;
    LoneAccount<detail::StdSync> account(pot, waiter, 0);
    for (int round = 0; round < 2000; ++round) {
      std::size_t n = 0;
      for (int i = 0; i < 20; ++i) {
        const std::size_t more = random() % 500;
        if (account.try_charge(more)) {
          n += more;
          ++charges;
        }
      }
      use(n);
      discharge(account, n);
    }
  }
  void take_nearly_all() {
    for (std::size_t round = 0; round < 500; ++round) {
      const std::size_t n = kLimit - 10'000 - round;
      if (pot.try_draw(n)) {
        use(n);
        give_back(pot, n);
      }
      std::this_thread::yield();
    }
  }

  detail::MemoryPot pot{kLimit, kLimit / 2};
  std::atomic<std::size_t> used{0};
  std::atomic<std::size_t> charges{0};
  std::atomic<bool> is_passed{false};
};

TEST_F(QueueAdvanceThreads, TheBoundHoldsAndNothingIsLost) {
  std::vector<std::thread> threads;
  for (unsigned i = 1; i <= 3; ++i) {
    threads.emplace_back([this, i] { write(i); });
  }
  threads.emplace_back([this] { take_nearly_all(); });
  for (std::thread& each : threads) {
    each.join();
  }
  EXPECT_FALSE(is_passed);
  EXPECT_GT(charges, 1000U);
  EXPECT_EQ(pot.figures().free_bytes, kLimit);
  EXPECT_EQ(pot.figures().ahead_bytes, 0U);
  EXPECT_TRUE(pot.try_draw(kLimit));
}

}  // namespace
}  // namespace bytes_handoff::test
