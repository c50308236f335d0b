// Who waits until a subscriber has been given all that was published before.
#include "bytes_handoff/core/fan_out/fan_out_core.hpp"
#include "support/fan_out/fan_out_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using CaughtUpOutcome = detail::CaughtUpWaiter::Outcome;

struct CaughtUpProbe final : detail::CaughtUpWaiter {
  void resume(const void* context) noexcept override {
    ++resumed;
    destroyed_context = context;
  }
  int resumed = 0;
  const void* destroyed_context = nullptr;
};

class FanOutCaughtUp : public FanOutTest {
 protected:
  [[nodiscard]] bool wait(FakeSubscriber& subscriber, CaughtUpProbe& probe) {
    const bool is_over = core->wait_caught_up(subscriber, probe, woken);
    detail::wake_all(woken);
    return is_over;
  }
};

TEST_F(FanOutCaughtUp, comes_with_what_was_published_before) {
  FakeSubscriber& subscriber = join();
  run();
  ASSERT_TRUE(publish("a"));
  CaughtUpProbe probe;
  ASSERT_FALSE(wait(subscriber, probe));
  EXPECT_EQ(probe.resumed, 0);
  run();
  EXPECT_EQ(probe.resumed, 1);
  EXPECT_EQ(probe.outcome, CaughtUpOutcome::kCaughtUp);
  EXPECT_EQ(subscriber.received.size(), 1U);
}

TEST_F(FanOutCaughtUp, comes_where_nothing_is_left_to_give) {
  FakeSubscriber& subscriber = join();
  run();
  CaughtUpProbe probe;
  ASSERT_FALSE(wait(subscriber, probe));
  run();
  EXPECT_EQ(probe.resumed, 1);
  EXPECT_EQ(probe.outcome, CaughtUpOutcome::kCaughtUp);
}

TEST_F(FanOutCaughtUp, does_not_wait_for_what_is_published_behind_it) {
  FakeSubscriber& subscriber = join({}, 1000, 1);
  run();
  ASSERT_TRUE(publish("a"));
  CaughtUpProbe first;
  ASSERT_FALSE(wait(subscriber, first));
  ASSERT_TRUE(publish("b"));
  CaughtUpProbe second;
  ASSERT_FALSE(wait(subscriber, second));
  run();
  EXPECT_EQ(first.resumed, 1);
  EXPECT_EQ(second.resumed, 0) << "the queue has no room for `b`";
  // The mail of one who waits is not the answer of the queue: the subscriber keeps its place there.
  ASSERT_TRUE(subscriber.wanted.has_value());
  CaughtUpProbe third;
  subscriber.on_visit = [] { ADD_FAILURE() << "visited, though its queue has not answered"; };
  ASSERT_FALSE(wait(subscriber, third));
  run();
  subscriber.on_visit = nullptr;
  EXPECT_TRUE(subscriber.wanted.has_value());
  subscriber.drain(*core);
  run();
  EXPECT_EQ(second.resumed, 1);
  EXPECT_EQ(third.resumed, 1);
  EXPECT_EQ(third.outcome, CaughtUpOutcome::kCaughtUp);
}

TEST_F(FanOutCaughtUp, what_was_missed_counts_as_given) {
  open({.max_bytes = 2, .max_entries = 2});
  FakeSubscriber& subscriber = join();
  run();
  ASSERT_TRUE(publish("a"));
  CaughtUpProbe probe;
  ASSERT_FALSE(wait(subscriber, probe));
  ASSERT_TRUE(publish("b") && publish("c"));
  run();
  EXPECT_EQ(subscriber.missed(), 1U);
  EXPECT_EQ(probe.outcome, CaughtUpOutcome::kCaughtUp);
  EXPECT_EQ(probe.resumed, 1);
}

TEST_F(FanOutCaughtUp, is_told_when_the_subscriber_leaves) {
  FakeSubscriber& subscriber = join({}, 1000, 1);
  ASSERT_TRUE(publish("a") && publish("b"));
  CaughtUpProbe probe;
  ASSERT_FALSE(wait(subscriber, probe));
  run();
  ASSERT_EQ(probe.resumed, 0);
  leave(subscriber);
  run();
  EXPECT_EQ(probe.resumed, 1);
  EXPECT_EQ(probe.outcome, CaughtUpOutcome::kLeft);
}

TEST_F(FanOutCaughtUp, is_told_when_the_subscriber_lags_beyond_its_limit) {
  FakeSubscriber& subscriber = join({.hard_limit = {.entries = 1}}, 1000, 1);
  ASSERT_TRUE(publish("a") && publish("b"));
  CaughtUpProbe probe;
  ASSERT_FALSE(wait(subscriber, probe));
  run();
  ASSERT_EQ(probe.resumed, 0);
  ASSERT_TRUE(publish("c"));
  run();
  EXPECT_TRUE(subscriber.is_over());
  EXPECT_EQ(probe.resumed, 1);
  EXPECT_EQ(probe.outcome, CaughtUpOutcome::kLeft);
}

TEST_F(FanOutCaughtUp, is_told_when_the_queue_is_found_closed) {
  FakeSubscriber& subscriber = join();
  run();
  subscriber.is_closed = true;
  ASSERT_TRUE(publish("a"));
  CaughtUpProbe probe;
  ASSERT_FALSE(wait(subscriber, probe));
  run();
  EXPECT_TRUE(subscriber.is_over());
  EXPECT_EQ(probe.resumed, 1);
  EXPECT_EQ(probe.outcome, CaughtUpOutcome::kLeft);
}

TEST_F(FanOutCaughtUp, who_has_left_is_told_at_once) {
  FakeSubscriber& subscriber = join();
  FakeSubscriber& ended = join();
  FakeSubscriber& last = join();
  run();
  const auto expect_told = [&](FakeSubscriber& of, const char* when) {
    CaughtUpProbe probe;
    EXPECT_TRUE(wait(of, probe)) << when;
    EXPECT_EQ(probe.outcome, CaughtUpOutcome::kLeft);
    EXPECT_EQ(probe.resumed, 0);
  };
  leave(subscriber);
  expect_told(subscriber, "it was given all, and its lane has not run");
  run();
  expect_told(subscriber, "its lane lives");
  ended.close(*core);
  ASSERT_TRUE(publish("a"));
  run();
  ASSERT_TRUE(ended.is_over());
  expect_told(ended, "its queue has ended");
  leave(last);
  run();
  expect_told(last, "the lane has gone");
}

TEST_F(FanOutCaughtUp, a_lane_that_is_retired_tells_who_comes_late) {
  FakeSubscriber& subscriber = join();
  run();
  lane().end_all();
  CaughtUpProbe probe;
  EXPECT_TRUE(wait(subscriber, probe));
}

TEST_F(FanOutCaughtUp, comes_with_the_rest_of_a_closed_log) {
  FakeSubscriber& subscriber = join();
  run();
  ASSERT_TRUE(publish("a"));
  close();
  CaughtUpProbe probe;
  ASSERT_FALSE(wait(subscriber, probe));
  run();
  EXPECT_TRUE(subscriber.is_over());
  EXPECT_EQ(probe.resumed, 1);
  EXPECT_EQ(probe.outcome, CaughtUpOutcome::kCaughtUp);
}

TEST_F(FanOutCaughtUp, can_be_cancelled) {
  FakeSubscriber& subscriber = join({}, 1000, 1);
  ASSERT_TRUE(publish("a") && publish("b"));
  CaughtUpProbe stays;
  CaughtUpProbe goes;
  ASSERT_FALSE(wait(subscriber, stays));
  ASSERT_FALSE(wait(subscriber, goes));
  run();
  core->cancel_wait(subscriber, goes);
  EXPECT_EQ(goes.resumed, 1);
  EXPECT_EQ(goes.outcome, CaughtUpOutcome::kCancelled);
  core->cancel_wait(subscriber, goes);
  EXPECT_EQ(goes.resumed, 1) << "it has its result";
  subscriber.drain(*core);
  run();
  EXPECT_EQ(stays.resumed, 1);
  EXPECT_EQ(goes.resumed, 1);
}

TEST_F(FanOutCaughtUp, ends_with_the_context) {
  FakeSubscriber& listed = join({}, 1000, 1);
  ASSERT_TRUE(publish("a") && publish("b"));
  run();
  FakeSubscriber& in_mail = join();
  CaughtUpProbe of_listed;
  CaughtUpProbe of_mail;
  ASSERT_FALSE(wait(listed, of_listed));
  ASSERT_TRUE(publish("c"));
  ASSERT_FALSE(wait(in_mail, of_mail));
  const int context = 0;
  lane().end_all(&context);
  for (const CaughtUpProbe* probe : {&of_listed, &of_mail}) {
    EXPECT_EQ(probe->resumed, 1);
    EXPECT_EQ(probe->outcome, CaughtUpOutcome::kLeft);
    EXPECT_EQ(probe->destroyed_context, &context);
  }
}

}  // namespace
}  // namespace bytes_handoff::test
