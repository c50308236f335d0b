#include <gtest/gtest.h>

#include <memory_resource>
#include <optional>
#include <stdexcept>
#include <string>
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

constexpr std::size_t kBlockBytes = 4096;
constexpr std::size_t kFloorBytes = 1024;
const std::size_t kBlockCost = detail::Block::cost(kBlockBytes, nullptr);

// Room for so many blocks, and the floors of so many members.
MemoryBudget budget_of(std::size_t blocks, std::size_t members = 1) {
  return MemoryBudget({.limit = blocks * kBlockCost + members * kFloorBytes,
                       .high_mark = blocks * kBlockCost + members * kFloorBytes,
                       .floor = kFloorBytes});
}

HandoffBuffer buffer_of(const MemoryBudget& budget) {
  return HandoffBuffer(
      {.read_reserve = kBlockBytes, .block_size = kBlockBytes, .memory_budget = budget});
}

// As a read that brings `n` bytes.
void read(HandoffBuffer& buffer, std::size_t n) {
  const auto room = front_end::begin_read(buffer);
  ASSERT_TRUE(room);
  std::fill_n(room->begin(), n, std::byte{'x'});
  front_end::end_read(buffer, n);
}

std::size_t charged(const MemoryBudget& budget) {
  const MemoryBudgetStatistics seen = budget.statistics();
  return seen.charged_bytes - seen.floor_bytes;
}

TEST(MemoryBudgetConfigTest, WhatCanNeverWorkThrows) {
  EXPECT_THROW(MemoryBudget({.limit = 0}), std::invalid_argument);
  EXPECT_THROW(MemoryBudget({.limit = 1, .high_mark = 2, .floor = 0}), std::invalid_argument);
  EXPECT_THROW(MemoryBudget({.limit = 1, .floor = 2}), std::invalid_argument);
  EXPECT_THROW(MemoryBudget({.shed_after = std::chrono::nanoseconds(-1)}), std::invalid_argument);
}

TEST(MemoryBudgetTest, AHandleIsCheapToCopyAndNoneIsNoBudget) {
  EXPECT_FALSE(MemoryBudget().valid());
  const MemoryBudget budget({.limit = 100'000});
  MemoryBudget copy = budget;
  EXPECT_EQ(copy, budget);
  copy = MemoryBudget({.limit = 100'000});
  EXPECT_NE(copy, budget);
  MemoryBudget moved = std::move(copy);
  EXPECT_TRUE(moved.valid());
  EXPECT_EQ(moved.statistics().limit_bytes, 100'000U);
}

TEST(BufferMemory, ABlockIsChargedOnceUntilItIsFreed) {
  const MemoryBudget budget = budget_of(2);
  std::optional<HandoffBuffer> buffer(buffer_of(budget));
  EXPECT_EQ(charged(budget), 0U);
  read(*buffer, 100);
  EXPECT_EQ(charged(budget), kBlockCost);
  auto first = buffer->split_prefix(50);
  Bytes copy = *first;
  EXPECT_EQ(charged(budget), kBlockCost);
  buffer.reset();
  EXPECT_EQ(charged(budget), kBlockCost);  // the slices keep it
  first->clear();
  EXPECT_EQ(charged(budget), kBlockCost);
  std::thread([last = std::move(copy)]() mutable { last.clear(); }).join();
  EXPECT_EQ(charged(budget), 0U);
}

TEST(BufferMemory, ABlockOutlivesBufferAndBudget) {
  Bytes slice;
  {
    const MemoryBudget budget = budget_of(1);
    HandoffBuffer buffer = buffer_of(budget);
    read(buffer, 100);
    slice = buffer.freeze_all();
  }
  EXPECT_EQ(slice.size(), 100U);
  slice.clear();  // pays back to what it has kept alive
}

TEST(BufferMemory, ABufferWhoseFloorDoesNotFitIsRefused) {
  const MemoryBudget budget({.limit = 2 * kFloorBytes + 1, .floor = kFloorBytes});
  std::optional<HandoffBuffer> first(buffer_of(budget));
  const HandoffBuffer second = buffer_of(budget);
  try {
    const HandoffBuffer third = buffer_of(budget);
    FAIL() << "it was made";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), Errc::memory_exhausted);
  }
  first.reset();
  EXPECT_NO_THROW(buffer_of(budget));
}

TEST(BufferMemory, WithoutMemoryAnEmptyBufferReadsFromItsFloor) {
  const MemoryBudget budget = budget_of(1, 2);
  HandoffBuffer rich = buffer_of(budget);
  read(rich, 1);
  HandoffBuffer poor = buffer_of(budget);
  const auto room = front_end::begin_read(poor);
  ASSERT_TRUE(room);
  EXPECT_EQ(room->size(), 512U);
  front_end::end_read(poor, 512);
  EXPECT_EQ(charged(budget), kBlockCost);
  // It holds something now, and its floor is used.
  try {
    static_cast<void>(front_end::begin_read(poor));
    FAIL() << "memory came from nowhere";
  } catch (const detail::MemoryShort& error) {
    EXPECT_EQ(error.bytes_needed, detail::Block::cost(2 * kBlockBytes, nullptr));
    EXPECT_STREQ(error.what(), "bytes_handoff: the memory budget is exhausted");
  }
  EXPECT_EQ(poor.size(), 512U);
  Bytes slice = poor.freeze_all();
  EXPECT_THROW(static_cast<void>(front_end::begin_read(poor)), std::bad_alloc);
  slice.clear();  // and with it the floor's block
  ASSERT_TRUE(front_end::begin_read(poor));
  front_end::end_read(poor, 0);
}

TEST(BufferMemory, WhatDoesNotWaitThrowsAndChangesNothing) {
  const MemoryBudget budget = budget_of(1);
  HandoffBuffer buffer = buffer_of(budget);
  read(buffer, 10);
  EXPECT_THROW(static_cast<void>(buffer.reserve_read_capacity(2 * kBlockBytes)), std::bad_alloc);
  EXPECT_EQ(buffer.size(), 10U);
  EXPECT_EQ(charged(budget), kBlockCost);
}

TEST(BufferMemory, CreditThatWasGrantedPaysForTheNextBlock) {
  const MemoryBudget budget = budget_of(1);
  HandoffBuffer buffer = buffer_of(budget);
  detail::MemberAccount& account = *detail::BufferAccess::account(buffer);
  CreditProbe probe(kBlockCost);
  ASSERT_EQ(account.state().pot().draw_or_wait(probe), detail::Draw::kDrawn);
  EXPECT_EQ(charged(budget), kBlockCost);
  account.add_credit(kBlockCost);
  ASSERT_TRUE(front_end::begin_read(buffer));
  EXPECT_EQ(charged(budget), kBlockCost);
  front_end::end_read(buffer, 0);
}

TEST(BufferMemory, CreditThatIsNotNeededGoesBack) {
  const MemoryBudget budget = budget_of(2);
  HandoffBuffer buffer = buffer_of(budget);
  detail::MemberAccount& account = *detail::BufferAccess::account(buffer);
  read(buffer, 1);
  CreditProbe probe(kBlockCost);
  ASSERT_EQ(account.state().pot().draw_or_wait(probe), detail::Draw::kDrawn);
  account.add_credit(kBlockCost);
  detail::BufferAccess::note_credit(buffer);
  ASSERT_TRUE(front_end::begin_small_read(buffer));  // there is room
  EXPECT_EQ(charged(budget), kBlockCost);
  front_end::end_read(buffer, 0);
}

TEST(BufferMemory, CreditThatComesWhileAReadRunsGoesBackAtItsEnd) {
  const MemoryBudget budget = budget_of(2);
  HandoffBuffer buffer = buffer_of(budget);
  ASSERT_TRUE(front_end::begin_read(buffer));
  detail::MemberAccount& account = *detail::BufferAccess::account(buffer);
  ASSERT_TRUE(account.state().pot().try_draw(kBlockCost));
  account.add_credit(kBlockCost);
  detail::BufferAccess::note_credit(buffer);
  EXPECT_EQ(charged(budget), 2 * kBlockCost);
  front_end::end_read(buffer, 0);
  EXPECT_EQ(charged(budget), kBlockCost);
}

TEST(BufferMemory, ASmallReadIsPaidForByTheFloorAndElseByTheBudget) {
  const MemoryBudget budget = budget_of(1);
  HandoffBuffer buffer = buffer_of(budget);
  const auto read_small = [&buffer] {
    const std::size_t room = front_end::begin_small_read(buffer).value().size();
    EXPECT_EQ(room, 512U);
    front_end::end_read(buffer, room);
  };
  read_small();
  EXPECT_EQ(charged(budget), 0U);
  const BytesMut of_floor = buffer.take_tail();
  read_small();
  EXPECT_EQ(charged(budget), detail::Block::cost(detail::block_capacity_for(512), nullptr));
  const BytesMut of_budget = buffer.take_tail();
  ASSERT_TRUE(detail::BufferAccess::account(buffer)->state().pot().try_draw(
      budget.statistics().limit_bytes - budget.statistics().charged_bytes));
  EXPECT_THROW(static_cast<void>(front_end::begin_small_read(buffer)), std::bad_alloc);
}

TEST(BufferMemory, WhatWasReservedIsNotExchangedForLittle) {
  const MemoryBudget budget = budget_of(1);
  HandoffBuffer buffer(
      {.read_reserve = 2 * kBlockBytes, .block_size = 64, .memory_budget = budget});
  ASSERT_TRUE(buffer.reserve_read_capacity(1000));
  const std::size_t reserved = charged(budget);
  EXPECT_THROW(static_cast<void>(front_end::begin_read(buffer)), std::bad_alloc);
  EXPECT_GE(buffer.capacity(), 1000U);
  EXPECT_EQ(charged(budget), reserved);
}

TEST(BufferMemory, AMovedBufferTakesItsAccountAlong) {
  const MemoryBudget budget = budget_of(1);
  HandoffBuffer from = buffer_of(budget);
  read(from, 10);
  HandoffBuffer to = std::move(from);
  EXPECT_EQ(budget.statistics().floor_bytes, kFloorBytes);
  EXPECT_EQ(charged(budget), kBlockCost);
  HandoffBuffer third;
  third = std::move(to);
  third = HandoffBuffer();
  EXPECT_EQ(charged(budget), 0U);
  read(to, 10);  // it is usable, with the same account
  EXPECT_EQ(charged(budget), kBlockCost);
}

TEST(BufferMemory, ATailIsChargedIfNobodySharesItsBlock) {
  const MemoryBudget budget = budget_of(1, 2);
  const HandoffBufferConfig config{.block_size = kBlockBytes, .memory_budget = budget};
  BytesMut tail = BytesMut::with_capacity(kBlockBytes);
  tail.extend("tail");
  {
    auto buffer = HandoffBuffer::from_tail(tail, config);
    ASSERT_TRUE(buffer);
    EXPECT_EQ(charged(budget), kBlockCost);
    BytesMut more = BytesMut::with_capacity(kBlockBytes);
    more.extend("more");
    EXPECT_THROW(static_cast<void>(HandoffBuffer::from_tail(more, config)), std::bad_alloc);
    EXPECT_EQ(more.view(), "more");
  }
  EXPECT_EQ(charged(budget), 0U);
  BytesMut shared = BytesMut::with_capacity(kBlockBytes);
  shared.extend("shared");
  const auto slice = shared.split_to_frozen(3);
  EXPECT_TRUE(HandoffBuffer::from_tail(shared, config));
  EXPECT_EQ(charged(budget), 0U);
}

TEST(BufferMemory, ATailThatIsPaidForOrHasNoBlockIsNotChargedAgain) {
  const MemoryBudget one = budget_of(1);
  const MemoryBudget other = budget_of(1);
  const auto account = detail::MemberAccount::make(one);
  BytesMut tail = detail::RegionAccess::make_paid(kBlockBytes, nullptr, account.get());
  tail.extend("tail");
  {
    auto buffer = HandoffBuffer::from_tail(tail, {.memory_budget = other});
    ASSERT_TRUE(buffer);
    EXPECT_EQ(buffer->peek_view(), "tail");
    EXPECT_EQ(charged(one), kBlockCost);
    EXPECT_EQ(charged(other), 0U);
  }
  EXPECT_EQ(charged(one), 0U);
  BytesMut nothing;
  EXPECT_TRUE(HandoffBuffer::from_tail(nothing, {.memory_budget = other}));
  EXPECT_EQ(charged(other), 0U);
}

TEST(BufferMemory, ASourceThatThrowsIsPaidNothing) {
  const MemoryBudget budget = budget_of(1);
  HandoffBuffer buffer({.read_reserve = kBlockBytes,
                        .block_size = kBlockBytes,
                        .block_source = std::pmr::null_memory_resource(),
                        .memory_budget = budget});
  EXPECT_THROW(static_cast<void>(front_end::begin_read(buffer)), std::bad_alloc);
  EXPECT_EQ(charged(budget), 0U);
}

TEST(BufferMemory, ABlockOfASourceIsChargedAndPaidBackAlike) {
  std::pmr::monotonic_buffer_resource source;
  const MemoryBudget budget = budget_of(1);
  HandoffBuffer buffer({.read_reserve = kBlockBytes,
                        .block_size = kBlockBytes,
                        .block_source = &source,
                        .memory_budget = budget});
  read(buffer, 10);
  EXPECT_EQ(charged(budget), detail::Block::cost(kBlockBytes, &source));
  static_cast<void>(buffer.take_tail());
  EXPECT_EQ(charged(budget), 0U);
}

}  // namespace
}  // namespace bytes_handoff::test
