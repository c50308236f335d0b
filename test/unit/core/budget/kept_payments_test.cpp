// What blocks were paid and buffers keep for the next one.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/core/budget/budget_state.hpp"
#include "bytes_handoff/core/budget/region_access.hpp"
#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "support/budget/budget_probes.hpp"

namespace bytes_handoff::test {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kFloorOfEach = 1024;
const std::size_t kReadCost = detail::Block::cost(kReadBytes, nullptr);

class KeptPayments : public testing::Test {
 protected:
  [[nodiscard]] HandoffBuffer make_buffer() const {
    return HandoffBuffer(
        {.read_reserve = kReadBytes, .block_size = kReadBytes, .memory_budget = budget_});
  }
  // A read into a block that was taken for it.
  [[nodiscard]] static Bytes read(HandoffBuffer& buffer) {
    EXPECT_TRUE(front_end::begin_read(buffer));
    front_end::end_read(buffer, kReadBytes);
    return buffer.freeze_all();
  }
  [[nodiscard]] std::size_t charged() const {
    const MemoryBudgetStatistics seen = budget_.statistics();
    return seen.charged_bytes - seen.floor_bytes;
  }
  [[nodiscard]] detail::MemoryPot& pot() const {
    return detail::BudgetAccess::state(budget_)->pot();
  }
  [[nodiscard]] std::size_t kept() const { return pot().figures().ahead_bytes; }

  const MemoryBudget budget_{{.limit = 64 * 1024 * 1024, .floor = kFloorOfEach}};
};

TEST_F(KeptPayments, WhatAFreedBlockWasPaidIsFreeAndPaysForTheNextOne) {
  HandoffBuffer buffer = make_buffer();
  Bytes slice = read(buffer);
  EXPECT_EQ(charged(), kReadCost);
  EXPECT_EQ(kept(), 0U);
  slice.clear();
  EXPECT_EQ(charged(), 0U);
  EXPECT_EQ(kept(), kReadCost);
  slice = read(buffer);
  EXPECT_EQ(charged(), kReadCost);
  EXPECT_EQ(kept(), 0U);
}

TEST_F(KeptPayments, NoMoreIsKeptThanAShare) {
  HandoffBuffer buffer = make_buffer();
  std::vector<Bytes> slices;
  for (int i = 0; i < 5; ++i) {
    slices.push_back(read(buffer));
  }
  EXPECT_EQ(charged(), 5 * kReadCost);
  slices.clear();
  EXPECT_EQ(charged(), 0U);
  EXPECT_EQ(kept(), kReadCost);
  EXPECT_LT(pot().share(), 2 * kReadCost);
}

TEST_F(KeptPayments, AmongManyMembersNobodyKeepsABlock) {
  std::vector<HandoffBuffer> others;
  for (int i = 0; i < 300; ++i) {
    others.push_back(make_buffer());
  }
  read(others.front()).clear();
  EXPECT_EQ(kept(), 0U);
  EXPECT_EQ(charged(), 0U);
}

TEST_F(KeptPayments, ItIsTakenBackWhenMemoryIsShort) {
  HandoffBuffer buffer = make_buffer();
  read(buffer).clear();
  ASSERT_EQ(kept(), kReadCost);
  const std::size_t rest = pot().figures().free_bytes;
  EXPECT_TRUE(pot().try_draw(rest));
  EXPECT_EQ(kept(), 0U);
  EXPECT_EQ(front_end::begin_read(buffer).value().size(), 512U) << "its floor is left";
  front_end::end_read(buffer, 0);
  give_back(pot(), rest);
}

TEST_F(KeptPayments, WhileOneWaitsAFreedBlockIsThatOnes) {
  HandoffBuffer buffer = make_buffer();
  Bytes slice = read(buffer);
  CreditProbe all(pot().figures().free_bytes + kReadCost);
  ASSERT_EQ(pot().draw_or_wait(all), detail::Draw::kWaits);
  slice.clear();
  EXPECT_EQ(all.resumed, 1);
  EXPECT_EQ(kept(), 0U);
  give_back(pot(), pot().take_grant(all));
  EXPECT_EQ(charged(), 0U);
}

TEST_F(KeptPayments, ABlockThatWasPaidFromItKeepsTheFloorUntilItIsFreed) {
  std::optional<HandoffBuffer> buffer(make_buffer());
  read(*buffer).clear();
  Bytes slice = read(*buffer);
  buffer.reset();
  EXPECT_EQ(charged(), kReadCost);
  EXPECT_EQ(budget_.statistics().floor_bytes, kFloorOfEach);
  slice.clear();
  EXPECT_EQ(budget_.statistics().floor_bytes, 0U);
  EXPECT_EQ(budget_.statistics().charged_bytes, 0U);
}

TEST_F(KeptPayments, WithItsLastMemberAnAccountKeepsNothing) {
  std::optional<HandoffBuffer> buffer(make_buffer());
  Bytes first = read(*buffer);
  read(*buffer).clear();
  EXPECT_EQ(kept(), kReadCost);
  {
    const HandoffBuffer other = std::move(*buffer);
    buffer.reset();
    EXPECT_EQ(kept(), kReadCost) << "it has another member";
  }
  EXPECT_EQ(kept(), 0U);
  EXPECT_EQ(budget_.statistics().floor_bytes, kFloorOfEach);
  first.clear();
  EXPECT_EQ(kept(), 0U);
  EXPECT_EQ(budget_.statistics().charged_bytes, 0U);
}

TEST_F(KeptPayments, APaymentMayBePaidBackInParts) {
  const auto account = detail::MemberAccount::make(budget_);
  ASSERT_TRUE(account->try_pay(1000, detail::PaidFrom::kBudget));
  account->pay_back(300, detail::PaidFrom::kBudget);
  EXPECT_EQ(charged(), 700U);
  account->pay_back(0, detail::PaidFrom::kBudget);
  account->pay_back(700, detail::PaidFrom::kBudget);
  EXPECT_EQ(charged(), 0U);
  EXPECT_EQ(kept(), 1000U);
}

class KeptPaymentThreads : public KeptPayments {
 protected:
  // Until somebody has taken all there is.
  void pay_for_some(std::vector<BytesMut>& blocks) {
    try {
      const auto account = detail::MemberAccount::make(budget_);
      for (int i = 0; i < 4; ++i) {
        blocks.push_back(detail::RegionAccess::make_paid(4096, nullptr, account.get()));
        if (i % 2 == 0) {
          blocks.pop_back();
        }
        ++paid_;
      }
    } catch (const std::bad_alloc&) {     // NOLINT: for a block
    } catch (const std::system_error&) {  // NOLINT: for a floor
    }
  }
  void work() {
    std::vector<std::thread> frees;
    for (int round = 0; round < 1000; ++round) {
      std::vector<BytesMut> blocks;
      pay_for_some(blocks);
      if (round % 10 == 0) {
        frees.emplace_back([mine = std::move(blocks)]() mutable { mine.clear(); });
      }
    }
    for (std::thread& each : frees) {
      each.join();
    }
  }
  void take_all() {
    while (!is_over_) {
      const std::size_t free = pot().figures().free_bytes;
      if (pot().try_draw(free)) {
        give_back(pot(), free);
      }
      std::this_thread::yield();
    }
  }

  std::atomic<bool> is_over_{false};
  std::atomic<int> paid_{0};
};

// Blocks are freed on other threads while members come and go, and somebody takes all there is.
TEST_F(KeptPaymentThreads, AccountsEndOnAnyThread) {
  std::thread taker([this] { take_all(); });
  std::thread other([this] { work(); });
  work();
  other.join();
  is_over_ = true;
  taker.join();
  EXPECT_GT(paid_, 0);
  EXPECT_EQ(budget_.statistics().charged_bytes, 0U);
  EXPECT_EQ(kept(), 0U);
  EXPECT_EQ(budget_.statistics().floor_bytes, 0U);
}

}  // namespace
}  // namespace bytes_handoff::test
