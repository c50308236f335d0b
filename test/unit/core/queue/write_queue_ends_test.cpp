// The table "What everyone sees" of docs/lifecycle.md for close, abort and deadlines: a test a
// cell.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bytes_handoff/core/queue/write_queue.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using detail::ErrorValue;
using testing::ElementsAre;
using testing::IsEmpty;

using WriteQueueClose = QueueTest;

TEST_F(WriteQueueClose, QueuedItemsAndTheItemInFlightAreWrittenTheirTicketsDone) {
  const Submitted in_flight = submit("abc");
  stream().begin();
  const Submitted queued = submit("def");
  close();
  stream().run();
  EXPECT_EQ(stream().received(), "abcdef");
  expect_result(in_flight.ticket, {}, 3);
  expect_result(queued.ticket, {}, 3);
  EXPECT_TRUE(stream().is_shut_down());
  EXPECT_THAT(unwritten(), IsEmpty());
}

TEST_F(WriteQueueClose, WaitingWritesAreRefusedClosedWithTheirBytes) {
  open({.max_items = 1, .max_pending_bytes = 10});
  send("0");
  ResumeLog log;
  WriteProbe first("1", "first", &log);
  WriteProbe second("2", "second", &log);
  wait(first);
  wait(second);
  close();
  EXPECT_THAT(log, ElementsAre("first", "second"));
  expect_refusal(first.refusal, Reason::closed);
  expect_refusal(second.refusal, Reason::closed);
  EXPECT_EQ(first.owned[0].view(), "1");
  EXPECT_EQ(second.owned[0].view(), "2");
  stream().run();
  EXPECT_EQ(stream().received(), "0");
}

TEST_F(WriteQueueClose, LaterWritesAreRefusedClosedWithTheirBytes) {
  send("0");
  close();
  EXPECT_FALSE(queue().is_open());
  const Submitted refused = submit("1");
  expect_refusal(refused.refusal, Reason::closed);
  EXPECT_EQ(refused.bytes[0].view(), "1");
  WriteProbe probe("2");
  EXPECT_EQ(wait(probe), Wait::kRefused);
  expect_refusal(probe.refusal, Reason::closed);
  EXPECT_EQ(probe.resumed, 0);
  stream().run();
  expect_refusal(submit("").refusal, Reason::closed);
  EXPECT_EQ(stream().received(), "0");
}

TEST_F(WriteQueueClose, AFlushIsDoneWhenAllBeforeItIsWritten) {
  send("abc");
  FlushProbe before;
  ASSERT_FALSE(queue().wait_flush(before));
  close();
  FlushProbe after;
  ASSERT_FALSE(queue().wait_flush(after));
  EXPECT_EQ(before.resumed, 0);
  stream().begin();
  stream().finish(Reply::all());
  EXPECT_EQ(before.resumed, 1);
  EXPECT_EQ(after.resumed, 1);
  EXPECT_EQ(before.error, ErrorValue{});
  EXPECT_TRUE(stream().is_shutting_down()) << "a flush does not wait for the shutdown";
  stream().run();
}

TEST_F(WriteQueueClose, ThoseWhoWaitForTheEndAreDoneAfterTheShutdown) {
  CloseProbe early;
  ASSERT_FALSE(queue().wait_closed(early));
  send("abc");
  close();
  CloseProbe late;
  ASSERT_FALSE(queue().wait_closed(late));
  stream().begin();
  EXPECT_EQ(stream().finish(Reply::all()), Turn::kShutdown);
  EXPECT_EQ(early.resumed + late.resumed, 0);
  stream().finish(Reply::all());
  EXPECT_EQ(early.resumed, 1);
  EXPECT_EQ(late.resumed, 1);
  EXPECT_EQ(early.error, ErrorValue{});
  CloseProbe afterwards;
  EXPECT_TRUE(queue().wait_closed(afterwards));
  EXPECT_EQ(afterwards.error, ErrorValue{});
}

TEST_F(WriteQueueClose, PendingFallsToZeroAsBytesLeave) {
  send("abc");
  send("de");
  close();
  EXPECT_EQ(queue().pending_bytes(), 5U);
  stream().begin();
  stream().finish(Reply::only(3));
  EXPECT_EQ(queue().pending_bytes(), 2U);
  EXPECT_EQ(queue().pending_items(), 1U);
  stream().finish(Reply::only(2));
  EXPECT_EQ(queue().pending_bytes(), 0U);
  EXPECT_EQ(queue().pending_items(), 0U);
  stream().run();
}

TEST_F(WriteQueueClose, OfAnIdleQueueShutsTheWriteSideDown) {
  close();
  EXPECT_EQ(stream().begin(), Turn::kShutdown);
  EXPECT_EQ(stream().ends(), 0);
  stream().finish(Reply::all());
  EXPECT_EQ(stream().ends(), 1);
  EXPECT_EQ(stream().cancel_requests(), 0);
}

TEST_F(WriteQueueClose, TwiceIsOnce) {
  send("abc");
  close();
  close();
  stream().begin();
  close();
  stream().run();
  close();
  EXPECT_FALSE(stream().turn_posted());
  EXPECT_EQ(stream().operations(), 2U) << "one write, one shutdown";
}

TEST_F(WriteQueueClose, WithOnlyEmptyWritesQueuedCompletesThemAndShutsDown) {
  const Submitted empty = submit("");
  close();
  EXPECT_EQ(stream().begin(), Turn::kShutdown);
  expect_result(empty.ticket, {}, 0);
  stream().run();
}

TEST_F(WriteQueueClose, AFailedShutdownEndsTheQueueAsFailed) {
  const ErrorValue error = error_value(7);
  const Submitted written = submit("abc");
  CloseProbe closed;
  ASSERT_FALSE(queue().wait_closed(closed));
  close();
  stream().script(1, Reply::fail(error));
  stream().run();
  EXPECT_EQ(closed.error, error);
  EXPECT_EQ(closed.resumed, 1);
  expect_result(written.ticket, {}, 3);
  expect_refusal(submit("x").refusal, Reason::closed, 0, 0, error);
  EXPECT_THAT(unwritten(), IsEmpty());
}

// abort(), and with another error the close deadline and the stall timeout.
class WriteQueueAbort : public QueueTest, public testing::WithParamInterface<Errc> {
 protected:
  [[nodiscard]] static ErrorValue error() { return ErrorValue::of(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Ends, WriteQueueAbort, testing::Values(Errc::aborted, Errc::timed_out),
                         [](const auto& end) {
                           return end.param == Errc::aborted ? "Aborted" : "TimedOut";
                         });

TEST_P(WriteQueueAbort, QueuedItemsAreKeptAndTicketsBehindTheFirstGetClosed) {
  const Submitted first = submit("abc");
  const Submitted second = submit("def");
  abort(error());
  expect_result(first.ticket, error(), 0);
  expect_result(second.ticket, ErrorValue::of(Errc::closed), 0);
  EXPECT_EQ(stream().begin(), Turn::kEnded);
  EXPECT_EQ(stream().received(), "");
  EXPECT_THAT(unwritten(), ElementsAre("abc", "def"));
}

TEST_P(WriteQueueAbort, TheItemInFlightIsKeptAndSettledWhenTheStreamHasReturned) {
  const Submitted in_flight = submit("abcdef");
  const Submitted behind = submit("ghi");
  stream().begin();
  stream().finish(Reply::only(2));
  abort(error());
  EXPECT_EQ(stream().cancel_requests(), 1);
  expect_result(in_flight.ticket, error(), 2);
  expect_result(behind.ticket, ErrorValue::of(Errc::closed), 0);
  EXPECT_FALSE(has_unwritten()) << "the stream may still take some";
  EXPECT_EQ(stream().finish(Reply::fail(error_value(125), 1)), Turn::kEnded);
  EXPECT_THAT(unwritten(), ElementsAre("abc|def", "ghi"));
  EXPECT_EQ(stream().received(), "abc");
}

TEST_P(WriteQueueAbort, WaitingAndLaterWritesAreRefusedClosedWithTheError) {
  open({.max_items = 1, .max_pending_bytes = 10});
  send("0");
  WriteProbe waiting("1");
  wait(waiting);
  abort(error());
  EXPECT_EQ(waiting.resumed, 1);
  expect_refusal(waiting.refusal, Reason::closed, 0, 0, error());
  EXPECT_EQ(waiting.owned[0].view(), "1");
  expect_refusal(submit("2").refusal, Reason::closed, 0, 0, error());
  WriteProbe late("3");
  EXPECT_EQ(wait(late), Wait::kRefused);
  expect_refusal(late.refusal, Reason::closed, 0, 0, error());
  stream().run();
}

TEST_P(WriteQueueAbort, FlushesAndThoseWhoWaitForTheEndGetTheError) {
  send("abc");
  FlushProbe flush;
  CloseProbe closed;
  ASSERT_FALSE(queue().wait_flush(flush));
  ASSERT_FALSE(queue().wait_closed(closed));
  abort(error());
  EXPECT_EQ(flush.resumed, 1);
  EXPECT_EQ(flush.error, error());
  EXPECT_EQ(closed.resumed, 1);
  EXPECT_EQ(closed.error, error());
  FlushProbe late_flush;
  EXPECT_TRUE(queue().wait_flush(late_flush));
  EXPECT_EQ(late_flush.error, error());
  CloseProbe late;
  EXPECT_TRUE(queue().wait_closed(late));
  EXPECT_EQ(late.error, error());
  stream().run();
}

TEST_P(WriteQueueAbort, PendingIsZeroAtOnceAndTheWriteSideIsLeftAsItIs) {
  send("abc");
  send("def");
  stream().begin();
  abort(error());
  EXPECT_EQ(queue().pending_bytes(), 0U);
  EXPECT_EQ(queue().pending_items(), 0U);
  stream().finish(Reply::all());
  EXPECT_EQ(queue().pending_bytes(), 0U);
  EXPECT_EQ(queue().pending_items(), 0U);
  EXPECT_FALSE(stream().is_shutting_down());
  EXPECT_THAT(unwritten(), IsEmpty()) << "it was all written in the end";
}

TEST_P(WriteQueueAbort, WhileClosingItDropsWhatIsLeftAndNothingIsShutDown) {
  const Submitted first = submit("abc");
  stream().begin();
  close();
  abort(error());
  expect_result(first.ticket, error(), 0);
  stream().finish(Reply::only(1));
  EXPECT_FALSE(stream().is_shutting_down());
  EXPECT_THAT(unwritten(), ElementsAre("a|bc"));
}

TEST_P(WriteQueueAbort, DuringTheShutdownCancelsIt) {
  CloseProbe closed;
  ASSERT_FALSE(queue().wait_closed(closed));
  close();
  stream().begin();
  abort(error());
  EXPECT_EQ(stream().cancel_requests(), 1);
  EXPECT_EQ(closed.error, error());
  EXPECT_FALSE(has_unwritten());
  stream().finish(Reply::fail(error_value(125)));
  EXPECT_THAT(unwritten(), IsEmpty());
  expect_refusal(submit("x").refusal, Reason::closed, 0, 0, error());
}

TEST_P(WriteQueueAbort, OfAnIdleQueueEndsItAndPostsNothing) {
  abort(error());
  EXPECT_EQ(stream().ends(), 1);
  EXPECT_FALSE(stream().turn_posted());
  EXPECT_EQ(stream().cancel_requests(), 0);
  EXPECT_THAT(unwritten(), IsEmpty());
}

TEST_P(WriteQueueAbort, AfterAnEndChangesNothing) {
  send("abc");
  abort(error_value(1));
  abort(error());
  close();
  expect_refusal(submit("x").refusal, Reason::closed, 0, 0, error_value(1));
  EXPECT_EQ(stream().begin(), Turn::kEnded);
  close();
  EXPECT_FALSE(stream().turn_posted());
}

TEST_P(WriteQueueAbort, AfterACleanEndTheQueueStaysClean) {
  close();
  stream().run();
  abort(error());
  expect_refusal(submit("x").refusal, Reason::closed);
  CloseProbe closed;
  EXPECT_TRUE(queue().wait_closed(closed));
  EXPECT_EQ(closed.error, ErrorValue{});
}

TEST_P(WriteQueueAbort, BetweenAYieldAndItsTurnNothingIsWithTheStream) {
  send("abcdef");
  stream().begin();
  stream().finish(Reply::only(2), true);
  abort(error());
  EXPECT_EQ(stream().cancel_requests(), 0);
  EXPECT_THAT(unwritten(), ElementsAre("ab|cdef"));
  EXPECT_EQ(stream().begin(), Turn::kEnded);
}

// An abort after written with an error of its own.
using WriteQueueSlowConsumer = QueueTest;

TEST_F(WriteQueueSlowConsumer, OfWhoCutItFirstTellsTheError) {
  const ErrorValue slow = ErrorValue::of(Errc::slow_consumer);
  stream().step([&](detail::Effects& e) { queue().abort_after_written(e, slow); });
  abort_after_written();
  stream().run();
  EXPECT_EQ(queue().first_error(), slow);
}

TEST_F(WriteQueueSlowConsumer, ThatRunsOutOfTimeIsToldAsOne) {
  const ErrorValue slow = ErrorValue::of(Errc::slow_consumer);
  send("abc");
  stream().begin();
  stream().step([&](detail::Effects& e) { queue().abort_after_written(e, slow); });
  const auto next = tick(Queue::TimePoint{});
  ASSERT_NE(next, Queue::TimePoint::max());
  static_cast<void>(tick(Queue::TimePoint{} + queue().config().close_timeout));
  EXPECT_EQ(queue().first_error(), slow);
  stream().finish(Reply::nothing());
}

}  // namespace
}  // namespace bytes_handoff::test
