#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bytes_handoff/core/budget/budget_state.hpp"
#include "bytes_handoff/core/budget/region_access.hpp"
#include "bytes_handoff/message_stream.hpp"
#include "support/budget/budget_queue.hpp"

namespace bytes_handoff::test {
namespace {

constexpr std::size_t kQueueFloor = 100;

Bytes copy_of(std::size_t n, char letter = 'x') { return Bytes::copy_of(std::string(n, letter)); }

// Two queues in one budget. The floors are a part of the limit.
class QueueMemory : public testing::Test {
 protected:
  using Queue = BudgetQueue<>;
  using Reason = WriteRefusalReason;
  using Wait = detail::WriteQueue::Wait;

  void open(std::size_t limit, const WriteHandoffConfig& config = {}) {
    a_.reset();
    b_.reset();
    pot_ = std::make_unique<detail::MemoryPot>(limit, limit);
    a_.emplace(*pot_, kQueueFloor, config);
    b_.emplace(*pot_, kQueueFloor, config);
  }
  void SetUp() override { open(1000); }
  void TearDown() override {
    end_all();
    a_.reset();
    b_.reset();
    EXPECT_EQ(pot_->figures().free_bytes, pot_->limit());
    EXPECT_EQ(pot_->figures().waiters, 0U);
  }

  // What waits must still be there.
  void end_all() {
    for (Queue* each : {&*a_, &*b_}) {
      each->end();
      EXPECT_EQ(each->holds(), 0);
    }
  }

  // Drawn beside the floors.
  [[nodiscard]] std::size_t drawn() const {
    return pot_->limit() - pot_->figures().free_bytes - pot_->figures().floors;
  }

  std::unique_ptr<detail::MemoryPot> pot_;
  std::optional<Queue> a_;
  std::optional<Queue> b_;
};

TEST_F(QueueMemory, TheFirstBytesAreTheFloors) {
  EXPECT_TRUE(a_->try_write(copy_of(60)));
  EXPECT_EQ(drawn(), 0U);
  EXPECT_TRUE(a_->try_write(copy_of(60)));
  EXPECT_EQ(drawn(), 20U);
  EXPECT_EQ(a_->read(60), 60U);
  EXPECT_EQ(drawn(), 0U);
}

TEST_F(QueueMemory, WhatWouldExceedTheBudgetIsRefusedWithFigures) {
  EXPECT_TRUE(a_->try_write(copy_of(800)));
  Bytes more = copy_of(201);
  const auto refused = b_->step([&](auto& effects) {
    return b_->queue().try_write({&more, 1}, effects);
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::memory_exhausted);
  EXPECT_EQ(refused.error().attempted, 201U);
  EXPECT_EQ(refused.error().limit, 1000U);
  EXPECT_EQ(more.size(), 201U);
  EXPECT_EQ(b_->queue().statistics({}).refused(Reason::memory_exhausted), 1U);
  EXPECT_TRUE(b_->try_write(copy_of(200)));
  EXPECT_EQ(pot_->figures().free_bytes, 0U);
}

TEST_F(QueueMemory, AFullBudgetDoesNotStopWhoHoldsNothing) {
  EXPECT_TRUE(a_->try_write(copy_of(900)));
  EXPECT_EQ(pot_->figures().free_bytes, 0U);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(b_->try_write(copy_of(kQueueFloor)));
    EXPECT_FALSE(b_->try_write(copy_of(1)));
    EXPECT_EQ(b_->read(kQueueFloor), kQueueFloor);
  }
}

// Who has much may make no progress, and nobody else writes.
TEST_F(QueueMemory, WhileMemoryIsShortAWriteFromTheFloorHasOthersLookedAtToo) {
  EXPECT_TRUE(a_->try_write(copy_of(900)));
  EXPECT_TRUE(b_->try_write(copy_of(1)));
  EXPECT_FALSE(b_->wants_look());
  WriteProbe probe(std::vector<Bytes>{copy_of(300)});
  EXPECT_EQ(a_->wait(probe), Wait::kWaiting);
  EXPECT_TRUE(b_->try_write(copy_of(1)));
  EXPECT_TRUE(b_->wants_look());
  EXPECT_EQ(a_->read(900), 900U);
  a_->run_errands();
}

TEST_F(QueueMemory, StaticBytesAreNotCharged) {
  EXPECT_TRUE(a_->try_write(copy_of(900)));
  EXPECT_TRUE(b_->try_write(Bytes::borrow_static(std::string_view("static"))));
  EXPECT_EQ(b_->account().charged(), 0U);
}

TEST_F(QueueMemory, AWaitingWriteComesInWhenOthersHaveWritten) {
  EXPECT_TRUE(a_->try_write(copy_of(900)));
  WriteProbe probe(std::vector<Bytes>{copy_of(300)});
  EXPECT_EQ(b_->wait(probe), Wait::kWaiting);
  EXPECT_EQ(b_->holds(), 1);
  EXPECT_EQ(b_->queue().statistics({}).waiters, 1U);
  EXPECT_EQ(b_->queue().statistics({}).waiting_bytes, 300U);
  EXPECT_TRUE(b_->wants_look());
  EXPECT_EQ(a_->read(900), 900U);
  EXPECT_EQ(probe.resumed, 0);  // not on the thread of the other queue
  b_->run_errands();
  EXPECT_TRUE(probe.was_admitted());
  EXPECT_EQ(b_->holds(), 0);
  EXPECT_EQ(b_->account().charged(), 300U);
  EXPECT_EQ(drawn(), 200U);
}

TEST_F(QueueMemory, BehindAWaiterOneIsRefusedWithWhatHoldsItUp) {
  EXPECT_TRUE(a_->try_write(copy_of(900)));
  WriteProbe probe(std::vector<Bytes>{copy_of(300)});
  EXPECT_EQ(b_->wait(probe), Wait::kWaiting);
  Bytes small = copy_of(1);
  const auto refused = b_->step([&](auto& effects) {
    return b_->queue().try_write({&small, 1}, effects);
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::memory_exhausted);
  EXPECT_EQ(refused.error().attempted, 300U);
  end_all();
}

TEST_F(QueueMemory, WhatCanNeverFitIsRefusedAtOnce) {
  WriteProbe probe(std::vector<Bytes>{copy_of(901)});
  EXPECT_EQ(a_->wait(probe), Wait::kRefused);
  EXPECT_EQ(probe.refusal->reason, Reason::memory_exhausted);
  WriteProbe fits(std::vector<Bytes>{copy_of(900)});
  EXPECT_EQ(a_->wait(fits), Wait::kAdmitted);
}

TEST_F(QueueMemory, WithMuchOneDoesNotStarveOneWithLittle) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(a_->try_write(copy_of(300)));
  }
  ResumeLog log;
  std::vector<std::unique_ptr<WriteProbe>> many;
  for (int i = 0; i < 10; ++i) {
    many.push_back(std::make_unique<WriteProbe>(std::vector<Bytes>{copy_of(200)}, "much", &log));
    EXPECT_EQ(a_->wait(*many.back()), Wait::kWaiting);
  }
  WriteProbe one(std::vector<Bytes>{copy_of(300)}, "little", &log);
  EXPECT_EQ(b_->wait(one), Wait::kWaiting);
  for (int reads = 0; reads < 3; ++reads) {
    a_->read(300);
    b_->run_errands();
    a_->run_errands();
  }
  ASSERT_GE(log.size(), 3U);
  EXPECT_EQ(log[0], "much");
  EXPECT_EQ(log[1], "little");
  end_all();
}

TEST_F(QueueMemory, ACancelledWaiterLeavesTheLineAndLetsOthersIn) {
  EXPECT_TRUE(a_->try_write(copy_of(900)));
  WriteProbe large(std::vector<Bytes>{copy_of(500)});
  WriteProbe small(std::vector<Bytes>{copy_of(50)});
  EXPECT_EQ(b_->wait(large), Wait::kWaiting);
  EXPECT_EQ(b_->wait(small), Wait::kWaiting);
  b_->step([&](auto& effects) {
    b_->queue().cancel(large, effects);
    return 0;
  });
  EXPECT_EQ(large.refusal->reason, Reason::cancelled);
  EXPECT_TRUE(small.was_admitted());  // the floor is enough
  EXPECT_EQ(pot_->figures().waiters, 0U);
}

TEST_F(QueueMemory, ACancellationBehindTheGrantGivesItBack) {
  EXPECT_TRUE(a_->try_write(copy_of(900)));
  WriteProbe probe(std::vector<Bytes>{copy_of(500)});
  EXPECT_EQ(b_->wait(probe), Wait::kWaiting);
  a_->read(900);
  EXPECT_EQ(drawn(), 400U);  // granted, and the queue does not know yet
  b_->step([&](auto& effects) {
    b_->queue().cancel(probe, effects);
    return 0;
  });
  EXPECT_EQ(drawn(), 0U);
  EXPECT_EQ(b_->holds(), 1);
  b_->run_errands();
  EXPECT_EQ(b_->holds(), 0);
  EXPECT_EQ(drawn(), 0U);
}

TEST_F(QueueMemory, AWriterThatWaitsIsLetInByItsOwnFloorToo) {
  EXPECT_TRUE(b_->try_write(copy_of(80)));
  EXPECT_TRUE(a_->try_write(copy_of(900)));
  WriteProbe probe(std::vector<Bytes>{copy_of(90)});
  EXPECT_EQ(b_->wait(probe), Wait::kWaiting);
  EXPECT_EQ(b_->read(80), 80U);  // nobody else has freed anything
  EXPECT_TRUE(probe.was_admitted());
  EXPECT_EQ(pot_->figures().waiters, 0U);
}

TEST_F(QueueMemory, ABurstComesInSliceBySlice) {
  EXPECT_TRUE(a_->try_write(copy_of(900)));
  BurstProbe burst({copy_of(60), copy_of(60), copy_of(60)});
  EXPECT_EQ(b_->wait(burst), Wait::kWaiting);
  EXPECT_EQ(burst.admitted(), 1U);
  a_->read(900);
  b_->run_errands();
  EXPECT_EQ(burst.admitted(), 3U);
  EXPECT_EQ(burst.resumed, 1);
  EXPECT_EQ(b_->account().charged(), 180U);
}

TEST_F(QueueMemory, APieceOfACutSliceIsCharged) {
  open(1000, {.max_pending_bytes = 400});
  BurstProbe burst({copy_of(600)}, detail::AsksFor::kCutBurst);
  EXPECT_EQ(a_->wait(burst), Wait::kWaiting);
  EXPECT_EQ(a_->account().charged(), 400U);
  EXPECT_EQ(drawn(), 300U);
  a_->read(400);
  EXPECT_EQ(a_->account().charged(), 200U);
  EXPECT_EQ(burst.resumed, 1);
}

TEST_F(QueueMemory, APermitIsChargedAndItsCommitGivesBackTheRest) {
  auto room = a_->queue().try_reserve(500, 2);
  ASSERT_TRUE(room);
  EXPECT_EQ(a_->account().charged(), 500U);
  EXPECT_FALSE(b_->queue().try_reserve(600, 1));
  Bytes bytes = copy_of(120);
  EXPECT_TRUE(a_->step([&](auto& effects) {
    return a_->queue().commit(*room, {&bytes, 1}, effects).has_value();
  }));
  EXPECT_EQ(a_->account().charged(), 120U);
  EXPECT_EQ(drawn(), 20U);
  auto dropped = a_->queue().try_reserve(500, 2);
  ASSERT_TRUE(dropped);
  a_->step([&](auto& effects) {
    a_->queue().give_back(*dropped, effects);
    return 0;
  });
  EXPECT_EQ(a_->account().charged(), 120U);
}

TEST_F(QueueMemory, PermitsHoldNothingBehindAClose) {
  auto room = a_->queue().try_reserve(500, 2);
  ASSERT_TRUE(room);
  a_->step([&](auto& effects) {
    a_->queue().close(Waiters::refuse, effects);
    return 0;
  });
  EXPECT_EQ(a_->account().charged(), 0U);
  a_->step([&](auto& effects) {
    a_->queue().give_back(*room, effects);
    return 0;
  });
  EXPECT_EQ(a_->account().charged(), 0U);
}

TEST_F(QueueMemory, TheEndKeepsItsChargeUntilWhatIsUnwrittenGoes) {
  EXPECT_TRUE(a_->try_write(copy_of(400)));
  EXPECT_TRUE(a_->try_write(copy_of(400)));
  a_->read(500);
  a_->step([&](auto& effects) {
    a_->queue().abort(detail::ErrorValue::of(Errc::aborted), effects);
    return 0;
  });
  EXPECT_EQ(drawn(), 300U);  // 400 of the second, less the floor
  EXPECT_FALSE(b_->try_write(copy_of(701)));
  a_->cancel_write();
  EXPECT_EQ(drawn(), 0U);
}

TEST_F(QueueMemory, WhatComesBackIsTheCallers) {
  EXPECT_TRUE(a_->try_write(copy_of(800)));
  a_->step([&](auto& effects) {
    a_->queue().abort(detail::ErrorValue::of(Errc::aborted), effects);
    return 0;
  });
  EXPECT_EQ(drawn(), 700U);
  const auto left = unwritten_of(a_->queue());
  ASSERT_TRUE(left);
  EXPECT_EQ(left->entries.size(), 1U);
  EXPECT_EQ(drawn(), 0U);
}

TEST_F(QueueMemory, WhoWaitsForWhatIsUnwrittenTakesTheChargeAway) {
  EXPECT_TRUE(a_->try_write(copy_of(800)));
  UnwrittenProbe probe;
  EXPECT_FALSE(a_->queue().wait_unwritten(probe));
  a_->step([&](auto& effects) {
    a_->queue().abort(detail::ErrorValue::of(Errc::shed), effects);
    return 0;
  });
  EXPECT_EQ(drawn(), 0U);
  EXPECT_EQ(probe.items.take().entries.size(), 1U);
}

TEST_F(QueueMemory, AnEndThatWaitersMeetTakesThemOutOfTheLine) {
  EXPECT_TRUE(a_->try_write(copy_of(900)));
  WriteProbe probe(std::vector<Bytes>{copy_of(300)});
  EXPECT_EQ(b_->wait(probe), Wait::kWaiting);
  b_->step([&](auto& effects) {
    b_->queue().close(Waiters::refuse, effects);
    return 0;
  });
  EXPECT_EQ(probe.refusal->reason, Reason::closed);
  EXPECT_EQ(pot_->figures().waiters, 0U);
  EXPECT_EQ(b_->holds(), 0);
}

TEST_F(QueueMemory, RetainsWhatItsItemsKeepWhoeverTookIt) {
  EXPECT_EQ(a_->retained(), 0U);
  BytesMut block = BytesMut::with_capacity(4096);
  block.extend(std::string(300, 'b'));
  EXPECT_TRUE(a_->try_write(*block.split_to_frozen(100)));
  EXPECT_TRUE(a_->try_write(*block.split_to_frozen(100)));
  EXPECT_EQ(a_->retained(), detail::Block::cost(4096, nullptr));
  EXPECT_TRUE(a_->try_write(Bytes::from_owner(std::string(300, 'o'))));
  // The run before it was small for its block, and was copied.
  EXPECT_EQ(a_->retained(), detail::Block::cost(4096, nullptr) + 300);
}

// ---- Slices of blocks that the same budget has paid for.

class PaidBlocks : public testing::Test {
 protected:
  static constexpr std::size_t kBlockBytes = 16384;

  PaidBlocks()
      : budget_({.limit = 10 * kBlockBytes, .high_mark = 10 * kBlockBytes, .floor = kQueueFloor}),
        account_(detail::MemberAccount::make(budget_)),
        queue_account_(account_->state().pot(), waiter_, kQueueFloor, account_->budget(),
                       account_.get()),
        queue_({}, detail::kMaxStepItems, detail::Entries::kBytes, &queue_account_) {}

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
  detail::QueueAccount queue_account_;
  detail::WriteQueue queue_;
};

TEST_F(PaidBlocks, ASliceIsNotChargedAgain) {
  ASSERT_TRUE(try_write(slice_of_paid_block(10'000)));
  EXPECT_EQ(queue_account_.charged(), 0U);
  EXPECT_EQ(charged(), detail::Block::cost(kBlockBytes, nullptr));
  std::vector<Bytes> both{slice_of_paid_block(100), copy_of(5)};
  detail::Effects effects;
  ASSERT_TRUE(queue_.try_write(both, effects));
  EXPECT_EQ(queue_account_.charged(), 5U);
  detail::WriteBatch batch(kBlockBytes);
  ASSERT_EQ(queue_.begin_turn(batch, effects), detail::WriteQueue::Turn::kWrite);
  ASSERT_EQ(batch.bytes, 10'105U);
  static_cast<void>(queue_.finish_write({}, batch.bytes, false, batch, effects));
  effects.finish();
  EXPECT_EQ(queue_account_.charged(), 0U);
  EXPECT_EQ(charged(), 0U);
}

TEST_F(PaidBlocks, ASliceOfAnotherBudgetIsCharged) {
  const MemoryBudget other({.limit = 100'000});
  const auto account = detail::MemberAccount::make(other);
  BytesMut block = detail::RegionAccess::make_paid(kBlockBytes, nullptr, account.get());
  block.extend(std::string(500, 'p'));
  ASSERT_TRUE(try_write(std::move(block).freeze()));
  EXPECT_EQ(queue_account_.charged(), 500U);
}

TEST_F(PaidBlocks, ATaggedMessageIsChargedAsWhatItKeeps) {
  Bytes message = tag_message(slice_of_paid_block(kBlockBytes), 7);
  ASSERT_NE(detail::TaggedOwner::of(detail::BytesAccess::owner(message)), nullptr);
  ASSERT_TRUE(try_write(std::move(message)));
  EXPECT_EQ(queue_account_.charged(), 0U);
}

TEST_F(PaidBlocks, ACompactedRunIsPaidForAndItsBlockIsNot) {
  ASSERT_TRUE(try_write(slice_of_paid_block(100)));
  const std::size_t before = charged();
  ASSERT_TRUE(try_write(slice_of_paid_block(8000)));  // ends the run of 100 bytes
  EXPECT_EQ(charged(),
            detail::Block::cost(4096, nullptr) + detail::Block::cost(kBlockBytes, nullptr));
  EXPECT_EQ(before, detail::Block::cost(kBlockBytes, nullptr));
  EXPECT_EQ(queue_account_.charged(), 0U);
}

TEST_F(PaidBlocks, ACompactedRunOfForeignBlocksIsChargedNoMore) {
  BytesMut foreign = BytesMut::with_capacity(kBlockBytes);
  foreign.extend(std::string(100, 'f'));
  ASSERT_TRUE(try_write(std::move(foreign).freeze()));
  EXPECT_EQ(queue_account_.charged(), 100U);
  ASSERT_TRUE(try_write(slice_of_paid_block(8000)));
  EXPECT_EQ(queue_account_.charged(), 0U);
}

TEST_F(PaidBlocks, AJoinedRecordIsPaidForAndWhatItCopiedIsNotCharged) {
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(try_write(Bytes::from_owner(std::string(200, 'j'))));
  }
  EXPECT_EQ(queue_account_.charged(), 800U);
  detail::WriteBatch batch(kBlockBytes);
  detail::Effects effects;
  ASSERT_EQ(queue_.begin_turn(batch, effects), detail::WriteQueue::Turn::kWrite);
  ASSERT_TRUE(batch.must_join());
  queue_.join(batch);
  EXPECT_EQ(queue_account_.charged(), 0U);
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
  EXPECT_EQ(queue_account_.charged(), 80U);
  static_cast<void>(queue_.finish_write({}, 40, false, batch, effects));
  effects.finish();
  EXPECT_EQ(queue_account_.charged(), 40U);
  give_back(pot, rest);
}

}  // namespace
}  // namespace bytes_handoff::test
