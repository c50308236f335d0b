// What is left after an end, what was counted, time, and the end of the stream's context.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "bytes_handoff/detail/write_queue.hpp"
#include "support/allocation_counter.hpp"
#include "support/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using detail::ErrorValue;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using TimePoint = std::chrono::steady_clock::time_point;

using WriteQueueTakeUnwritten = QueueTest;

TEST_F(WriteQueueTakeUnwritten, GivesNothingBeforeTheEnd) {
  EXPECT_FALSE(queue().take_unwritten().has_value());
  send("abc");
  EXPECT_FALSE(queue().take_unwritten().has_value());
  close();
  EXPECT_FALSE(queue().take_unwritten().has_value());
  stream().begin();
  EXPECT_FALSE(queue().take_unwritten().has_value());
  stream().finish(Reply::all());
  EXPECT_FALSE(queue().take_unwritten().has_value()) << "the shutdown is still running";
  stream().run();
  EXPECT_TRUE(queue().take_unwritten().has_value());
}

TEST_F(WriteQueueTakeUnwritten, GivesTheSlicesInOrderOnceInTheirOwnBlocks) {
  auto slices = slices_of({std::string(3000, 'a'), std::string(3000, 'b')});
  const auto* first = slices[0].data();
  const auto* second = slices[1].data();
  submit(std::move(slices));
  stream().begin();
  stream().finish(Reply::fail(error_value(1), 10));
  auto taken = queue().take_unwritten();
  ASSERT_TRUE(taken && taken->size() == 2);
  EXPECT_EQ((*taken)[0].data(), first + 10);
  EXPECT_EQ((*taken)[0].size(), 2990U);
  EXPECT_EQ((*taken)[1].data(), second);
  EXPECT_THAT(unwritten(), IsEmpty());
}

TEST_F(WriteQueueTakeUnwritten, KeepsEmptyWritesThatWereNotReached) {
  send("ab");
  send("");
  send("c");
  send("");
  stream().begin();
  abort();
  stream().finish(Reply::only(2));
  EXPECT_THAT(unwritten(), ElementsAre("", "c", ""));
}

TEST_F(WriteQueueTakeUnwritten, LeavesOutEmptyWritesThatWerePassed) {
  send("ab");
  send("");
  send("cd");
  stream().begin();
  abort();
  stream().finish(Reply::only(3));
  EXPECT_THAT(unwritten(), ElementsAre("d"));
}

TEST_F(WriteQueueTakeUnwritten, WhereMemoryIsShortNothingIsLost) {
  send("abc");
  send("def");
  abort();
  {
    FailingAllocations failing;
    EXPECT_THROW(static_cast<void>(queue().take_unwritten()), std::bad_alloc);
  }
  EXPECT_THAT(unwritten(), ElementsAre("abc", "def"));
}

using WriteQueueStatistics = QueueTest;

TEST_F(WriteQueueStatistics, CountWhatWasAdmittedAndWritten) {
  send("abc");
  submit(slices_of({"d", "ef", ""}));
  stream().begin();
  stream().finish(Reply::only(4));
  stream().finish(Reply::only(2));
  const WriteStatistics seen = queue().statistics();
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
  EXPECT_EQ(queue().statistics().written_bytes, 2U);
  EXPECT_EQ(queue().statistics().stream_writes, 1U);
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
  const WriteStatistics seen = queue().statistics();
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
  const WriteStatistics seen = queue().statistics();
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
  EXPECT_EQ(queue().statistics().refused(Reason::closed), 1U);
}

TEST_F(WriteQueueStatistics, AddUpTheTimeBlocked) {
  queue().add_time_blocked(milliseconds(3));
  queue().add_time_blocked(milliseconds(4));
  EXPECT_EQ(queue().statistics().time_blocked, milliseconds(7));
}

class WriteQueueStall : public QueueTest {
 protected:
  void SetUp() override { open({.stall_timeout = milliseconds(100)}); }
  [[nodiscard]] static TimePoint at(int ms) { return TimePoint() + milliseconds(1000 + ms); }
};

TEST_F(WriteQueueStall, IsOffByDefault) {
  open({});
  send("abc");
  stream().begin();
  EXPECT_FALSE(tick(at(0)));
  EXPECT_FALSE(tick(at(1'000'000)));
  EXPECT_TRUE(queue().is_open());
  stream().run();
}

TEST_F(WriteQueueStall, WhileBytesWaitWithoutProgressEndsTheQueueAndTellsEveryone) {
  const Submitted write = submit("abc");
  FlushProbe flush;
  ASSERT_FALSE(queue().wait_flush(flush));
  stream().begin();
  EXPECT_TRUE(tick(at(0)));
  EXPECT_TRUE(tick(at(99)));
  EXPECT_EQ(stream().ends(), 0);
  EXPECT_FALSE(tick(at(100)));
  EXPECT_EQ(stream().ends(), 1);
  EXPECT_EQ(stream().cancel_requests(), 1);
  expect_result(write.ticket, ErrorValue::of(Errc::timed_out), 0);
  EXPECT_EQ(flush.error, ErrorValue::of(Errc::timed_out));
  expect_refusal(submit("x").refusal, Reason::closed, 0, 0, ErrorValue::of(Errc::timed_out));
  EXPECT_FALSE(tick(at(500))) << "nothing to watch any more";
  stream().finish(Reply::nothing());
}

TEST_F(WriteQueueStall, ProgressStartsTheTimeAgain) {
  send("abcdef");
  stream().begin();
  EXPECT_TRUE(tick(at(0)));
  stream().finish(Reply::only(1));
  EXPECT_TRUE(tick(at(90)));
  EXPECT_TRUE(tick(at(189)));
  EXPECT_FALSE(tick(at(190)));
  EXPECT_EQ(stream().ends(), 1);
}

TEST_F(WriteQueueStall, WritesThatTakeNoByteAreNoProgress) {
  send("abcdef");
  stream().begin();
  EXPECT_TRUE(tick(at(0)));
  stream().finish(Reply::nothing());
  EXPECT_FALSE(tick(at(100)));
  EXPECT_EQ(stream().ends(), 1);
}

TEST_F(WriteQueueStall, AnIdleTimeIsNoStall) {
  EXPECT_FALSE(tick(at(0)));
  send("abc");
  EXPECT_TRUE(tick(at(10)));
  stream().run();
  EXPECT_FALSE(tick(at(50)));
  send("def");
  EXPECT_TRUE(tick(at(5000))) << "bytes have only begun to wait";
  EXPECT_TRUE(tick(at(5099)));
  EXPECT_FALSE(tick(at(5100)));
}

TEST_F(WriteQueueStall, NewWritesBehindAStalledOneAreNoProgress) {
  send("abc");
  stream().begin();
  EXPECT_TRUE(tick(at(0)));
  send("def");
  EXPECT_FALSE(tick(at(100)));
  EXPECT_EQ(stream().ends(), 1);
}

class WriteQueueOrphan : public QueueTest {
 protected:
  const int context = 0;
};

TEST_F(WriteQueueOrphan, EveryoneIsToldWhichContextGoesAndGetsClosed) {
  open({.max_items = 2, .max_pending_bytes = 10});
  const Submitted first = submit("abc");
  const Submitted second = submit("def");
  TicketProbe ticket;
  ASSERT_EQ(first.ticket->start_wait(ticket), detail::Ticket::WaitStart::kWaiting);
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

TEST_F(WriteQueueOrphan, ItemsAreKeptFromTheLastKnownUnwrittenByteAndLaterWritesRefused) {
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
  EXPECT_THAT(unwritten(), ElementsAre("bc", "def"));
}

TEST_F(WriteQueueOrphan, AfterAnEndLetsGoOfTheOutstandingWriteAndKeepsTheFirstError) {
  send("abc");
  stream().begin();
  abort();
  EXPECT_FALSE(queue().take_unwritten().has_value());
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
