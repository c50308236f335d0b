#include "bytes_handoff/core/budget/paid_entry.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/core/budget/budget_state.hpp"
#include "bytes_handoff/core/budget/region_access.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/message_stream.hpp"
#include "support/budget/budget_probes.hpp"
#include "support/fan_out/fan_out_fixture.hpp"
#include "support/memory/allocation_counter.hpp"

namespace bytes_handoff::test {
namespace {

using detail::BudgetAccess;
using detail::BytesAccess;
using detail::PaidEntry;

MemoryBudget entry_budget(std::size_t limit = 1000) {
  return MemoryBudget({.limit = limit, .high_mark = limit, .floor = 0});
}
std::size_t charged_to(const MemoryBudget& budget) { return budget.statistics().charged_bytes; }
void pay_for(Bytes& slice, const MemoryBudget& budget) {
  PaidEntry::pay_for(slice, *BudgetAccess::state(budget));
}
bool is_paid(const Bytes& slice, const MemoryBudget& budget) {
  return detail::is_paid_from(BytesAccess::owner(slice), &BudgetAccess::state(budget)->pot());
}
Bytes entry_of(std::size_t n) { return Bytes::copy_of(std::string(n, 'x')); }

constexpr std::size_t kReadBlock = 4096;
/// What such a block is charged.
std::size_t block_cost() { return detail::Block::cost(kReadBlock, nullptr); }
/// In a block that no budget pays for.
Bytes read_entry(std::size_t n) {
  BytesMut read = BytesMut::with_capacity(kReadBlock);
  read.extend(std::string(n, 'x'));
  return std::move(read).freeze();
}

TEST(PaidEntryTest, IsChargedOnceUntilNobodyHasIt) {
  const MemoryBudget budget = entry_budget();
  Bytes slice = entry_of(100);
  const std::byte* const data = slice.data();
  pay_for(slice, budget);
  EXPECT_EQ(slice.data(), data);
  EXPECT_EQ(slice.size(), 100U);
  EXPECT_TRUE(is_paid(slice, budget));
  EXPECT_EQ(charged_to(budget), 100U);
  pay_for(slice, budget);
  Bytes copy = slice;
  slice.clear();
  EXPECT_EQ(charged_to(budget), 100U);
  std::thread([last = std::move(copy)]() mutable { last.clear(); }).join();
  EXPECT_EQ(charged_to(budget), 0U);
}

TEST(PaidEntryTest, TwoLogsHaveOneEntryChargedOnce) {
  const MemoryBudget budget = entry_budget();
  Bytes of_one = entry_of(100);
  Bytes of_other = of_one;
  Bytes part = *of_one.slice(0, 40);
  pay_for(of_one, budget);
  pay_for(of_other, budget);
  EXPECT_EQ(charged_to(budget), 100U);
  pay_for(part, budget);  // which is another one
  EXPECT_EQ(charged_to(budget), 140U);
  of_one.clear();
  EXPECT_EQ(charged_to(budget), 140U);
  of_other.clear();
  EXPECT_EQ(charged_to(budget), 40U);
}

TEST(PaidEntryTest, ABlockIsChargedOnceForAllItsSlices) {
  const MemoryBudget budget = entry_budget(3 * block_cost());
  Bytes first = read_entry(4096);
  Bytes second = *first.split_to(40);
  Bytes message = tag_message(first, 7);  // which is too much to be copied
  for (Bytes* each : {&first, &second, &message}) {
    pay_for(*each, budget);
    EXPECT_TRUE(is_paid(*each, budget));
    EXPECT_EQ(charged_to(budget), block_cost()) << "any of them keeps all of it";
  }
  EXPECT_EQ(message_tag(message), 7U);
  first.clear();
  message.clear();
  EXPECT_EQ(charged_to(budget), block_cost());
  second.clear();
  EXPECT_EQ(charged_to(budget), 0U);
}

TEST(PaidEntryTest, ASliceIsNotPaidForWithoutMemoryForItsBlock) {
  const MemoryBudget budget = entry_budget(block_cost() - 1);
  Bytes slice = read_entry(10);
  pay_for(slice, budget);
  EXPECT_FALSE(is_paid(slice, budget));
  EXPECT_EQ(charged_to(budget), 0U);
}

TEST(PaidEntryTest, WhatTakesItsPlaceIsPaidFromTheSameBudgets) {
  const MemoryBudget one = entry_budget();
  const MemoryBudget other = entry_budget();
  Bytes slice = entry_of(100);
  pay_for(slice, one);
  pay_for(slice, other);
  Bytes copy = entry_of(30);
  PaidEntry::of(BytesAccess::owner(slice))->pay_also_for(copy);
  EXPECT_EQ(charged_to(one), 130U);
  EXPECT_EQ(charged_to(other), 130U);
  slice.clear();
  EXPECT_EQ(charged_to(one), 30U);
  EXPECT_EQ(charged_to(other), 30U);
}

TEST(PaidEntryTest, TwoBudgetsAreChargedForIt) {
  const MemoryBudget one = entry_budget();
  const MemoryBudget other = entry_budget();
  Bytes slice = entry_of(100);
  pay_for(slice, one);
  pay_for(slice, other);
  EXPECT_TRUE(is_paid(slice, one));
  EXPECT_TRUE(is_paid(slice, other));
  EXPECT_EQ(charged_to(one), 100U);
  EXPECT_EQ(charged_to(other), 100U);
  slice.clear();
  EXPECT_EQ(charged_to(one), 0U);
  EXPECT_EQ(charged_to(other), 0U);
}

TEST(PaidEntryTest, WithoutMemoryTheSliceStaysAsItWas) {
  const MemoryBudget budget = entry_budget(99);
  Bytes slice = entry_of(100);
  detail::Owner* const owner = BytesAccess::owner(slice);
  pay_for(slice, budget);
  EXPECT_EQ(BytesAccess::owner(slice), owner);
  EXPECT_FALSE(is_paid(slice, budget));
  EXPECT_EQ(charged_to(budget), 0U);
}

TEST(PaidEntryTest, WhatIsNotChargedStaysAsItWas) {
  const MemoryBudget budget = entry_budget(100'000);
  Bytes fixed = Bytes::borrow_static(std::string_view("static"));
  pay_for(fixed, budget);
  EXPECT_EQ(BytesAccess::owner(fixed), nullptr);
  Bytes nothing;
  pay_for(nothing, budget);
  HandoffBuffer buffer({.memory_budget = budget});
  const auto room = front_end::begin_read(buffer);
  ASSERT_TRUE(room);
  std::fill_n(room->begin(), 100, std::byte{'x'});
  front_end::end_read(buffer, 100);
  Bytes read = buffer.freeze_all();
  const std::size_t before = charged_to(budget);
  pay_for(read, budget);
  EXPECT_EQ(charged_to(budget), before);
}

TEST(PaidEntryTest, AMessageKeepsItsTag) {
  const MemoryBudget budget = entry_budget();
  for (const std::size_t size : {10U, 500U}) {
    Bytes message = tag_message(entry_of(size), 7);
    pay_for(message, budget);
    EXPECT_TRUE(is_paid(message, budget));
    EXPECT_EQ(message_tag(message), 7U);
    const Bytes again = tag_message(message, 9);
    EXPECT_EQ(message_tag(again), 9U);
  }
  Bytes plain = entry_of(10);
  pay_for(plain, budget);
  EXPECT_EQ(message_tag(plain), 0U);
}

TEST(PaidEntryTest, AMessageOfStaticBytesIsChargedItsLengthAndAnEmptyOneNothing) {
  const MemoryBudget budget = entry_budget();
  static constexpr std::array<char, 500> kFixed{};
  Bytes message = tag_message(Bytes::borrow_static(std::string_view(kFixed.data(), 500)), 7);
  EXPECT_EQ(static_cast<const void*>(message.data()), kFixed.data());
  EXPECT_FALSE(is_paid(message, budget));
  pay_for(message, budget);
  EXPECT_TRUE(is_paid(message, budget));
  EXPECT_EQ(message_tag(message), 7U);
  EXPECT_EQ(charged_to(budget), 500U);
  Bytes empty = tag_message(Bytes(), 7);
  detail::Owner* const owner = BytesAccess::owner(empty);
  ASSERT_NE(owner, nullptr);
  pay_for(empty, budget);
  EXPECT_EQ(BytesAccess::owner(empty), owner);
  EXPECT_EQ(charged_to(budget), 500U);
}

TEST(PaidEntryTest, ASliceStaysAsItWasIfNothingCanBeAllocated) {
  const MemoryBudget budget = entry_budget();
  Bytes slice = entry_of(100);
  detail::Owner* const owner = BytesAccess::owner(slice);
  for (const bool has_pooled : {false, true}) {
    pool_trim();
    if (has_pooled) {  // for the owner, but not for the budget's list
      Bytes before = entry_of(100);
      pay_for(before, budget);
    }
    {
      const FailingAllocations failing;
      pay_for(slice, budget);
    }
    EXPECT_EQ(BytesAccess::owner(slice), owner);
    EXPECT_EQ(charged_to(budget), 0U);
  }
  pay_for(slice, budget);
  EXPECT_EQ(charged_to(budget), 100U);
}

TEST(PaidEntryTest, RetainsWhatItKeeps) {
  const MemoryBudget budget = entry_budget();
  Bytes slice = entry_of(300);
  const std::size_t before = detail::retained_by(BytesAccess::owner(slice));
  pay_for(slice, budget);
  EXPECT_EQ(detail::retained_by(BytesAccess::owner(slice)), before + PaidEntry::footprint());
}

TEST(PaidEntryTest, WhoWaitsIsServedWhenItIsFreed) {
  const MemoryBudget budget = entry_budget(100);
  Bytes slice = entry_of(100);
  pay_for(slice, budget);
  CreditProbe waiter(50);
  detail::MemoryPot& pot = BudgetAccess::state(budget)->pot();
  ASSERT_EQ(pot.draw_or_wait(waiter), detail::Draw::kWaits);
  slice.clear();
  EXPECT_EQ(waiter.resumed, 1);
  give_back(pot, pot.take_grant(waiter));
}

TEST(PaidEntryTest, OutlivesTheBudget) {
  Bytes slice = entry_of(100);
  {
    const MemoryBudget budget = entry_budget();
    pay_for(slice, budget);
  }
  EXPECT_EQ(slice.size(), 100U);
}

// Logs of several threads, which hold the same entries for a while.
TEST(PaidEntryThreads, AreChargedForWhatTheyHold) {
  const MemoryBudget budget = entry_budget(1'000'000);
  std::vector<Bytes> entries;
  for (std::size_t i = 1; i <= 8; ++i) {
    entries.push_back(entry_of(100 * i));
  }
  std::vector<std::thread> threads;
  for (unsigned first = 0; first != 4; ++first) {
    threads.emplace_back([&, first] {
      for (unsigned round = 0; round != 2000; ++round) {
        Bytes mine = entries[(first + round) % entries.size()];
        pay_for(mine, budget);
        EXPECT_TRUE(is_paid(mine, budget));
      }
    });
  }
  for (std::thread& each : threads) {
    each.join();
  }
  EXPECT_EQ(charged_to(budget), 0U);
}

// ---- In the log of a fan-out.

class PaidLog : public FanOutTest {
 protected:
  ~PaidLog() override {
    for (const auto& each : takers) {
      core->leave(*each, woken);
    }
    detail::wake_all(woken);
    run();
  }

  /// Takes what it is given, as a queue of the budget that has no stream.
  struct Kept final : detail::Subscriber {
    Kept(detail::LanePointer lane, const MemoryBudget& budget)
        : BasicSubscriber(std::move(lane), {}, BudgetAccess::state(budget)) {}
    detail::Served visit() noexcept override {
      detail::Taken taken;
      taken.slices.reserve(detail::Taken::kUsualSlices);
      while (lane().core().take(*this, false, taken) == detail::Take::kTaken) {
        for (Bytes& slice : taken.slices) {
          held.push_back(std::move(slice));
        }
        note_given(taken.after_all);
        taken.slices.clear();
      }
      return detail::Served::kCurrent;
    }
    void end_queue(detail::FanOutEnd /*how*/) noexcept override {}
    void release_room() noexcept override {}
    std::vector<Bytes> held;
  };

  Kept& join_kept(const MemoryBudget& budget) {
    auto* const made = new Kept(detail::LanePointer(&lane()), budget);
    takers.push_back(detail::SubscriberPointer::adopt(made));
    EXPECT_TRUE(core->join(*made, woken));
    detail::wake_all(woken);
    return *made;
  }
  void publish_copy(const Bytes& entry) {
    Bytes copy = entry;
    ASSERT_TRUE(core->publish({&copy, 1}, std::nullopt, woken));
    detail::wake_all(woken);
    run();
  }

  std::vector<detail::SubscriberPointer> takers;
};

TEST_F(PaidLog, AnEntryIsChargedOnceForAllQueues) {
  open({.max_bytes = 1000, .max_entries = 2});
  const MemoryBudget budget = entry_budget();
  Kept& one = join_kept(budget);
  Kept& two = join_kept(budget);
  publish_copy(entry_of(100));
  ASSERT_EQ(one.held.size(), 1U);
  ASSERT_EQ(two.held.size(), 1U);
  EXPECT_EQ(charged_to(budget), 100U);
  one.held.clear();
  two.held.clear();
  EXPECT_EQ(charged_to(budget), 100U);  // the log has it
  publish_copy(entry_of(10));
  publish_copy(entry_of(10));
  EXPECT_EQ(charged_to(budget), 20U);
}

TEST_F(PaidLog, SmallEntriesDoNotKeepTheBlocksThatWerePaidFor) {
  open({.max_bytes = 1000, .max_entries = 100});
  const MemoryBudget budget = entry_budget(100 * block_cost());
  Kept& queue = join_kept(budget);
  for (int i = 0; i != 20; ++i) {
    publish_copy(read_entry(10));
  }
  ASSERT_EQ(queue.held.size(), 20U);
  EXPECT_EQ(charged_to(budget), 21 * block_cost()) << "the queue's, and the log's copies";
  for (const Bytes& each : queue.held) {
    EXPECT_EQ(each.view(), std::string(10, 'x'));
  }
  queue.held.clear();
  EXPECT_EQ(charged_to(budget), 2 * block_cost()) << "the newest, and that of the copies";
}

/// Asks for what a lock guards that must be free by now.
struct AsksTheLog final : CreditProbe {
  AsksTheLog(std::size_t n, detail::FanOutCore& of) : CreditProbe(n), core(&of) {}
  void resume(const void* destroyed) noexcept override {
    // On another thread: it would wait for ever if it were this one that holds the lock.
    std::thread([this] { is_closed = core->is_closed(); }).join();
    CreditProbe::resume(destroyed);
  }
  detail::FanOutCore* core;
  bool is_closed = true;
};

TEST_F(PaidLog, WhoWaitsForMemoryIsResumedOutsideOfItsLock) {
  open({.max_bytes = 1000, .max_entries = 100});
  const MemoryBudget budget = entry_budget(4 * block_cost());
  Kept& queue = join_kept(budget);
  publish_copy(read_entry(10));
  queue.held.clear();
  AsksTheLog waiter(2 * block_cost(), *core);
  detail::MemoryPot& pot = BudgetAccess::state(budget)->pot();
  ASSERT_TRUE(pot.try_draw(2 * block_cost()));
  ASSERT_EQ(pot.draw_or_wait(waiter), detail::Draw::kWaits);
  publish_copy(read_entry(10));  // the first one's block is free
  EXPECT_EQ(waiter.resumed, 1);
  EXPECT_FALSE(waiter.is_closed);
  give_back(pot, pot.take_grant(waiter) + 2 * block_cost());
}

TEST_F(PaidLog, BlocksThatWerePaidForAreFreedOutsideOfItsLock) {
  open({.max_bytes = 1000, .max_entries = 100});
  const MemoryBudget budget = entry_budget(4 * block_cost());
  const detail::AccountPointer account = detail::MemberAccount::make(budget);
  std::vector<Bytes> group;
  for (int i = 0; i != 4; ++i) {
    BytesMut read = detail::RegionAccess::make_paid(kReadBlock, nullptr, account.get());
    read.extend(std::string("0123456789"));
    group.push_back(std::move(read).freeze());
  }
  AsksTheLog waiter(2 * block_cost(), *core);
  detail::MemoryPot& pot = BudgetAccess::state(budget)->pot();
  ASSERT_EQ(pot.draw_or_wait(waiter), detail::Draw::kWaits);
  ASSERT_TRUE(core->publish(group, std::nullopt, woken));
  EXPECT_EQ(waiter.resumed, 1);
  EXPECT_FALSE(waiter.is_closed);
  EXPECT_EQ(charged_to(budget), 3 * block_cost()) << "the newest, and what was granted";
  give_back(pot, pot.take_grant(waiter));
}

}  // namespace
}  // namespace bytes_handoff::test
