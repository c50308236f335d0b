#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bytes_handoff/core/queue/write_queue.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using detail::ErrorValue;
using testing::ElementsAre;
using WaitStart = detail::Ticket::WaitStart;

using WriteQueueTickets = QueueTest;

TEST_F(WriteQueueTickets, ATicketCompletesWithItsOwnBytesAndNotWithItsBatch) {
  ResumeLog log;
  const Submitted first = submit("abc");
  const Submitted second = submit("def");
  TicketProbe first_probe("first", &log);
  TicketProbe second_probe("second", &log);
  ASSERT_EQ(first.ticket->start_wait(first_probe), WaitStart::kWaiting);
  ASSERT_EQ(second.ticket->start_wait(second_probe), WaitStart::kWaiting);
  stream().begin();
  EXPECT_EQ(stream().batch().bytes, 6U);
  stream().finish(Reply::only(2));
  EXPECT_THAT(log, ElementsAre());
  stream().finish(Reply::only(1));
  EXPECT_THAT(log, ElementsAre("first"));
  EXPECT_EQ(first_probe.result.written, 3U);
  EXPECT_FALSE(first_probe.result.error);
  stream().finish(Reply::all());
  EXPECT_THAT(log, ElementsAre("first", "second"));
}

TEST_F(WriteQueueTickets, WithinOneWriteTicketsCompleteInOrder) {
  ResumeLog log;
  std::vector<Submitted> all;
  std::vector<std::unique_ptr<TicketProbe>> probes;
  ResumeLog names;
  for (int i = 0; i < 10; ++i) {
    all.push_back(submit("abc"));
    names.push_back(std::to_string(i));
    probes.push_back(std::make_unique<TicketProbe>(names.back(), &log));
    ASSERT_EQ(all.back().ticket->start_wait(*probes.back()), WaitStart::kWaiting);
  }
  stream().run();
  EXPECT_EQ(log, names);
}

TEST_F(WriteQueueTickets, ADroppedTicketIsNoReasonNotToWrite) {
  submit("abc").ticket.reset();
  submit("def").ticket.reset();
  stream().run();
  EXPECT_EQ(stream().received(), "abcdef");
}

TEST_F(WriteQueueTickets, ACancelledWaitOnlyDetaches) {
  const Submitted write = submit("abc");
  TicketProbe probe;
  ASSERT_EQ(write.ticket->start_wait(probe), WaitStart::kWaiting);
  EXPECT_TRUE(write.ticket->cancel_wait(probe));
  stream().run();
  EXPECT_EQ(probe.resumed, 0);
  EXPECT_EQ(stream().received(), "abc");
  expect_result(write.ticket, {}, 3);
}

TEST_F(WriteQueueTickets, OfAGroupCompletesWithItsLastSlice) {
  const Submitted group = submit(slices_of({"ab", "cd", ""}));
  TicketProbe probe;
  ASSERT_EQ(group.ticket->start_wait(probe), WaitStart::kWaiting);
  stream().begin();
  stream().finish(Reply::only(3));
  EXPECT_EQ(probe.resumed, 0);
  stream().finish(Reply::only(1));
  EXPECT_EQ(probe.resumed, 1);
  EXPECT_EQ(probe.result.written, 4U);
}

TEST_F(WriteQueueTickets, OfAWriteThatWaitedCompletesToo) {
  open({.max_items = 1, .max_pending_bytes = 10});
  send("0");
  WriteProbe waiting("123");
  const TicketRef ticket = make_ticket();
  waiting.ticket = ticket.get();
  wait(waiting);
  TicketProbe probe;
  ASSERT_EQ(ticket->start_wait(probe), WaitStart::kWaiting);
  stream().run();
  EXPECT_EQ(probe.resumed, 1);
  EXPECT_EQ(probe.result.written, 3U);
}

TEST_F(WriteQueueTickets, AFailureResumesTheWaitersOfAllTicketsOnce) {
  const Submitted first = submit("abc");
  const Submitted second = submit("def");
  TicketProbe first_probe;
  TicketProbe second_probe;
  ASSERT_EQ(first.ticket->start_wait(first_probe), WaitStart::kWaiting);
  ASSERT_EQ(second.ticket->start_wait(second_probe), WaitStart::kWaiting);
  stream().begin();
  stream().finish(Reply::fail(error_value(32), 2));
  EXPECT_EQ(first_probe.resumed, 1);
  EXPECT_EQ(first_probe.result.error, error_value(32));
  EXPECT_EQ(first_probe.result.written, 2U);
  EXPECT_EQ(second_probe.resumed, 1);
  EXPECT_EQ(second_probe.result.error, ErrorValue::of(Errc::closed));
}

TEST_F(WriteQueueTickets, AQueueThatIsDestroyedWithItemsLetsGoOfTicketsAndBytes) {
  auto bytes = std::make_shared<int>(0);
  struct Counted {
    std::shared_ptr<int> uses;
    std::string text = "abc";
    [[nodiscard]] const char* begin() const { return text.data(); }
    [[nodiscard]] const char* end() const { return text.data() + text.size(); }
    [[nodiscard]] const char* data() const { return text.data(); }
    [[nodiscard]] std::size_t size() const { return text.size(); }
  };
  std::vector<Bytes> slices;
  slices.push_back(Bytes::from_owner(Counted{bytes}));
  const Submitted write = submit(std::move(slices));
  EXPECT_EQ(bytes.use_count(), 2);
  open({});
  EXPECT_EQ(bytes.use_count(), 1);
  expect_result(write.ticket, ErrorValue::of(Errc::closed), 0);
}

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
