// What a queue has at one moment: ages, and memory that it keeps.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/memory/block.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

class WriteQueueGauges : public QueueTest {
 protected:
  using TimePoint = Queue::TimePoint;

  static TimePoint at(int second) { return TimePoint(seconds(second)); }
  WriteStatistics seen(int second) { return queue().statistics(at(second)); }
  nanoseconds age(int second) { return seen(second).oldest_pending_age; }
};

TEST_F(WriteQueueGauges, AnEmptyQueueHasNone) {
  const WriteStatistics none = seen(100);
  EXPECT_EQ(none.pending_items, 0U);
  EXPECT_EQ(none.pending_bytes, 0U);
  EXPECT_EQ(none.held_bytes, 0U);
  EXPECT_EQ(none.oldest_pending_age, seconds(0));
  EXPECT_EQ(none.oldest_waiter_age, seconds(0));
}

TEST_F(WriteQueueGauges, AnAgeCountsFromTheFirstLook) {
  send("abc");
  send("de");
  EXPECT_EQ(age(10), seconds(0));
  EXPECT_EQ(age(17), seconds(7));
  EXPECT_EQ(seen(17).pending_items, 2U);
  EXPECT_EQ(seen(17).pending_bytes, 5U);
}

TEST_F(WriteQueueGauges, TheWriterTellsTheTimeWhereTheStreamMakesItWait) {
  send("abc");
  stream().begin();
  queue().note_time(at(10));
  send("def");
  EXPECT_EQ(age(40), seconds(30));
  stream().finish(Reply::only(1));
  EXPECT_EQ(age(50), seconds(40)) << "a part of it is still there";
  stream().finish(Reply::only(2));
  EXPECT_EQ(age(60), seconds(20)) << "the second one was seen at 40";
}

TEST_F(WriteQueueGauges, ACheckOfATimeLimitIsALook) {
  open({.stall_timeout = seconds(100)});
  send("abc");
  stream().begin();
  tick(at(10));
  EXPECT_EQ(age(30), seconds(20));
}

TEST_F(WriteQueueGauges, WithoutATimeThereAreNoAges) {
  open({.max_items = 1});
  send("a");
  WriteProbe waiting("b");
  wait(waiting);
  queue().note_time(at(10));
  const WriteStatistics of_nothing = queue().statistics({});
  EXPECT_EQ(of_nothing.oldest_pending_age, seconds(0));
  EXPECT_EQ(of_nothing.oldest_waiter_age, seconds(0));
  EXPECT_EQ(of_nothing.pending_items, 1U);
  EXPECT_EQ(of_nothing.waiters, 1U);
  stream().run();
}

TEST_F(WriteQueueGauges, TheOldestWaiterIsTheFirstInLine) {
  open({.max_items = 1});
  send("a");
  WriteProbe first("b");
  WriteProbe second("c");
  first.now = at(10);
  second.now = at(15);
  wait(first);
  wait(second);
  EXPECT_EQ(seen(20).oldest_waiter_age, seconds(10));
  cancel(first);
  EXPECT_EQ(seen(21).oldest_waiter_age, seconds(6));
  stream().run();
  EXPECT_EQ(seen(22).oldest_waiter_age, seconds(0));
}

// The time was read in front of the lock, under which others came.
TEST_F(WriteQueueGauges, NoAgeIsNegative) {
  open({.max_items = 1});
  send("a");
  queue().note_time(at(20));
  WriteProbe waiting("b");
  waiting.now = at(20);
  wait(waiting);
  EXPECT_EQ(seen(10).oldest_pending_age, seconds(0));
  EXPECT_EQ(seen(10).oldest_waiter_age, seconds(0));
  stream().run();
}

TEST_F(WriteQueueGauges, AnEndedQueueHasNothingPendingAndHoldsWhatNobodyHasTaken) {
  send("abc");
  queue().note_time(at(10));
  const std::size_t held = seen(11).held_bytes;
  abort();
  const WriteStatistics ended = seen(20);
  EXPECT_EQ(ended.oldest_pending_age, seconds(0));
  EXPECT_EQ(ended.pending_bytes, 0U);
  EXPECT_EQ(ended.held_bytes, held);
  EXPECT_EQ(unwritten(), std::vector<std::string>{"abc"});
  EXPECT_EQ(seen(20).held_bytes, 0U);
}

TEST_F(WriteQueueGauges, AQueueHoldsItsBlocksAndNotOnlyItsBytes) {
  BytesMut block = BytesMut::with_capacity(4096);
  block.extend("abcdef");
  std::vector<Bytes> slices;
  slices.push_back(block.split_to_frozen(3).value());
  slices.push_back(block.split_to_frozen(3).value());
  send(std::move(slices));
  send(std::vector<Bytes>{Bytes::from_static("not on the heap")});
  EXPECT_EQ(seen(1).held_bytes, detail::Block::cost(4096, nullptr));
}

TEST_F(WriteQueueGauges, TheNameIsACopyOfTheOneInTheConfiguration) {
  EXPECT_EQ(queue().name(), "");
  std::string name = "upstream";
  open({.name = name});
  name.assign("other___");
  EXPECT_EQ(queue().name(), "upstream");
}

}  // namespace
}  // namespace bytes_handoff::test
