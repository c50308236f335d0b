// What was counted, and the end of the stream's context.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "bytes_handoff/core/queue/write_queue.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using detail::ErrorValue;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

using WriteQueueStatistics = QueueTest;

TEST_F(WriteQueueStatistics, CountWhatWasAdmittedAndWritten) {
  send("abc");
  submit(slices_of({"d", "ef", ""}));
  stream().begin();
  stream().finish(Reply::only(4));
  stream().finish(Reply::only(2));
  const WriteStatistics seen = queue().statistics({});
  EXPECT_EQ(seen.admitted_items, 4U);
  EXPECT_EQ(seen.admitted_bytes, 6U);
  EXPECT_EQ(seen.written_bytes, 6U);
  EXPECT_EQ(seen.stream_writes, 2U);
  EXPECT_EQ(seen.short_stream_writes, 1U);
}

TEST_F(WriteQueueStatistics, CountBytesThatWereWrittenAfterTheEnd) {
  send("abc");
  stream().begin();
  abort();
  stream().finish(Reply::only(2));
  EXPECT_EQ(queue().statistics({}).written_bytes, 2U);
  EXPECT_EQ(queue().statistics({}).stream_writes, 1U);
}

TEST_F(WriteQueueStatistics, HighWaterMarksStayWhereTheyWere) {
  open({.max_items = 3, .max_pending_bytes = 100});
  send("abc");
  send("def");
  send("g");
  WriteProbe one("hh");
  WriteProbe two("iii");
  wait(one);
  wait(two);
  stream().run();
  send("x");
  stream().run();
  const WriteStatistics seen = queue().statistics({});
  EXPECT_EQ(seen.high_water_items, 3U);
  EXPECT_EQ(seen.high_water_bytes, 7U);
  EXPECT_EQ(seen.high_water_waiters, 2U);
  EXPECT_EQ(seen.high_water_waiting_bytes, 5U);
  EXPECT_EQ(seen.waits, 2U);
}

TEST_F(WriteQueueStatistics, CountRefusalsByReasonEachOnce) {
  open({.max_items = 2, .max_pending_bytes = 4, .max_waiters = 2, .max_waiting_bytes = 3});
  send("abc");
  submit("12345");
  submit("12");
  WriteProbe first("12");
  WriteProbe second("1");
  WriteProbe third("1");
  WriteProbe larger("12");
  wait(first);
  wait(larger);
  wait(second);
  wait(third);
  cancel(first);  // lets the second in
  submit("");
  close();
  submit("x");
  WriteProbe fourth("y");
  wait(fourth);
  const WriteStatistics seen = queue().statistics({});
  EXPECT_EQ(seen.refused(Reason::can_never_fit), 1U);
  EXPECT_EQ(seen.refused(Reason::byte_budget_exceeded), 1U);
  EXPECT_EQ(seen.refused(Reason::too_many_waiters), 1U);
  EXPECT_EQ(seen.refused(Reason::too_many_waiting_bytes), 1U);
  EXPECT_EQ(seen.refused(Reason::cancelled), 1U);
  EXPECT_EQ(seen.refused(Reason::queue_full), 1U);
  EXPECT_EQ(seen.refused(Reason::closed), 2U);
  stream().run();
}

TEST_F(WriteQueueStatistics, CountWaitersThatAnEndRefused) {
  open({.max_items = 1, .max_pending_bytes = 4});
  send("a");
  WriteProbe waiting("b");
  wait(waiting);
  abort();
  EXPECT_EQ(queue().statistics({}).refused(Reason::closed), 1U);
}

TEST_F(WriteQueueStatistics, AddUpTheTimeBlocked) {
  queue().add_time_blocked(milliseconds(3));
  queue().add_time_blocked(milliseconds(4));
  EXPECT_EQ(queue().statistics({}).time_blocked, milliseconds(7));
}

class WriteQueueOrphan : public QueueTest {
 protected:
  const int context = 0;
};

TEST_F(WriteQueueOrphan, EveryoneIsToldWhichContextGoesAndGetsClosed) {
  open({.max_items = 2, .max_pending_bytes = 10});
  const Submitted first = submit("abc");
  const Submitted second = submit("def");
  TicketProbe ticket(first.ticket);
  ASSERT_EQ(wait(ticket), TicketWait::kWaiting);
  WriteProbe waiting("x");
  FlushProbe flush;
  CloseProbe closed;
  wait(waiting);
  ASSERT_FALSE(queue().wait_flush(flush));
  ASSERT_FALSE(queue().wait_closed(closed));
  stream().begin();
  orphan(&context);
  const ErrorValue error = ErrorValue::of(Errc::closed);
  EXPECT_EQ(ticket.resumed + waiting.resumed + flush.resumed + closed.resumed, 4);
  EXPECT_EQ(ticket.destroyed_context, &context);
  EXPECT_EQ(waiting.destroyed_context, &context);
  EXPECT_EQ(flush.destroyed_context, &context);
  EXPECT_EQ(closed.destroyed_context, &context);
  EXPECT_EQ(ticket.result.error, error);
  EXPECT_EQ(flush.error, error);
  EXPECT_EQ(closed.error, error);
  expect_result(second.ticket, error, 0);
  expect_refusal(waiting.refusal, Reason::closed, 0, 0, error);
  EXPECT_EQ(waiting.owned[0].view(), "x");
}

TEST_F(WriteQueueOrphan, ItemsAreKeptWithWhatIsKnownToBeWrittenAndLaterWritesRefused) {
  send("abc");
  send("def");
  stream().begin();
  stream().finish(Reply::only(1));
  orphan(&context);
  EXPECT_EQ(stream().cancel_requests(), 0) << "the stream is gone with its context";
  EXPECT_FALSE(stream().turn_posted());
  EXPECT_EQ(queue().pending_bytes(), 0U);
  EXPECT_EQ(queue().pending_items(), 0U);
  const Submitted late = submit("x");
  expect_refusal(late.refusal, Reason::closed, 0, 0, ErrorValue::of(Errc::closed));
  EXPECT_EQ(late.bytes[0].view(), "x");
  EXPECT_THAT(unwritten(), ElementsAre("a|bc", "def"));
}

TEST_F(WriteQueueOrphan, AfterAnEndLetsGoOfTheOutstandingWriteAndKeepsTheFirstError) {
  send("abc");
  stream().begin();
  abort();
  EXPECT_FALSE(has_unwritten());
  orphan(&context);
  EXPECT_EQ(stream().ends(), 1);
  EXPECT_THAT(unwritten(), ElementsAre("abc"));
  expect_refusal(submit("x").refusal, Reason::closed, 0, 0, ErrorValue::of(Errc::aborted));
}

TEST_F(WriteQueueOrphan, OfAnIdleQueueEndsIt) {
  orphan(&context);
  EXPECT_FALSE(queue().is_open());
  EXPECT_EQ(stream().ends(), 1);
  EXPECT_THAT(unwritten(), IsEmpty());
}

}  // namespace
}  // namespace bytes_handoff::test
