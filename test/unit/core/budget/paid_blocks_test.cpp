// Slices of blocks that the same budget has paid for.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/core/budget/budget_state.hpp"
#include "bytes_handoff/core/budget/region_access.hpp"
#include "bytes_handoff/message_stream.hpp"
#include "support/budget/queue_memory_fixture.hpp"

namespace bytes_handoff::test {
namespace {

class PaidBlocks : public testing::Test {
 protected:
  static constexpr std::size_t kBlockBytes = 16384;

  PaidBlocks()
      : budget_({.limit = 10 * kBlockBytes, .high_mark = 10 * kBlockBytes, .floor = kQueueFloor}),
        account_(detail::MemberAccount::make(budget_)),
        credit_(account_->state().pot(), waiter_, kQueueFloor, account_.get()),
        queue_({}, detail::kMaxStepItems, detail::Entries::kBytes, &credit_) {}

  [[nodiscard]] Bytes slice_of_paid_block(std::size_t n) {
    BytesMut block = detail::RegionAccess::make_paid(kBlockBytes, nullptr, account_.get());
    block.extend(std::string(n, 'p'));
    return std::move(block).freeze();
  }
  [[nodiscard]] bool try_write(Bytes bytes) {
    detail::Effects effects;
    const bool is_admitted = queue_.try_write({&bytes, 1}, effects).has_value();
    effects.finish();
    return is_admitted;
  }
  [[nodiscard]] std::size_t charged() const {
    return budget_.statistics().charged_bytes - kQueueFloor;
  }

  MemoryBudget budget_;
  detail::AccountPointer account_;
  QueueCreditProbe waiter_;
  detail::QueueCredit credit_;
  ChargedQueue<> queue_;
};

TEST_F(PaidBlocks, ASliceIsNotChargedAgain) {
  ASSERT_TRUE(try_write(slice_of_paid_block(10'000)));
  EXPECT_EQ(queue_.account().charged(), 0U);
  EXPECT_EQ(charged(), detail::Block::cost(kBlockBytes, nullptr));
  std::vector<Bytes> both{slice_of_paid_block(100), letters(5)};
  detail::Effects effects;
  ASSERT_TRUE(queue_.try_write(both, effects));
  EXPECT_EQ(queue_.account().charged(), 5U);
  detail::WriteBatch batch(kBlockBytes);
  ASSERT_EQ(queue_.begin_turn(batch, effects), detail::WriteQueue::Turn::kWrite);
  ASSERT_EQ(batch.bytes, 10'105U);
  static_cast<void>(queue_.finish_write({}, batch.bytes, false, batch, effects));
  effects.finish();
  EXPECT_EQ(queue_.account().charged(), 0U);
  EXPECT_EQ(charged(), 0U);
}

TEST_F(PaidBlocks, ASliceOfAnotherBudgetIsCharged) {
  const MemoryBudget other({.limit = 100'000});
  const auto account = detail::MemberAccount::make(other);
  BytesMut block = detail::RegionAccess::make_paid(kBlockBytes, nullptr, account.get());
  block.extend(std::string(500, 'p'));
  ASSERT_TRUE(try_write(std::move(block).freeze()));
  EXPECT_EQ(queue_.account().charged(), 500U);
  detail::WriteBatch batch(kBlockBytes);
  detail::Effects effects;
  ASSERT_EQ(queue_.begin_turn(batch, effects), detail::WriteQueue::Turn::kWrite);
  static_cast<void>(queue_.finish_write({}, 500, false, batch, effects));
  effects.finish();
  EXPECT_EQ(queue_.account().charged(), 0U);
}

TEST_F(PaidBlocks, ABurstOfSlicesOfOneBlockIsNotCharged) {
  Bytes first = slice_of_paid_block(30);
  std::vector<Bytes> burst{*first.split_to(10), first};
  detail::Effects effects;
  ASSERT_TRUE(queue_.try_write(burst, effects));
  EXPECT_EQ(queue_.account().charged(), 0U);
  effects.finish();
}

TEST_F(PaidBlocks, AGroupOfNothingIsNotCharged) {
  detail::Effects effects;
  EXPECT_TRUE(queue_.try_write({}, effects));
  EXPECT_EQ(queue_.account().charged(), 0U);
  effects.finish();
}

// All of them would fit into the floor.
TEST_F(PaidBlocks, SlicesOfABlockAmongOthersInABurstAreNotCharged) {
  Bytes first = slice_of_paid_block(30);
  const Bytes second = *first.split_to(10);
  std::vector<Bytes> burst{second,    first, letters(7), Bytes(), second, slice_of_paid_block(5),
                           letters(5)};
  detail::Effects effects;
  ASSERT_TRUE(queue_.try_write(burst, effects));
  EXPECT_EQ(queue_.account().charged(), 12U);
  effects.finish();
}

TEST_F(PaidBlocks, ATaggedMessageIsChargedAsWhatItKeeps) {
  Bytes message = tag_message(slice_of_paid_block(kBlockBytes), 7);
  ASSERT_NE(detail::TaggedOwner::of(detail::BytesAccess::owner(message)), nullptr);
  ASSERT_TRUE(try_write(std::move(message)));
  EXPECT_EQ(queue_.account().charged(), 0U);
}

TEST_F(PaidBlocks, ACompactedRunIsPaidForAndItsBlockIsNot) {
  ASSERT_TRUE(try_write(slice_of_paid_block(100)));
  const std::size_t before = charged();
  ASSERT_TRUE(try_write(slice_of_paid_block(8000)));  // ends the run of 100 bytes
  EXPECT_EQ(charged(),
            detail::Block::cost(4096, nullptr) + detail::Block::cost(kBlockBytes, nullptr));
  EXPECT_EQ(before, detail::Block::cost(kBlockBytes, nullptr));
  EXPECT_EQ(queue_.account().charged(), 0U);
}

TEST_F(PaidBlocks, ACompactedRunOfForeignBlocksIsChargedNoMore) {
  BytesMut foreign = BytesMut::with_capacity(kBlockBytes);
  foreign.extend(std::string(100, 'f'));
  ASSERT_TRUE(try_write(std::move(foreign).freeze()));
  EXPECT_EQ(queue_.account().charged(), 100U);
  ASSERT_TRUE(try_write(slice_of_paid_block(8000)));
  EXPECT_EQ(queue_.account().charged(), 0U);
}

TEST_F(PaidBlocks, AJoinedRecordIsPaidForAndWhatItCopiedIsNotCharged) {
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(try_write(Bytes::from_owner(std::string(200, 'j'))));
  }
  EXPECT_EQ(queue_.account().charged(), 800U);
  detail::WriteBatch batch(kBlockBytes);
  detail::Effects effects;
  ASSERT_EQ(queue_.begin_turn(batch, effects), detail::WriteQueue::Turn::kWrite);
  ASSERT_TRUE(batch.must_join());
  queue_.join(batch);
  EXPECT_EQ(queue_.account().charged(), 0U);
  EXPECT_EQ(charged(), detail::Block::cost(1024, nullptr));
  static_cast<void>(queue_.finish_write({}, 800, false, batch, effects));
  effects.finish();
  EXPECT_EQ(charged(), 0U);
}

TEST_F(PaidBlocks, WithoutMemoryARecordIsNotJoined) {
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(try_write(Bytes::from_owner(std::string(40, 'j'))));
  }
  detail::MemoryPot& pot = account_->state().pot();
  const std::size_t rest = pot.figures().free_bytes;
  ASSERT_TRUE(pot.try_draw(rest));
  detail::WriteBatch batch(kBlockBytes);
  detail::Effects effects;
  ASSERT_EQ(queue_.begin_turn(batch, effects), detail::WriteQueue::Turn::kWrite);
  queue_.join(batch);
  EXPECT_EQ(batch.bytes, 40U);  // the first one alone
  EXPECT_EQ(queue_.account().charged(), 80U);
  static_cast<void>(queue_.finish_write({}, 40, false, batch, effects));
  effects.finish();
  EXPECT_EQ(queue_.account().charged(), 40U);
  give_back(pot, rest);
}

// What was charged goes back once it has been copied.
TEST_F(PaidBlocks, ARunThatWasWithTheStreamIsCompactedAndChargedNoMoreBehindIt) {
  BytesMut foreign = BytesMut::with_capacity(kBlockBytes);
  foreign.extend(std::string(100, 'f'));
  ASSERT_TRUE(try_write(std::move(foreign).freeze()));
  detail::WriteBatch batch(kBlockBytes);
  detail::Effects effects;
  ASSERT_EQ(queue_.begin_turn(batch, effects), detail::WriteQueue::Turn::kWrite);
  ASSERT_TRUE(try_write(slice_of_paid_block(8000)));  // ends the run
  EXPECT_EQ(queue_.account().charged(), 100U) << "the stream may be reading it";
  EXPECT_EQ(charged(), detail::Block::cost(kBlockBytes, nullptr));
  ASSERT_EQ(queue_.finish_write({}, 40, false, batch, effects), detail::WriteQueue::Turn::kWrite);
  EXPECT_EQ(queue_.account().charged(), 0U);
  EXPECT_EQ(charged(),
            detail::Block::cost(4096, nullptr) + detail::Block::cost(kBlockBytes, nullptr));
  static_cast<void>(queue_.finish_write({}, batch.bytes, false, batch, effects));
  effects.finish();
}

/// Bytes that are there for as long as somebody uses them.
struct OwnerInUse : std::string {
  OwnerInUse(std::string text, std::shared_ptr<int> by)
      : std::string(std::move(text)), used_by(std::move(by)) {}
  std::shared_ptr<int> used_by;
};

TEST(DroppedBlocksTest, DestroysPaidBlocksLaterAndDropsOthersAtOnce) {
  const MemoryBudget budget({.limit = 100'000, .floor = 0});
  const auto account = detail::MemberAccount::make(budget);
  const auto charged = [&] { return budget.statistics().charged_bytes; };
  detail::DroppedBlocks dropped;
  const auto drop = [&](Bytes bytes) { dropped.release(detail::BytesAccess::release(bytes), 1); };
  const auto paid_block = [&] {
    BytesMut block = detail::RegionAccess::make_paid(4096, nullptr, account.get());
    block.extend("paid");
    return std::move(block).freeze();
  };
  auto alive = std::make_shared<int>();
  const std::weak_ptr<int> still_alive = alive;
  drop(Bytes::from_owner(OwnerInUse{std::string(100, 'o'), std::move(alive)}));
  EXPECT_TRUE(still_alive.expired()) << "it is no block";
  Bytes shared = paid_block();
  drop(paid_block());
  drop(shared);
  drop(paid_block());
  EXPECT_EQ(charged(), 3 * detail::Block::cost(4096, nullptr));
  dropped.destroy_all();
  EXPECT_EQ(charged(), detail::Block::cost(4096, nullptr)) << "one is shared";
  EXPECT_EQ(shared.view(), "paid");
  shared.clear();
  EXPECT_EQ(charged(), 0U);
}

}  // namespace
}  // namespace bytes_handoff::test
