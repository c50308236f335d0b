// The two ends that write what was admitted first: `close` that lets in who waits, and
// `abort_after_written`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bytes_handoff/core/queue/write_queue.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using detail::ErrorValue;
using testing::ElementsAre;
using testing::IsEmpty;

const ErrorValue kAborted = ErrorValue::of(Errc::aborted);

class WriteQueueCloseAdmitting : public QueueTest {
 protected:
  void SetUp() override { open({.max_items = 1, .max_pending_bytes = 10}); }
};

TEST_F(WriteQueueCloseAdmitting, LetsInWhoWaitsInOrderBeforeTheEnd) {
  send("0");
  ResumeLog log;
  WriteProbe first("1", "first", &log);
  WriteProbe second("2", "second", &log);
  wait(first);
  wait(second);
  close(Waiters::admit);
  EXPECT_THAT(log, IsEmpty());
  EXPECT_FALSE(queue().is_open());
  stream().begin();
  stream().finish(Reply::all());
  EXPECT_THAT(log, ElementsAre("first"));
  EXPECT_FALSE(stream().is_shutting_down());
  stream().run();
  EXPECT_TRUE(first.was_admitted());
  EXPECT_TRUE(second.was_admitted());
  EXPECT_EQ(stream().received(), "012");
  EXPECT_TRUE(stream().is_shut_down());
  EXPECT_TRUE(queue().has_ended_in_order());
  EXPECT_EQ(queue().statistics({}).refused(Reason::closed), 0U);
}

TEST_F(WriteQueueCloseAdmitting, RefusesWhoComesBehindIt) {
  send("0");
  WriteProbe waits("1");
  wait(waits);
  close(Waiters::admit);
  const Submitted tried = submit("2");
  expect_refusal(tried.refusal, Reason::closed);
  EXPECT_EQ(tried.bytes[0].view(), "2");
  WriteProbe late("3");
  EXPECT_EQ(wait(late), Wait::kRefused);
  expect_refusal(late.refusal, Reason::closed);
  stream().run();
  EXPECT_EQ(stream().received(), "01");
}

TEST_F(WriteQueueCloseAdmitting, WithNobodyWaitingIsAClose) {
  close(Waiters::admit);
  EXPECT_EQ(stream().begin(), Turn::kShutdown);
  stream().run();
  EXPECT_TRUE(queue().has_ended_in_order());
}

TEST_F(WriteQueueCloseAdmitting, EmptyWritesComeInToo) {
  send("0");
  ResumeLog log;
  WriteProbe empty("", "empty", &log);
  WriteProbe none(std::vector<Bytes>{}, "none", &log);
  WriteProbe last("1", "last", &log);
  wait(empty);
  wait(none);
  wait(last);
  close(Waiters::admit);
  stream().run();
  EXPECT_THAT(log, ElementsAre("empty", "none", "last"));
  expect_result(empty.write, {}, 0);
  EXPECT_EQ(stream().received(), "01");
  EXPECT_TRUE(stream().is_shut_down());
}

TEST_F(WriteQueueCloseAdmitting, OnlyEmptyWritesLeftAreLetInBeforeTheShutdown) {
  send("");
  WriteProbe empty("");
  wait(empty);
  close(Waiters::admit);
  EXPECT_EQ(stream().begin(), Turn::kShutdown);
  EXPECT_TRUE(empty.was_admitted());
  stream().run();
}

TEST_F(WriteQueueCloseAdmitting, AWaiterLargerThanTheRoomComesInWhenThereIsEnough) {
  open({.max_items = 4, .max_pending_bytes = 4});
  send("abc");
  send("d");
  ResumeLog log;
  WriteProbe large("EFGH", "large", &log);
  WriteProbe small("i", "small", &log);
  wait(large);
  wait(small);
  close(Waiters::admit);
  stream().begin();
  stream().finish(Reply::only(3));
  EXPECT_THAT(log, IsEmpty()) << "nobody passes the large one";
  stream().finish(Reply::all());
  EXPECT_THAT(log, ElementsAre("large"));
  EXPECT_EQ(queue().pending_bytes(), 4U);
  stream().run();
  EXPECT_THAT(log, ElementsAre("large", "small"));
  EXPECT_EQ(stream().received(), "abcdEFGHi");
}

TEST_F(WriteQueueCloseAdmitting, OfALineThatIsLetInInStepsWritesAllOfIt) {
  open({.max_items = 4, .max_pending_bytes = 100}, 0, 1);
  send(slices_of({"a", "b", "c", "d"}));
  WriteProbe first("1");
  WriteProbe second("2");
  WriteProbe third("3");
  wait(first);
  wait(second);
  wait(third);
  stream().begin();
  close(Waiters::admit);
  stream().run();
  EXPECT_EQ(stream().received(), "abcd123");
  EXPECT_TRUE(stream().is_shut_down());
}

TEST_F(WriteQueueCloseAdmitting, WhoIsCancelledMeanwhileIsNotWrittenAndHoldsUpNobody) {
  open({.max_items = 8, .max_pending_bytes = 4});
  send("abc");
  WriteProbe large("DEFG");
  WriteProbe small("h");
  wait(large);
  wait(small);
  stream().begin();
  close(Waiters::admit);
  cancel(large);
  expect_refusal(large.refusal, Reason::cancelled);
  EXPECT_EQ(large.owned[0].view(), "DEFG");
  EXPECT_TRUE(small.was_admitted());
  stream().run();
  EXPECT_EQ(stream().received(), "abch");
  EXPECT_TRUE(stream().is_shut_down());
}

TEST_F(WriteQueueCloseAdmitting, ASecondCloseLeavesTheLineInPlace) {
  send("0");
  WriteProbe waits("1");
  wait(waits);
  close(Waiters::admit);
  close(Waiters::refuse);
  EXPECT_EQ(waits.resumed, 0);
  stream().run();
  EXPECT_EQ(stream().received(), "01");
}

TEST_F(WriteQueueCloseAdmitting, BehindACloseThatRefusesChangesNothing) {
  send("0");
  WriteProbe waits("1");
  wait(waits);
  close(Waiters::refuse);
  close(Waiters::admit);
  expect_refusal(waits.refusal, Reason::closed);
  stream().run();
  EXPECT_EQ(stream().received(), "0");
}

TEST_F(WriteQueueCloseAdmitting, AnAbortMeanwhileRefusesTheLine) {
  send("0");
  WriteProbe waits("1");
  wait(waits);
  stream().begin();
  close(Waiters::admit);
  abort();
  expect_refusal(waits.refusal, Reason::closed, 0, 0, kAborted);
  EXPECT_EQ(waits.owned[0].view(), "1");
  stream().finish(Reply::only(0));
  EXPECT_THAT(unwritten(), ElementsAre("0"));
}

TEST_F(WriteQueueCloseAdmitting, AFailureMeanwhileRefusesTheLine) {
  send("0");
  WriteProbe waits("1");
  wait(waits);
  close(Waiters::admit);
  stream().script(0, Reply::fail(error_value(104)));
  stream().run();
  expect_refusal(waits.refusal, Reason::closed, 0, 0, error_value(104));
  EXPECT_TRUE(queue().was_ended_by_stream());
}

TEST_F(WriteQueueCloseAdmitting, AFlushDoesNotWaitForTheLine) {
  send("0");
  WriteProbe waits("1");
  wait(waits);
  close(Waiters::admit);
  FlushProbe flush;
  ASSERT_FALSE(queue().wait_flush(flush));
  stream().begin();
  stream().finish(Reply::all());
  EXPECT_EQ(flush.resumed, 1);
  EXPECT_TRUE(waits.was_admitted());
  EXPECT_TRUE(stream().is_writing());
  stream().run();
}

using WriteQueueAbortAfterWritten = QueueTest;

TEST_F(WriteQueueAbortAfterWritten, OfAnIdleQueueWaitsForTheAcknowledgementThenEndsAborted) {
  CloseProbe closed;
  ASSERT_FALSE(queue().wait_closed(closed));
  abort_after_written();
  EXPECT_FALSE(queue().is_open());
  EXPECT_EQ(stream().begin(), Turn::kAcknowledge);
  EXPECT_EQ(closed.resumed, 0);
  stream().finish(Reply::all());
  EXPECT_EQ(closed.resumed, 1);
  EXPECT_EQ(closed.error, kAborted);
  EXPECT_EQ(queue().first_error(), kAborted);
  EXPECT_FALSE(queue().has_ended_in_order());
  EXPECT_FALSE(queue().was_ended_by_stream());
  EXPECT_FALSE(stream().is_shut_down());
  EXPECT_EQ(stream().cancel_requests(), 0);
  EXPECT_EQ(stream().operations(), 1U);
}

TEST_F(WriteQueueAbortAfterWritten, WritesWhatIsQueuedAndItsTicketsAreDone) {
  const Submitted in_flight = submit("abc");
  stream().begin();
  const Submitted queued = submit("def");
  abort_after_written();
  expect_refusal(submit("x").refusal, Reason::closed);
  EXPECT_EQ(stream().finish(Reply::only(1)), Turn::kWrite);
  EXPECT_EQ(stream().finish(Reply::all()), Turn::kAcknowledge);
  expect_result(in_flight.ticket, {}, 3);
  expect_result(queued.ticket, {}, 3);
  EXPECT_FALSE(queue().has_ended());
  EXPECT_EQ(queue().pending_bytes(), 0U);
  expect_refusal(submit("x").refusal, Reason::closed);
  stream().run();
  EXPECT_EQ(stream().received(), "abcdef");
  EXPECT_FALSE(stream().is_shut_down());
  expect_refusal(submit("x").refusal, Reason::closed, 0, 0, kAborted);
  EXPECT_THAT(unwritten(), IsEmpty());
}

TEST_F(WriteQueueAbortAfterWritten, WaitingWritesAreRefusedClosedWithTheirBytes) {
  open({.max_items = 1, .max_pending_bytes = 10});
  send("0");
  WriteProbe waits("1");
  wait(waits);
  abort_after_written();
  expect_refusal(waits.refusal, Reason::closed);
  EXPECT_EQ(waits.owned[0].view(), "1");
  stream().run();
  EXPECT_EQ(stream().received(), "0");
}

TEST_F(WriteQueueAbortAfterWritten, WaitingWritesMayBeLetInBeforeIt) {
  open({.max_items = 1, .max_pending_bytes = 10});
  send("0");
  WriteProbe waits("1");
  wait(waits);
  abort_after_written(Waiters::admit);
  stream().run();
  EXPECT_TRUE(waits.was_admitted());
  EXPECT_EQ(stream().received(), "01");
  EXPECT_EQ(queue().first_error(), kAborted);
}

TEST_F(WriteQueueAbortAfterWritten, AFlushIsDoneAndThoseWhoWaitForTheEndGetAborted) {
  send("abc");
  FlushProbe flush;
  CloseProbe closed;
  ASSERT_FALSE(queue().wait_flush(flush));
  ASSERT_FALSE(queue().wait_closed(closed));
  abort_after_written();
  FlushProbe behind;
  ASSERT_FALSE(queue().wait_flush(behind));
  stream().begin();
  stream().finish(Reply::all());
  EXPECT_EQ(flush.resumed + behind.resumed, 2);
  EXPECT_EQ(flush.error, ErrorValue{});
  EXPECT_EQ(behind.error, ErrorValue{});
  FlushProbe while_acknowledging;
  EXPECT_TRUE(queue().wait_flush(while_acknowledging));
  EXPECT_EQ(closed.resumed, 0);
  stream().run();
  EXPECT_EQ(closed.error, kAborted);
  FlushProbe late;
  EXPECT_TRUE(queue().wait_flush(late));
  EXPECT_EQ(late.error, kAborted);
}

TEST_F(WriteQueueAbortAfterWritten, OfAQueueThatIsClosingMakesItsEndAnAbort) {
  const Submitted write = submit("abc");
  stream().begin();
  close();
  abort_after_written();
  EXPECT_EQ(stream().finish(Reply::all()), Turn::kAcknowledge);
  expect_result(write.ticket, {}, 3);
  stream().run();
  EXPECT_EQ(queue().first_error(), kAborted);
  EXPECT_FALSE(stream().is_shut_down());
}

TEST_F(WriteQueueAbortAfterWritten, OfAQueueThatIsLettingItsLineInRefusesTheRest) {
  open({.max_items = 1, .max_pending_bytes = 10});
  send("0");
  WriteProbe first("1");
  WriteProbe second("2");
  wait(first);
  wait(second);
  close(Waiters::admit);
  stream().begin();
  stream().finish(Reply::all());
  abort_after_written();
  EXPECT_TRUE(first.was_admitted());
  expect_refusal(second.refusal, Reason::closed);
  stream().run();
  EXPECT_EQ(stream().received(), "01");
  EXPECT_EQ(queue().first_error(), kAborted);
}

TEST_F(WriteQueueAbortAfterWritten, OfAStreamThatIsBeingShutDownComesTooLate) {
  CloseProbe closed;
  ASSERT_FALSE(queue().wait_closed(closed));
  close();
  stream().begin();
  abort_after_written();
  EXPECT_TRUE(stream().is_shutting_down());
  EXPECT_EQ(stream().cancel_requests(), 0);
  stream().run();
  EXPECT_EQ(closed.error, ErrorValue{});
  EXPECT_TRUE(queue().has_ended_in_order());
}

TEST_F(WriteQueueAbortAfterWritten, TwiceIsOnceAndACloseBehindItChangesNothing) {
  send("abc");
  abort_after_written();
  abort_after_written();
  close();
  close(Waiters::admit);
  stream().begin();
  abort_after_written();
  EXPECT_EQ(stream().finish(Reply::all()), Turn::kAcknowledge);
  abort_after_written();
  close();
  EXPECT_FALSE(stream().turn_posted());
  stream().run();
  EXPECT_EQ(stream().operations(), 2U) << "one write, one acknowledgement";
  EXPECT_EQ(queue().first_error(), kAborted);
}

TEST_F(WriteQueueAbortAfterWritten, AfterAnEndChangesNothing) {
  close();
  stream().run();
  abort_after_written();
  EXPECT_FALSE(stream().turn_posted());
  EXPECT_TRUE(queue().has_ended_in_order());
}

TEST_F(WriteQueueAbortAfterWritten, AnAbortMeanwhileEndsItAtOnce) {
  const Submitted write = submit("abc");
  stream().begin();
  abort_after_written();
  abort(error_value(7));
  EXPECT_EQ(stream().ends(), 1);
  EXPECT_EQ(stream().cancel_requests(), 1);
  expect_result(write.ticket, error_value(7), 0);
  EXPECT_EQ(stream().finish(Reply::only(1)), Turn::kEnded);
  EXPECT_THAT(unwritten(), ElementsAre("a|bc"));
}

TEST_F(WriteQueueAbortAfterWritten, AnAbortWhileItIsAcknowledgedEndsItAtOnce) {
  CloseProbe closed;
  ASSERT_FALSE(queue().wait_closed(closed));
  abort_after_written();
  stream().begin();
  abort(error_value(7));
  EXPECT_EQ(closed.error, error_value(7));
  EXPECT_EQ(stream().cancel_requests(), 0) << "nothing is with the stream";
  stream().finish(Reply::all());
  EXPECT_EQ(stream().ends(), 1);
  EXPECT_EQ(queue().first_error(), error_value(7));
}

TEST_F(WriteQueueAbortAfterWritten, AFailedWriteMeanwhileIsTheFirstError) {
  const Submitted write = submit("abc");
  abort_after_written();
  stream().script(0, Reply::fail(error_value(104), 1));
  stream().run();
  expect_result(write.ticket, error_value(104), 1);
  EXPECT_EQ(queue().first_error(), error_value(104));
  EXPECT_TRUE(queue().was_ended_by_stream());
}

TEST_F(WriteQueueAbortAfterWritten, WithOnlyEmptyWritesQueuedCompletesThem) {
  const Submitted empty = submit("");
  abort_after_written();
  EXPECT_EQ(stream().begin(), Turn::kAcknowledge);
  expect_result(empty.ticket, {}, 0);
  stream().run();
}

TEST_F(WriteQueueAbortAfterWritten, WhatEndsByTheStreamOrHereIsTold) {
  close();
  stream().script(0, Reply::fail(error_value(7)));
  stream().run();
  EXPECT_TRUE(queue().was_ended_by_stream()) << "the shutdown failed";

  open({});
  send("abc");
  stream().begin();
  EXPECT_FALSE(queue().was_ended_by_stream());
  abort();
  stream().finish(Reply::fail(error_value(125)));
  EXPECT_FALSE(queue().was_ended_by_stream()) << "it had ended before";
  EXPECT_EQ(queue().first_error(), kAborted);

  open({});
  close();
  stream().begin();
  abort();
  stream().finish(Reply::fail(error_value(125)));
  EXPECT_FALSE(queue().was_ended_by_stream());

  open({});
  close();
  stream().run();
  EXPECT_FALSE(queue().was_ended_by_stream());
}

}  // namespace
}  // namespace bytes_handoff::test
