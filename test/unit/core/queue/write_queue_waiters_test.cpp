#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "bytes_handoff/core/queue/write_queue.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using WriteQueueWaiters = QueueTest;
using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(WriteQueueWaiters, WithRoomAWaitingWriteIsAdmittedAtOnce) {
  WriteProbe probe("abc");
  EXPECT_EQ(wait(probe), Wait::kAdmitted);
  EXPECT_EQ(probe.resumed, 0);
  EXPECT_FALSE(probe.refusal);
  EXPECT_TRUE(stream().turn_posted());
  stream().run();
  EXPECT_EQ(stream().received(), "abc");
  EXPECT_EQ(queue().statistics({}).waits, 0U);
}

TEST_F(WriteQueueWaiters, WithoutRoomItWaitsUntilThereIsSomeAndIsResumedOnce) {
  open({.max_items = 8, .max_pending_bytes = 4});
  send("abcd");
  WriteProbe probe("ef");
  EXPECT_EQ(wait(probe), Wait::kWaiting);
  stream().begin();
  stream().finish(Reply::only(3));
  EXPECT_EQ(probe.resumed, 0);
  stream().finish(Reply::only(1));
  EXPECT_TRUE(probe.was_admitted());
  EXPECT_TRUE(probe.owned[0].empty());
  stream().run();
  EXPECT_EQ(stream().received(), "abcdef");
  EXPECT_EQ(probe.resumed, 1);
}

TEST_F(WriteQueueWaiters, WhatCanNeverFitIsRefusedAtOnce) {
  open({.max_items = 2, .max_pending_bytes = 4});
  WriteProbe large("12345");
  EXPECT_EQ(wait(large), Wait::kRefused);
  expect_refusal(large.refusal, Reason::can_never_fit, 5, 4);
  EXPECT_EQ(large.owned[0].view(), "12345");
  WriteProbe many(slices_of({"1", "2", "3"}));
  EXPECT_EQ(wait(many), Wait::kRefused);
  expect_refusal(many.refusal, Reason::can_never_fit, 3, 2);
  EXPECT_EQ(large.resumed + many.resumed, 0);
}

TEST_F(WriteQueueWaiters, FirstComeFirstServed) {
  open({.max_items = 1, .max_pending_bytes = 100});
  send("0");
  ResumeLog log;
  std::deque<WriteProbe> probes;
  for (const char* name : {"1", "2", "3", "4", "5"}) {
    EXPECT_EQ(wait(probes.emplace_back(name, name, &log)), Wait::kWaiting);
  }
  stream().run();
  EXPECT_THAT(log, ElementsAre("1", "2", "3", "4", "5"));
  EXPECT_EQ(stream().received(), "012345");
}

TEST_F(WriteQueueWaiters, EachReleaseWakesOnlyWhoIsAdmitted) {
  open({.max_items = 2, .max_pending_bytes = 100});
  send("a");
  send("b");
  ResumeLog log;
  WriteProbe first("c", "c", &log);
  WriteProbe second("d", "d", &log);
  WriteProbe third("e", "e", &log);
  EXPECT_EQ(wait(first), Wait::kWaiting);
  EXPECT_EQ(wait(second), Wait::kWaiting);
  EXPECT_EQ(wait(third), Wait::kWaiting);
  stream().begin();
  stream().finish(Reply::only(1));
  EXPECT_THAT(log, ElementsAre("c"));
  stream().finish(Reply::only(1));
  EXPECT_THAT(log, ElementsAre("c", "d"));
  stream().run();
  EXPECT_THAT(log, ElementsAre("c", "d", "e"));
}

TEST_F(WriteQueueWaiters, NobodyBargesPastALargeWaiter) {
  open({.max_items = 8, .max_pending_bytes = 10});
  send("0123456789");
  ResumeLog log;
  WriteProbe large("ABCDEFGHIJ", "large", &log);
  WriteProbe small("k", "small", &log);
  EXPECT_EQ(wait(large), Wait::kWaiting);
  EXPECT_EQ(wait(small), Wait::kWaiting);
  expect_refusal(submit("x").refusal, Reason::byte_budget_exceeded, 20, 10);
  stream().begin();
  stream().finish(Reply::only(9));
  EXPECT_THAT(log, IsEmpty());
  stream().finish(Reply::only(1));
  EXPECT_THAT(log, ElementsAre("large"));
  expect_refusal(submit("x").refusal, Reason::byte_budget_exceeded, 11, 10);
  stream().run();
  EXPECT_EQ(stream().received(), "0123456789ABCDEFGHIJk");
}

TEST_F(WriteQueueWaiters, BehindAWaiterATryIsRefusedWithWhatHoldsUpTheFirst) {
  open({.max_items = 2, .max_pending_bytes = 10});
  send("12345");
  WriteProbe by_bytes("123456", "bytes");
  EXPECT_EQ(wait(by_bytes), Wait::kWaiting);
  expect_refusal(submit("").refusal, Reason::byte_budget_exceeded, 11, 10);
  expect_refusal(submit("12345678901").refusal, Reason::can_never_fit, 11, 10);
  stream().run();
  EXPECT_TRUE(by_bytes.was_admitted());

  send("1");
  send("2");
  WriteProbe by_items("3", "items");
  EXPECT_EQ(wait(by_items), Wait::kWaiting);
  expect_refusal(submit("1234567890").refusal, Reason::queue_full, 3, 2);
  stream().run();
}

TEST_F(WriteQueueWaiters, AWaitingWriteGoesBehindWaitersEvenWhereItWouldFit) {
  open({.max_items = 8, .max_pending_bytes = 10});
  send("12345");
  WriteProbe large("1234567890");
  WriteProbe small("x");
  EXPECT_EQ(wait(large), Wait::kWaiting);
  EXPECT_EQ(wait(small), Wait::kWaiting);
  stream().run();
  EXPECT_EQ(stream().received(), "123451234567890x");
}

TEST_F(WriteQueueWaiters, AGroupWaitsForItsBytesAndItsItemsTogether) {
  open({.max_items = 4, .max_pending_bytes = 100});
  send("a");
  send("b");
  WriteProbe group(slices_of({"1", "2", "3"}));
  EXPECT_EQ(wait(group), Wait::kWaiting);
  EXPECT_EQ(queue().pending_items(), 2U);
  stream().begin();
  stream().finish(Reply::only(1));
  EXPECT_TRUE(group.was_admitted());
  EXPECT_EQ(queue().pending_items(), 4U);
  stream().run();
  EXPECT_EQ(stream().received(), "ab123");
  expect_result(group.write, {}, 3);
}

TEST_F(WriteQueueWaiters, AnEmptyWriteWaitsForAnItemAndLeavesNoOneBehind) {
  open({.max_items = 1, .max_pending_bytes = 4});
  send("a");
  ResumeLog log;
  WriteProbe one("", "one", &log);
  WriteProbe two("", "two", &log);
  WriteProbe three("b", "three", &log);
  wait(one);
  wait(two);
  wait(three);
  stream().begin();
  stream().finish(Reply::all());
  EXPECT_THAT(log, ElementsAre("one", "two", "three")) << "each empty item is done as it comes";
  stream().run();
  EXPECT_EQ(stream().received(), "ab");
}

TEST_F(WriteQueueWaiters, ACancelledWaiterComesBackWithItsBytesAndCostsNothing) {
  open({.max_items = 8, .max_pending_bytes = 4});
  send("abc");
  WriteProbe probe("def");
  const auto* data = probe.owned[0].data();
  EXPECT_EQ(wait(probe), Wait::kWaiting);
  cancel(probe);
  EXPECT_EQ(probe.resumed, 1);
  expect_refusal(probe.refusal, Reason::cancelled);
  EXPECT_EQ(probe.owned[0].view(), "def");
  EXPECT_EQ(probe.owned[0].data(), data);
  EXPECT_EQ(queue().pending_bytes(), 3U);
  EXPECT_TRUE(send("d")) << "nothing is held back for it";
  cancel(probe);
  EXPECT_EQ(probe.resumed, 1) << "a second cancellation finds nothing";
  stream().run();
  EXPECT_EQ(stream().received(), "abcd");
}

TEST_F(WriteQueueWaiters, CancellingTheFirstLetsThoseBehindItIn) {
  open({.max_items = 8, .max_pending_bytes = 10});
  send("12345");
  ResumeLog log;
  WriteProbe large("1234567890", "large", &log);
  WriteProbe small("ab", "small", &log);
  WriteProbe other("cd", "other", &log);
  WriteProbe last("ef", "last", &log);
  wait(large);
  wait(small);
  wait(other);
  wait(last);
  cancel(large);
  EXPECT_THAT(log, ElementsAre("large", "small", "other"));
  EXPECT_EQ(last.resumed, 0);
  EXPECT_EQ(queue().pending_bytes(), 9U);
  stream().run();
  EXPECT_EQ(stream().received(), "12345abcdef");
}

TEST_F(WriteQueueWaiters, CancellingOneInTheMiddleKeepsTheLine) {
  open({.max_items = 1, .max_pending_bytes = 10});
  send("0");
  ResumeLog log;
  WriteProbe first("1", "first", &log);
  WriteProbe middle("2", "middle", &log);
  WriteProbe last("3", "last", &log);
  wait(first);
  wait(middle);
  wait(last);
  cancel(middle);
  EXPECT_THAT(log, ElementsAre("middle"));
  stream().run();
  EXPECT_THAT(log, ElementsAre("middle", "first", "last"));
  EXPECT_EQ(stream().received(), "013");
}

TEST_F(WriteQueueWaiters, CancellingAfterAdmissionDoesNothing) {
  open({.max_items = 1, .max_pending_bytes = 10});
  send("0");
  WriteProbe probe("1");
  wait(probe);
  stream().begin();
  stream().finish(Reply::all());
  ASSERT_TRUE(probe.was_admitted());
  cancel(probe);
  EXPECT_TRUE(probe.was_admitted());
  EXPECT_EQ(queue().pending_items(), 1U);
  stream().run();
  EXPECT_EQ(stream().received(), "01");
}

TEST_F(WriteQueueWaiters, TheLineHasALimit) {
  open({.max_items = 1, .max_pending_bytes = 10, .max_waiters = 1});
  send("0");
  WriteProbe first("1");
  WriteProbe second("2");
  EXPECT_EQ(wait(first), Wait::kWaiting);
  EXPECT_EQ(wait(second), Wait::kRefused);
  expect_refusal(second.refusal, Reason::too_many_waiters, 2, 1);
  EXPECT_EQ(second.owned[0].view(), "2");
  EXPECT_EQ(second.resumed, 0);
  cancel(first);
  second.refusal.reset();
  EXPECT_EQ(wait(second), Wait::kWaiting) << "the place is free again";
  stream().run();
  EXPECT_TRUE(second.was_admitted());
}

TEST_F(WriteQueueWaiters, WhoIsNotCountedStandsInAFullLine) {
  open({.max_items = 1, .max_pending_bytes = 10, .max_waiters = 1});
  send("0");
  WriteProbe first("1");
  WriteProbe second("2");
  RoomProbe uncounted(1);
  uncounted.is_counted = false;
  EXPECT_EQ(wait(first), Wait::kWaiting);
  EXPECT_EQ(wait(uncounted), Wait::kWaiting);
  EXPECT_EQ(wait(second), Wait::kRefused);
  expect_refusal(second.refusal, Reason::too_many_waiters, 2, 1);
  stream().run();
  EXPECT_TRUE(first.was_admitted());
  EXPECT_TRUE(uncounted.was_granted());
  second.refusal.reset();
  EXPECT_EQ(wait(second), Wait::kWaiting);
  WriteProbe third("3");
  EXPECT_EQ(wait(third), Wait::kRefused) << "who has left the line does not count either";
}

TEST_F(WriteQueueWaiters, WithoutPlacesInTheLineAWriteThatFitsIsStillAdmitted) {
  open({.max_items = 1, .max_pending_bytes = 10, .max_waiters = 0});
  WriteProbe first("1");
  WriteProbe second("2");
  EXPECT_EQ(wait(first), Wait::kAdmitted);
  EXPECT_EQ(wait(second), Wait::kRefused);
  expect_refusal(second.refusal, Reason::too_many_waiters, 1, 0);
  stream().run();
}

TEST_F(WriteQueueWaiters, MoreThanMaxWaitingBytesAreRefusedAndComeBack) {
  open({.max_items = 1, .max_pending_bytes = 100, .max_waiting_bytes = 10});
  send("0");
  WriteProbe first("1234567");
  WriteProbe large("abcd");
  WriteProbe fits("efg");
  const auto* data = large.owned[0].data();
  EXPECT_EQ(wait(first), Wait::kWaiting);
  EXPECT_EQ(wait(large), Wait::kRefused);
  expect_refusal(large.refusal, Reason::too_many_waiting_bytes, 11, 10);
  EXPECT_EQ(large.owned[0].data(), data);
  EXPECT_EQ(large.resumed, 0);
  EXPECT_EQ(wait(fits), Wait::kWaiting) << "exactly the limit";
  EXPECT_EQ(queue().statistics({}).high_water_waiting_bytes, 10U);
  cancel(first);
  large.refusal.reset();
  EXPECT_EQ(wait(large), Wait::kWaiting) << "its bytes wait no more";
  stream().run();
  EXPECT_EQ(stream().received(), "0efgabcd");
  WriteProbe again("1234567");
  send("0");
  EXPECT_EQ(wait(again), Wait::kWaiting) << "nor do those that were admitted";
  stream().run();
}

TEST_F(WriteQueueWaiters, AWriteThatFindsTheLineEmptyMayWaitWhateverItsSize) {
  for (const std::size_t most : {std::size_t{0}, std::size_t{3}}) {
    open({.max_items = 2, .max_pending_bytes = 100, .max_waiting_bytes = most});
    send("0");
    WriteProbe large(std::string(100, 'L'));
    WriteProbe empty("");
    WriteProbe small("x");
    EXPECT_EQ(wait(large), Wait::kWaiting);
    EXPECT_EQ(wait(small), Wait::kRefused);
    expect_refusal(small.refusal, Reason::too_many_waiting_bytes, 101, most);
    EXPECT_EQ(wait(empty), Wait::kWaiting) << "it adds no bytes";
    stream().run();
    EXPECT_TRUE(large.was_admitted());
    EXPECT_TRUE(empty.was_admitted());
    EXPECT_EQ(stream().received().size(), 101U);
  }
}

TEST_F(WriteQueueWaiters, WithBothLimitsOfTheLineReachedTheWaitersAreNamed) {
  open({.max_items = 1, .max_pending_bytes = 10, .max_waiters = 1, .max_waiting_bytes = 1});
  send("0");
  WriteProbe first("1");
  WriteProbe second("2");
  EXPECT_EQ(wait(first), Wait::kWaiting);
  EXPECT_EQ(wait(second), Wait::kRefused);
  expect_refusal(second.refusal, Reason::too_many_waiters, 2, 1);
  stream().run();
}

TEST_F(WriteQueueWaiters, ByDefaultTheLineIsBounded) {
  open({.max_items = 1});
  send("0");
  std::deque<WriteProbe> probes;
  std::size_t waiting = 0;
  const Bytes slice = Bytes::copy_of(std::string(1000, 'x'));
  while (waiting < 5000 && wait(probes.emplace_back(std::vector<Bytes>{slice})) == Wait::kWaiting) {
    ++waiting;
  }
  EXPECT_EQ(waiting, 1024U);
  const std::size_t large = WriteHandoffConfig().max_waiting_bytes - 1024U * 1000U + 1;
  open({.max_items = 1});
  send("0");
  for (std::size_t i = 0; i < 1000; ++i) {
    wait(probes.emplace_back(std::vector<Bytes>{slice}));
  }
  WriteProbe more(std::string(large + 24U * 1000U, 'x'));
  EXPECT_EQ(wait(more), Wait::kRefused);
  expect_refusal(more.refusal, Reason::too_many_waiting_bytes, 1024U * 1024U + 1, 1024U * 1024U);
  stream().run();
}

TEST_F(WriteQueueWaiters, AFullBudgetWriteUnderBusyProducersGetsInWithinOneDrain) {
  open({.max_items = 64, .max_pending_bytes = 64});
  while (send("12345678")) {
  }
  WriteProbe full(std::string(64, 'F'));
  EXPECT_EQ(wait(full), Wait::kWaiting);
  stream().begin();
  std::size_t finished = 0;
  while (full.resumed == 0) {
    ASSERT_LT(finished++, 8U) << "more was let in before it";
    stream().finish(Reply::only(8));
    for (int producer = 0; producer < 8; ++producer) {
      EXPECT_FALSE(send("x")) << "barged";
    }
  }
  stream().run();
  EXPECT_EQ(stream().received().size(), 128U);
}

// Room for the items of every waiter is reserved when it starts to wait: admission cannot fail.
TEST_F(WriteQueueWaiters, ManyLargeGroupsInLineAreAllAdmittedInOrder) {
  open({.max_items = 300, .max_pending_bytes = 1000});
  std::string expected;
  std::deque<WriteProbe> probes;
  ResumeLog log;
  ResumeLog names;
  for (int i = 0; i < 40; ++i) {
    std::vector<Bytes> slices;
    for (int k = 0; k < 290; ++k) {
      const std::string text(1, static_cast<char>('a' + (i + k) % 26));
      slices.push_back(Bytes::copy_of(text));
      expected += text;
    }
    names.push_back(std::to_string(i));
    WriteProbe& probe = probes.emplace_back(std::move(slices), names.back(), &log);
    EXPECT_EQ(wait(probe), i == 0 ? Wait::kAdmitted : Wait::kWaiting);
  }
  for (std::size_t i = 5; i < 40; i += 5) {
    cancel(probes[i]);
  }
  stream().run();
  for (const WriteProbe& probe : probes) {
    const bool cancelled = probe.refusal.has_value();
    EXPECT_EQ(probe.resumed, &probe == &probes.front() ? 0 : 1);
    EXPECT_EQ(probe.owned[0].empty(), !cancelled);
  }
  EXPECT_EQ(stream().received().size(), expected.size() - 7U * 290U);
}

}  // namespace
}  // namespace bytes_handoff::test
