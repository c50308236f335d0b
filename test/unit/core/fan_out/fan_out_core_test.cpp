// A fan-out, step by step: publishing, serving, joining, leaving, the end.
#include "bytes_handoff/core/fan_out/fan_out_core.hpp"

#include "support/fan_out/fan_out_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using detail::FanOutEnd;
using testing::ElementsAre;
using testing::IsEmpty;

using FanOutCoreTest = FanOutTest;

TEST_F(FanOutCoreTest, gives_every_subscriber_what_is_published_after_it_joined) {
  FakeSubscriber& first = join();
  ASSERT_TRUE(publish("a"));
  FakeSubscriber& second = join();
  ASSERT_TRUE(publish("b"));
  run();
  EXPECT_THAT(first.received, ElementsAre("a", "b"));
  EXPECT_THAT(second.received, ElementsAre("b"));
  EXPECT_EQ(first.missed() + second.missed(), 0U);
}

TEST_F(FanOutCoreTest, gives_what_has_gathered_in_one_write) {
  FakeSubscriber& subscriber = join();
  run();
  for (const char* text : {"a", "b", "c"}) {
    ASSERT_TRUE(publish(text));
  }
  run();
  EXPECT_THAT(subscriber.received, ElementsAre("a", "b", "c"));
  EXPECT_EQ(subscriber.writes, 1U);
}

TEST_F(FanOutCoreTest, has_one_wake_up_under_way_for_each_lane) {
  FakeLane& one = make_lane();
  FakeLane& other = make_lane();
  join({}, 1000, 100, &one);
  join({}, 1000, 100, &one);
  join({}, 1000, 100, &other);
  run();
  const int before = one.wakes;
  for (int i = 0; i != 5; ++i) {
    ASSERT_TRUE(publish("a"));
  }
  EXPECT_EQ(one.wakes, before + 1);
  EXPECT_EQ(one.posted, 1);
  EXPECT_EQ(other.posted, 1);
  run();
  ASSERT_TRUE(publish("a"));
  EXPECT_EQ(one.posted, 1);
}

TEST_F(FanOutCoreTest, serves_a_bounded_number_in_one_turn) {
  for (int i = 0; i != 40; ++i) {
    join();
  }
  run();
  ASSERT_TRUE(publish("a"));
  int turns = 0;
  while (lane().posted != 0) {
    std::size_t served = 0;
    for (const auto& subscriber : subscribers) {
      served += subscriber->received.size();
    }
    EXPECT_LE(served, detail::FanOutLane::kServedATurn * static_cast<std::size_t>(turns));
    static_cast<void>(lane().run_turn(now));
    ++turns;
  }
  EXPECT_EQ(turns, 3);
}

TEST_F(FanOutCoreTest, a_publication_within_the_last_turn_is_given) {
  FakeSubscriber& subscriber = join();
  run();
  // As between the last look at the log and the end of the turn.
  class Publisher final : public detail::Subscriber {
   public:
    Publisher(detail::LanePointer lane, std::function<void()> act)
        : detail::Subscriber(std::move(lane), {}), act_(std::move(act)) {}
    detail::Served visit() noexcept override {
      std::exchange(act_, [] {})();
      return detail::Served::kCurrent;
    }
    void end_queue(FanOutEnd) noexcept override {}
    void release_room() noexcept override {}

   private:
    std::function<void()> act_;
  };
  auto* publisher = new Publisher(detail::LanePointer(&lane()), [&] {
    ASSERT_TRUE(publish("late"));
    EXPECT_EQ(lane().posted, 0) << "the turn that runs is to see it";
  });
  ASSERT_TRUE(core->join(*publisher, woken));
  detail::wake_all(woken);
  run();
  EXPECT_THAT(subscriber.received, ElementsAre("late"));
  publisher->drop_reference();
}

TEST_F(FanOutCoreTest, refuses_what_is_larger_than_the_log_and_leaves_the_bytes) {
  FakeSubscriber& subscriber = join({}, 10'000, 1000);
  EXPECT_FALSE(publish(std::string(1001, 'x')));
  EXPECT_EQ(refused, Errc::can_never_fit);
  EXPECT_EQ(kept[0].size(), 1001U);
  EXPECT_FALSE(publish_group(std::vector<std::string_view>(101, "x")));
  EXPECT_EQ(refused, Errc::can_never_fit);
  EXPECT_TRUE(publish(std::string(1000, 'x')));
  EXPECT_TRUE(publish_group(std::vector<std::string_view>{}));
  run();
  EXPECT_EQ(subscriber.received.size(), 1U);
}

/// Bytes whose owner has a handle on the log that holds them.
struct LastHandle : std::string {
  using std::string::string;
  std::shared_ptr<detail::FanOutCore> core;
};

TEST_F(FanOutCoreTest, a_publication_that_drops_the_last_handle_is_made_nevertheless) {
  LastHandle handle("x");
  handle.core = std::make_shared<detail::FanOutCore>(FanOutConfig{.max_entries = 100});
  detail::FanOutCore& log = *handle.core;
  const std::weak_ptr<detail::FanOutCore> watched = handle.core;
  Bytes first = Bytes::from_owner(std::move(handle));
  ASSERT_TRUE(log.publish({&first, 1}, {}, woken));
  std::vector<Bytes> rest(99);
  ASSERT_TRUE(log.publish(rest, {}, woken));
  std::vector<Bytes> more(80);  // what it drops is released in several steps
  EXPECT_TRUE(log.publish(more, {}, woken));
  EXPECT_TRUE(watched.expired());
}

TEST_F(FanOutCoreTest, gives_a_group_as_one_write_or_waits_with_all_of_it) {
  FakeSubscriber& subscriber = join({}, 1000, 3);
  ASSERT_TRUE(publish_group({"a", "b"}));
  ASSERT_TRUE(publish_group({"c", "d"}));
  run();
  EXPECT_THAT(subscriber.received, ElementsAre("a", "b"));
  subscriber.drain(*core);
  run();
  EXPECT_THAT(subscriber.received, ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(subscriber.received_groups, ElementsAre(2U, 2U));
}

TEST_F(FanOutCoreTest, a_group_of_more_slices_than_usual_is_given) {
  FakeSubscriber& subscriber = join();
  ASSERT_TRUE(publish("a"));
  ASSERT_TRUE(publish_group(std::vector<std::string_view>(90, "x")));
  run();
  EXPECT_EQ(subscriber.received.size(), 91U);
}

TEST_F(FanOutCoreTest, a_stuck_subscriber_holds_up_neither_publisher_nor_others) {
  FakeSubscriber& stuck = join({}, 1, 1);
  FakeSubscriber& other = join({}, 100'000, 10'000);
  for (int i = 0; i != 1000; ++i) {
    ASSERT_TRUE(publish("x"));
    run();
  }
  EXPECT_EQ(other.received.size(), 1000U);
  EXPECT_EQ(stuck.received.size(), 1U);
  EXPECT_EQ(stuck.missed(), 0U) << "it has not come to the gap";
  stuck.drain(*core);
  run();
  EXPECT_EQ(stuck.received.size(), 2U);
  EXPECT_EQ(stuck.missed(), 1000U - 1U - 100U);
}

TEST_F(FanOutCoreTest, chooses_the_next_entry_when_the_room_is_granted) {
  open({.max_bytes = 3, .max_entries = 3});
  FakeSubscriber& subscriber = join({}, 1, 1);
  for (const char* text : {"a", "b", "c", "d", "e"}) {
    ASSERT_TRUE(publish(text));
    run();
  }
  ASSERT_TRUE(subscriber.wanted.has_value());
  subscriber.drain(*core);
  ASSERT_TRUE(publish("f"));  // drops c, which was the next one
  run();
  EXPECT_THAT(subscriber.received, ElementsAre("a", "d"));
  EXPECT_EQ(subscriber.missed(), 2U);
}

TEST_F(FanOutCoreTest, gives_back_room_that_is_too_small_for_what_is_next) {
  open({.max_bytes = 10, .max_entries = 10});
  FakeSubscriber& subscriber = join({}, 8, 10);
  ASSERT_TRUE(publish("12345678"));
  ASSERT_TRUE(publish("a"));
  run();
  EXPECT_EQ(subscriber.wanted, std::make_pair(std::size_t{1}, std::size_t{1}));
  subscriber.drain(*core);
  ASSERT_TRUE(publish("1234567890"));  // drops it; can never fit
  ASSERT_TRUE(publish("87654321"));
  run();
  EXPECT_THAT(subscriber.received, ElementsAre("12345678", "87654321"));
  EXPECT_EQ(subscriber.missed(), 2U);
  EXPECT_FALSE(subscriber.holds_room());
}

TEST_F(FanOutCoreTest, what_can_never_fit_a_queue_is_missed_there) {
  FakeSubscriber& small = join({}, 4, 2);
  FakeSubscriber& large = join();
  ASSERT_TRUE(publish("a"));
  ASSERT_TRUE(publish("12345"));
  ASSERT_TRUE(publish_group({"1", "2", "3"}));
  ASSERT_TRUE(publish("b"));
  run();
  EXPECT_THAT(small.received, ElementsAre("a", "b"));
  EXPECT_EQ(small.missed(), 4U);
  EXPECT_EQ(large.received.size(), 6U);
}

TEST_F(FanOutCoreTest, who_cannot_be_told_of_room_is_asked_again_with_the_next_publication) {
  FakeSubscriber& subscriber = join({}, 1, 1);
  subscriber.tells_of_room = false;
  ASSERT_TRUE(publish("a"));
  ASSERT_TRUE(publish("b"));
  run();
  subscriber.drain(*core);
  run();
  EXPECT_THAT(subscriber.received, ElementsAre("a"));
  ASSERT_TRUE(publish("c"));
  run();
  EXPECT_THAT(subscriber.received, ElementsAre("a", "b"));
}

// ---- Leaving.

TEST_F(FanOutCoreTest, who_has_left_is_given_nothing_more) {
  FakeSubscriber& leaves = join();
  FakeSubscriber& stays = join();
  run();
  ASSERT_TRUE(publish("a"));
  leave(leaves);
  run();
  EXPECT_THAT(leaves.received, IsEmpty());
  EXPECT_TRUE(leaves.is_over());
  EXPECT_THAT(stays.received, ElementsAre("a"));
}

TEST_F(FanOutCoreTest, who_leaves_while_it_waits_stops_waiting) {
  FakeSubscriber& subscriber = join({}, 1, 1);
  ASSERT_TRUE(publish("a"));
  ASSERT_TRUE(publish("b"));
  run();
  ASSERT_TRUE(subscriber.wanted.has_value());
  leave(subscriber);
  run();
  EXPECT_FALSE(subscriber.wanted.has_value());
  EXPECT_TRUE(subscriber.is_over());
  EXPECT_FALSE(subscriber.end.has_value()) << "its queue goes on";
}

TEST_F(FanOutCoreTest, who_leaves_with_room_granted_gives_it_back) {
  FakeSubscriber& subscriber = join({.hard_limit = {.entries = 50}}, 1, 1);
  ASSERT_TRUE(publish("a"));
  ASSERT_TRUE(publish("b"));
  run();
  subscriber.drain(*core);
  EXPECT_TRUE(subscriber.holds_room());
  leave(subscriber);
  run();
  EXPECT_THAT(subscriber.received, ElementsAre("a"));
  EXPECT_TRUE(subscriber.is_over());
  EXPECT_FALSE(subscriber.holds_room());
}

TEST_F(FanOutCoreTest, a_lane_without_subscribers_is_forgotten) {
  FakeLane& only = lane();
  FakeSubscriber& subscriber = join();
  const auto is_it = [&](detail::FanOutLane& each) { return &each == &only; };
  run();
  EXPECT_TRUE(core->find_or_add(is_it, nullptr));
  leave(subscriber);
  run();
  EXPECT_FALSE(core->find_or_add(is_it, nullptr));
  join();
  EXPECT_FALSE(joined) << "a new lane is to be made";
  ASSERT_TRUE(publish("a"));
  EXPECT_EQ(only.posted, 0);
}

TEST_F(FanOutCoreTest, a_queue_that_was_closed_leaves_the_log_and_closes_nothing_else) {
  FakeSubscriber& closes = join();
  FakeSubscriber& waits = join({}, 1, 1);
  FakeSubscriber& stays = join();
  ASSERT_TRUE(publish("a"));
  ASSERT_TRUE(publish("b"));
  run();
  closes.close(*core);
  waits.close(*core);
  run();
  EXPECT_TRUE(waits.is_over()) << "at once, since it waits";
  ASSERT_TRUE(publish("c"));
  run();
  EXPECT_TRUE(closes.is_over());
  EXPECT_THAT(stays.received, ElementsAre("a", "b", "c"));
  EXPECT_FALSE(core->is_closed());
}

// ---- The end of the log.

TEST_F(FanOutCoreTest, a_close_gives_the_rest_and_then_closes_the_queues) {
  FakeSubscriber& quick = join();
  FakeSubscriber& slow = join({}, 1, 1);
  ASSERT_TRUE(publish("a"));
  ASSERT_TRUE(publish("b"));
  close();
  EXPECT_FALSE(publish("c"));
  EXPECT_EQ(refused, Errc::closed);
  EXPECT_EQ(kept[0].view(), "c");
  run();
  EXPECT_THAT(quick.received, ElementsAre("a", "b"));
  EXPECT_EQ(quick.end, FanOutEnd::kInOrder);
  EXPECT_THAT(slow.received, ElementsAre("a"));
  EXPECT_FALSE(slow.end.has_value());
  slow.drain(*core);
  run();
  EXPECT_THAT(slow.received, ElementsAre("a", "b"));
  EXPECT_EQ(slow.end, FanOutEnd::kInOrder);
  EXPECT_TRUE(slow.is_over());
  join();
  EXPECT_FALSE(joined);
}

TEST_F(FanOutCoreTest, a_close_reaches_who_was_given_everything_before) {
  FakeSubscriber& subscriber = join();
  ASSERT_TRUE(publish("a"));
  run();
  close();
  EXPECT_EQ(lane().posted, 1);
  run();
  EXPECT_EQ(subscriber.end, FanOutEnd::kInOrder);
}

TEST_F(FanOutCoreTest, without_publishers_the_rest_is_given_and_the_queues_stay_open) {
  FakeSubscriber& subscriber = join();
  ASSERT_TRUE(publish("a"));
  close(false);
  run();
  EXPECT_THAT(subscriber.received, ElementsAre("a"));
  EXPECT_FALSE(subscriber.end.has_value());
  EXPECT_TRUE(subscriber.is_over());
}

TEST_F(FanOutCoreTest, a_lane_whose_context_ends_lets_go_of_all_its_subscribers) {
  FakeLane& ends = make_lane();
  FakeLane& stays = make_lane();
  FakeSubscriber& current = join({}, 1000, 100, &ends);
  FakeSubscriber& waits = join({}, 1, 1, &ends);
  FakeSubscriber& other = join({}, 1000, 100, &stays);
  ASSERT_TRUE(publish("a"));
  ASSERT_TRUE(publish("b"));
  run();
  FakeSubscriber& arrives = join({}, 1000, 100, &ends);
  ends.end_all();
  EXPECT_TRUE(current.is_over() && waits.is_over() && arrives.is_over());
  waits.drain(*core);  // granted too late
  ASSERT_TRUE(publish("c"));
  while (stays.posted != 0) {
    static_cast<void>(stays.run_turn(now));
  }
  EXPECT_THAT(other.received, ElementsAre("a", "b", "c"));
  join({}, 1000, 100, &ends);
  EXPECT_FALSE(joined);
}

}  // namespace
}  // namespace bytes_handoff::test
