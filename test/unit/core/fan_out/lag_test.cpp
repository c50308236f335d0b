// What happens to a subscriber that lags, by policy.
#include "bytes_handoff/core/fan_out/lane.hpp"
#include "support/fan_out/fan_out_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using detail::FanOutEnd;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

class FanOutLag : public FanOutTest {
 protected:
  /// Joins with a queue of one item, and fills it.
  FakeSubscriber& join_full(LagPolicy policy) {
    FakeSubscriber& subscriber = join(std::move(policy), 100, 1);
    run();
    EXPECT_TRUE(publish("0"));
    run();
    return subscriber;
  }
  void publish_each(std::initializer_list<const char*> texts) {
    for (const char* text : texts) {
      ASSERT_TRUE(publish(text));
      run();
    }
  }
  void drain_all(FakeSubscriber& subscriber) {
    for (int left = 100; left != 0 && !subscriber.pending.empty(); --left) {
      subscriber.drain(*core);
      run();
    }
  }
};

TEST_F(FanOutLag, skips_ahead_to_within_its_limit) {
  FakeSubscriber& subscriber = join_full({.skip_beyond = {.entries = 2}});
  publish_each({"1", "2", "3", "4", "5"});
  drain_all(subscriber);
  EXPECT_THAT(subscriber.received, ElementsAre("0", "4", "5"));
  EXPECT_EQ(subscriber.missed(), 3U);
}

TEST_F(FanOutLag, skips_by_bytes_too_and_never_the_newest) {
  FakeSubscriber& subscriber = join_full({.skip_beyond = {.bytes = 3}});
  publish_each({"1", "22", "3333"});
  drain_all(subscriber);
  EXPECT_THAT(subscriber.received, ElementsAre("0", "3333"));
  EXPECT_EQ(subscriber.missed(), 2U);
}

TEST_F(FanOutLag, skips_whole_groups) {
  FakeSubscriber& subscriber = join({.skip_beyond = {.entries = 3}}, 100, 2);
  ASSERT_TRUE(publish_group({"a", "b"}));
  run();
  ASSERT_TRUE(publish_group({"c", "d"}));
  ASSERT_TRUE(publish_group({"e", "f"}));
  run();
  drain_all(subscriber);
  EXPECT_THAT(subscriber.received, ElementsAre("a", "b", "e", "f"));
  EXPECT_EQ(subscriber.missed(), 2U);
}

TEST_F(FanOutLag, skips_nothing_of_a_burst_that_finds_room) {
  FakeSubscriber& subscriber = join({.conflate = true, .skip_beyond = {.entries = 1}});
  for (const char* text : {"1", "2", "3"}) {
    ASSERT_TRUE(publish(text, 7));
  }
  run();
  EXPECT_THAT(subscriber.received, ElementsAre("1", "2", "3"));
}

TEST_F(FanOutLag, ends_when_everything_was_given) {
  FakeSubscriber& subscriber = join({.skip_beyond = {.entries = 1}}, 100, 3);
  publish_each({"1", "2", "3", "4"});
  ASSERT_TRUE(subscriber.wanted.has_value());
  drain_all(subscriber);
  ASSERT_THAT(subscriber.received, ElementsAre("1", "2", "3", "4"));
  for (const char* text : {"5", "6", "7"}) {
    ASSERT_TRUE(publish(text));
  }
  run();
  EXPECT_EQ(subscriber.received.size(), 7U) << "it lags no more, and skips nothing";
}

TEST_F(FanOutLag, skips_more_than_one_step_may) {
  FakeSubscriber& subscriber = join_full({.skip_beyond = {.entries = 1}});
  for (int i = 0; i != 99; ++i) {
    ASSERT_TRUE(publish("x"));
    run();
  }
  ASSERT_TRUE(publish("newest"));
  drain_all(subscriber);
  EXPECT_THAT(subscriber.received, ElementsAre("0", "newest"));
  EXPECT_EQ(subscriber.missed(), 99U);
}

TEST_F(FanOutLag, conflates_by_key) {
  FakeSubscriber& subscriber = join_full({.conflate = true});
  FakeSubscriber& plain = join();
  run();
  for (const auto& [text, key] : {std::pair{"a1", 1U}, {"b1", 2U}, {"a2", 1U}, {"a3", 1U}}) {
    ASSERT_TRUE(publish(text, key));
    run();
  }
  publish_each({"none"});
  drain_all(subscriber);
  EXPECT_THAT(subscriber.received, ElementsAre("0", "b1", "a3", "none"));
  EXPECT_EQ(subscriber.conflated(), 2U);
  EXPECT_EQ(subscriber.missed(), 0U);
  EXPECT_THAT(plain.received, ElementsAre("a1", "b1", "a2", "a3", "none"));
}

TEST_F(FanOutLag, takes_back_nothing_that_the_queue_was_given) {
  FakeSubscriber& subscriber = join({.conflate = true, .skip_beyond = {.entries = 1}}, 100, 2);
  ASSERT_TRUE(publish("a1", 1));
  run();
  ASSERT_TRUE(publish("a2", 1));
  run();
  ASSERT_TRUE(publish("a3", 1));
  ASSERT_TRUE(publish("a4", 1));
  run();
  drain_all(subscriber);
  EXPECT_THAT(subscriber.received, ElementsAre("a1", "a2", "a4"));
}

[[nodiscard]] LagPolicy with_note(LagPolicy policy = {}) {
  policy.gap_note = [](std::uint64_t missed) {
    return Bytes::copy_of("-" + std::to_string(missed));
  };
  return policy;
}

TEST_F(FanOutLag, a_gap_is_told_once_right_before_the_publication_behind_it) {
  FakeSubscriber& subscriber = join(with_note({.skip_beyond = {.entries = 1}}), 100, 2);
  ASSERT_TRUE(publish_group({"0", "0"}));
  run();
  publish_each({"1", "2", "3"});
  subscriber.drain(*core);
  run();
  EXPECT_THAT(subscriber.received, ElementsAre("0", "0", "-2", "3"));
  EXPECT_EQ(subscriber.received_groups.back(), 2U) << "in one write";
  publish_each({"4", "5"});
  drain_all(subscriber);
  EXPECT_THAT(subscriber.received, ElementsAre("0", "0", "-2", "3", "-1", "5"));
}

TEST_F(FanOutLag, a_gap_that_grows_before_there_is_room_is_told_as_one) {
  open({.max_bytes = 3, .max_entries = 3});
  FakeSubscriber& subscriber = join(with_note(), 4, 10);
  ASSERT_TRUE(publish("0"));
  ASSERT_TRUE(publish("1"));
  run();
  EXPECT_FALSE(subscriber.wanted.has_value());
  publish_each({"22", "333", "444"});
  publish_each({"555"});
  subscriber.drain(*core);
  run();
  EXPECT_THAT(subscriber.received, ElementsAre("0", "1", "22"));
  subscriber.drain(*core);
  run();
  EXPECT_EQ(subscriber.missed(), 2U);
  drain_all(subscriber);
  EXPECT_THAT(subscriber.received, ElementsAre("0", "1", "22", "-2", "555"));
}

TEST_F(FanOutLag, a_note_that_never_fits_with_the_publication_is_a_write_before_it) {
  FakeSubscriber& subscriber = join(with_note({.skip_beyond = {.entries = 1}}), 4, 1);
  publish_each({"0", "1", "2", "3", "4444"});
  drain_all(subscriber);
  EXPECT_THAT(subscriber.received, ElementsAre("0", "-3", "4444"));
  EXPECT_THAT(subscriber.received_groups, ElementsAre(1U, 1U, 1U));
  publish_each({"5", "6", "7"});
  drain_all(subscriber);
  EXPECT_THAT(subscriber.received, ElementsAre("0", "-3", "4444", "5", "-1", "7"))
      << "one gap is no reason to miss all that is behind it";
}

TEST_F(FanOutLag, a_note_goes_before_no_publication_that_can_never_fit) {
  FakeSubscriber& subscriber = join(with_note(), 4, 1);
  publish_each({"12345", "12345", "a"});
  drain_all(subscriber);
  EXPECT_THAT(subscriber.received, ElementsAre("-2", "a"));
  EXPECT_EQ(subscriber.missed(), 2U);
}

TEST_F(FanOutLag, what_is_behind_a_note_that_can_never_fit_is_missed) {
  LagPolicy policy;
  policy.gap_note = [](std::uint64_t missed) {
    return missed < 3 ? Bytes::copy_of("too long") : Bytes::copy_of("-");
  };
  FakeSubscriber& subscriber = join(policy, 4, 10);
  publish_each({"12345", "a", "b", "c"});
  EXPECT_THAT(subscriber.received, ElementsAre("-", "c"));
  EXPECT_EQ(subscriber.missed(), 3U);
}

TEST_F(FanOutLag, a_gap_of_who_need_not_wait_is_told_too) {
  FakeSubscriber& subscriber = join(with_note(), 4, 10);
  publish_each({"12345", "a", "b"});
  EXPECT_THAT(subscriber.received, ElementsAre("-1", "a", "b"));
}

TEST_F(FanOutLag, an_empty_note_is_left_out) {
  LagPolicy policy;
  policy.gap_note = [](std::uint64_t) { return Bytes(); };
  FakeSubscriber& subscriber = join(policy, 4, 10);
  publish_each({"12345", "a"});
  EXPECT_THAT(subscriber.received, ElementsAre("a"));
  EXPECT_EQ(subscriber.missed(), 1U);
}

// ---- Limits.

TEST_F(FanOutLag, beyond_the_hard_limit_ends_the_queue_at_once) {
  FakeSubscriber& subscriber = join_full({.hard_limit = {.entries = 2}});
  publish_each({"1", "2"});
  EXPECT_FALSE(subscriber.end.has_value());
  publish_each({"3"});
  EXPECT_EQ(subscriber.end, FanOutEnd::kHard);
  EXPECT_TRUE(subscriber.is_over());
}

TEST_F(FanOutLag, beyond_the_hard_limit_in_bytes_ends_the_queue_too) {
  FakeSubscriber& subscriber = join_full({.hard_limit = {.bytes = 4}});
  publish_each({"1234"});
  EXPECT_FALSE(subscriber.end.has_value());
  publish_each({"5"});
  EXPECT_EQ(subscriber.end, FanOutEnd::kHard);
}

TEST_F(FanOutLag, counts_what_the_log_has_dropped) {
  open({.max_bytes = 2, .max_entries = 2});
  FakeSubscriber& subscriber = join_full({.hard_limit = {.entries = 3}});
  publish_each({"1", "2", "3"});
  EXPECT_FALSE(subscriber.end.has_value());
  publish_each({"4"});
  EXPECT_EQ(subscriber.end, FanOutEnd::kHard);
}

TEST_F(FanOutLag, beyond_the_soft_limit_for_its_time_ends_the_queue_without_more_traffic) {
  FakeSubscriber& subscriber = join_full({.soft_limit = {.entries = 1}, .soft_for = 10s});
  publish_each({"1"});
  EXPECT_EQ(lane().next_look(), TimePoint::max());
  publish_each({"2"});
  EXPECT_EQ(lane().next_look(), now + 10s);
  now += 9s;
  publish_each({"3"});
  EXPECT_EQ(lane().next_look(), now + 1s) << "since it was first beyond";
  EXPECT_FALSE(subscriber.end.has_value());
  now += 1s;
  core->call(lane(), woken);
  detail::wake_all(woken);
  run();
  EXPECT_EQ(subscriber.end, FanOutEnd::kSoft);
  EXPECT_TRUE(subscriber.is_over());
  EXPECT_EQ(lane().next_look(), TimePoint::max());
}

TEST_F(FanOutLag, a_soft_limit_is_cleared_by_draining) {
  FakeSubscriber& subscriber = join_full({.soft_limit = {.entries = 1}, .soft_for = 10s});
  publish_each({"1", "2"});
  now += 9s;
  subscriber.drain(*core);
  run();
  EXPECT_TRUE(subscriber.wanted.has_value()) << "one is left, which is within the limit";
  now += 5s;
  publish_each({"3"});
  EXPECT_FALSE(subscriber.end.has_value());
  EXPECT_EQ(lane().next_look(), now + 10s) << "it begins anew";
  drain_all(subscriber);
  now += 20s;
  publish_each({"4"});
  EXPECT_FALSE(subscriber.end.has_value());
  EXPECT_THAT(subscriber.received, ElementsAre("0", "1", "2", "3", "4"));
}

TEST_F(FanOutLag, draining_that_stays_beyond_the_soft_limit_does_not_clear_it) {
  FakeSubscriber& subscriber = join_full({.soft_limit = {.entries = 1}, .soft_for = 10s});
  publish_each({"1", "2", "3", "4", "5"});
  now += 9s;
  subscriber.drain(*core);
  run();
  now += 1s;
  publish_each({"6"});
  EXPECT_EQ(subscriber.end, FanOutEnd::kSoft);
}

TEST_F(FanOutLag, many_with_limits_are_looked_at_in_several_turns) {
  for (std::size_t i = 0; i != 3 * detail::FanOutLane::kLooksATurn; ++i) {
    join({.soft_limit = {.entries = 0}, .soft_for = 10s}, 1, 1);
  }
  publish_each({"0", "1"});
  now += 10s;
  core->call(lane(), woken);
  detail::wake_all(woken);
  run();
  for (const auto& subscriber : subscribers) {
    ASSERT_EQ(subscriber->end, FanOutEnd::kSoft);
  }
}

TEST_F(FanOutLag, of_one_costs_the_others_nothing) {
  FakeSubscriber& slow = join_full({.hard_limit = {.entries = 1}});
  FakeSubscriber& other = join();
  run();
  publish_each({"1", "2", "3"});
  EXPECT_EQ(slow.end, FanOutEnd::kHard);
  EXPECT_THAT(other.received, ElementsAre("1", "2", "3"));
  EXPECT_FALSE(other.end.has_value());
}

}  // namespace
}  // namespace bytes_handoff::test
