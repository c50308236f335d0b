// What a queue in a budget is charged where its items, its waiters or its end are not the usual
// ones.
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "support/budget/queue_memory_fixture.hpp"
#include "support/queue/test_timer.hpp"

namespace bytes_handoff::test {
namespace {

Bytes fixed() { return Bytes::borrow_static(std::string_view("static")); }

class QueueCharges : public QueueMemory {
 protected:
  void cancel(Queue& queue, detail::RoomWaiter& waiter) {
    queue.step([&](auto& effects) {
      queue.queue().cancel(waiter, effects);
      return 0;
    });
  }
  void abort(Queue& queue) {
    queue.step([&](auto& effects) {
      queue.queue().abort(detail::ErrorValue::of(Errc::aborted), effects);
      return 0;
    });
  }
  /// With the second queue granted what it waits for, before it knows.
  void grant(WriteProbe& probe) {
    EXPECT_TRUE(a_->try_write(letters(900)));
    EXPECT_EQ(b_->wait(probe), Wait::kWaiting);
    EXPECT_EQ(a_->read(900), 900U);
    ASSERT_TRUE(b_->has_errand());
  }
};

// ---- Items.

TEST_F(QueueCharges, OverItsFloorAQueueTakesWhatItsThreadHas) {
  constexpr std::size_t kMuch = 64 * 1024 * 1024;
  open(kMuch);
  EXPECT_TRUE(a_->try_write(letters(kQueueFloor + 1)));  // with more for the thread
  EXPECT_EQ(drawn(), 1U);
  EXPECT_TRUE(a_->try_write(letters(1000)));
  EXPECT_EQ(a_->charged(), kQueueFloor + 1001);
  EXPECT_EQ(drawn(), 1001U);
  EXPECT_FALSE(a_->wants_look());
  EXPECT_EQ(a_->read(kQueueFloor + 1001), kQueueFloor + 1001);
  EXPECT_EQ(a_->charged(), 0U);
  EXPECT_EQ(drawn(), 0U);
}

TEST_F(QueueCharges, StaticBytesAmongOthersLeaveWithoutACharge) {
  EXPECT_TRUE(a_->try_write(letters(200)));
  EXPECT_TRUE(a_->try_write(fixed()));
  EXPECT_TRUE(a_->try_write(letters(50)));
  EXPECT_EQ(a_->charged(), 250U);
  EXPECT_EQ(a_->read(206), 206U);
  EXPECT_EQ(a_->charged(), 50U);
}

// As many bytes are charged as are pending, and they are others.
TEST_F(QueueCharges, RoomOfAPermitStaysChargedWhenStaticBytesLeave) {
  const auto room = a_->queue().try_reserve(fixed().size(), 1);
  ASSERT_TRUE(room);
  EXPECT_TRUE(a_->try_write(fixed()));
  EXPECT_EQ(a_->read(fixed().size()), fixed().size());
  EXPECT_EQ(a_->charged(), fixed().size());
  EXPECT_TRUE(a_->try_write(letters(200)));
  EXPECT_EQ(a_->read(200), 200U);
  EXPECT_EQ(a_->charged(), fixed().size());
}

TEST_F(QueueCharges, ABurstIsChargedAtOnce) {
  std::vector<Bytes> burst{letters(10), fixed(), letters(20), letters(30)};
  EXPECT_TRUE(a_->step([&](auto& effects) { return !!a_->queue().try_write(burst, effects); }));
  EXPECT_EQ(a_->charged(), 60U);
  std::vector<Bytes> larger{letters(200), fixed(), Bytes::from_owner(std::string(300, 'o'))};
  EXPECT_TRUE(a_->step([&](auto& effects) { return !!a_->queue().try_write(larger, effects); }));
  EXPECT_EQ(a_->charged(), 560U);
  EXPECT_EQ(drawn(), 460U);
}

TEST_F(QueueCharges, TimedItemsAreChargedUntilTheyLeave) {
  const auto times = std::make_shared<detail::WriteTimesState>();
  const detail::WriteQueue::TimePoint now{std::chrono::seconds(1)};
  BudgetQueue<> timed(*pot_, kQueueFloor, {}, detail::Entries::kBytes,
                      std::make_unique<TestTimer>(times, now));
  EXPECT_TRUE(timed.try_write(letters(200)));
  EXPECT_TRUE(timed.try_write(fixed()));
  EXPECT_TRUE(timed.try_write(letters(50)));
  EXPECT_EQ(timed.read(206), 206U);
  EXPECT_EQ(timed.charged(), 50U);
  EXPECT_EQ(timed.read(50), 50U);
  EXPECT_EQ(timed.charged(), 0U);
  EXPECT_EQ(times->report().queued.count(), 3U);
  timed.end();
}

// ---- What leaves behind the end.

TEST_F(QueueCharges, WhatTheStreamTakesBehindTheEndIsChargedNoMore) {
  EXPECT_TRUE(a_->try_write(letters(400)));
  EXPECT_TRUE(a_->try_write(letters(400)));
  EXPECT_EQ(a_->read(0), 0U);
  ASSERT_TRUE(a_->is_writing());
  abort(*a_);
  EXPECT_EQ(drawn(), 700U);
  EXPECT_EQ(a_->read(800), 800U);
  EXPECT_EQ(a_->charged(), 0U);
  EXPECT_EQ(drawn(), 0U);
}

TEST_F(QueueCharges, AMessageThatTheStreamTakesBehindTheEndIsChargedNoMore) {
  BudgetQueue<> messages(*pot_, kQueueFloor, {}, detail::Entries::kMessages);
  EXPECT_TRUE(messages.try_write(letters(300)));
  EXPECT_TRUE(messages.try_write(letters(200)));
  EXPECT_EQ(messages.read(0), 0U);
  ASSERT_TRUE(messages.is_writing());
  abort(messages);
  EXPECT_EQ(messages.charged(), 500U);
  EXPECT_EQ(messages.read(300), 300U);
  EXPECT_FALSE(messages.is_writing());
  EXPECT_EQ(messages.charged(), 200U);
  messages.end();
}

// ---- Who waits.

TEST_F(QueueCharges, AWriterOfStaticBytesWaitsForItsPlaceAndNotForMemory) {
  open(1000, {.max_items = 1});
  EXPECT_TRUE(a_->try_write(letters(900)));
  EXPECT_TRUE(b_->try_write(fixed()));
  WriteProbe probe(std::vector<Bytes>{fixed()});
  EXPECT_EQ(b_->wait(probe), Wait::kWaiting);
  EXPECT_EQ(b_->read(6), 6U);
  EXPECT_TRUE(probe.was_admitted());
  EXPECT_EQ(b_->charged(), 0U);
  EXPECT_EQ(pot_->figures().waits, 0U);
}

TEST_F(QueueCharges, OneBehindTheFirstLeavesItsPlaceInTheLineForMemoryAlone) {
  EXPECT_TRUE(a_->try_write(letters(900)));
  WriteProbe first(std::vector<Bytes>{letters(300)});
  WriteProbe second(std::vector<Bytes>{letters(1)});
  EXPECT_EQ(b_->wait(first), Wait::kWaiting);
  EXPECT_EQ(b_->wait(second), Wait::kWaiting);
  cancel(*b_, second);
  EXPECT_EQ(second.refusal->reason, Reason::cancelled);
  EXPECT_EQ(pot_->figures().waiters, 1U);
  EXPECT_EQ(pot_->figures().waits, 1U) << "it did not enter anew";
  EXPECT_EQ(a_->read(900), 900U);
  b_->run_errands();
  EXPECT_TRUE(first.was_admitted());
}

TEST_F(QueueCharges, AGrantLetsInAllWhoStandBehindIt) {
  open(1000, {.max_items = SIZE_MAX, .max_waiters = SIZE_MAX});
  EXPECT_TRUE(a_->try_write(letters(900)));
  WriteProbe first(std::vector<Bytes>{letters(300)});
  EXPECT_EQ(b_->wait(first), Wait::kWaiting);
  std::deque<WriteProbe> many;  // more than one step lets in
  for (std::size_t i = 0; i != 2 * detail::kMaxStepItems; ++i) {
    EXPECT_EQ(b_->wait(many.emplace_back(std::vector<Bytes>{fixed()})), Wait::kWaiting);
  }
  EXPECT_EQ(a_->read(900), 900U);
  b_->run_errands();
  EXPECT_TRUE(first.was_admitted());
  for (const WriteProbe& each : many) {
    ASSERT_TRUE(each.was_admitted());
  }
  EXPECT_EQ(b_->charged(), 300U);
  EXPECT_EQ(b_->holds(), 0);
}

// Between the grant and the errand that takes it, nobody asks the pot for this queue again.
TEST_F(QueueCharges, BeforeItKnowsOfAGrantAQueueDrawsNothingElse) {
  WriteProbe probe(std::vector<Bytes>{letters(500)});
  grant(probe);
  cancel(*b_, probe);
  EXPECT_FALSE(b_->try_write(letters(200)));
  EXPECT_EQ(b_->queue().statistics({}).refused(Reason::memory_exhausted), 1U);
  EXPECT_TRUE(b_->try_write(letters(kQueueFloor))) << "the floor is its own";
  EXPECT_EQ(drawn(), 0U);
  b_->run_errands();
  EXPECT_TRUE(b_->try_write(letters(200)));
  EXPECT_EQ(drawn(), 200U);
}

TEST_F(QueueCharges, BeforeItKnowsOfAGrantAQueueWaitsForItInsteadOfAsking) {
  WriteProbe probe(std::vector<Bytes>{letters(500)});
  grant(probe);
  cancel(*b_, probe);
  WriteProbe next(std::vector<Bytes>{letters(200)});
  EXPECT_EQ(b_->wait(next), Wait::kWaiting);
  EXPECT_EQ(pot_->figures().waits, 1U);
  EXPECT_EQ(b_->holds(), 1);
  b_->run_errands();
  EXPECT_TRUE(next.was_admitted());
  EXPECT_EQ(b_->holds(), 0);
  EXPECT_EQ(drawn(), 100U);
}

}  // namespace
}  // namespace bytes_handoff::test
