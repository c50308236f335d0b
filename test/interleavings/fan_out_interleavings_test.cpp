// Every order of the steps of small programs on a fan-out: publishers, the lanes' turns, and who
// joins, leaves, makes room or ends something meanwhile. A step is a critical section of the log, a
// use of a subscriber's queue, or a wake-up; nothing bounds how often they alternate.
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "interleavings/explore_all.hpp"
#include "interleavings/fan_out_program.hpp"

namespace bytes_handoff::test {
namespace {

using Shape = FanOutProgramShape;

void explore_states(const Shape& shape, std::size_t least) {
  explore_all_of<FanOutProgram>(shape, least, {.points = kAllPoints, .merges_states = true});
}

/// The queue of the first member has room for `items`, and its stream takes `drains`.
Shape shape_that_lags(std::size_t items, std::size_t drains) {
  Shape shape;
  shape.members.front().max_items = items;
  shape.publications = 3;
  shape.drains = drains;
  return shape;
}

/// Notes what each order comes to.
struct NotingEnds : FanOutProgram {
  NotingEnds(const Shape& of, std::set<std::uint64_t>& into) : FanOutProgram(of), ends(into) {}
  std::string verdict() {
    ends.insert(state());
    return FanOutProgram::verdict();
  }
  std::set<std::uint64_t>& ends;
};

TEST(FanOutInterleavings, merged_reach_the_same_ends_as_one_by_one) {
  Shape lags = shape_that_lags(1, 1);
  lags.publications = 2;
  Shape leaves;
  leaves.members = {FanOutMember(), FanOutMember()};
  leaves.leaves = true;
  Shape ends = shape_that_lags(1, 1);
  ends.publications = 2;
  ends.ends_queue = true;
  for (const Shape& shape : {lags, leaves, ends}) {
    std::set<std::uint64_t> all;
    std::set<std::uint64_t> merged;
    Explorer explorer;
    const auto one_by_one = explorer.explore(
        [&] { return std::make_unique<NotingEnds>(shape, all); }, {.points = kLocks});
    const auto less = explorer.explore([&] { return std::make_unique<NotingEnds>(shape, merged); },
                                       {.points = kLocks, .merges_states = true});
    EXPECT_EQ(one_by_one.failure + less.failure, "");
    EXPECT_LT(less.schedules, one_by_one.schedules);
    EXPECT_EQ(merged, all);
  }
}

TEST(FanOutInterleavings, two_publishers) {
  Shape shape;
  shape.publishers = 2;
  shape.slices = 2;
  explore_states(shape, 1'000);
}

TEST(FanOutInterleavings, two_lanes) {
  Shape shape;
  shape.members = {FanOutMember(), FanOutMember(), FanOutMember()};
  shape.members.back().place = 1;
  explore_states(shape, 2'000);
}

TEST(FanOutInterleavings, one_who_leaves) {
  Shape shape;
  shape.members = {FanOutMember(), FanOutMember()};
  shape.leaves = true;
  explore_states(shape, 200);
}

TEST(FanOutInterleavings, one_whose_queue_ends_while_it_waits) {
  Shape shape = shape_that_lags(1, 1);
  shape.ends_queue = true;
  explore_states(shape, 20'000);
}

TEST(FanOutInterleavings, one_who_joins) {
  Shape shape;
  shape.joins = 1;
  explore_states(shape, 5'000);
}

TEST(FanOutInterleavings, one_who_joins_while_the_last_one_of_the_lane_leaves) {
  Shape shape;
  shape.joins = 1;
  shape.leaves = true;
  shape.publications = 1;
  explore_states(shape, 5'000);
}

TEST(FanOutInterleavings, one_who_waits_until_all_is_given) {
  Shape shape = shape_that_lags(1, 2);
  shape.publications = 2;
  shape.waits = 1;
  explore_states(shape, 2'500);
  shape.cancels = true;
  explore_states(shape, 10'000);
}

TEST(FanOutInterleavings, one_who_waits_while_the_subscriber_leaves) {
  Shape shape;
  shape.publications = 1;
  shape.waits = 2;
  shape.leaves = true;
  explore_states(shape, 5'000);
  shape.leaves = false;
  shape.ends_context = true;
  explore_states(shape, 1'500);
}

TEST(FanOutInterleavings, one_who_closes) {
  Shape shape;
  shape.members = {FanOutMember(), FanOutMember()};
  shape.members.back().place = 1;
  shape.publications = 1;
  shape.closes = true;
  explore_states(shape, 5'000);
}

TEST(FanOutInterleavings, one_who_closes_while_one_joins) {
  Shape shape;
  shape.joins = 1;
  shape.closes = true;
  shape.publications = 1;
  explore_states(shape, 5'000);
}

TEST(FanOutInterleavings, room_that_comes) { explore_states(shape_that_lags(1, 3), 1'000); }

TEST(FanOutInterleavings, room_that_comes_for_a_group) {
  Shape shape = shape_that_lags(2, 3);
  shape.slices = 2;
  explore_states(shape, 1'000);
}

TEST(FanOutInterleavings, room_that_comes_when_the_log_has_dropped_some) {
  Shape shape = shape_that_lags(2, 2);
  shape.config.max_entries = 1;
  shape.members.front().policy.gap_note = [](std::uint64_t missed) {
    return Bytes::copy_of("-" + std::to_string(missed));
  };
  shape.publications = 4;
  explore_states(shape, 5'000);
}

TEST(FanOutInterleavings, room_that_comes_and_a_close) {
  Shape shape = shape_that_lags(1, 2);
  shape.closes = true;
  explore_states(shape, 20'000);
}

TEST(FanOutInterleavings, room_that_comes_for_one_who_conflates) {
  Shape shape = shape_that_lags(1, 2);
  shape.keys = 1;
  shape.members.front().policy.conflate = true;
  explore_states(shape, 1'000);
}

TEST(FanOutInterleavings, room_that_comes_for_one_who_skips) {
  Shape shape = shape_that_lags(1, 2);
  shape.members.front().policy.skip_beyond.entries = 1;
  explore_states(shape, 1'000);
}

TEST(FanOutInterleavings, room_that_comes_for_one_who_is_disconnected_for_its_lag) {
  Shape shape = shape_that_lags(1, 1);
  shape.members.front().policy.hard_limit.entries = 1;
  shape.members.emplace_back();
  explore_states(shape, 1'000);
}

TEST(FanOutInterleavings, a_context_that_ends) {
  Shape shape;
  shape.members = {FanOutMember(), FanOutMember()};
  shape.members.back().place = 1;
  shape.ends_context = true;
  explore_states(shape, 5'000);
}

TEST(FanOutInterleavings, a_context_that_ends_while_one_joins_and_one_leaves) {
  Shape shape;
  shape.publications = 1;
  shape.joins = 1;
  shape.leaves = true;
  shape.ends_context = true;
  explore_states(shape, 20'000);
}

TEST(FanOutInterleavings, a_timer_that_rings) {
  Shape shape;
  shape.publishers = 2;
  shape.publications = 1;
  shape.calls = 2;
  explore_states(shape, 1'000);
}

}  // namespace
}  // namespace bytes_handoff::test
