// Events of a queue: what brings them about, when they come, and what they say.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/message_stream.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = QueueEventKind;

class WriteQueueEvents : public QueueTest {
 protected:
  using TimePoint = Queue::TimePoint;
  static TimePoint at(int second) { return TimePoint(seconds(second)); }

  void SetUp() override { open_with({.max_items = 4}); }
  void open_with(WriteHandoffConfig config, detail::Entries entries = detail::Entries::kBytes) {
    config.name = "upstream";
    config.on_event = [this](const QueueEvent& event) { hear(event); };
    open(config, 0, detail::kMaxStepItems, entries);
    events.clear();
  }
  void hear(const QueueEvent& event) {
    EXPECT_EQ(event.name, "upstream");
    EXPECT_FALSE(std::exchange(is_inside_, true)) << "told within another one";
    events.push_back(event);
    if (on_hear) {
      on_hear(event);
    }
    is_inside_ = false;
  }
  /// The kinds since the last call.
  std::vector<Kind> told() {
    std::vector<Kind> kinds;
    for (const QueueEvent& event : events) {
      kinds.push_back(event.kind);
    }
    if (!events.empty()) {
      last = events.back();
    }
    events.clear();
    return kinds;
  }
  void fill() {
    for (int i = 0; i != 4; ++i) {
      ASSERT_TRUE(send("ab"));
    }
  }

  const std::vector<Kind> nothing;
  std::vector<QueueEvent> events;
  QueueEvent last;
  std::function<void(const QueueEvent&)> on_hear;

 private:
  bool is_inside_ = false;
};

TEST_F(WriteQueueEvents, AQueueThatIsUsedAsItShouldTellsItsEndAlone) {
  fill();
  stream().run();
  EXPECT_EQ(told(), nothing);
  close();
  stream().run();
  EXPECT_EQ(told(), std::vector{Kind::ended});
  EXPECT_EQ(last.ended_by, EndedBy::close);
  EXPECT_FALSE(last.error);
  EXPECT_EQ(last.bytes, 0U);
}

TEST_F(WriteQueueEvents, RefusalsAreToldByAnyKindOfSubmission) {
  fill();
  EXPECT_FALSE(send("c"));
  EXPECT_EQ(told(), std::vector{Kind::refusing});
  EXPECT_EQ(last.refusal, Reason::queue_full);
  EXPECT_EQ(last.items, 4U);
  EXPECT_EQ(last.bytes, 8U);
  EXPECT_FALSE(try_reserve(1, 1));
  EXPECT_EQ(told(), nothing);
  stream().run();
  EXPECT_EQ(told(), nothing) << "nothing has come in since";
  EXPECT_TRUE(send("d"));
  stream().run();
  EXPECT_EQ(told(), std::vector{Kind::admitting});
  EXPECT_EQ(last.refusals, 2U);
  fill();
  EXPECT_FALSE(try_reserve(1, 1));
  EXPECT_EQ(told(), std::vector{Kind::refusing}) << "by a reservation";
  stream().run();
  ASSERT_TRUE(send("d"));
  stream().run();
  EXPECT_EQ(told(), std::vector{Kind::admitting});
}

TEST_F(WriteQueueEvents, ALineThatIsFullRefuses) {
  open_with({.max_items = 1, .max_waiters = 0});
  ASSERT_TRUE(send("a"));
  WriteProbe refused("b");
  EXPECT_EQ(wait(refused), Wait::kRefused);
  EXPECT_EQ(told(), std::vector{Kind::refusing});
  EXPECT_EQ(last.refusal, Reason::too_many_waiters);
  stream().run();
}

TEST_F(WriteQueueEvents, WaitersAppearAndAreGone) {
  fill();
  WriteProbe first("cc");
  WriteProbe second("dd");
  EXPECT_EQ(wait(first), Wait::kWaiting);
  EXPECT_EQ(told(), std::vector{Kind::waiting});
  EXPECT_EQ(last.waiters, 1U);
  EXPECT_EQ(last.waiting_bytes, 2U);
  EXPECT_EQ(wait(second), Wait::kWaiting);
  EXPECT_EQ(told(), nothing);
  stream().run();
  EXPECT_EQ(told(), std::vector{Kind::nobody_waits});
  EXPECT_EQ(first.resumed + second.resumed, 2);
}

TEST_F(WriteQueueEvents, AWaiterThatIsCancelledIsGone) {
  open_with({.max_pending_bytes = 10});
  detail::ReservedRoom room = reserve(10);
  WriteProbe waiter("cc");
  EXPECT_EQ(wait(waiter), Wait::kWaiting);
  EXPECT_EQ(told(), std::vector{Kind::waiting});
  cancel(waiter);
  EXPECT_EQ(told(), std::vector{Kind::nobody_waits});
  give_back(room);
}

TEST_F(WriteQueueEvents, AStallIsToldOnceAndWhenItIsOver) {
  fill();
  stream().begin();
  EXPECT_EQ(stream().watch_requests(), 1);
  EXPECT_EQ(tick(at(10)), at(10) + milliseconds(1250)) << "a quarter of the time";
  EXPECT_EQ(tick(at(14)), at(15));
  EXPECT_EQ(told(), nothing);
  EXPECT_EQ(tick(at(16)), (TimePoint::max)()) << "nothing to look for until it moves";
  EXPECT_EQ(told(), std::vector{Kind::stalled});
  EXPECT_EQ(last.silent, seconds(6));
  EXPECT_EQ(last.bytes, 8U);
  stream().finish(Reply::only(1));
  EXPECT_EQ(told(), std::vector{Kind::moving});
  EXPECT_EQ(stream().watch_requests(), 2) << "for the next stall";
  static_cast<void>(tick(at(20)));
  static_cast<void>(tick(at(25)));
  EXPECT_EQ(told(), std::vector{Kind::stalled});
}

TEST_F(WriteQueueEvents, WithNothingPendingThereIsNoStall) {
  open_with({.close_timeout = seconds(100), .stalled_after = seconds(5)});
  close();
  static_cast<void>(tick(at(10)));
  static_cast<void>(tick(at(20)));
  EXPECT_EQ(told(), nothing) << "what a peer has not acknowledged yet is not the queue's";
  stream().run();
}

TEST_F(WriteQueueEvents, AStallIsToldBeforeItsTimeLimitEndsTheQueue) {
  open_with({.stall_timeout = seconds(20), .stalled_after = seconds(8)});
  ASSERT_TRUE(send("ab"));
  stream().begin();
  EXPECT_EQ(tick(at(10)), at(12));
  EXPECT_EQ(tick(at(18)), at(23)) << "of the time limit alone";
  EXPECT_EQ(told(), std::vector{Kind::stalled});
  static_cast<void>(tick(at(30)));
  EXPECT_EQ(told(), std::vector{Kind::ended});
  EXPECT_EQ(last.ended_by, EndedBy::time_limit);
  EXPECT_EQ(last.error, detail::ErrorValue::of(Errc::timed_out));
  EXPECT_EQ(last.bytes, 2U);
}

TEST_F(WriteQueueEvents, WithoutATimeStallsAreNotTold) {
  open_with({.stalled_after = seconds(0)});
  ASSERT_TRUE(send("ab"));
  stream().begin();
  EXPECT_EQ(stream().watch_requests(), 0);
  EXPECT_EQ(tick(at(1000)), (TimePoint::max)());
  EXPECT_EQ(told(), nothing);
}

TEST_F(WriteQueueEvents, WithoutAHookNobodyLooksForStalls) {
  open({});
  ASSERT_TRUE(send("ab"));
  stream().begin();
  EXPECT_EQ(stream().watch_requests(), 0);
  EXPECT_EQ(tick(at(1000)), (TimePoint::max)());
}

TEST_F(WriteQueueEvents, TheEndTellsWhatIsUnwrittenAndWhoWaited) {
  fill();
  WriteProbe waiter("eee");
  wait(waiter);
  stream().begin();
  stream().finish(Reply::only(3));
  told();
  abort();
  EXPECT_EQ(told(), std::vector{Kind::ended});
  EXPECT_EQ(last.ended_by, EndedBy::abort);
  EXPECT_EQ(last.error, detail::ErrorValue::of(Errc::aborted));
  EXPECT_EQ(last.bytes, 8U) << "the five that are left, and those of the waiter that came in";
  EXPECT_EQ(last.items, 4U) << "one of which is partly written";
  EXPECT_EQ(last.waiters, 0U);
}

TEST_F(WriteQueueEvents, TheEndTellsWhomItHasRefused) {
  fill();
  WriteProbe waiter("eee");
  wait(waiter);
  told();
  abort();
  EXPECT_EQ(told(), std::vector{Kind::ended}) << "not that nobody waits";
  EXPECT_EQ(last.waiters, 1U);
  EXPECT_EQ(last.waiting_bytes, 3U);
}

TEST_F(WriteQueueEvents, EachEndTellsWhoDidIt) {
  const auto end_of = [this](auto end) {
    open_with({});
    EXPECT_TRUE(send("ab"));
    end();
    EXPECT_EQ(told(), std::vector{Kind::ended});
    return last.ended_by;
  };
  EXPECT_EQ(end_of([&] {
              stream().begin();
              stream().finish(Reply::fail(error_value(104)));
            }),
            EndedBy::stream);
  EXPECT_EQ(last.error, error_value(104));
  EXPECT_EQ(end_of([&] {
              abort_after_written();
              stream().run();
            }),
            EndedBy::abort);
  EXPECT_EQ(end_of([&] {
              stream().step([&](detail::Effects& e) {
                queue().abort_after_written(e, detail::ErrorValue::of(Errc::aborted),
                                            Waiters::refuse, EndedBy::last_handle);
              });
              stream().run();
            }),
            EndedBy::last_handle);
  EXPECT_EQ(end_of([&] { orphan(this); }), EndedBy::context);
  EXPECT_EQ(end_of([&] {
              stream().begin();
              close();
              static_cast<void>(tick(at(1)));
              static_cast<void>(tick(at(1000)));
            }),
            EndedBy::time_limit);
}

// Where the time for the end is over, too, a cut with an error of its own is told with its own.
TEST_F(WriteQueueEvents, ACutWithAnErrorOfItsOwnIsToldAsThat) {
  ASSERT_TRUE(send("ab"));
  stream().begin();
  stream().step([&](detail::Effects& e) {
    queue().abort_after_written(e, detail::ErrorValue::of(Errc::slow_consumer), Waiters::refuse);
  });
  static_cast<void>(tick(at(1)));
  static_cast<void>(tick(at(1000)));
  EXPECT_EQ(told(), std::vector{Kind::ended});
  EXPECT_EQ(last.ended_by, EndedBy::abort);
  EXPECT_EQ(last.error, detail::ErrorValue::of(Errc::slow_consumer));
}

TEST_F(WriteQueueEvents, AShedQueueTellsBoth) {
  fill();
  stream().step([&](detail::Effects& e) {
    queue().abort(detail::ErrorValue::of(Errc::shed), e, EndedBy::memory_budget);
  });
  EXPECT_EQ(told(), (std::vector{Kind::shed, Kind::ended}));
  EXPECT_EQ(last.bytes, 8U);
}

TEST_F(WriteQueueEvents, TheHookMayUseTheQueueAndIsNotCalledWithin) {
  fill();
  on_hear = [&](const QueueEvent& event) {
    EXPECT_EQ(queue().pending_items(), event.kind == Kind::ended ? 0U : 4U) << "no lock is held";
    if (event.kind == Kind::refusing) {
      EXPECT_FALSE(send("more"));
      abort();
      EXPECT_EQ(events.size(), 1U) << "what it causes comes after it";
    }
  };
  EXPECT_FALSE(send("c"));
  EXPECT_EQ(told(), (std::vector{Kind::refusing, Kind::ended}));
}

TEST_F(WriteQueueEvents, AnEventComesBeforeWhoIsResumedByTheSameStep) {
  fill();
  WriteProbe waiter("eee");
  wait(waiter);
  on_hear = [&](const QueueEvent& /*ended*/) { EXPECT_EQ(waiter.resumed, 0); };
  abort();
  EXPECT_EQ(waiter.resumed, 1);
}

TEST_F(WriteQueueEvents, AMessageThatEndsTheStreamIsAClose) {
  open_with({}, detail::Entries::kMessages);
  Bytes closing = tag_message(Bytes::copy_of("bye"), kClosingMessage);
  ASSERT_TRUE(send(std::vector{std::move(closing)}));
  stream().run();
  EXPECT_EQ(told(), std::vector{Kind::ended});
  EXPECT_EQ(last.ended_by, EndedBy::close);
}

TEST_F(WriteQueueEvents, EmptySlicesThatLeaveEndASeriesToo) {
  for (int i = 0; i != 4; ++i) {
    ASSERT_TRUE(send(""));
  }
  EXPECT_FALSE(send("c"));
  EXPECT_EQ(told(), std::vector{Kind::refusing});
  stream().run();
  ASSERT_TRUE(send(""));
  stream().run();
  EXPECT_EQ(told(), std::vector{Kind::admitting});
}

}  // namespace
}  // namespace bytes_handoff::test
