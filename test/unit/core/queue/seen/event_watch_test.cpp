// Which events a queue tells, decided step by step without a queue.
#include "bytes_handoff/core/queue/event_watch.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <vector>

namespace bytes_handoff::test {
namespace {

using std::chrono::seconds;
using Kind = QueueEventKind;
using Reason = WriteRefusalReason;

class EventWatchTest : public testing::Test {
 protected:
  /// All that is told now, in order.
  std::vector<Kind> told() {
    std::vector<Kind> kinds;
    EXPECT_TRUE(watch.begin_telling());
    while (const auto event = watch.take(now)) {
      kinds.push_back(event->kind);
      last = *event;
    }
    EXPECT_EQ(watch.next(now), std::nullopt);
    return kinds;
  }
  void refuse(Reason reason = Reason::queue_full) {
    watch.note_refusal(reason, now.admitted_items);
  }
  void end(EndedBy by) { watch.note_end(by, detail::ErrorValue::of(Errc::aborted), now); }

  const std::vector<Kind> nothing;
  detail::EventWatch watch{nullptr, seconds(5)};
  detail::QueueNow now{.items = 10,
                       .bytes = 100,
                       .max_items = 10,
                       .max_bytes = 100,
                       .waiters = 0,
                       .waiting_bytes = 0,
                       .admitted_items = 10,
                       .written_bytes = 0};
  QueueEvent last;
};

TEST_F(EventWatchTest, NothingIsToldOfAQueueThatIsFull) { EXPECT_EQ(told(), nothing); }

TEST_F(EventWatchTest, TheFirstRefusalOfASeriesIsToldAndItsEnd) {
  refuse(Reason::byte_budget_exceeded);
  EXPECT_EQ(told(), std::vector{Kind::refusing});
  EXPECT_EQ(last.refusal, Reason::byte_budget_exceeded);
  EXPECT_EQ(last.refusals, 1U);
  EXPECT_EQ(last.items, 10U);
  EXPECT_EQ(last.bytes, 100U);
  refuse();
  refuse();
  EXPECT_EQ(told(), nothing);
  now.items = now.bytes = 0;
  EXPECT_EQ(told(), nothing) << "nothing has come in since";
  ++now.admitted_items;
  EXPECT_EQ(told(), std::vector{Kind::admitting});
  EXPECT_EQ(last.refusal, Reason::byte_budget_exceeded) << "why the first one was";
  EXPECT_EQ(last.refusals, 3U);
  EXPECT_EQ(told(), nothing);
  refuse(Reason::memory_exhausted);
  EXPECT_EQ(told(), std::vector{Kind::refusing});
  EXPECT_EQ(last.refusal, Reason::memory_exhausted);
  EXPECT_EQ(last.refusals, 1U) << "of another series";
}

TEST_F(EventWatchTest, ASeriesGoesOnWhileTheQueueIsMoreThanHalfFull) {
  refuse();
  EXPECT_EQ(told(), std::vector{Kind::refusing});
  ++now.admitted_items;
  now.items = 6;
  now.bytes = 50;
  EXPECT_EQ(told(), nothing) << "of items";
  now.items = 5;
  now.bytes = 51;
  EXPECT_EQ(told(), nothing) << "of bytes";
  now.bytes = 50;
  EXPECT_EQ(told(), std::vector{Kind::admitting});
}

TEST_F(EventWatchTest, ASeriesThatIsOverBeforeItWasToldIsNotTold) {
  refuse();
  ++now.admitted_items;
  now.items = now.bytes = 0;
  EXPECT_EQ(told(), nothing);
}

TEST_F(EventWatchTest, ASeriesThatWasOverBeforeItWasToldIsNoPartOfTheNext) {
  now.waiters = 1;
  ASSERT_TRUE(watch.begin_telling());
  ASSERT_TRUE(watch.take(now)) << "that somebody waits";
  refuse(Reason::memory_exhausted);  // by another thread, while the hook is called
  EXPECT_EQ(watch.next(now), Kind::refusing);
  ++now.admitted_items;
  now.items = now.bytes = 0;
  EXPECT_EQ(watch.next(now), std::nullopt);
  now.items = 10;
  now.bytes = 100;
  EXPECT_EQ(watch.take(now), std::nullopt) << "it is over, although the queue is full again";
  refuse(Reason::queue_full);
  EXPECT_EQ(told(), std::vector{Kind::refusing});
  EXPECT_EQ(last.refusals, 1U);
  EXPECT_EQ(last.refusal, Reason::queue_full);
}

TEST_F(EventWatchTest, OnlyRefusalsForLackOfRoomOrMemoryAreASeries) {
  for (const Reason reason :
       {Reason::closed, Reason::can_never_fit, Reason::cancelled, Reason::exceeds_permit}) {
    refuse(reason);
    EXPECT_EQ(told(), nothing);
  }
  for (const Reason reason :
       {Reason::byte_budget_exceeded, Reason::queue_full, Reason::too_many_waiters,
        Reason::too_many_waiting_bytes, Reason::memory_exhausted}) {
    detail::EventWatch another(nullptr, seconds(0));
    another.note_refusal(reason, now.admitted_items);
    EXPECT_EQ(another.next(now), Kind::refusing);
  }
}

TEST_F(EventWatchTest, WaitersAreToldOnceAndGoneOnceThereIsRoom) {
  now.waiters = 2;
  now.waiting_bytes = 30;
  EXPECT_EQ(told(), std::vector{Kind::waiting});
  EXPECT_EQ(last.waiters, 2U);
  EXPECT_EQ(last.waiting_bytes, 30U);
  now.waiters = 3;
  EXPECT_EQ(told(), nothing);
  now.waiters = 0;
  EXPECT_EQ(told(), nothing) << "the queue is full: the next one will wait, too";
  now.waiters = 1;
  now.items = now.bytes = 0;
  EXPECT_EQ(told(), nothing) << "this one waits for memory, or for what permits hold";
  now.waiters = 0;
  EXPECT_EQ(told(), std::vector{Kind::nobody_waits});
  EXPECT_EQ(told(), nothing);
}

TEST_F(EventWatchTest, AStallLastsUntilMoreIsWritten) {
  EXPECT_TRUE(watch.looks_for_stall(0));
  watch.note_stall(seconds(6), 0);
  EXPECT_FALSE(watch.looks_for_stall(0));
  EXPECT_EQ(told(), std::vector{Kind::stalled});
  EXPECT_EQ(last.silent, seconds(6));
  EXPECT_EQ(told(), nothing);
  now.written_bytes = 1;
  EXPECT_TRUE(watch.looks_for_stall(1));
  EXPECT_EQ(told(), std::vector{Kind::moving});
  EXPECT_EQ(last.silent, seconds(0));
  watch.note_stall(seconds(5), 1);
  EXPECT_EQ(told(), std::vector{Kind::stalled});
}

TEST_F(EventWatchTest, AStallThatIsOverBeforeItWasToldIsNotTold) {
  watch.note_stall(seconds(6), 0);
  now.written_bytes = 1;
  EXPECT_EQ(told(), nothing);
}

TEST_F(EventWatchTest, WithoutATimeNobodyLooksForStalls) {
  EXPECT_FALSE(detail::EventWatch(nullptr, seconds(0)).looks_for_stall(0));
}

TEST_F(EventWatchTest, TheEndIsToldOnceAndWithWhatWasThere) {
  now.waiters = 1;
  EXPECT_EQ(told(), std::vector{Kind::waiting});
  end(EndedBy::abort);
  now = {.max_items = 10, .max_bytes = 100};
  EXPECT_EQ(told(), std::vector{Kind::ended});
  EXPECT_EQ(last.items, 10U);
  EXPECT_EQ(last.bytes, 100U);
  EXPECT_EQ(last.waiters, 1U);
  EXPECT_EQ(last.ended_by, EndedBy::abort);
  EXPECT_EQ(last.error, detail::ErrorValue::of(Errc::aborted));
  EXPECT_EQ(told(), nothing);
}

TEST_F(EventWatchTest, NothingButTheEndComesWhenItHasEnded) {
  refuse();
  now.waiters = 1;
  watch.note_stall(seconds(6), 0);
  end(EndedBy::stream);
  EXPECT_EQ(told(), std::vector{Kind::ended});
  refuse();
  now.written_bytes = 1;
  EXPECT_EQ(told(), nothing);
}

TEST_F(EventWatchTest, AShedQueueIsToldAsThatAndThenAsEnded) {
  end(EndedBy::memory_budget);
  EXPECT_EQ(told(), (std::vector{Kind::shed, Kind::ended}));
  EXPECT_EQ(last.ended_by, EndedBy::memory_budget);
}

TEST_F(EventWatchTest, SeveralComeInTheOrderOfTheirKinds) {
  watch.note_stall(seconds(6), 0);
  now.waiters = 1;
  refuse();
  EXPECT_EQ(told(), (std::vector{Kind::refusing, Kind::waiting, Kind::stalled}));
}

TEST_F(EventWatchTest, OneTellsAtATime) {
  now.waiters = 1;
  ASSERT_TRUE(watch.begin_telling());
  EXPECT_TRUE(watch.take(now).has_value());
  EXPECT_FALSE(watch.begin_telling()) << "the first one will tell what comes meanwhile";
  EXPECT_FALSE(watch.take(now).has_value());
  EXPECT_TRUE(watch.begin_telling());
}

}  // namespace
}  // namespace bytes_handoff::test
