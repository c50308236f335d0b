// Room that is set aside before the bytes are there.
#include <gtest/gtest.h>

#include <new>
#include <string>
#include <vector>

#include "bytes_handoff/core/queue/line.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/memory/pooling.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using detail::ReservedRoom;

/// A queue with room for ten bytes in four items.
class Permits : public QueueTest {
 protected:
  void SetUp() override { open({.max_items = 4, .max_pending_bytes = 10}); }
};

TEST_F(Permits, WhatIsReservedCountsAgainstTheLimitsAndIsToldApart) {
  ReservedRoom room = reserve(6, 2);
  expect_reserved(6, 2);
  EXPECT_EQ(queue().pending_bytes(), 0U);
  EXPECT_EQ(queue().pending_items(), 0U);
  expect_refusal(submit("12345").refusal, Reason::byte_budget_exceeded, 11, 10);
  expect_refusal(submit(slices_of({"1", "2", "3"})).refusal, Reason::queue_full, 5, 4);
  EXPECT_TRUE(send("1234"));
  give_back(room);
  expect_reserved(0, 0);
}

TEST_F(Permits, ACommitHasItsRoomHoweverFullTheQueueIs) {
  ReservedRoom room = reserve(6, 2);
  ASSERT_TRUE(send(slices_of({"ab", "cd"})));
  EXPECT_FALSE(send("x"));
  const Submitted committed = commit(room, slices_of({"123", "456"}));
  EXPECT_TRUE(committed.ticket);
  EXPECT_TRUE(committed.bytes.at(0).empty());
  EXPECT_EQ(queue().pending_bytes(), 10U);
  expect_reserved(0, 0);
  stream().run();
  EXPECT_EQ(stream().received(), "abcd123456") << "the commit decides the order";
  expect_result(committed.ticket, {}, 6);
}

TEST_F(Permits, WhatACommitDoesNotNeedIsGivenBackAndGrantedAtOnce) {
  ReservedRoom room = reserve(10, 4);
  WriteProbe waiting("1234567");
  ASSERT_EQ(wait(waiting), Wait::kWaiting);
  EXPECT_TRUE(commit(room, "abc").ticket);
  EXPECT_TRUE(waiting.was_admitted());
  EXPECT_EQ(queue().pending_bytes(), 10U);
  stream().run();
  EXPECT_EQ(stream().received(), "abc1234567");
}

TEST_F(Permits, ItemsThatACommitDoesNotNeedAreGivenBackAlone) {
  ReservedRoom room = reserve(3, 4);
  WriteProbe waiting(slices_of({"1", "2", "3"}));
  ASSERT_EQ(wait(waiting), Wait::kWaiting);
  EXPECT_TRUE(commit(room, "abc").ticket);
  EXPECT_TRUE(waiting.was_admitted());
}

TEST_F(Permits, DroppedItGivesAllBackToWhoWaits) {
  ReservedRoom room = reserve(10);
  WriteProbe first("1234567", "first");
  WriteProbe second("89", "second");
  ASSERT_EQ(wait(first), Wait::kWaiting);
  ASSERT_EQ(wait(second), Wait::kWaiting);
  give_back(room);
  EXPECT_EQ(room.items, 0U);
  EXPECT_TRUE(first.was_admitted());
  EXPECT_TRUE(second.was_admitted());
  EXPECT_TRUE(stream().turn_posted()) << "what was let in is written";
}

TEST_F(Permits, NoMoreThanWasReservedCanBeCommitted) {
  ReservedRoom room = reserve(3, 2);
  const Submitted large = commit(room, "1234");
  expect_refusal(large.refusal, Reason::exceeds_permit, 4, 3);
  EXPECT_EQ(large.bytes.at(0).view(), "1234");
  const Submitted many = commit(room, slices_of({"1", "2", "3"}));
  expect_refusal(many.refusal, Reason::exceeds_permit, 3, 2);
  EXPECT_TRUE(many.refusal->counts_items);
  expect_reserved(3, 2);
  EXPECT_TRUE(commit(room, slices_of({"12", "3"})).ticket) << "refused, it kept its room";
}

TEST_F(Permits, AReservationIsRefusedAsAWriteOfItsSizeIs) {
  expect_refusal(refusal_to_reserve(11), Reason::can_never_fit, 11, 10);
  expect_refusal(refusal_to_reserve(1, 5), Reason::can_never_fit, 5, 4);
  ReservedRoom room = reserve(6, 3);
  expect_refusal(refusal_to_reserve(5), Reason::byte_budget_exceeded, 11, 10);
  expect_refusal(refusal_to_reserve(0, 2), Reason::queue_full, 5, 4);
  give_back(room);
  close();
  expect_refusal(refusal_to_reserve(1), Reason::closed);
}

TEST_F(Permits, NoItemsCountAsOne) {
  ReservedRoom room = reserve(0, 0);
  expect_reserved(0, 1);
  EXPECT_TRUE(commit(room, "").ticket);
  EXPECT_EQ(queue().pending_items(), 1U);
}

TEST_F(Permits, ReservationsStandInOneLineWithWrites) {
  ReservedRoom all = reserve(10, 4);
  ResumeLog resumed;
  WriteProbe first("12345678", "first", &resumed);
  RoomProbe second(4, 1, "second", &resumed);
  WriteProbe third("1", "third", &resumed);
  for (detail::RoomWaiter* each :
       {static_cast<detail::RoomWaiter*>(&first), static_cast<detail::RoomWaiter*>(&second),
        static_cast<detail::RoomWaiter*>(&third)}) {
    ASSERT_EQ(wait(*each), Wait::kWaiting);
  }
  give_back(all);
  EXPECT_EQ(resumed, ResumeLog{"first"}) << "nobody barges past a reservation";
  stream().run();
  EXPECT_EQ(resumed, (ResumeLog{"first", "second", "third"}));
  EXPECT_TRUE(second.was_granted());
  expect_reserved(4, 1);
  give_back(second.room);
}

TEST_F(Permits, ACancelledReservationAdmitsThoseBehindItAtOnce) {
  ASSERT_TRUE(send("1234"));
  RoomProbe large(10);
  WriteProbe small("56");
  ASSERT_EQ(wait(large), Wait::kWaiting);
  ASSERT_EQ(wait(small), Wait::kWaiting);
  cancel(large);
  EXPECT_EQ(large.refusal->reason, Reason::cancelled);
  EXPECT_EQ(large.room.items, 0U);
  EXPECT_TRUE(small.was_admitted());
}

TEST_F(Permits, AGrantIsNotTakenBackByACancellationBehindIt) {
  ASSERT_TRUE(send("1234"));
  RoomProbe granted(10);
  ASSERT_EQ(wait(granted), Wait::kWaiting);
  stream().run();
  ASSERT_TRUE(granted.was_granted());
  cancel(granted);
  EXPECT_EQ(granted.resumed, 1);
  expect_reserved(10, 1);
  EXPECT_TRUE(commit(granted.room, "0123456789").ticket);
}

TEST_F(Permits, WaitingReservationsMakeNobodyKeepBytes) {
  open({.max_items = 4, .max_pending_bytes = 10, .max_waiting_bytes = 10});
  ASSERT_TRUE(send("1234567890"));
  RoomProbe first(10);
  RoomProbe second(10);
  EXPECT_EQ(wait(first), Wait::kWaiting);
  EXPECT_EQ(wait(second), Wait::kWaiting);
  EXPECT_EQ(queue().statistics({}).high_water_waiting_bytes, 0U);
}

TEST_F(Permits, AfterACloseACommitIsRefusedAndTheEndDoesNotWaitForIt) {
  ReservedRoom room = reserve(5);
  ReservedRoom idle = reserve(5);
  close();
  const Submitted committed = commit(room, "12345");
  expect_refusal(committed.refusal, Reason::closed);
  EXPECT_EQ(committed.bytes.at(0).view(), "12345");
  stream().run();
  EXPECT_TRUE(stream().is_shut_down());
  expect_reserved(0, 0);
  give_back(room);
  give_back(idle);
  expect_reserved(0, 0);
}

TEST_F(Permits, ACloseThatLetsInTheLineTakesTheRoomOfPermits) {
  ReservedRoom room = reserve(6);
  WriteProbe write("12345678");
  RoomProbe reservation(1);
  WriteProbe last("9");
  ASSERT_EQ(wait(write), Wait::kWaiting);
  ASSERT_EQ(wait(reservation), Wait::kWaiting);
  ASSERT_EQ(wait(last), Wait::kWaiting);
  close(Waiters::admit);
  EXPECT_TRUE(write.was_admitted());
  EXPECT_EQ(reservation.refusal->reason, Reason::closed) << "it would be of no use";
  EXPECT_TRUE(last.was_admitted());
  stream().run();
  EXPECT_EQ(stream().received(), "123456789");
  EXPECT_TRUE(stream().is_shut_down());
  give_back(room);
}

TEST_F(Permits, AnAbortLeavesAPermitWithoutRoom) {
  ReservedRoom room = reserve(5);
  ASSERT_TRUE(send("123"));
  stream().begin();
  abort();
  expect_reserved(0, 0);
  expect_refusal(commit(room, "x").refusal, Reason::closed, 0, 0,
                 detail::ErrorValue::of(Errc::aborted));
  give_back(room);
  stream().finish(Reply::all());
  EXPECT_FALSE(has_unwritten() && !unwritten().empty());
}

TEST_F(Permits, AnEmptyQueueKeepsPlacesForAPermitAndNoMemoryWithoutOne) {
  if (kPooled) {
    GTEST_SKIP() << "only told apart where nothing is pooled; run under AddressSanitizer";
  }
  const AllocationScope counted;
  const auto in_use = [&] { return counted.allocations() - counted.deallocations(); };
  ReservedRoom room = reserve(5, 4);
  EXPECT_GT(in_use(), 0U);
  give_back(room);
  EXPECT_EQ(in_use(), 0U);
}

TEST_F(Permits, WhereMemoryIsShortNothingChanges) {
  if (kPooled) {
    GTEST_SKIP() << "the pool may have a segment left; run under AddressSanitizer";
  }
  open({.max_items = 400, .max_pending_bytes = 10});
  const auto expect_unchanged = [&](std::size_t pending) {
    expect_reserved(0, 0);
    EXPECT_EQ(queue().pending_items(), pending);
    EXPECT_EQ(queue().statistics({}).waits, 0U);
  };
  RoomProbe at_once(10, 300);
  RoomProbe in_line(10, 300);
  detail::Effects effects;
  {
    FailingAllocations failing;
    EXPECT_THROW(static_cast<void>(queue().try_reserve(10, 300)), std::bad_alloc);
    EXPECT_THROW(static_cast<void>(queue().wait_room(at_once, effects)), std::bad_alloc);
  }
  expect_unchanged(0);
  ASSERT_TRUE(send("x"));
  {
    FailingAllocations failing;
    EXPECT_THROW(static_cast<void>(queue().wait_room(in_line, effects)), std::bad_alloc);
  }
  expect_unchanged(1);
  stream().run();
  EXPECT_EQ(at_once.resumed + in_line.resumed, 0) << "neither is in the line";
  EXPECT_EQ(wait(in_line), Wait::kAdmitted);
  expect_reserved(10, 300);
  std::vector<Bytes> slices(300);
  {
    FailingAllocations failing;
    EXPECT_TRUE(queue().commit(in_line.room, slices, effects).has_value()) << "needs none";
  }
  stream().carry_out(effects);
  stream().run();
}

}  // namespace
}  // namespace bytes_handoff::test
