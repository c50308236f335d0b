#include "bytes_handoff/core/queue/tickets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "support/memory/allocation_counter.hpp"
#include "support/queue/queue_fixture.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

using detail::AdmittedWrite;
using detail::ErrorValue;
using testing::ElementsAre;

using WriteQueueTickets = QueueTest;

TEST_F(WriteQueueTickets, ANewOneIsPending) {
  const Submitted write = submit("abc");
  EXPECT_FALSE(is_done(write.ticket));
  stream().run();
}

TEST_F(WriteQueueTickets, ATicketCompletesWithItsOwnBytesAndNotWithItsBatch) {
  ResumeLog log;
  const Submitted first = submit("abc");
  const Submitted second = submit("def");
  TicketProbe first_probe(first.ticket, "first", &log);
  TicketProbe second_probe(second.ticket, "second", &log);
  ASSERT_EQ(wait(first_probe), TicketWait::kWaiting);
  ASSERT_EQ(wait(second_probe), TicketWait::kWaiting);
  stream().begin();
  EXPECT_EQ(stream().batch().bytes, 6U);
  stream().finish(Reply::only(2));
  EXPECT_THAT(log, ElementsAre());
  stream().finish(Reply::only(1));
  EXPECT_THAT(log, ElementsAre("first"));
  EXPECT_EQ(first_probe.result.written, 3U);
  EXPECT_FALSE(first_probe.result.error);
  EXPECT_FALSE(is_done(second.ticket));
  stream().finish(Reply::all());
  EXPECT_THAT(log, ElementsAre("first", "second"));
}

TEST_F(WriteQueueTickets, WithinOneWriteTicketsCompleteInOrder) {
  ResumeLog log;
  std::deque<TicketProbe> probes;
  ResumeLog names;
  for (int i = 0; i < 10; ++i) {
    names.push_back(std::to_string(i));
    ASSERT_EQ(wait(probes.emplace_back(submit("abc").ticket, names.back(), &log)),
              TicketWait::kWaiting);
  }
  stream().run();
  EXPECT_EQ(log, names);
}

TEST_F(WriteQueueTickets, ADroppedTicketIsNoReasonNotToWrite) {
  submit("abc");
  submit("def");
  stream().run();
  EXPECT_EQ(stream().received(), "abcdef");
}

TEST_F(WriteQueueTickets, AWaitForADoneWriteIsDoneAtOnceAsOftenAsOneLikes) {
  const Submitted write = submit("abc");
  stream().run();
  TicketProbe probe(write.ticket);
  for (int i = 0; i < 3; ++i) {
    probe.result = {};
    ASSERT_EQ(wait(probe), TicketWait::kDone);
    EXPECT_EQ(probe.result.written, 3U);
    expect_result(write.ticket, {}, 3);
  }
  cancel(probe, error_value(125));
  EXPECT_EQ(probe.resumed, 0);
  EXPECT_EQ(probe.result.error, ErrorValue{});
}

TEST_F(WriteQueueTickets, ASecondWaitIsRefusedWhileOneRunsAndTheFirstKeepsItsPlace) {
  const Submitted write = submit("abc");
  TicketProbe first(write.ticket);
  TicketProbe second(write.ticket);
  ASSERT_EQ(wait(first), TicketWait::kWaiting);
  EXPECT_EQ(wait(second), TicketWait::kAnotherWaits);
  EXPECT_EQ(wait(first), TicketWait::kAnotherWaits);
  cancel(second, error_value(125));  // it is not the one in place
  EXPECT_EQ(first.resumed + second.resumed, 0);
  stream().run();
  EXPECT_EQ(first.resumed, 1);
  EXPECT_EQ(first.result.written, 3U);
  EXPECT_EQ(second.resumed, 0);
}

TEST_F(WriteQueueTickets, WaitsForNeighboursDoNotMeet) {
  const Submitted before = submit("abc");
  const Submitted group = submit(slices_of({"d", "e"}));
  const Submitted behind = submit("f");
  ResumeLog log;
  TicketProbe first(before.ticket, "before", &log);
  TicketProbe second(group.ticket, "group", &log);
  TicketProbe third(behind.ticket, "behind", &log);
  EXPECT_EQ(wait(third), TicketWait::kWaiting);
  EXPECT_EQ(wait(second), TicketWait::kWaiting);
  EXPECT_EQ(wait(first), TicketWait::kWaiting);
  stream().run();
  EXPECT_THAT(log, ElementsAre("before", "group", "behind"));
}

TEST_F(WriteQueueTickets, ACancelledWaitDetachesAndAnotherMayFollow) {
  const Submitted write = submit("abc");
  TicketProbe first(write.ticket);
  TicketProbe second(write.ticket);
  ASSERT_EQ(wait(first), TicketWait::kWaiting);
  cancel(first, error_value(125));
  EXPECT_EQ(first.resumed, 1);
  EXPECT_EQ(first.result.error, error_value(125));
  EXPECT_EQ(first.result.written, 0U);
  EXPECT_FALSE(is_done(write.ticket)) << "it is the wait that was cancelled";
  cancel(first, error_value(126));
  EXPECT_EQ(first.resumed, 1);
  EXPECT_EQ(wait(second), TicketWait::kWaiting);
  cancel(first, error_value(126));
  stream().run();
  EXPECT_EQ(stream().received(), "abc");
  EXPECT_EQ(first.resumed, 1);
  EXPECT_EQ(second.resumed, 1);
  expect_result(write.ticket, {}, 3);
}

TEST_F(WriteQueueTickets, ACancelledWaiterMayWaitAgain) {
  const Submitted write = submit("abc");
  TicketProbe probe(write.ticket);
  for (int i = 1; i < 4; ++i) {
    ASSERT_EQ(wait(probe), TicketWait::kWaiting);
    cancel(probe, error_value(125));
    ASSERT_EQ(probe.resumed, i);
  }
  ASSERT_EQ(wait(probe), TicketWait::kWaiting);
  stream().run();
  EXPECT_EQ(probe.resumed, 4);
  EXPECT_EQ(probe.result.error, ErrorValue{});
  EXPECT_EQ(probe.result.written, 3U);
}

TEST_F(WriteQueueTickets, ACancelBehindTheResultDoesNothing) {
  const Submitted written = submit("abc");
  const Submitted failed = submit("def");
  TicketProbe first(written.ticket);
  TicketProbe second(failed.ticket);
  ASSERT_EQ(wait(first), TicketWait::kWaiting);
  ASSERT_EQ(wait(second), TicketWait::kWaiting);
  stream().begin();
  stream().finish(Reply::fail(error_value(32), 3));
  cancel(first, error_value(125));
  cancel(second, error_value(125));
  EXPECT_EQ(first.resumed, 1);
  EXPECT_EQ(first.result.error, ErrorValue{});
  EXPECT_EQ(second.resumed, 1);
  EXPECT_EQ(second.result.error, error_value(32));
}

TEST_F(WriteQueueTickets, OfAGroupCompletesWithItsLastSlice) {
  const Submitted group = submit(slices_of({"ab", "cd", ""}));
  TicketProbe probe(group.ticket);
  ASSERT_EQ(wait(probe), TicketWait::kWaiting);
  stream().begin();
  stream().finish(Reply::only(3));
  EXPECT_EQ(probe.resumed, 0);
  EXPECT_FALSE(is_done(group.ticket));
  stream().finish(Reply::only(1));
  EXPECT_EQ(probe.resumed, 1);
  EXPECT_EQ(probe.result.written, 4U);
  expect_late_result(*group.ticket, {}, 4);
}

TEST_F(WriteQueueTickets, OfEmptyWritesCompleteWithWhatIsBeforeThem) {
  const Submitted before = submit("ab");
  const Submitted none = submit(std::vector<Bytes>{});
  const Submitted empties = submit(slices_of({"", ""}));
  const Submitted behind = submit("c");
  TicketProbe none_probe(none.ticket);
  TicketProbe empties_probe(empties.ticket);
  ASSERT_EQ(wait(none_probe), TicketWait::kWaiting);
  ASSERT_EQ(wait(empties_probe), TicketWait::kWaiting);
  stream().begin();
  stream().finish(Reply::only(1));
  EXPECT_EQ(none_probe.resumed + empties_probe.resumed, 0);
  stream().finish(Reply::only(1));
  EXPECT_EQ(none_probe.resumed, 1);
  EXPECT_EQ(empties_probe.resumed, 1);
  expect_late_result(*before.ticket, {}, 2);
  expect_late_result(*none.ticket, {}, 0);
  expect_late_result(*empties.ticket, {}, 0);
  EXPECT_FALSE(is_done(behind.ticket));
  stream().run();
}

TEST_F(WriteQueueTickets, OfAWriteThatWaitedCompletesToo) {
  open({.max_items = 1, .max_pending_bytes = 10});
  send("0");
  WriteProbe waiting("123");
  ASSERT_EQ(wait(waiting), Wait::kWaiting);
  stream().begin();
  stream().finish(Reply::all());
  ASSERT_TRUE(waiting.was_admitted());
  TicketProbe probe(waiting.write);
  ASSERT_EQ(wait(probe), TicketWait::kWaiting);
  stream().run();
  EXPECT_EQ(probe.resumed, 1);
  EXPECT_EQ(probe.result.written, 3U);
}

TEST_F(WriteQueueTickets, AFailureResumesTheWaitersOfAllTicketsOnce) {
  const Submitted first = submit("abc");
  const Submitted second = submit("def");
  TicketProbe first_probe(first.ticket);
  TicketProbe second_probe(second.ticket);
  ASSERT_EQ(wait(first_probe), TicketWait::kWaiting);
  ASSERT_EQ(wait(second_probe), TicketWait::kWaiting);
  stream().begin();
  stream().finish(Reply::fail(error_value(32), 2));
  EXPECT_EQ(first_probe.resumed, 1);
  EXPECT_EQ(first_probe.result.error, error_value(32));
  EXPECT_EQ(first_probe.result.written, 2U);
  EXPECT_EQ(second_probe.resumed, 1);
  EXPECT_EQ(second_probe.result.error, ErrorValue::of(Errc::closed));
  EXPECT_EQ(second_probe.result.written, 0U);
}

TEST_F(WriteQueueTickets, AQueueThatIsDestroyedWithItemsLetsGoOfTheirBytes) {
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
  submit(std::move(slices));
  EXPECT_EQ(bytes.use_count(), 2);
  open({});
  EXPECT_EQ(bytes.use_count(), 1);
}

TEST_F(WriteQueueTickets, AWaitAllocatesNothing) {
  const Submitted write = submit("abc");
  TicketProbe probe(write.ticket);
  const AllocationScope counted;
  ASSERT_EQ(wait(probe), TicketWait::kWaiting);
  EXPECT_FALSE(queue().result(*write.ticket).has_value());
  cancel(probe, error_value(125));
  ASSERT_EQ(wait(probe), TicketWait::kWaiting);
  EXPECT_EQ(counted.allocations(), 0U);
  stream().run();
}

}  // namespace
}  // namespace bytes_handoff::test
