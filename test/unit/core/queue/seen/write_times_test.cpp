// Where the time of a write goes.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/core/observing/write_times_state.hpp"
#include "support/queue/queue_fixture.hpp"
#include "support/queue/test_timer.hpp"

namespace bytes_handoff::test {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

class WriteQueueTimes : public QueueTest {
 protected:
  void SetUp() override { open_timed({}); }
  void open_timed(const WriteHandoffConfig& config, std::size_t join_at_most = 0,
                  detail::Entries entries = detail::Entries::kBytes) {
    times_ = std::make_shared<detail::WriteTimesState>();
    open(config, join_at_most, detail::kMaxStepItems, entries,
         std::make_unique<TestTimer>(times_, now_));
  }
  void pass(int time) { now_ += seconds(time); }

  // Of a write that has been written.
  std::optional<WriteDurations> times_of(const Submitted& write) {
    TicketProbe late(write.ticket);
    EXPECT_EQ(wait(late), TicketWait::kDone);
    return late.times;
  }
  void expect_times(const Submitted& write, int queued, int with_stream) {
    EXPECT_EQ(times_of(write), (WriteDurations{seconds(queued), seconds(with_stream)}));
  }
  // Of all writes that were recorded.
  void expect_recorded(std::uint64_t count, int longest_queued, int longest_with_stream) {
    const WriteTimesReport report = times_->report();
    EXPECT_EQ(report.queued.count(), count);
    EXPECT_EQ(report.with_stream.count(), count);
    EXPECT_EQ(report.queued.longest(), seconds(longest_queued));
    EXPECT_EQ(report.with_stream.longest(), seconds(longest_with_stream));
  }

  Queue::TimePoint now_{seconds(1000)};
  std::shared_ptr<detail::WriteTimesState> times_;
};

TEST_F(WriteQueueTimes, AWriteIsQueuedUntilItIsOfferedAndThenWithTheStream) {
  const Submitted write = submit("abc");
  pass(2);
  stream().begin();
  pass(5);
  EXPECT_EQ(times_->report().queued.count(), 0U);
  stream().finish(Reply::all());
  expect_times(write, 2, 5);
  expect_recorded(1, 2, 5);
}

TEST_F(WriteQueueTimes, APartThatIsWrittenDoesNotEndIt) {
  const Submitted write = submit("abc");
  stream().begin();
  pass(1);
  stream().finish(Reply::only(2));
  pass(1);
  stream().finish(Reply::only(1));
  expect_times(write, 0, 2);
}

TEST_F(WriteQueueTimes, WhatIsGatheredTogetherIsOfferedTogether) {
  const Submitted first = submit("abc");
  pass(1);
  const Submitted second = submit("de");
  pass(1);
  stream().begin();
  pass(1);
  const Submitted third = submit("f");
  stream().finish(Reply::only(3));
  pass(1);
  stream().finish(Reply::all());
  expect_times(first, 2, 1);
  expect_times(second, 1, 2);
  expect_times(third, 0, 1);
  expect_recorded(3, 2, 2);
}

TEST_F(WriteQueueTimes, SlicesOfOneCallAreOneWrite) {
  const Submitted write = submit(slices_of({"abc", "", "def"}));
  stream().begin();
  pass(3);
  stream().finish(Reply::only(5));
  EXPECT_EQ(times_->report().queued.count(), 0U);
  pass(1);
  stream().finish(Reply::all());
  expect_times(write, 0, 4);
  expect_recorded(1, 0, 4);
}

TEST_F(WriteQueueTimes, AWriteWithoutBytesIsNeverWithTheStream) {
  const Submitted write = submit("");
  pass(2);
  stream().begin();
  expect_times(write, 2, 0);
}

TEST_F(WriteQueueTimes, JoinedWritesHaveTheirOwnTimes) {
  open_timed({}, 100);
  const Submitted first = submit("abc");
  pass(1);
  const Submitted second = submit("def");
  stream().begin();
  pass(1);
  stream().finish(Reply::all());
  expect_times(first, 1, 1);
  expect_times(second, 0, 1);
}

TEST_F(WriteQueueTimes, AMessageIsOfferedAlone) {
  open_timed({}, 0, detail::Entries::kMessages);
  const Submitted first = submit("abc");
  const Submitted second = submit("def");
  stream().begin();
  pass(1);
  stream().finish(Reply::all());
  pass(1);
  stream().finish(Reply::all());
  expect_times(first, 0, 1);
  expect_times(second, 1, 1);
}

TEST_F(WriteQueueTimes, WhatWaitsForRoomIsNotQueuedYet) {
  open_timed({.max_items = 1});
  send("abc");
  WriteProbe waiting("def");
  ASSERT_EQ(wait(waiting), Wait::kWaiting);
  stream().begin();
  pass(10);
  stream().finish(Reply::all());
  ASSERT_TRUE(waiting.was_admitted());
  pass(1);
  TicketProbe done(waiting.write);
  ASSERT_EQ(wait(done), TicketWait::kWaiting);
  stream().finish(Reply::all());
  EXPECT_EQ(done.times, (WriteDurations{seconds(0), seconds(1)}));
}

TEST_F(WriteQueueTimes, WhoWaitsIsToldInTheStepThatEndsTheWrite) {
  const Submitted write = submit("abc");
  TicketProbe done(write.ticket);
  ASSERT_EQ(wait(done), TicketWait::kWaiting);
  pass(1);
  stream().begin();
  pass(2);
  stream().finish(Reply::all());
  EXPECT_EQ(done.resumed, 1);
  EXPECT_EQ(done.times, (WriteDurations{seconds(1), seconds(2)}));
}

TEST_F(WriteQueueTimes, AWriteThatIsNotWhollyWrittenHasNone) {
  const Submitted cut = submit("abc");
  TicketProbe waiting(cut.ticket);
  ASSERT_EQ(wait(waiting), TicketWait::kWaiting);
  stream().begin();
  pass(1);
  stream().finish(Reply::fail(error_value(104), 2));
  EXPECT_EQ(waiting.times, std::nullopt);
  EXPECT_EQ(times_of(cut), std::nullopt);
  EXPECT_EQ(times_->report().queued.count(), 0U);
}

TEST_F(WriteQueueTimes, AWriteThatWasWrittenBeforeTheEndKeepsThem) {
  const Submitted whole = submit("abc");
  send("def");
  stream().begin();
  pass(1);
  stream().finish(Reply::fail(error_value(104), 4));
  expect_times(whole, 0, 1);
  expect_recorded(1, 0, 1);
}

TEST_F(WriteQueueTimes, WhoAsksLateIsToldWhileItIsOneOfTheLast64) {
  const Submitted old = submit("a");
  stream().begin();
  pass(1);
  stream().finish(Reply::all());
  const Submitted first = submit("b");
  for (int i = 1; i != 64; ++i) {
    EXPECT_TRUE(times_of(old).has_value() == (i < 64)) << i;
    send("c");
  }
  stream().run();
  expect_times(first, 0, 0);
  EXPECT_EQ(times_of(old), std::nullopt);
  expect_recorded(65, 0, 1);
}

// More writes than there are places for at first, in parts of what is written, so that the places
// are used again, and more are taken while some are in use.
TEST_F(WriteQueueTimes, ManyWritesKeepTheirOwn) {
  open_timed({.max_items = 1000});
  std::vector<Submitted> writes;
  for (int round = 1; round != 9; ++round) {
    for (int i = 0; i != 25 * round; ++i) {
      writes.push_back(submit("x"));
      pass(1);
    }
    if (!stream().is_writing()) {
      stream().begin();
    }
    stream().finish(Reply::only(20));
  }
  std::vector<std::unique_ptr<TicketProbe>> waiting;
  for (const Submitted& write : writes) {
    if (!is_done(write.ticket)) {
      waiting.push_back(std::make_unique<TicketProbe>(write.ticket));
      wait(*waiting.back());
    }
  }
  ASSERT_GT(waiting.size(), 500U);
  const Queue::TimePoint end = now_;
  while (stream().is_writing()) {
    stream().finish(Reply::all());
  }
  // The last one came a second ago, each one before it a second earlier.
  nanoseconds expected = seconds(waiting.size());
  for (const auto& probe : waiting) {
    ASSERT_TRUE(probe->times.has_value());
    EXPECT_EQ(probe->times->queued + probe->times->with_stream, expected);
    expected -= seconds(1);
  }
  EXPECT_EQ(now_, end);
  EXPECT_EQ(times_->report().queued.count(), writes.size());
}

TEST_F(WriteQueueTimes, PermitsHavePlacesToo) {
  open_timed({.max_items = 1000});
  std::vector<detail::ReservedRoom> rooms;
  for (int i = 0; i != 200; ++i) {
    rooms.push_back(reserve(1));
  }
  const Submitted first = commit(rooms[0], "a");
  pass(1);
  for (std::size_t i = 1; i != rooms.size(); ++i) {
    ASSERT_TRUE(commit(rooms[i], "b").ticket);
  }
  TicketProbe done(first.ticket);
  ASSERT_EQ(wait(done), TicketWait::kWaiting);
  stream().run();
  EXPECT_EQ(done.times, (WriteDurations{seconds(1), seconds(0)}));
  expect_recorded(200, 1, 0);
}

TEST_F(WriteQueueTimes, ForMoreWritesThanCanBeThereIsNoMemory) {
  TestTimer timer(times_, now_);
  timer.note_admitted(1);
  EXPECT_THROW(timer.reserve(SIZE_MAX), std::bad_alloc);
  pass(3);
  timer.look();
  timer.note_written(1);
  EXPECT_EQ(timer.durations(0), (WriteDurations{seconds(3), seconds(0)})) << "something changed";
}

TEST(WriteTimes, CopiesAreTheSame) {
  EXPECT_FALSE(WriteTimes().valid());
  const WriteTimes times = WriteTimes::make();
  const WriteTimes copy = times;
  EXPECT_TRUE(copy.valid());
  EXPECT_EQ(copy, times);
  EXPECT_NE(copy, WriteTimes::make());
  detail::WriteTimesAccess::state(times)->record({seconds(1), seconds(2)});
  const WriteTimesReport report = copy.report();
  EXPECT_EQ(report.queued.count(), 1U);
  EXPECT_EQ(report.queued.longest(), seconds(1));
  EXPECT_EQ(report.with_stream.longest(), seconds(2));
}

TEST_F(WriteQueueTimes, WithoutATimerNobodyIsToldAny) {
  open({});
  const Submitted write = submit("abc");
  stream().run();
  EXPECT_EQ(times_of(write), std::nullopt);
}

}  // namespace
}  // namespace bytes_handoff::test
