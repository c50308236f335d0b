#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bytes_handoff/core/queue/write_queue.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using detail::ErrorValue;
using testing::ElementsAre;

using WriteQueueFlush = QueueTest;

TEST_F(WriteQueueFlush, OfAnIdleQueueIsDoneAtOnce) {
  FlushProbe probe;
  EXPECT_TRUE(queue().wait_flush(probe));
  EXPECT_EQ(probe.error, ErrorValue{});
  send("abc");
  stream().run();
  EXPECT_TRUE(queue().wait_flush(probe));
  EXPECT_EQ(probe.resumed, 0);
}

TEST_F(WriteQueueFlush, CompletesWhenAllBeforeItIsWrittenAndWaitsForNothingBehind) {
  send("abc");
  FlushProbe probe;
  ASSERT_FALSE(queue().wait_flush(probe));
  send("def");
  stream().begin();
  stream().finish(Reply::only(2));
  EXPECT_EQ(probe.resumed, 0);
  stream().finish(Reply::only(1));
  EXPECT_EQ(probe.resumed, 1);
  EXPECT_EQ(probe.error, ErrorValue{});
  stream().run();
}

TEST_F(WriteQueueFlush, SeveralCompleteInOrderEachOnItsOwn) {
  ResumeLog log;
  FlushProbe one("one", &log);
  FlushProbe two("two", &log);
  FlushProbe again("again", &log);
  send("abc");
  ASSERT_FALSE(queue().wait_flush(one));
  send("def");
  ASSERT_FALSE(queue().wait_flush(two));
  ASSERT_FALSE(queue().wait_flush(again));
  stream().begin();
  stream().finish(Reply::only(3));
  EXPECT_THAT(log, ElementsAre("one"));
  stream().finish(Reply::only(3));
  EXPECT_THAT(log, ElementsAre("one", "two", "again"));
}

TEST_F(WriteQueueFlush, WaitsForEmptyWritesToo) {
  send("");
  FlushProbe probe;
  ASSERT_FALSE(queue().wait_flush(probe));
  stream().begin();
  EXPECT_EQ(probe.resumed, 1);
}

TEST_F(WriteQueueFlush, DoesNotWaitForWritesThatAreNotAdmittedYet) {
  open({.max_items = 1, .max_pending_bytes = 10});
  send("0");
  WriteProbe waiting("1");
  wait(waiting);
  FlushProbe probe;
  ASSERT_FALSE(queue().wait_flush(probe));
  stream().begin();
  stream().finish(Reply::only(1));
  EXPECT_EQ(probe.resumed, 1);
  EXPECT_TRUE(waiting.was_admitted());
  EXPECT_EQ(queue().pending_items(), 1U);
  stream().run();
}

TEST_F(WriteQueueFlush, CanBeCancelledOnceAndTheOthersStay) {
  send("abc");
  FlushProbe first;
  FlushProbe second;
  ASSERT_FALSE(queue().wait_flush(first));
  ASSERT_FALSE(queue().wait_flush(second));
  cancel(first, error_value(125));
  cancel(first, error_value(126));
  EXPECT_EQ(first.resumed, 1);
  EXPECT_EQ(first.error, error_value(125));
  stream().run();
  EXPECT_EQ(first.resumed, 1);
  EXPECT_EQ(second.resumed, 1);
  cancel(second, error_value(125));
  EXPECT_EQ(second.resumed, 1);
  EXPECT_EQ(second.error, ErrorValue{});
}

TEST_F(WriteQueueFlush, AWaitForTheEndCanBeCancelledOnceAndTheQueueGoesOn) {
  CloseProbe first;
  CloseProbe second;
  ASSERT_FALSE(queue().wait_closed(first));
  ASSERT_FALSE(queue().wait_closed(second));
  cancel(first, error_value(125));
  cancel(first, error_value(126));
  EXPECT_EQ(first.resumed, 1);
  EXPECT_EQ(first.error, error_value(125));
  EXPECT_TRUE(queue().is_open());
  EXPECT_TRUE(send("abc"));
  close();
  stream().run();
  EXPECT_EQ(first.resumed, 1);
  EXPECT_EQ(second.resumed, 1);
  cancel(second, error_value(125));
  EXPECT_EQ(second.resumed, 1);
  EXPECT_EQ(second.error, ErrorValue{});
}

}  // namespace
}  // namespace bytes_handoff::test
