// What one step of the queue does under its lock is bounded, and nobody is forgotten by that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "bytes_handoff/core/queue/write_queue.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using detail::kMaxStepItems;
using testing::ElementsAre;
using testing::IsEmpty;

class WriteQueueSteps : public QueueTest {
 protected:
  /// `count` empty writes, fire and forget.
  void send_empty(std::size_t count) {
    for (; count != 0; --count) {
      ASSERT_TRUE(send(std::vector<Bytes>()));
    }
  }

  /// A queue that is full, and whose stream has the one write that fills it.
  void open_full(std::size_t max_items, std::size_t max_step_items = kMaxStepItems) {
    open({.max_items = max_items, .max_pending_bytes = 8, .max_waiters = SIZE_MAX}, 0,
         max_step_items);
    ASSERT_TRUE(send("12345678"));
    ASSERT_EQ(stream().begin(), Turn::kWrite);
  }
};

TEST_F(WriteQueueSteps, AMillionEmptyWritesLeaveBoundedlyManyATurn) {
  constexpr std::size_t kWrites = 1'000'000;
  open({.max_items = kWrites + 1});
  send_empty(kWrites / 2);
  const Submitted middle = submit("");
  send_empty(kWrites / 2);
  std::size_t turns = 0;
  for (Turn turn = Turn::kYield; turn == Turn::kYield; ++turns) {
    ASSERT_TRUE(stream().turn_posted()) << "the writer left " << queue().pending_items();
    const std::size_t before = queue().pending_items();
    turn = stream().begin();
    ASSERT_LE(before - queue().pending_items(), kMaxStepItems);
    EXPECT_EQ(is_done(middle.ticket), queue().pending_items() < kWrites / 2 + 1);
  }
  EXPECT_EQ(queue().pending_items(), 0U);
  EXPECT_GE(turns, kWrites / kMaxStepItems);
  EXPECT_LE(turns, kWrites / kMaxStepItems + 2);
  EXPECT_FALSE(stream().turn_posted());
  EXPECT_EQ(stream().operations(), 0U);
}

TEST_F(WriteQueueSteps, EmptyWritesBehindAWriteLeaveInTurnsOfTheirOwn) {
  open({.max_items = 5000});
  send("abc");
  ASSERT_EQ(stream().begin(), Turn::kWrite);
  send_empty(3000);
  ASSERT_EQ(stream().finish(Reply::all()), Turn::kYield);
  EXPECT_EQ(queue().pending_items(), 3001U - kMaxStepItems);
  send("def");
  ASSERT_EQ(stream().begin(), Turn::kYield);
  ASSERT_EQ(stream().begin(), Turn::kWrite);
  EXPECT_EQ(queue().pending_items(), 1U);
  stream().run();
  EXPECT_EQ(stream().received(), "abcdef");
}

TEST_F(WriteQueueSteps, AFullGatherIsFollowedByTheNextWithoutATurnBetween) {
  open({.max_items = 5000});
  Bytes block = Bytes::copy_of(std::string(3000, 'x'));
  for (int i = 0; i < 3000; ++i) {
    send(std::vector<Bytes>{block.split_to(1).value()});
  }
  ASSERT_EQ(stream().begin(), Turn::kWrite);
  EXPECT_EQ(stream().batch().items, detail::kMaxBatchItems);
  EXPECT_EQ(stream().finish(Reply::all()), Turn::kWrite);
  EXPECT_EQ(stream().finish(Reply::all()), Turn::kWrite);
  EXPECT_EQ(stream().finish(Reply::all()), Turn::kIdle);
}

TEST_F(WriteQueueSteps, ALineOfEmptyWritesComesInBoundedlyManyATurnAndInOrder) {
  open_full(1);
  constexpr std::size_t kWaiters = 20'000;
  ResumeLog log;
  ResumeLog names;
  std::deque<WriteProbe> probes;
  for (std::size_t i = 0; i < kWaiters; ++i) {
    names.push_back(std::to_string(i));
    ASSERT_EQ(wait(probes.emplace_back(std::vector<Bytes>(), names.back(), &log)), Wait::kWaiting);
  }
  Turn turn = stream().finish(Reply::all());
  EXPECT_LE(log.size(), kMaxStepItems);
  while (turn == Turn::kYield) {
    const std::size_t before = log.size();
    turn = stream().begin();
    ASSERT_LE(log.size() - before, kMaxStepItems);
    ASSERT_GT(log.size(), before);
  }
  EXPECT_EQ(log, names);
  EXPECT_EQ(turn, Turn::kIdle);
  EXPECT_EQ(queue().pending_items(), 0U);
}

TEST_F(WriteQueueSteps, ManyFlushesCompleteBoundedlyManyATurnAndBeforeTheShutdown) {
  open({});
  constexpr std::size_t kFlushes = 5000;
  send("abc");
  std::deque<FlushProbe> flushes;
  ResumeLog log;
  for (std::size_t i = 0; i < kFlushes; ++i) {
    ASSERT_FALSE(queue().wait_flush(flushes.emplace_back("flush", &log)));
  }
  close();
  ASSERT_EQ(stream().begin(), Turn::kWrite);
  Turn turn = stream().finish(Reply::all());
  while (turn == Turn::kYield) {
    const std::size_t before = log.size();
    turn = stream().begin();
    ASSERT_LE(log.size() - before, kMaxStepItems);
  }
  EXPECT_EQ(turn, Turn::kShutdown);
  EXPECT_EQ(log.size(), kFlushes);
  stream().run();
  for (const FlushProbe& flush : flushes) {
    EXPECT_EQ(flush.resumed, 1);
    EXPECT_FALSE(flush.error);
  }
}

TEST_F(WriteQueueSteps, WhoFitsIsLetInBeforeAWriteThatMayBeStuck) {
  open_full(8, 2);
  ResumeLog log;
  std::deque<WriteProbe> probes;
  for (const char* name : {"a", "b", "c", "d"}) {
    ASSERT_EQ(wait(probes.emplace_back(name, name, &log)), Wait::kWaiting);
  }
  ASSERT_EQ(stream().finish(Reply::all()), Turn::kYield);
  EXPECT_THAT(log, ElementsAre("a"));
  ASSERT_EQ(stream().begin(), Turn::kYield);
  EXPECT_THAT(log, ElementsAre("a", "b", "c"));
  ASSERT_EQ(stream().begin(), Turn::kWrite);
  EXPECT_THAT(log, ElementsAre("a", "b", "c", "d"));
  stream().run();
  EXPECT_EQ(stream().received(), "12345678abcd");
}

TEST_F(WriteQueueSteps, BetweenTwoStepsNobodyBargesPastTheLine) {
  open_full(8, 1);
  ResumeLog log;
  WriteProbe first("a", "a", &log);
  WriteProbe second("b", "b", &log);
  WriteProbe late("c", "c", &log);
  ASSERT_EQ(wait(first), Wait::kWaiting);
  ASSERT_EQ(wait(second), Wait::kWaiting);
  ASSERT_EQ(stream().finish(Reply::all()), Turn::kYield);
  EXPECT_THAT(log, IsEmpty());
  expect_refusal(submit("x").refusal, Reason::queue_full, 3, 8);
  EXPECT_EQ(wait(late), Wait::kWaiting);
  stream().run();
  EXPECT_THAT(log, ElementsAre("a", "b", "c"));
  EXPECT_EQ(stream().received(), "12345678abc");
  EXPECT_TRUE(send("x"));
  stream().run();
}

TEST_F(WriteQueueSteps, CancellingTheFirstLetsAllInWhoFitThoughTheStreamIsStuck) {
  open({.max_items = 6000, .max_pending_bytes = 8, .max_waiters = SIZE_MAX});
  ASSERT_TRUE(send("1"));
  ASSERT_EQ(stream().begin(), Turn::kWrite);
  ResumeLog log;
  WriteProbe large("12345678", "large", &log);
  ASSERT_EQ(wait(large), Wait::kWaiting);
  std::deque<WriteProbe> probes;
  for (std::size_t i = 0; i < 5000; ++i) {
    ASSERT_EQ(wait(probes.emplace_back(std::vector<Bytes>(), "empty", &log)), Wait::kWaiting);
  }
  cancel(large);
  EXPECT_EQ(log.size(), 5001U);
  EXPECT_EQ(queue().pending_items(), 5001U);
  stream().run();
  EXPECT_EQ(queue().pending_items(), 0U);
}

TEST_F(WriteQueueSteps, AnAbortBetweenTwoStepsTellsWhoIsLeft) {
  open_full(8, 1);
  WriteProbe first("a");
  WriteProbe second("b");
  ASSERT_EQ(wait(first), Wait::kWaiting);
  ASSERT_EQ(wait(second), Wait::kWaiting);
  ASSERT_EQ(stream().finish(Reply::all()), Turn::kYield);
  ASSERT_EQ(stream().begin(), Turn::kYield);
  ASSERT_TRUE(first.was_admitted());
  abort();
  expect_refusal(second.refusal, Reason::closed, 0, 0, detail::ErrorValue::of(Errc::aborted));
  EXPECT_EQ(second.resumed, 1);
  EXPECT_EQ(stream().begin(), Turn::kEnded);
  EXPECT_THAT(unwritten(), ElementsAre("a"));
}

}  // namespace
}  // namespace bytes_handoff::test
