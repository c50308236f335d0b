#include "bytes_handoff/testing/manual_clock.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/fan_out.hpp"
#include "bytes_handoff/framers.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/linger.hpp"
#include "bytes_handoff/relay.hpp"
#include "bytes_handoff/service/accept_each.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/tunnel.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {
namespace {

using namespace std::chrono_literals;

using ManualDuplex = BasicDuplexStream<ManualExecutor>;
using ManualSocket = net::basic_stream_socket<net::ip::tcp, ManualExecutor>;

static_assert(net::execution::is_executor<ManualExecutor>::value);
static_assert(std::is_same_v<decltype(net::require(std::declval<const ManualExecutor&>(),
                                                   net::execution::blocking.never)),
                             ManualExecutor>);

/// A timer of the library's on the executor, and what it has told.
template <class Executor>
struct Alarm {
  explicit Alarm(const Executor& executor) : timer(executor) {}

  void wait_until(ManualClock::time_point time) {
    timer.expires_at(time);
    timer.async_wait([this](const net_error_code& error) { told.push_back(error); });
  }

  typename detail::TimeOf<Executor>::Timer timer;
  std::vector<net_error_code> told;
};

class ManualClockTest : public testing::Test {
 protected:
  using Told = std::vector<net_error_code>;

  net::io_context context{1};
  ManualClock clock;
  const ManualExecutor executor = clock.executor(context);
};

TEST_F(ManualClockTest, stands_still_and_completes_what_is_due_with_an_advance) {
  const auto begin = clock.now();
  Alarm early(executor);
  Alarm late(executor);
  late.wait_until(begin + 2h);
  early.wait_until(begin + 1h);
  EXPECT_EQ(clock.next_wait(), 1h);
  clock.advance(1h - 1ns);
  run_ready(context);
  EXPECT_EQ(early.told, Told());
  EXPECT_EQ(clock.next_wait(), 1ns);
  clock.advance(1ns);
  EXPECT_EQ(early.told, Told()) << "called inside of advance";
  run_ready(context);
  EXPECT_EQ(early.told, Told(1));
  EXPECT_EQ(late.told, Told());
  EXPECT_EQ(clock.now(), begin + 1h);
  clock.advance(5h);
  run_ready(context);
  EXPECT_EQ(late.told, Told(1));
  EXPECT_EQ(clock.now(), begin + 6h);
  EXPECT_EQ(clock.next_wait(), std::nullopt);
}

TEST_F(ManualClockTest, completes_the_earliest_first) {
  std::string order;
  std::vector<std::unique_ptr<detail::ManualTimer<ManualExecutor>>> timers;
  for (const char name : std::string("cab")) {
    timers.push_back(
        std::make_unique<detail::ManualTimer<ManualExecutor>>(executor, executor.time()));
    timers.back()->expires_at(clock.now() + std::chrono::seconds(name));
    timers.back()->async_wait([&order, name](const net_error_code&) { order += name; });
  }
  clock.advance(1000s);
  run_ready(context);
  EXPECT_EQ(order, "abc");
}

TEST_F(ManualClockTest, does_not_go_back_or_beyond_the_end_of_time) {
  EXPECT_THROW(clock.advance(-1ns), std::invalid_argument);
  clock.advance(ManualClock::duration::max());
  EXPECT_EQ(clock.now(), ManualClock::time_point::max());
}

TEST_F(ManualClockTest, a_wait_for_what_is_past_completes_without_an_advance) {
  Alarm alarm(executor);
  alarm.wait_until(clock.now());
  EXPECT_EQ(alarm.told, Told()) << "called inside of the wait";
  EXPECT_TRUE(run_out(context));
  EXPECT_EQ(alarm.told, Told(1));
}

TEST_F(ManualClockTest, a_wait_that_is_set_again_cancelled_or_destroyed_is_aborted) {
  Alarm again(executor);
  again.wait_until(clock.now() + 1s);
  again.wait_until(clock.now() + 2s);
  run_ready(context);
  EXPECT_EQ(again.told, Told{net::error::operation_aborted});
  again.timer.cancel();
  Told told;
  {
    Alarm gone(executor);
    gone.timer.expires_at(clock.now() + 1s);
    gone.timer.async_wait([&](const net_error_code& error) { told.push_back(error); });
  }
  EXPECT_EQ(clock.next_wait(), std::nullopt);
  EXPECT_TRUE(run_out(context));
  EXPECT_EQ(again.told, Told(2, net::error::operation_aborted));
  EXPECT_EQ(told, Told{net::error::operation_aborted});
}

TEST_F(ManualClockTest, a_wait_is_cancelled_by_its_slot) {
  net::cancellation_signal cancel;
  Told told;
  Alarm alarm(executor);
  alarm.timer.expires_at(clock.now() + 1s);
  alarm.timer.async_wait(net::bind_cancellation_slot(
      cancel.slot(), [&](const net_error_code& error) { told.push_back(error); }));
  cancel.emit(net::cancellation_type::total);
  EXPECT_TRUE(run_out(context));
  EXPECT_EQ(told, Told{net::error::operation_aborted});
}

TEST_F(ManualClockTest, a_wait_keeps_the_context_busy) {
  Alarm alarm(executor);
  alarm.wait_until(clock.now() + 1s);
  std::thread other([this] { clock.advance(1s); });
  EXPECT_TRUE(run_out(context));
  other.join();
  EXPECT_EQ(alarm.told, Told(1));
}

TEST_F(ManualClockTest, a_wait_goes_with_its_context) {
  auto going = std::make_unique<net::io_context>(1);
  const auto kept = std::make_shared<int>();
  auto timer = std::make_unique<detail::EitherTimer<ManualExecutor>>(clock.executor(*going));
  timer->expires_at(clock.now() + 1s);
  timer->async_wait([kept](const net_error_code&) { ADD_FAILURE(); });
  EXPECT_EQ(kept.use_count(), 2);
  going.reset();
  EXPECT_EQ(kept.use_count(), 1);
  EXPECT_EQ(clock.next_wait(), std::nullopt);
  timer.reset();
  clock.advance(2s);
  going = std::make_unique<net::io_context>(1);
  Alarm alarm(clock.executor(*going));  // perhaps where the other one was
  alarm.wait_until(clock.now() + 1s);
  clock.advance(1s);
  run_ready(*going);
  EXPECT_EQ(alarm.told, Told(1));
}

TEST_F(ManualClockTest, a_handler_elsewhere_is_told_that_the_context_has_gone) {
  auto going = std::make_unique<net::io_context>(1);
  Told told;
  detail::EitherTimer<ManualExecutor> timer(clock.executor(*going));
  timer.expires_at(clock.now() + 1s);
  timer.async_wait(
      net::bind_executor(context, [&](const net_error_code& error) { told.push_back(error); }));
  going.reset();
  EXPECT_TRUE(run_out(context));
  EXPECT_EQ(told, Told{net::error::operation_aborted});
}

TEST_F(ManualClockTest, is_seen_through_erasure_and_around_strands) {
  const auto is_manual = [this](const auto& on) {
    using On = std::remove_cvref_t<decltype(on)>;
    Alarm<On> alarm(on);
    alarm.wait_until(clock.now() + 1h);
    const bool is_armed = clock.next_wait() == 1h;
    alarm.timer.cancel();
    run_ready(context);
    return is_armed && detail::TimeOf<On>::now(on) == clock.now();
  };
  clock.advance(24h);
  EXPECT_TRUE(is_manual(executor));
  EXPECT_TRUE(is_manual(net::any_io_executor(executor)));
  EXPECT_TRUE(is_manual(clock.executor(net::make_strand(context))));
  EXPECT_FALSE(is_manual(net::any_io_executor(context.get_executor())));
  EXPECT_FALSE(is_manual(context.get_executor()));
}

TEST_F(ManualClockTest, has_one_time_for_several_contexts) {
  net::io_context second(1);
  Alarm one(executor);
  Alarm other(clock.executor(second));
  one.wait_until(clock.now() + 1s);
  other.wait_until(clock.now() + 2s);
  EXPECT_EQ(clock.next_wait(), 1s);
  clock.advance(2s);
  run_ready(context);
  run_ready(second);
  EXPECT_EQ(one.told, Told(1));
  EXPECT_EQ(other.told, Told(1));
}

// ---- Every time limit of the library.

class ManualLimits : public ManualClockTest {
 protected:
  ManualLimits() {
    auto [a, b] = make_duplex(executor, 16);
    near.emplace(std::move(a));
    far.emplace(std::move(b));
  }

  // What is armed completes just in time, and not before.
  template <class IsOver>
  void expect_over_after(ManualClock::duration time, IsOver is_over) {
    run_ready(context);
    const auto begin = clock.now();
    while (!is_over()) {
      const auto next = clock.next_wait();
      ASSERT_TRUE(next) << "nothing is armed";
      clock.advance(*next);
      run_ready(context);
    }
    EXPECT_EQ(clock.now() - begin, time);
  }

  std::optional<ManualDuplex> near;
  std::optional<ManualDuplex> far;
};

/// A queue on an erased stream, as most programs have it.
TEST_F(ManualLimits, of_a_queue_that_is_closing) {
  WriteHandoff out(DuplexStream(std::move(*near)), {.close_timeout = 10min, .close_limit = 1h});
  Bytes bytes = Bytes::copy_of(pattern(100));
  ASSERT_TRUE(out.try_write(bytes));
  out.close();
  expect_over_after(10min, [&] { return out.first_error() == Errc::timed_out; });
}

TEST_F(ManualLimits, of_a_queue_whose_stream_takes_nothing) {
  WriteHandoff out(std::move(*near), {.stall_timeout = 7min});
  Bytes bytes = Bytes::copy_of(pattern(100));
  ASSERT_TRUE(out.try_write(bytes));
  expect_over_after(7min, [&] { return out.first_error() == Errc::timed_out; });
}

TEST_F(ManualLimits, of_the_whole_end_of_a_queue) {
  WriteHandoff out(std::move(*near), {.close_timeout = 10min, .close_limit = 15min});
  Bytes bytes = Bytes::copy_of(pattern(100));
  ASSERT_TRUE(out.try_write(bytes));
  out.close();
  run_ready(context);
  clock.advance(9min);
  std::string taken(8, ' ');
  ASSERT_EQ(far->read_some(net::buffer(taken)), 8U);
  run_ready(context);
  expect_over_after(6min, [&] { return out.first_error() == Errc::timed_out; });
}

TEST_F(ManualLimits, of_gathering) {
  HandoffBuffer buffer({.gather_for = 3s});
  std::size_t reads = 0;
  const auto read = [&] {
    buffer.async_read_available(*near, [&](const net_error_code&, std::size_t) { ++reads; });
  };
  far->write_some(net::buffer("a", 1));
  read();
  run_ready(context);
  ASSERT_EQ(reads, 1U);
  far->write_some(net::buffer("b", 1));
  read();
  expect_over_after(3s, [&] { return reads == 2; });
  EXPECT_EQ(buffer.peek_view(), "ab");
}

TEST_F(ManualLimits, of_a_tunnel_that_is_idle_or_half_closed) {
  auto [other, other_far] = make_duplex(executor, 16);
  HandoffBuffer a;
  HandoffBuffer b;
  net_error_code error;
  bool is_over = false;
  const auto start = [&](const TunnelOptions& options) {
    async_tunnel(TunnelEnd(a, *near), TunnelEnd(b, other), options,
                 [&](const net_error_code& how, const TunnelResult&) {
                   error = how;
                   is_over = true;
                 });
  };
  start({.idle_timeout = 1h});
  expect_over_after(1h, [&] { return is_over; });
  EXPECT_EQ(error, Errc::timed_out);
}

TEST_F(ManualLimits, of_a_tunnel_that_is_half_closed) {
  auto [other, other_far] = make_duplex(executor, 16);
  HandoffBuffer a;
  HandoffBuffer b;
  std::optional<net_error_code> error;
  async_tunnel(TunnelEnd(a, *near), TunnelEnd(b, other), {.half_close_timeout = 20min},
               [&](const net_error_code& how, const TunnelResult&) { error = how; });
  far->shutdown(ManualDuplex::shutdown_send);
  expect_over_after(20min, [&] { return error.has_value(); });
  EXPECT_EQ(*error, Errc::timed_out);
}

TEST_F(ManualLimits, of_a_way_that_only_passes_on_and_of_its_end) {
  auto [other, other_far] = make_duplex(executor, 16);
  HandoffBuffer a;
  HandoffBuffer b;
  std::optional<net_error_code> error;
  async_tunnel(TunnelEnd(a, *near), TunnelEnd(b, other),
               {.half_close_timeout = {},
                .on_end = OtherWay::ends,
                .close_timeout = 5min,
                .close_limit = 1h},
               [&](const net_error_code& how, const TunnelResult& result) {
                 error = how;
                 EXPECT_EQ(result.a_to_b.counts.passed_on, 16U);
               });
  for (int i = 0; i < 2; ++i) {
    far->write_some(net::buffer(pattern(16)));
    run_ready(context);
  }
  other_far.shutdown(ManualDuplex::shutdown_send);
  expect_over_after(5min, [&] { return error.has_value(); });
  EXPECT_EQ(*error, Errc::aborted);
}

TEST_F(ManualLimits, of_a_subscriber_that_lags) {
  const FanOut log(FanOutConfig{});
  WriteHandoff out(DuplexStream(std::move(*near)), {.max_pending_bytes = 16, .close_timeout = 10s});
  auto subscription =
      log.subscribe(out, LagPolicy{.soft_limit = {.entries = 1}, .soft_for = 30min});
  ASSERT_TRUE(subscription.is_active());
  for (int i = 0; i < 20; ++i) {
    Bytes entry = Bytes::copy_of("0123456789");
    ASSERT_TRUE(log.publish(entry));
  }
  // The end by a lag is a close, which has a limit of its own.
  expect_over_after(30min + 10s, [&] { return out.first_error() == Errc::slow_consumer; });
}

/// Two connected sockets whose executors have the clock.
class ManualSockets : public ManualClockTest {
 protected:
  ManualSockets() {
    net::ip::tcp::acceptor acceptor(context, {net::ip::address_v4::loopback(), 0});
    far.connect(acceptor.local_endpoint());
    acceptor.accept(near);
    near.non_blocking(true);
  }

  ManualSocket near{executor};
  net::ip::tcp::socket far{context};
};

TEST_F(ManualSockets, linger_for_as_long_as_the_clock_says) {
  std::optional<net_error_code> error;
  near.shutdown(ManualSocket::shutdown_send);
  async_linger(near, LingerLimits{.silence = 8min, .whole = 1h},
               [&](const net_error_code& how, std::size_t) { error = how; });
  run_ready(context);
  clock.advance(8min - 1ns);
  run_ready(context);
  EXPECT_FALSE(error);
  clock.advance(1ns);
  ASSERT_TRUE(run_until(context, [&] { return error.has_value(); }));
  EXPECT_EQ(*error, Errc::timed_out);
}

TEST_F(ManualSockets, that_a_queue_has_closed_linger_for_as_long_as_the_clock_says) {
  WriteHandoff out(std::move(near), {.close_timeout = 8min, .close_limit = 1h});
  out.close();
  ASSERT_TRUE(run_until(context, [&] { return clock.next_wait() == 2min; })) << "the first look";
  clock.advance(8min - 1ns);
  run_ready(context);
  EXPECT_EQ(clock.next_wait(), 1ns);
  clock.advance(1ns);
  EXPECT_TRUE(run_out(context)) << "it still lingers";
}

/// Has no descriptors at first, and then is closed.
struct PoorAcceptor {
  using executor_type = ManualExecutor;

  [[nodiscard]] ManualExecutor get_executor() const noexcept { return executor; }
  template <class Handler>
  void async_accept(Handler handler) {
    const net_error_code error = started++ == 0 ? net_error_code(net::error::no_descriptors)
                                                : net_error_code(net::error::bad_descriptor);
    net::post(executor,
              [error, handler = std::move(handler)]() mutable { std::move(handler)(error, 0); });
  }

  ManualExecutor executor;
  int started = 0;
};

TEST_F(ManualClockTest, is_that_of_a_pause_of_accepting) {
  PoorAcceptor acceptor{executor};
  std::optional<net_error_code> error;
  int accepted = 0;
  async_accept_each(
      acceptor, [&](int) { ++accepted; }, {.retry_after = 1h},
      [&](const net_error_code& how) { error = how; });
  run_ready(context);
  EXPECT_EQ(acceptor.started, 1);
  EXPECT_EQ(clock.next_wait(), 1h);
  clock.advance(1h);
  run_ready(context);
  EXPECT_EQ(acceptor.started, 2);
  EXPECT_EQ(accepted, 0);
  ASSERT_TRUE(error);
}

}  // namespace
}  // namespace bytes_handoff::test
