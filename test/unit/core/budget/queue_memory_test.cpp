#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/budget/queue_memory_fixture.hpp"

namespace bytes_handoff::test {
namespace {

TEST_F(QueueMemory, TheFirstBytesAreTheFloors) {
  EXPECT_TRUE(a_->try_write(letters(60)));
  EXPECT_EQ(drawn(), 0U);
  EXPECT_TRUE(a_->try_write(letters(60)));
  EXPECT_EQ(drawn(), 20U);
  EXPECT_EQ(a_->read(60), 60U);
  EXPECT_EQ(drawn(), 0U);
}

TEST_F(QueueMemory, WhatWouldExceedTheBudgetIsRefusedWithFigures) {
  EXPECT_TRUE(a_->try_write(letters(800)));
  Bytes more = letters(201);
  const auto refused = b_->step([&](auto& effects) {
    return b_->queue().try_write({&more, 1}, effects);
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::memory_exhausted);
  EXPECT_EQ(refused.error().attempted, 201U);
  EXPECT_EQ(refused.error().limit, 1000U);
  EXPECT_EQ(more.size(), 201U);
  EXPECT_EQ(b_->queue().statistics({}).refused(Reason::memory_exhausted), 1U);
  EXPECT_TRUE(b_->try_write(letters(200)));
  EXPECT_EQ(pot_->figures().free_bytes, 0U);
}

TEST_F(QueueMemory, AFullBudgetDoesNotStopWhoHoldsNothing) {
  EXPECT_TRUE(a_->try_write(letters(900)));
  EXPECT_EQ(pot_->figures().free_bytes, 0U);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(b_->try_write(letters(kQueueFloor)));
    EXPECT_FALSE(b_->try_write(letters(1)));
    EXPECT_EQ(b_->read(kQueueFloor), kQueueFloor);
  }
}

// Who has much may make no progress, and nobody else writes.
TEST_F(QueueMemory, WhileMemoryIsShortAWriteFromTheFloorHasOthersLookedAtToo) {
  EXPECT_TRUE(a_->try_write(letters(900)));
  EXPECT_TRUE(b_->try_write(letters(1)));
  EXPECT_FALSE(b_->wants_look());
  WriteProbe probe(std::vector<Bytes>{letters(300)});
  EXPECT_EQ(a_->wait(probe), Wait::kWaiting);
  EXPECT_TRUE(b_->try_write(letters(1)));
  EXPECT_TRUE(b_->wants_look());
  EXPECT_EQ(a_->read(900), 900U);
  a_->run_errands();
}

TEST_F(QueueMemory, StaticBytesAreNotCharged) {
  EXPECT_TRUE(a_->try_write(letters(900)));
  EXPECT_TRUE(b_->try_write(Bytes::borrow_static(std::string_view("static"))));
  EXPECT_EQ(b_->charged(), 0U);
}

TEST_F(QueueMemory, AWriteOfStaticBytesDoesNotWaitForMemory) {
  EXPECT_TRUE(a_->try_write(letters(900)));
  WriteProbe probe(std::vector<Bytes>{Bytes::borrow_static(std::string_view("static"))});
  EXPECT_EQ(b_->wait(probe), Wait::kAdmitted);
  EXPECT_EQ(b_->charged(), 0U);
}

TEST_F(QueueMemory, OfAGroupStaticSlicesAreNotCharged) {
  const auto group_of = [this](Bytes first, Bytes second) {
    std::array group{std::move(first), std::move(second)};
    return a_->step([&](auto& effects) { return a_->queue().try_write(group, effects); });
  };
  const auto fixed = [] { return Bytes::borrow_static(std::string_view("static")); };
  EXPECT_TRUE(group_of(fixed(), fixed()));
  EXPECT_EQ(a_->charged(), 0U);
  EXPECT_TRUE(group_of(fixed(), letters(10)));
  EXPECT_EQ(a_->charged(), 10U);
}

TEST_F(QueueMemory, AWaitingWriteComesInWhenOthersHaveWritten) {
  EXPECT_TRUE(a_->try_write(letters(900)));
  WriteProbe probe(std::vector<Bytes>{letters(300)});
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
  EXPECT_EQ(b_->charged(), 300U);
  EXPECT_EQ(drawn(), 200U);
}

TEST_F(QueueMemory, BehindAWaiterOneIsRefusedWithWhatHoldsItUp) {
  EXPECT_TRUE(a_->try_write(letters(900)));
  WriteProbe probe(std::vector<Bytes>{letters(300)});
  EXPECT_EQ(b_->wait(probe), Wait::kWaiting);
  Bytes small = letters(1);
  const auto refused = b_->step([&](auto& effects) {
    return b_->queue().try_write({&small, 1}, effects);
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::memory_exhausted);
  EXPECT_EQ(refused.error().attempted, 300U);
  end_all();
}

TEST_F(QueueMemory, WhatCanNeverFitIsRefusedAtOnce) {
  WriteProbe probe(std::vector<Bytes>{letters(901)});
  EXPECT_EQ(a_->wait(probe), Wait::kRefused);
  EXPECT_EQ(probe.refusal->reason, Reason::memory_exhausted);
  WriteProbe fits(std::vector<Bytes>{letters(900)});
  EXPECT_EQ(a_->wait(fits), Wait::kAdmitted);
}

TEST_F(QueueMemory, WithMuchOneDoesNotStarveOneWithLittle) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(a_->try_write(letters(300)));
  }
  ResumeLog log;
  std::vector<std::unique_ptr<WriteProbe>> many;
  for (int i = 0; i < 10; ++i) {
    many.push_back(std::make_unique<WriteProbe>(std::vector<Bytes>{letters(200)}, "much", &log));
    EXPECT_EQ(a_->wait(*many.back()), Wait::kWaiting);
  }
  WriteProbe one(std::vector<Bytes>{letters(300)}, "little", &log);
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
  EXPECT_TRUE(a_->try_write(letters(900)));
  WriteProbe large(std::vector<Bytes>{letters(500)});
  WriteProbe small(std::vector<Bytes>{letters(50)});
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
  EXPECT_TRUE(a_->try_write(letters(900)));
  WriteProbe probe(std::vector<Bytes>{letters(500)});
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
  EXPECT_TRUE(b_->try_write(letters(80)));
  EXPECT_TRUE(a_->try_write(letters(900)));
  WriteProbe probe(std::vector<Bytes>{letters(90)});
  EXPECT_EQ(b_->wait(probe), Wait::kWaiting);
  EXPECT_EQ(b_->read(80), 80U);  // nobody else has freed anything
  EXPECT_TRUE(probe.was_admitted());
  EXPECT_EQ(pot_->figures().waiters, 0U);
}

TEST_F(QueueMemory, ABurstComesInSliceBySlice) {
  EXPECT_TRUE(a_->try_write(letters(900)));
  BurstProbe burst({letters(60), letters(60), letters(60)});
  EXPECT_EQ(b_->wait(burst), Wait::kWaiting);
  EXPECT_EQ(burst.admitted(), 1U);
  a_->read(900);
  b_->run_errands();
  EXPECT_EQ(burst.admitted(), 3U);
  EXPECT_EQ(burst.resumed, 1);
  EXPECT_EQ(b_->charged(), 180U);
}

TEST_F(QueueMemory, APieceOfACutSliceIsCharged) {
  open(1000, {.max_pending_bytes = 400});
  BurstProbe burst({letters(600)}, detail::AsksFor::kCutBurst);
  EXPECT_EQ(a_->wait(burst), Wait::kWaiting);
  EXPECT_EQ(a_->charged(), 400U);
  EXPECT_EQ(drawn(), 300U);
  a_->read(400);
  EXPECT_EQ(a_->charged(), 200U);
  EXPECT_EQ(burst.resumed, 1);
}

TEST_F(QueueMemory, APermitIsChargedAndItsCommitGivesBackTheRest) {
  auto room = a_->queue().try_reserve(500, 2);
  ASSERT_TRUE(room);
  EXPECT_EQ(a_->charged(), 500U);
  EXPECT_FALSE(b_->queue().try_reserve(600, 1));
  Bytes bytes = letters(120);
  EXPECT_TRUE(a_->step([&](auto& effects) {
    return a_->queue().commit(*room, {&bytes, 1}, effects).has_value();
  }));
  EXPECT_EQ(a_->charged(), 120U);
  EXPECT_EQ(drawn(), 20U);
  auto dropped = a_->queue().try_reserve(500, 2);
  ASSERT_TRUE(dropped);
  a_->step([&](auto& effects) {
    a_->queue().give_back(*dropped, effects);
    return 0;
  });
  EXPECT_EQ(a_->charged(), 120U);
}

TEST_F(QueueMemory, PermitsHoldNothingBehindAClose) {
  auto room = a_->queue().try_reserve(500, 2);
  ASSERT_TRUE(room);
  a_->step([&](auto& effects) {
    a_->queue().close(Waiters::refuse, effects);
    return 0;
  });
  EXPECT_EQ(a_->charged(), 0U);
  a_->step([&](auto& effects) {
    a_->queue().give_back(*room, effects);
    return 0;
  });
  EXPECT_EQ(a_->charged(), 0U);
}

TEST_F(QueueMemory, TheEndKeepsItsChargeUntilWhatIsUnwrittenGoes) {
  EXPECT_TRUE(a_->try_write(letters(400)));
  EXPECT_TRUE(a_->try_write(letters(400)));
  a_->read(500);
  a_->step([&](auto& effects) {
    a_->queue().abort(detail::ErrorValue::of(Errc::aborted), effects);
    return 0;
  });
  EXPECT_EQ(drawn(), 300U);  // 400 of the second, less the floor
  EXPECT_FALSE(b_->try_write(letters(701)));
  a_->cancel_write();
  EXPECT_EQ(drawn(), 0U);
}

TEST_F(QueueMemory, WhatComesBackIsTheCallers) {
  EXPECT_TRUE(a_->try_write(letters(800)));
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
  EXPECT_TRUE(a_->try_write(letters(800)));
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
  EXPECT_TRUE(a_->try_write(letters(900)));
  WriteProbe probe(std::vector<Bytes>{letters(300)});
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

}  // namespace
}  // namespace bytes_handoff::test
