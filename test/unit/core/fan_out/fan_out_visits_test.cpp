// What meets a lane at bad times: a visit without an end, no memory, an answer that comes late.
#include "bytes_handoff/core/fan_out/lane.hpp"
#include "support/fan_out/fan_out_fixture.hpp"
#include "support/memory/allocation_counter.hpp"

namespace bytes_handoff::test {
namespace {

using detail::FanOutEnd;
using testing::ElementsAre;
using testing::IsEmpty;

using FanOutVisits = FanOutTest;

/// Loses the wake-up that is posted, as where there is no memory for it.
void lose_wake_up(FakeLane& lane) {
  --lane.posted;
  const auto lost = detail::LanePointer::adopt(&lane);
  lane.core().put_to_sleep(lane);
}

TEST_F(FanOutVisits, a_lane_that_could_not_be_woken_is_woken_by_what_comes_next) {
  FakeSubscriber& subscriber = join();
  run();
  ASSERT_TRUE(publish("a"));
  lose_wake_up(lane());
  run();
  EXPECT_THAT(subscriber.received, IsEmpty());
  ASSERT_TRUE(publish("b"));
  run();
  EXPECT_THAT(subscriber.received, ElementsAre("a", "b"));
}

TEST_F(FanOutVisits, a_lane_that_is_over_is_not_woken_again) {
  join();
  run();
  ASSERT_TRUE(publish("a"));
  lane().end_all();
  lose_wake_up(lane());
  const int before = lane().wakes;
  ASSERT_TRUE(publish("b"));
  EXPECT_EQ(lane().wakes, before);
}

TEST_F(FanOutVisits, end_behind_a_bounded_number_of_steps_and_go_on_in_another_one) {
  FakeSubscriber& subscriber = join({}, 1, 100);
  run();
  int calls = 0;  // two a visit
  subscriber.on_visit = [&] { ++calls; };
  for (int i = 0; i != 20; ++i) {
    ASSERT_TRUE(publish("never"));
  }
  ASSERT_TRUE(publish("x"));
  run();
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(subscriber.missed(), 20U);
  EXPECT_THAT(subscriber.received, ElementsAre("x"));
}

TEST_F(FanOutVisits, miss_a_group_that_there_is_no_memory_for) {
  FakeSubscriber& subscriber = join({}, 1000, 1000);
  run();
  ASSERT_TRUE(publish_group(std::vector<std::string_view>(80, "x")));
  {
    const FailingAllocations failing;
    static_cast<void>(lane().run_turn(now));
  }
  EXPECT_EQ(subscriber.missed(), 80U);
  run();
  ASSERT_TRUE(publish_group(std::vector<std::string_view>(80, "y")));
  run();
  EXPECT_EQ(subscriber.received, std::vector<std::string>(80, "y"));
}

TEST_F(FanOutVisits, give_nothing_to_a_subscriber_that_leaves_while_its_note_is_written) {
  FakeSubscriber* leaving = nullptr;
  FakeSubscriber& subscriber = join({.gap_note =
                                         [&](std::uint64_t) {
                                           leave(*leaving);
                                           return Bytes::copy_of("note");
                                         }},
                                    10);
  leaving = &subscriber;
  run();
  ASSERT_TRUE(publish("larger than the queue"));
  ASSERT_TRUE(publish("next"));
  run();
  EXPECT_THAT(subscriber.received, IsEmpty());
  EXPECT_TRUE(subscriber.is_over());
  EXPECT_FALSE(subscriber.end.has_value()) << "its queue stays as it is";
}

TEST_F(FanOutVisits, are_not_doubled_by_an_answer_that_nobody_waits_for) {
  FakeSubscriber& subscriber = join();
  run();
  int calls = 0;
  subscriber.on_visit = [&] { ++calls; };
  core->answer(subscriber, woken);
  detail::wake_all(woken);
  run();
  EXPECT_EQ(calls, 0) << "it has been given everything";
  ASSERT_TRUE(publish("a"));
  run();
  EXPECT_EQ(calls, 2);
  EXPECT_THAT(subscriber.received, ElementsAre("a"));
}

TEST_F(FanOutVisits, look_at_nobody_where_those_to_look_at_have_gone) {
  constexpr std::size_t kLooks = detail::FanOutLane::kLooksATurn;
  FakeSubscriber& current = join();
  const auto join_limited = [&](std::size_t entries) -> FakeSubscriber& {
    FakeSubscriber& subscriber = join({.hard_limit = {.entries = entries}}, 100, 1);
    EXPECT_EQ(subscriber.policy().hard_limit.entries, entries);
    return subscriber;
  };
  for (std::size_t i = 0; i != kLooks; ++i) {
    join_limited(1);
  }
  FakeSubscriber& last = join_limited(3);
  run();
  for (const char* text : {"0", "1"}) {
    ASSERT_TRUE(publish(text));
    run();
  }
  ASSERT_TRUE(publish("2"));
  bool has_left = false;
  current.on_visit = [&] {
    if (!std::exchange(has_left, true)) {
      leave(last);
    }
  };
  ASSERT_TRUE(lane().run_turn(now)) << "the last one is left to be looked at";
  EXPECT_EQ(subscribers[kLooks]->end, FanOutEnd::kHard);
  run();
  EXPECT_TRUE(last.is_over());
  EXPECT_FALSE(last.end.has_value());
  EXPECT_EQ(lane().next_look(), (TimePoint::max)());

  FakeSubscriber& next = join_limited(1);
  run();
  for (const char* text : {"3", "4", "5"}) {
    ASSERT_TRUE(publish(text));
    run();
  }
  EXPECT_EQ(next.end, FanOutEnd::kHard) << "the next one is looked at as ever";
  EXPECT_THAT(current.received, ElementsAre("0", "1", "2", "3", "4", "5"));
}

TEST_F(FanOutVisits, a_group_of_more_bytes_than_can_be_counted_is_refused) {
  static constexpr std::byte kByte{};  // is counted, and never read
  std::vector<Bytes> slices;
  for (const std::size_t size : {SIZE_MAX - 1, std::size_t{3}}) {
    slices.push_back(Bytes::borrow_static({&kByte, size}));
  }
  const auto published = core->publish(slices, {}, woken);
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error(), Errc::can_never_fit);
  EXPECT_EQ(slices[1].size(), 3U);
}

}  // namespace
}  // namespace bytes_handoff::test
