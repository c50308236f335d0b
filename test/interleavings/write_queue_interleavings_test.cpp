// Every order of the steps of small programs on a write queue: two producers of two writes each, a
// writer whose stream completes when it likes, a closer, and who else there is. A step is a
// critical section, or the wake-ups that one has asked for; nothing bounds how often they
// alternate.
#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "interleavings/explore_states.hpp"

namespace bytes_handoff::test {
namespace {

TEST(WriteQueueInterleavings, MergedReachTheSameEndsAsOneByOne) {
  ProgramShape shape = shape_of(1);
  shape.writes = 1;
  shape.cancels = true;
  struct Noting : WriteQueueProgram {
    Noting(const ProgramShape& of, std::set<std::uint64_t>& into)
        : WriteQueueProgram(of), ends(into) {}
    std::string verdict() {
      ends.insert(state());
      return WriteQueueProgram::verdict();
    }
    std::set<std::uint64_t>& ends;
  };
  std::set<std::uint64_t> all;
  std::set<std::uint64_t> merged;
  Explorer explorer;
  const Bounds locks{.points = kLocks};
  const auto one_by_one =
      explorer.explore([&] { return std::make_unique<Noting>(shape, all); }, locks);
  const Bounds merging{.points = kLocks, .merges_states = true};
  const auto less =
      explorer.explore([&] { return std::make_unique<Noting>(shape, merged); }, merging);
  EXPECT_EQ(one_by_one.failure + less.failure, "");
  EXPECT_LT(less.schedules, one_by_one.schedules);
  EXPECT_EQ(merged, all);
}

TEST(WriteQueueInterleavings, WithACancellerAndOneItem) {
  ProgramShape shape = shape_of(1);
  shape.cancels = true;
  explore_states(shape, 20'000);
}

TEST(WriteQueueInterleavings, WithACancellerAndOneItemOfTwoBytes) {
  ProgramShape shape = shape_of(1, 2);
  shape.cancels = true;
  explore_states(shape, 20'000);
}

TEST(WriteQueueInterleavings, WithACancellerAndTwoItems) {
  ProgramShape shape = shape_of(2);
  shape.cancels = true;
  explore_states(shape, 20'000);
}

TEST(WriteQueueInterleavings, WithACancellerAndTwoItemsOfTwoBytes) {
  ProgramShape shape = shape_of(2, 2);
  shape.cancels = true;
  explore_states(shape, 20'000);
}

TEST(WriteQueueInterleavings, WithACancellerAndTwoItemsOfTwoSizes) {
  ProgramShape shape = shape_of(2);
  shape.bytes_a_first_write = 2;
  shape.cancels = true;
  explore_states(shape, 20'000);
}

TEST(WriteQueueInterleavings, WithWritesOfTwoSizesAndAStreamThatTakesSomeOrAll) {
  ProgramShape shape = shape_of(2);
  shape.bytes_a_first_write = 2;
  shape.stream_varies = true;
  explore_states(shape, 10'000);
}

TEST(WriteQueueInterleavings, WithAStreamThatMayFail) {
  ProgramShape shape = shape_of(2);
  shape.stream_varies = true;
  shape.stream_fails = true;
  explore_states(shape, 10'000);
}

TEST(WriteQueueInterleavings, WithAProducerWhoDoesNotWait) {
  ProgramShape shape = shape_of(2);
  shape.bytes_a_first_write = 2;
  shape.last_tries = true;
  shape.cancels = true;
  explore_states(shape, 10'000);
}

// One item leaves, or comes in, or one flush completes: the rest takes more turns, or more steps of
// the canceller, and others get in between.
TEST(WriteQueueInterleavings, InStepsOfOneItemWithACanceller) {
  ProgramShape shape = shape_of(3);
  shape.max_step_items = 1;
  shape.producers = 4;
  shape.writes = 1;
  shape.bytes_a_first_write = 3;
  shape.cancels = true;
  explore_states(shape, 1'000);
}

TEST(WriteQueueInterleavings, InStepsOfOneItemWithEmptyWritesAndAFlush) {
  ProgramShape shape = shape_of(2);
  shape.max_step_items = 1;
  shape.first_is_empty = true;
  shape.flushes = true;
  explore_states(shape, 1'000);
}

TEST(WriteQueueInterleavings, InStepsOfOneItemWithAProducerWhoDoesNotWait) {
  ProgramShape shape = shape_of(2);
  shape.max_step_items = 1;
  shape.first_is_empty = true;
  shape.last_tries = true;
  shape.cancels = true;
  explore_states(shape, 1'000);
}

TEST(WriteQueueInterleavings, InStepsOfOneItemWithAnAborter) {
  ProgramShape shape = shape_of(2);
  shape.max_step_items = 1;
  shape.first_is_empty = true;
  shape.aborts = true;
  explore_states(shape, 1'000);
}

TEST(WriteQueueInterleavings, WithALineOfOneWaiter) {
  ProgramShape shape = shape_of(1);
  shape.config.max_waiters = 1;
  shape.producers = 3;
  shape.writes = 1;
  shape.cancels = true;
  explore_states(shape, 1'000);
}

TEST(WriteQueueInterleavings, WithALineOfAsManyBytesAsOneWriteHas) {
  ProgramShape shape = shape_of(1);
  shape.config.max_waiting_bytes = 2;
  shape.producers = 3;
  shape.writes = 1;
  shape.bytes_a_first_write = 2;
  shape.cancels = true;
  explore_states(shape, 1'000);
}

TEST(WriteQueueInterleavings, WithAnAborterAndACanceller) {
  ProgramShape shape = shape_of(1);
  shape.aborts = true;
  shape.cancels = true;
  shape.closes = false;
  explore_states(shape, 10'000);
}

TEST(WriteQueueInterleavings, WithAnAborterACloserACancellerAndAFlush) {
  ProgramShape shape = shape_of(1);
  shape.writes = 1;
  shape.aborts = true;
  shape.cancels = true;
  shape.flushes = true;
  explore_states(shape, 10'000);
}

TEST(WriteQueueInterleavings, WithACloserWhoLetsTheLineInAndACanceller) {
  ProgramShape shape = shape_of(1);
  shape.admits = true;
  shape.cancels = true;
  explore_states(shape, 10'000);
}

TEST(WriteQueueInterleavings, WithACloserWhoLetsTheLineInInStepsOfOneItem) {
  ProgramShape shape = shape_of(2);
  shape.max_step_items = 1;
  shape.first_is_empty = true;
  shape.admits = true;
  shape.flushes = true;
  explore_states(shape, 1'000);
}

TEST(WriteQueueInterleavings, WithACloserWhoLetsTheLineInAndAnAborter) {
  ProgramShape shape = shape_of(1);
  shape.writes = 1;
  shape.producers = 3;
  shape.admits = true;
  shape.aborts = true;
  explore_states(shape, 1'000);
}

TEST(WriteQueueInterleavings, WithACloserAndOneWhoAbortsAfterItIsWritten) {
  ProgramShape shape = shape_of(1);
  shape.writes = 1;
  shape.producers = 3;
  shape.admits = true;
  shape.aborts_after_written = true;
  shape.cancels = true;
  explore_states(shape, 1'000);
}

TEST(WriteQueueInterleavings, WithAnAborterAndTwoWhoTakeWhatIsLeft) {
  ProgramShape shape = shape_of(2);
  shape.writes = 1;
  shape.bytes_a_write = 2;
  shape.config.max_pending_bytes = 4;
  shape.stream_varies = true;
  shape.aborts = true;
  shape.takers = 2;
  explore_states(shape, 1'000);
}

TEST(WriteQueueInterleavings, WithAStreamThatMayFailAndATakerWhoIsCancelled) {
  ProgramShape shape = shape_of(2);
  shape.writes = 1;
  shape.bytes_a_write = 2;
  shape.config.max_pending_bytes = 4;
  shape.stream_varies = true;
  shape.stream_fails = true;
  shape.takers = 2;
  shape.cancels_taker = true;
  explore_states(shape, 1'000);
}

TEST(WriteQueueInterleavings, WithAFlush) {
  ProgramShape shape = shape_of(2);
  shape.flushes = true;
  explore_states(shape, 10'000);
}

/// Tickets, of which one is cancelled, and one is waited for by two.
ProgramShape shape_with_tickets(std::size_t items, std::size_t bytes_a_write = 1) {
  ProgramShape shape = shape_of(items, bytes_a_write);
  shape.with_tickets = true;
  shape.cancels_ticket = true;
  shape.has_rival = true;
  return shape;
}

TEST(WriteQueueInterleavings, WithTickets) {
  ProgramShape shape = shape_with_tickets(1);
  shape.producers = 1;
  explore_states(shape, 1'000);
}

TEST(WriteQueueInterleavings, WithTicketsOfTwoProducers) {
  ProgramShape shape = shape_with_tickets(2);
  shape.writes = 1;
  shape.has_rival = false;
  explore_states(shape, 1'000);
}

TEST(WriteQueueInterleavings, WithTicketsAndAStreamThatMayFail) {
  ProgramShape shape = shape_with_tickets(2, 2);
  shape.config.max_pending_bytes = 4;
  shape.producers = 1;
  shape.cancels_ticket = false;
  shape.stream_varies = true;
  shape.stream_fails = true;
  explore_states(shape, 1'000);
}

TEST(WriteQueueInterleavings, WithTicketsAndAnAborter) {
  ProgramShape shape = shape_with_tickets(2, 2);
  shape.config.max_pending_bytes = 4;
  shape.producers = 1;
  shape.has_rival = false;
  shape.stream_varies = true;
  shape.closes = false;
  shape.aborts = true;
  explore_states(shape, 1'000);
}

}  // namespace
}  // namespace bytes_handoff::test
