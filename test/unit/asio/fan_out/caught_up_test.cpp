// A publisher that waits until a subscriber has been given everything.
#include <memory>
#include <string>

#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/fan_out.hpp"
#include "support/fan_out/subscribed_queue.hpp"
#include "support/queue/probes.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

class FanOutPacing : public testing::Test {
 protected:
  std::unique_ptr<net::io_context> context = std::make_unique<net::io_context>(1);
  FanOut log;
  Outcome<net_error_code> outcome;
};

/// `lines` lines of six bytes, in one block.
Bytes lines_of(int lines) {
  BytesMut all = BytesMut::with_capacity(static_cast<std::size_t>(lines) * 6);
  for (int i = 0; i != lines; ++i) {
    std::string line = std::to_string(10'000 + i) + '\n';
    all.extend(line);
  }
  return std::move(all).freeze();
}

TEST_F(FanOutPacing, an_idle_subscriber_misses_nothing_of_one_read) {
  SubscribedQueue one(*context, log);
  SubscribedQueue other(*context, log);
  run_ready(*context);
  constexpr int kLines = 65'536 / 6;
  const Bytes all = lines_of(kLines);
  Bytes rest = all;
  while (!rest.empty()) {  // no handler runs between
    Bytes line = *rest.split_to(6);
    ASSERT_TRUE(log.publish(line));
  }
  run_ready(*context);
  for (const SubscribedQueue* each : {&one, &other}) {
    EXPECT_EQ(each->subscription.missed(), 0U);
    EXPECT_TRUE(each->script->written == all.view());
  }
}

TEST_F(FanOutPacing, waits_until_the_queue_was_given_all_that_was_published) {
  SubscribedQueue one(*context, log, {}, limits(2, 1000), true);
  for (const char* each : {"a", "b", "c", "d"}) {
    ASSERT_TRUE(publish(log, each));
  }
  one.subscription.async_caught_up(outcome.handler());
  run_ready(*context);
  EXPECT_FALSE(outcome.has_come()) << "two of four are in the queue";
  one.take(*context, 2);
  ASSERT_TRUE(outcome.has_come());
  EXPECT_FALSE(outcome.get());
  Outcome<net_error_code> flushed;
  one.out.async_flush(flushed.handler());
  run_ready(*context);
  EXPECT_FALSE(flushed.has_come());
  one.release(*context);
  ASSERT_TRUE(flushed.has_come());
  EXPECT_EQ(one.script->written, "abcd");
}

TEST_F(FanOutPacing, is_closed_for_who_leaves) {
  SubscribedQueue one(*context, log, {}, limits(1, 1000), true);
  ASSERT_TRUE(publish(log, "a") && publish(log, "b"));
  one.subscription.async_caught_up(outcome.handler());
  run_ready(*context);
  EXPECT_FALSE(outcome.has_come());
  one.subscription = Subscription();
  EXPECT_FALSE(one.subscription.valid());
  run_ready(*context);
  EXPECT_EQ(outcome.get(), Errc::closed);
}

TEST_F(FanOutPacing, is_closed_for_a_queue_that_has_ended) {
  SubscribedQueue one(*context, log, {}, limits(1, 1000), true);
  ASSERT_TRUE(publish(log, "a") && publish(log, "b"));
  one.subscription.async_caught_up(outcome.handler());
  run_ready(*context);
  one.out.abort();
  run_ready(*context);
  EXPECT_EQ(outcome.get(), Errc::closed);
  Outcome<net_error_code> late;
  one.subscription.async_caught_up(late.handler());
  run_ready(*context);
  EXPECT_EQ(late.get(), Errc::closed);
}

TEST_F(FanOutPacing, is_closed_for_who_never_joined) {
  SubscribedQueue one(*context, log);
  one.out.close();
  run_ready(*context);
  const Subscription never = log.subscribe(one.out);
  EXPECT_FALSE(never.is_active());
  ASSERT_TRUE(never.valid());
  EXPECT_EQ(never.get_executor(), context->get_executor());
  net::cancellation_signal signal;
  never.async_caught_up(net::bind_cancellation_slot(signal.slot(), outcome.handler()));
  EXPECT_FALSE(outcome.has_come()) << "not within the call";
  signal.emit(net::cancellation_type::all);
  run_ready(*context);
  EXPECT_EQ(outcome.get(), Errc::closed);
}

TEST_F(FanOutPacing, can_be_cancelled) {
  SubscribedQueue one(*context, log, {}, limits(1, 1000), true);
  ASSERT_TRUE(publish(log, "a") && publish(log, "b"));
  net::cancellation_signal signal;
  one.subscription.async_caught_up(net::bind_cancellation_slot(signal.slot(), outcome.handler()));
  run_ready(*context);
  signal.emit(net::cancellation_type::all);
  run_ready(*context);
  EXPECT_EQ(outcome.get(), net::error::operation_aborted);
  EXPECT_TRUE(one.subscription.is_active());
  one.release(*context);
  EXPECT_EQ(one.script->written, "ab");
}

TEST_F(FanOutPacing, calls_no_handler_of_a_context_that_is_destroyed) {
  net::io_context elsewhere;
  SubscribedQueue one(*context, log, {}, limits(1, 1000), true);
  ASSERT_TRUE(publish(log, "a") && publish(log, "b"));
  auto held = std::make_shared<int>();
  one.subscription.async_caught_up(
      [held, handler = outcome.handler()](net_error_code error) { handler(error); });
  Outcome<net_error_code> of_other;
  one.subscription.async_caught_up(
      net::bind_executor(elsewhere.get_executor(), of_other.handler()));
  run_ready(*context);
  EXPECT_EQ(held.use_count(), 2);
  context.reset();
  EXPECT_EQ(held.use_count(), 1) << "it was destroyed";
  EXPECT_FALSE(outcome.has_come());
  elsewhere.run();
  EXPECT_EQ(of_other.get(), Errc::closed);
}

}  // namespace
}  // namespace bytes_handoff::test
