#include "bytes_handoff/fan_out.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/fan_out/subscribed_queue.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using namespace std::chrono_literals;

class FanOutShell : public testing::Test {
 protected:
  [[nodiscard]] SubscribedQueue join(LagPolicy policy = {}, const WriteHandoffConfig& config = {}) {
    return {*context, log, std::move(policy), config};
  }
  /// With a queue of `items` whose stream takes nothing until the test says so.
  [[nodiscard]] SubscribedQueue join_stuck(LagPolicy policy = {}, std::size_t items = 1) {
    return {*context, log, std::move(policy), limits(items, 1000), true};
  }
  void publish_each(std::initializer_list<std::string_view> texts) {
    for (const std::string_view each : texts) {
      ASSERT_TRUE(publish(log, each));
      run_ready(*context);
    }
  }

  std::unique_ptr<net::io_context> context = std::make_unique<net::io_context>(1);
  FanOut log{{.max_bytes = 1000, .max_entries = 100}};
};

TEST_F(FanOutShell, writes_what_is_published_to_every_subscriber) {
  SubscribedQueue one = join();
  SubscribedQueue two = join();
  Bytes bytes = text("abc");
  ASSERT_TRUE(log.publish(bytes));
  EXPECT_TRUE(bytes.empty());
  run_ready(*context);
  SubscribedQueue late = join();
  publish_each({"def"});
  EXPECT_EQ(one.script->written, "abcdef");
  EXPECT_EQ(two.script->written, "abcdef");
  EXPECT_EQ(late.script->written, "def");
  EXPECT_TRUE(one.subscription.is_active());
}

TEST_F(FanOutShell, writes_what_has_gathered_at_once) {
  SubscribedQueue one = join();
  run_ready(*context);
  for (const char* each : {"a", "b", "c"}) {
    ASSERT_TRUE(publish(log, each));
  }
  run_ready(*context);
  EXPECT_EQ(one.script->written, "abc");
  EXPECT_EQ(one.script->calls, 1U);
}

TEST_F(FanOutShell, refuses_what_is_larger_than_the_log_and_leaves_the_bytes) {
  Bytes bytes = text(std::string(1001, 'x'));
  auto published = log.publish(bytes);
  ASSERT_FALSE(published.has_value());
  EXPECT_EQ(published.error(), Errc::can_never_fit);
  EXPECT_EQ(bytes.size(), 1001U);
  log.close();
  EXPECT_FALSE(log.is_open());
  std::array group{text("a"), text("b")};
  published = log.publish(group);
  ASSERT_FALSE(published.has_value());
  EXPECT_EQ(published.error(), Errc::closed);
  EXPECT_EQ(group[1].view(), "b");
}

TEST_F(FanOutShell, refuses_configurations_that_can_never_work) {
  EXPECT_THROW(FanOut({.max_bytes = 0}), std::invalid_argument);
  EXPECT_THROW(FanOut({.max_entries = 0}), std::invalid_argument);
  SubscribedQueue one = join();
  EXPECT_THROW(static_cast<void>(log.subscribe(one.out, {.soft_for = -1s})), std::invalid_argument);
}

TEST_F(FanOutShell, a_group_is_one_write_among_others) {
  SubscribedQueue one = join_stuck({}, 4);
  ASSERT_TRUE(try_send(one.out, "1"));
  run_ready(*context);
  std::array group{text("a"), text("b"), text("c")};
  ASSERT_TRUE(log.publish(group));
  run_ready(*context);
  EXPECT_EQ(one.out.pending_items(), 4U);
  std::array next{text("d"), text("e"), text("f")};
  ASSERT_TRUE(log.publish(next));
  run_ready(*context);
  ASSERT_FALSE(try_send(one.out, "2"));
  one.release(*context);
  EXPECT_EQ(one.script->written, "1abcdef");
}

// ---- The queue's own ends.

TEST_F(FanOutShell, keeps_no_queue_open) {
  SubscribedQueue one = join();
  SubscribedQueue other = join();
  one.out = WriteHandoff();
  run_ready(*context);
  EXPECT_FALSE(one.script->is_alive);
  EXPECT_EQ(one.script->resets, 1U);
  EXPECT_FALSE(one.subscription.is_active()) << "an ended queue leaves the log at once";
  publish_each({"a"});
  EXPECT_EQ(other.script->written, "a");
}

TEST_F(FanOutShell, a_queue_that_is_closed_leaves_the_log_and_closes_nothing_else) {
  SubscribedQueue one = join();
  SubscribedQueue other = join();
  one.out.close();
  publish_each({"a"});
  EXPECT_FALSE(one.subscription.is_active());
  EXPECT_EQ(one.script->written, "");
  EXPECT_EQ(other.script->written, "a");
  EXPECT_TRUE(log.is_open());
  EXPECT_FALSE(log.subscribe(one.out).is_active());
}

TEST_F(FanOutShell, a_queue_that_is_aborted_while_it_lags_leaves_at_once) {
  SubscribedQueue one = join_stuck();
  publish_each({"a", "b"});
  EXPECT_TRUE(one.subscription.is_active());
  one.out.abort();
  run_ready(*context);
  EXPECT_FALSE(one.subscription.is_active());
}

// ---- Leaving.

TEST_F(FanOutShell, who_drops_its_subscription_is_given_nothing_more) {
  SubscribedQueue one = join();
  publish_each({"a"});
  ASSERT_TRUE(publish(log, "b"));
  one.subscription = Subscription();
  run_ready(*context);
  EXPECT_EQ(one.script->written, "a");
  EXPECT_TRUE(one.out.is_open());
  ASSERT_TRUE(try_send(one.out, "c"));
  run_ready(*context);
  EXPECT_EQ(one.script->written, "ac");
}

TEST_F(FanOutShell, who_leaves_while_it_waits_lets_others_in_the_line) {
  SubscribedQueue one = join_stuck();
  publish_each({"a", "b"});
  WriteOutcome write;
  one.out.async_write(write.from("w"), write.handler());
  run_ready(*context);
  one.subscription.leave();
  EXPECT_FALSE(write.has_come());
  one.release(*context);
  EXPECT_TRUE(write.was_admitted());
  EXPECT_EQ(one.script->written, "aw");
  EXPECT_EQ(one.out.statistics().reserved_items, 0U);
}

TEST_F(FanOutShell, who_leaves_with_room_granted_gives_it_back) {
  SubscribedQueue one = join_stuck();
  publish_each({"a", "b"});
  // The room is granted by the turn of the writer; the subscriber's comes behind it.
  one.script->complete({}, 1);
  context->restart();
  while (one.out.statistics().reserved_items == 0) {
    ASSERT_EQ(context->poll_one(), 1U);
  }
  one.subscription.leave();
  run_ready(*context);
  EXPECT_EQ(one.out.statistics().reserved_items, 0U);
  EXPECT_EQ(one.out.pending_items(), 0U);
  EXPECT_TRUE(try_send(one.out, "c"));
}

#if BYTES_HANDOFF_CHECKS
using FanOutDeath = FanOutShell;

TEST_F(FanOutDeath, a_call_of_a_log_that_was_moved_from_says_so) {
  FanOut from;
  const FanOut to = std::move(from);
  Bytes bytes = Bytes::copy_of("a");
  // NOLINTBEGIN(bugprone-use-after-move)
  EXPECT_DEATH(static_cast<void>(from.publish(bytes)), "FanOut that was moved from");
  EXPECT_DEATH(static_cast<void>(from.subscribe(WriteHandoff())), "FanOut that was moved from");
  EXPECT_DEATH(from.close(), "FanOut that was moved from");
  EXPECT_DEATH(static_cast<void>(from.is_open()), "FanOut that was moved from");
  // NOLINTEND(bugprone-use-after-move)
  EXPECT_TRUE(to.is_open());
}
#endif

TEST_F(FanOutShell, a_subscription_may_be_moved_and_outlive_everything) {
  Subscription moved;
  {
    SubscribedQueue one = join();
    moved = std::move(one.subscription);
    publish_each({"a"});
    EXPECT_EQ(one.script->written, "a");
    log = FanOut();
  }
  run_ready(*context);
  context.reset();
  EXPECT_FALSE(moved.is_active());
  EXPECT_EQ(moved.missed(), 0U);
  EXPECT_EQ(moved.conflated(), 0U);
}

// ---- Lag.

TEST_F(FanOutShell, a_stuck_subscriber_costs_the_others_nothing) {
  SubscribedQueue stuck = join_stuck();
  SubscribedQueue other = join();
  std::string all;
  for (int i = 0; i != 300; ++i) {
    const std::string each(1, static_cast<char>('a' + i % 26));
    all += each;
    publish_each({each});
  }
  EXPECT_EQ(other.script->written, all);
  EXPECT_EQ(other.subscription.missed(), 0U);
  stuck.release(*context);
  EXPECT_EQ(stuck.script->written, "a" + all.substr(200)) << "what the log has left";
  EXPECT_EQ(stuck.subscription.missed(), 199U);
}

TEST_F(FanOutShell, skips_and_conflates_among_what_the_queue_was_not_given) {
  SubscribedQueue skips = join_stuck({.skip_beyond = {.entries = 2}});
  SubscribedQueue conflates = join_stuck({.conflate = true});
  publish_each({"0"});
  for (const auto& [each, key] : {std::pair{"a", 1U}, {"b", 2U}, {"c", 1U}, {"d", 3U}}) {
    ASSERT_TRUE(publish(log, each, key));
    run_ready(*context);
  }
  skips.release(*context);
  conflates.release(*context);
  EXPECT_EQ(skips.script->written, "0cd");
  EXPECT_EQ(skips.subscription.missed(), 2U);
  EXPECT_EQ(conflates.script->written, "0bcd");
  EXPECT_EQ(conflates.subscription.conflated(), 1U);
}

TEST_F(FanOutShell, a_gap_is_told_before_the_entry_behind_it) {
  LagPolicy policy{.skip_beyond = {.entries = 1}};
  policy.gap_note = [](std::uint64_t missed) { return text("[" + std::to_string(missed) + "]"); };
  SubscribedQueue one = join_stuck(policy, 2);
  publish_each({"0", "1", "2", "3", "4"});
  one.release(*context);
  EXPECT_EQ(one.script->written, "01[2]4");
}

TEST_F(FanOutShell, what_can_never_fit_a_queue_is_missed_there) {
  SubscribedQueue small = join({}, limits(2, 4));
  SubscribedQueue large = join();
  publish_each({"12345", "a"});
  EXPECT_EQ(small.script->written, "a");
  EXPECT_EQ(small.subscription.missed(), 1U);
  EXPECT_EQ(large.script->written, "12345a");
}

TEST_F(FanOutShell, beyond_the_hard_limit_resets_at_once_with_slow_consumer) {
  SubscribedQueue one = join_stuck({.hard_limit = {.entries = 2}});
  SubscribedQueue other = join();
  publish_each({"0", "1", "2"});
  EXPECT_TRUE(one.out.is_open());
  publish_each({"3"});
  EXPECT_EQ(one.out.first_error(), Errc::slow_consumer);
  EXPECT_EQ(one.script->resets, 1U);
  EXPECT_FALSE(one.subscription.is_active());
  EXPECT_EQ(other.script->written, "0123");
  EXPECT_TRUE(other.out.is_open());
}

TEST_F(FanOutShell, beyond_the_soft_limit_for_too_long_writes_everything_then_resets) {
  SubscribedQueue one = join_stuck({.soft_limit = {.entries = 0}, .soft_for = 1ms});
  publish_each({"0", "1"});
  ASSERT_TRUE(run_until(*context, [&] { return !one.out.is_open(); })) << "nothing is published";
  EXPECT_FALSE(one.out.first_error()) << "what was admitted is written first";
  one.script->hold_from = kNever;
  one.take(*context, 1);
  ASSERT_TRUE(run_until(*context, [&] { return bool(one.out.first_error()); }));
  EXPECT_EQ(one.out.first_error(), Errc::slow_consumer);
  EXPECT_EQ(one.script->written, "0");
  EXPECT_EQ(one.script->resets, 1U);
  EXPECT_EQ(one.script->ends, 0U);
}

TEST_F(FanOutShell, a_stuck_subscriber_ends_as_a_slow_one_when_the_time_for_its_end_is_over) {
  WriteHandoffConfig config = limits(1, 1000);
  config.close_timeout = 0ns;
  SubscribedQueue one(*context, log, {.soft_limit = {.entries = 0}, .soft_for = 1ms}, config, true);
  publish_each({"0", "1"});
  ASSERT_TRUE(run_until(*context, [&] { return bool(one.out.first_error()); }));
  EXPECT_EQ(one.out.first_error(), Errc::slow_consumer);
}

TEST_F(FanOutShell, a_soft_limit_that_was_cleared_keeps_no_context_busy) {
  SubscribedQueue one = join_stuck({.soft_limit = {.entries = 0}, .soft_for = 1h});
  publish_each({"0", "1"});
  one.release(*context);
  EXPECT_EQ(one.script->written, "01");
  ASSERT_TRUE(run_out(*context));
  EXPECT_TRUE(one.out.is_open());
}

// ---- The queue's line.

TEST_F(FanOutShell, stands_in_the_line_of_the_queue) {
  SubscribedQueue one = join_stuck();
  publish_each({"0"});
  WriteOutcome before;
  one.out.async_write(before.from("w"), before.handler());
  publish_each({"1"});
  WriteOutcome behind;
  one.out.async_write(behind.from("x"), behind.handler());
  one.release(*context);
  EXPECT_EQ(one.script->written, "0w1x");
}

TEST_F(FanOutShell, waits_for_room_where_no_write_may_wait) {
  WriteHandoffConfig config = limits(2, 1000);
  config.max_waiters = 0;
  SubscribedQueue one(*context, log, {}, config, true);
  publish_each({"0", "1", "2", "3"});
  one.release(*context);
  EXPECT_EQ(one.script->written, "0123");
}

TEST_F(FanOutShell, is_told_when_permits_give_back_all_room_of_a_queue_with_a_full_line) {
  WriteHandoffConfig config = limits(2, 1000);
  config.max_waiters = 1;
  SubscribedQueue one(*context, log, {}, config);
  std::optional<WritePermit> first = one.out.try_reserve(1, 2).value();
  std::optional<WritePermit> second;
  one.out.async_reserve(1, 2,
                        [&](net_error_code, WritePermit permit) { second = std::move(permit); });
  ASSERT_TRUE(publish(log, "a"));
  run_ready(*context);
  EXPECT_EQ(one.script->written, "");
  first.reset();
  run_ready(*context);
  ASSERT_TRUE(second);
  EXPECT_EQ(one.script->written, "");
  second.reset();
  run_ready(*context);
  EXPECT_EQ(one.script->written, "a");
}

// ---- The log's end.

TEST_F(FanOutShell, a_close_gives_the_rest_and_then_closes_the_queues) {
  SubscribedQueue quick = join();
  SubscribedQueue slow = join_stuck();
  run_ready(*context);
  ASSERT_TRUE(publish(log, "a"));
  ASSERT_TRUE(publish(log, "b"));
  log.close();
  run_ready(*context);
  EXPECT_EQ(quick.script->written, "ab");
  EXPECT_EQ(quick.script->ends, 1U);
  EXPECT_TRUE(slow.out.is_open());
  slow.release(*context);
  EXPECT_EQ(slow.script->written, "ab");
  EXPECT_EQ(slow.script->ends, 1U);
  EXPECT_FALSE(slow.out.first_error());
  EXPECT_FALSE(slow.subscription.is_active());
}

TEST_F(FanOutShell, that_is_dropped_gives_the_rest_and_leaves_the_queues_open) {
  SubscribedQueue one = join();
  SubscribedQueue stuck = join_stuck();
  publish_each({"a"});
  ASSERT_TRUE(publish(log, "b"));
  log = FanOut();
  run_ready(*context);
  EXPECT_EQ(one.script->written, "ab");
  EXPECT_TRUE(one.out.is_open());
  EXPECT_FALSE(one.subscription.is_active());
  stuck.release(*context);
  EXPECT_EQ(stuck.script->written, "ab");
  EXPECT_TRUE(stuck.out.is_open());
}

TEST_F(FanOutShell, a_handler_may_publish_and_leave) {
  SubscribedQueue one = join();
  LagPolicy policy;
  SubscribedQueue* other = nullptr;
  policy.gap_note = [&](std::uint64_t) {
    other->subscription.leave();
    EXPECT_TRUE(publish(log, "z"));
    return text("!");
  };
  SubscribedQueue leaves(*context, log, policy, limits(2, 4));
  other = &leaves;
  publish_each({"12345", "a"});
  EXPECT_EQ(one.script->written, "12345az");
  EXPECT_EQ(leaves.script->written, "");
  EXPECT_FALSE(leaves.subscription.is_active());
}

// ---- Contexts.

TEST_F(FanOutShell, goes_on_when_a_context_of_its_subscribers_is_destroyed) {
  net::io_context other(1);
  SubscribedQueue stays(other, log);
  SubscribedQueue ends = join();
  SubscribedQueue waits = join_stuck({.soft_limit = {.entries = 0}, .soft_for = 1h});
  publish_each({"a", "b"});
  ASSERT_TRUE(publish(log, "c"));  // with a turn posted
  context.reset();
  EXPECT_FALSE(ends.subscription.is_active());
  EXPECT_FALSE(waits.subscription.is_active());
  ASSERT_TRUE(publish(log, "d"));
  run_ready(other);
  EXPECT_EQ(stays.script->written, "abcd");
  EXPECT_FALSE(log.subscribe(ends.out).is_active());
}

TEST_F(FanOutShell, a_context_may_be_destroyed_before_any_turn_and_before_the_log) {
  {
    SubscribedQueue one = join();
    ASSERT_TRUE(publish(log, "a"));
    context.reset();
    EXPECT_FALSE(one.subscription.is_active());
  }
  context = std::make_unique<net::io_context>(1);
  SubscribedQueue two = join();
  publish_each({"b"});
  EXPECT_EQ(two.script->written, "b");
}

TEST_F(FanOutShell, serves_streams_on_strands_and_type_erased_executors) {
  using Strand = net::strand<net::io_context::executor_type>;
  auto on_strand = std::make_shared<StreamScript>();
  auto on_any = std::make_shared<StreamScript>();
  WriteHandoff first(ScriptedStream<Strand>(net::make_strand(context->get_executor()), on_strand));
  WriteHandoff second(ScriptedStream<net::any_io_executor>(
      net::any_io_executor(net::make_strand(net::any_io_executor(context->get_executor()))),
      on_any));
  const Subscription of_first = log.subscribe(first);
  const Subscription of_second = log.subscribe(second);
  publish_each({"a", "b"});
  EXPECT_EQ(on_strand->written, "ab");
  EXPECT_EQ(on_any->written, "ab");
}

}  // namespace
}  // namespace bytes_handoff::test
