#include "bytes_handoff/core/budget/budget_state.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <new>

#include "support/budget/budget_probes.hpp"
#include "support/memory/allocation_counter.hpp"

namespace bytes_handoff::test {
namespace {

using namespace std::chrono_literals;
using detail::BudgetAccess;
using detail::BudgetState;
using detail::MemberAccount;

constexpr std::size_t kBudgetBytes = 1000;
constexpr std::size_t kBudgetMark = 800;

// A budget with queues. Each can be ended once it has made no progress for 8 seconds.
class BudgetStateTest : public testing::Test {
 protected:
  BudgetStateTest() = default;
  explicit BudgetStateTest(std::chrono::nanoseconds shed_after) : shed_after_(shed_after) {}
  void TearDown() override {
    for (ShedProbe& each : queues_) {
      state().shedder().leave(each);
    }
  }

  [[nodiscard]] BudgetState& state() { return *BudgetAccess::state(budget_); }
  [[nodiscard]] static BudgetState::Clock::time_point at(std::chrono::seconds time) {
    return BudgetState::Clock::time_point(time);
  }
  ShedProbe& add(std::size_t bytes) {
    state().shedder().enter(queues_.emplace_back(bytes));
    return queues_.back();
  }
  void draw(std::size_t bytes) { ASSERT_TRUE(state().pot().try_draw(bytes)); }

  const std::chrono::nanoseconds shed_after_ = 8s;
  const MemoryBudget budget_{
      {.limit = kBudgetBytes, .high_mark = kBudgetMark, .floor = 0, .shed_after = shed_after_}};
  std::deque<ShedProbe> queues_;
};

TEST_F(BudgetStateTest, WhatIsDrawnAboveTheMarkEndsASilentQueue) {
  const ShedProbe& queue = add(500);
  draw(kBudgetMark + 1);
  state().look(at(0s));
  state().look(at(7s));
  EXPECT_EQ(queue.sheds, 0);
  state().look(at(8s));
  EXPECT_EQ(queue.sheds, 0) << "it looked a second ago";
  state().look(at(9s));
  EXPECT_EQ(queue.sheds, 1);
  EXPECT_EQ(budget_.statistics().shed_queues, 1U);
  EXPECT_EQ(budget_.statistics().shed_bytes, 500U);
}

TEST_F(BudgetStateTest, AtTheMarkNobodyIsEnded) {
  const ShedProbe& queue = add(500);
  draw(kBudgetMark);
  state().look(at(0s));
  state().look(at(9s));
  EXPECT_EQ(queue.sheds, 0);
  EXPECT_EQ(budget_.statistics().shed_queues, 0U);
  draw(1);
  state().look(at(18s));
  EXPECT_EQ(queue.sheds, 1);
}

TEST_F(BudgetStateTest, LooksAreNeededAboveTheMarkOrWhereBytesAreAskedFor) {
  EXPECT_FALSE(state().needs_looks());
  draw(kBudgetMark + 1);
  EXPECT_TRUE(state().needs_looks());
  give_back(state().pot(), kBudgetMark + 1);
  EXPECT_FALSE(state().needs_looks());
  budget_.shed(300);
  EXPECT_TRUE(state().needs_looks());
  state().look(at(0s));
  EXPECT_FALSE(state().needs_looks()) << "so much is free";
}

TEST_F(BudgetStateTest, WhatIsAskedForHasAQueueLookUntilItIsFree) {
  const ShedProbe& queue = add(200);
  draw(750);
  budget_.shed(300);
  EXPECT_EQ(queue.looks, 1);
  EXPECT_EQ(queue.watches, 0);
  state().look(at(0s));
  state().look(at(8s));
  EXPECT_EQ(queue.sheds, 1);
  EXPECT_TRUE(state().needs_looks());
  give_back(state().pot(), 50);
  state().look(at(10s));
  EXPECT_FALSE(state().needs_looks());
}

TEST_F(BudgetStateTest, OneQueueWatchesTheTimeWhileMemoryIsShort) {
  const ShedProbe& queue = add(500);
  state().look_and_watch(at(0s));
  EXPECT_EQ(queue.watches, 0);
  draw(kBudgetMark + 1);
  state().look_and_watch(at(2s));
  EXPECT_EQ(queue.watches, 1);
  state().look_and_watch(at(10s));
  EXPECT_EQ(queue.watches, 1) << "it watches already";
  EXPECT_EQ(queue.sheds, 1) << "and this was a look, too";
  EXPECT_TRUE(state().keeps_watching(true));
  EXPECT_EQ(queue.watches, 1);
}

TEST_F(BudgetStateTest, AnotherQueueWatchesBehindOneThatHasWrittenAll) {
  ShedProbe& first = add(500);
  const ShedProbe& second = add(500);
  draw(kBudgetMark + 1);
  state().need_watch();
  EXPECT_EQ(first.watches, 1);
  first.held = 0;
  EXPECT_FALSE(state().keeps_watching(false));
  EXPECT_EQ(first.watches, 1);
  EXPECT_EQ(second.watches, 1);
  state().stop_watching();
  EXPECT_EQ(second.watches, 2);
}

TEST_F(BudgetStateTest, NobodyWatchesOnceMemoryIsThereAgain) {
  const ShedProbe& queue = add(500);
  draw(kBudgetMark + 1);
  state().need_watch();
  give_back(state().pot(), kBudgetMark + 1);
  EXPECT_FALSE(state().keeps_watching(true));
  EXPECT_EQ(queue.watches, 1);
  draw(kBudgetMark + 1);
  state().need_watch();
  EXPECT_EQ(queue.watches, 2) << "the next shortage has it watch again";
}

TEST_F(BudgetStateTest, WhereNoQueueCanWatchTheNextOneIsAskedAgain) {
  ShedProbe& queue = add(500);
  queue.runs_errands = false;
  draw(kBudgetMark + 1);
  state().need_watch();
  EXPECT_EQ(queue.watches, 1);
  queue.runs_errands = true;
  state().need_watch();
  EXPECT_EQ(queue.watches, 2);
  state().need_watch();
  EXPECT_EQ(queue.watches, 2);
}

class BudgetWithoutShedding : public BudgetStateTest {
 protected:
  BudgetWithoutShedding() : BudgetStateTest(0s) {}
};

TEST_F(BudgetWithoutShedding, NobodyLooksWatchesOrIsEnded) {
  const ShedProbe& queue = add(500);
  draw(kBudgetMark + 1);
  budget_.shed(500);
  state().look_and_watch(at(0s));
  state().look_and_watch(at(100s));
  EXPECT_EQ(queue.looks, 0);
  EXPECT_EQ(queue.watches, 0);
  EXPECT_EQ(queue.sheds, 0);
}

// ---- Accounts.

TEST(MemberAccountTest, WithoutMemoryForItTheFloorGoesBack) {
  const MemoryBudget budget({.limit = 1000, .floor = 100});
  {
    const FailingAllocations failing;
    EXPECT_THROW(static_cast<void>(MemberAccount::make(budget)), std::bad_alloc);
  }
  EXPECT_EQ(budget.statistics().floor_bytes, 0U);
  EXPECT_EQ(budget.statistics().charged_bytes, 0U);
  EXPECT_TRUE(MemberAccount::make(budget));
}

TEST(MemberAccountTest, GrantedCreditBeyondABlockGoesBackWhenThatIsPaid) {
  const MemoryBudget budget({.limit = 1000, .high_mark = 1000, .floor = 0});
  const auto account = MemberAccount::make(budget);
  ASSERT_TRUE(account->state().pot().try_draw(500));
  account->add_credit(500);
  ASSERT_TRUE(account->try_pay(300, detail::PaidFrom::kBudget));
  EXPECT_EQ(budget.statistics().charged_bytes, 300U);
  ASSERT_TRUE(account->try_pay(100, detail::PaidFrom::kBudget)) << "no credit is left";
  EXPECT_EQ(budget.statistics().charged_bytes, 400U);
  account->pay_back(300, detail::PaidFrom::kBudget);
  account->pay_back(100, detail::PaidFrom::kBudget);
  EXPECT_EQ(budget.statistics().charged_bytes, 0U);
}

// ---- Who is ended first.

TEST(UsualShedRank, IsBytesTimesMillisecondsOfSilence) {
  EXPECT_EQ(usual_shed_rank({.held_bytes = 3, .silent = 5ms}), 15U);
  EXPECT_EQ(usual_shed_rank({.held_bytes = 3, .silent = 999us}), 3U);
  EXPECT_EQ(usual_shed_rank({.held_bytes = 0, .silent = 5ms}), 5U);
  EXPECT_EQ(usual_shed_rank({}), 1U) << "zero would spare it";
}

TEST(UsualShedRank, SaturatesWhereTheProductWouldWrap) {
  EXPECT_EQ(usual_shed_rank({.held_bytes = SIZE_MAX, .silent = std::chrono::nanoseconds::max()}),
            UINT64_MAX);
}

}  // namespace
}  // namespace bytes_handoff::test
