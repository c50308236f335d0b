#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <utility>

#include "bytes_handoff/tunnel.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/relaying/tunnel_outcome.hpp"
#include "support/run_for.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

using Socket = net::ip::tcp::socket;

/// The executors of both sides: of one context that two threads run, or of one context each.
class TwoThreads {
 public:
  explicit TwoThreads(bool has_two_contexts)
      : first_(has_two_contexts ? 1 : 2),
        a(has_two_contexts ? net::any_io_executor(first_.get_executor())
                           : net::any_io_executor(net::make_strand(first_))),
        b(has_two_contexts ? net::any_io_executor(second_.get_executor())
                           : net::any_io_executor(net::make_strand(first_))),
        one_([this] { first_.run(); }),
        other_([this, has_two_contexts] { (has_two_contexts ? second_ : first_).run(); }) {}
  ~TwoThreads() {
    first_work_.reset();
    second_work_.reset();
    one_.join();
    other_.join();
  }

 private:
  net::io_context first_;
  net::io_context second_{1};

 public:
  const net::any_io_executor a;
  const net::any_io_executor b;

 private:
  using Work = net::executor_work_guard<net::io_context::executor_type>;
  Work first_work_{first_.get_executor()};
  Work second_work_{second_.get_executor()};
  std::thread one_;
  std::thread other_;
};

/// left -> a | b -> right: the peers are on the test's thread, each side on its own.
class TunnelAcrossThreads : public testing::TestWithParam<std::tuple<bool, RelayBy>> {
 protected:
  TunnelAcrossThreads() : threads(std::get<bool>(GetParam())) {
    std::tie(left, a) = connect(threads.a);
    std::tie(right, b) = connect(threads.b);
    at_left.emplace(*left);
    at_right.emplace(*right);
  }

  std::pair<std::optional<Socket>, std::optional<Socket>> connect(
      const net::any_io_executor& executor) {
    net::ip::tcp::acceptor acceptor(context, {net::ip::address_v4::loopback(), 0});
    Socket client(context);
    client.connect(acceptor.local_endpoint());
    return {std::move(client), acceptor.accept(executor)};
  }

  void start(TunnelOptions options = {}) {
    options.by = std::get<RelayBy>(GetParam());
    async_tunnel_with_set_clock(
        TunnelEnd(a_buffer, *a), TunnelEnd(b_buffer, *b), options,
        net::bind_executor(context, net::bind_cancellation_slot(cancel.slot(), outcome.handler())));
  }
  void run_to_end() {
    const auto work = net::make_work_guard(context);
    ASSERT_TRUE(run_until(context, [this] { return outcome.is_over(); }));
  }
  void run_to_texts(std::size_t of_left, std::size_t of_right) {
    ASSERT_TRUE(run_until(context, [=, this] {
      return at_left->text().size() >= of_left && at_right->text().size() >= of_right;
    }));
  }

  net::io_context context{1};
  TwoThreads threads;
  std::optional<Socket> left, a, b, right;
  std::optional<Collector<Socket>> at_left, at_right;
  HandoffBuffer a_buffer, b_buffer;
  net::cancellation_signal cancel;
  TunnelOutcome outcome;
};
INSTANTIATE_TEST_SUITE_P(Contexts, TunnelAcrossThreads,
                         testing::Combine(testing::Bool(),
                                          testing::Values(RelayBy::copy, RelayBy::kernel)));

TEST_P(TunnelAcrossThreads, passes_on_both_ways_at_once) {
  const std::string request = pattern(1'000'000);
  const std::string answer = pattern(1'500'000, 99);
  start({.idle_timeout = std::chrono::seconds(1'000'000), .may_close = true});
  net::async_write(*left, net::buffer(request), [this](net_error_code error, std::size_t) {
    EXPECT_FALSE(error);
    left->shutdown(Socket::shutdown_send);
  });
  net::async_write(*right, net::buffer(answer), [this](net_error_code error, std::size_t) {
    EXPECT_FALSE(error);
    right->shutdown(Socket::shutdown_send);
  });
  run_to_end();
  ASSERT_TRUE(run_until(context, [this] { return at_left->is_over() && at_right->is_over(); }));
  EXPECT_EQ(outcome.error(), net_error_code());
  EXPECT_EQ(at_left->text(), answer);
  EXPECT_EQ(at_right->text(), request);
}

TEST_P(TunnelAcrossThreads, is_cancelled_while_both_ways_pass_on) {
  const std::string request = pattern(20'000'000);
  start();
  net::async_write(*left, net::buffer(request), [](net_error_code, std::size_t) {});
  net::async_write(*right, net::buffer(request), [](net_error_code, std::size_t) {});
  run_to_texts(10'000, 10'000);
  cancel.emit(net::cancellation_type::terminal);
  run_to_end();
  EXPECT_EQ(outcome.error(), net::error::operation_aborted);
  const RelayCounts there = outcome.a_to_b().counts;
  const RelayCounts back = outcome.b_to_a().counts;
  EXPECT_EQ(there.received - there.passed_on, a_buffer.size());
  EXPECT_EQ(back.received - back.passed_on, b_buffer.size());
  EXPECT_EQ(std::string(a_buffer.peek_view()), request.substr(there.passed_on, a_buffer.size()));
  run_to_texts(back.passed_on, there.passed_on);
  EXPECT_EQ(at_right->text(), request.substr(0, there.passed_on));
  EXPECT_EQ(at_left->text(), request.substr(0, back.passed_on));
}

// Each read waits on a thread of its own, or is just beginning to.
TEST_P(TunnelAcrossThreads, is_cancelled_while_both_ways_wait) {
  for (std::size_t passed_on = 0; passed_on < 20; ++passed_on) {
    outcome = {};
    start();
    if (passed_on != 0) {
      net::write(*left, net::buffer("a", 1));
      net::write(*right, net::buffer("b", 1));
      run_to_texts(passed_on, passed_on);
    }
    cancel.emit(net::cancellation_type::terminal);
    ASSERT_NO_FATAL_FAILURE(run_to_end());
    EXPECT_EQ(outcome.error(), net::error::operation_aborted);
    EXPECT_EQ(outcome.result().cause, TunnelCause::cancelled);
  }
}

TEST_P(TunnelAcrossThreads, ends_both_ways_behind_a_reset) {
  start();
  net::async_write(*left, net::buffer("all", 3), [](net_error_code, std::size_t) {});
  run_to_texts(0, 3);
  left->set_option(net::socket_base::linger(true, 0));
  left->close();
  run_to_end();
  EXPECT_EQ(outcome.a_to_b().error, net::error::connection_reset);
  EXPECT_TRUE(outcome.b_to_a().error);
  ASSERT_TRUE(run_until(context, [this] { return at_right->is_over(); }));
  EXPECT_EQ(at_right->error(), net::error::connection_reset);
}

TEST_P(TunnelAcrossThreads, a_way_that_is_to_end_does_not_wait_for_a_stuck_output) {
  right->cancel();
  ASSERT_TRUE(run_until(context, [this] { return at_right->is_over(); }));
  at_right.reset();
  const std::string much = pattern(30'000'000);
  RelayProgress there;
  start({.half_close_timeout = {},
         .on_end = OtherWay::ends,
         .close_timeout = std::chrono::milliseconds(50),
         .a_to_b = &there});
  net::async_write(*left, net::buffer(much), [](net_error_code, std::size_t) {});
  ASSERT_TRUE(run_until(context, [&] {
    run_ready(context);
    return there.counts().received > 100'000;
  }));
  right->shutdown(Socket::shutdown_send);
  run_to_end();
  EXPECT_EQ(outcome.error(), Errc::aborted);
  EXPECT_EQ(outcome.a_to_b().error, Errc::aborted);
  EXPECT_EQ(outcome.b_to_a().error, net_error_code());
  const RelayCounts counts = outcome.a_to_b().counts;
  EXPECT_EQ(counts.received - counts.passed_on, a_buffer.size());
}

TEST_P(TunnelAcrossThreads, resets_both_when_time_is_over) {
  start({.idle_timeout = std::chrono::seconds(8)});
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  const auto work = net::make_work_guard(context);
  while (!outcome.is_over()) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up);
    SetClock::pass(std::chrono::seconds(1));
    run_for_a_moment(context);
  }
  EXPECT_EQ(outcome.error(), Errc::timed_out);
  EXPECT_EQ(outcome.a_to_b().error, Errc::timed_out);
  EXPECT_EQ(outcome.b_to_a().error, Errc::timed_out);
  ASSERT_TRUE(run_until(context, [this] { return at_left->is_over() && at_right->is_over(); }));
  EXPECT_EQ(at_left->error(), net::error::connection_reset);
  EXPECT_EQ(at_right->error(), net::error::connection_reset);
}

TEST_P(TunnelAcrossThreads, a_cancellation_may_meet_an_end) {
  start({.idle_timeout = std::chrono::seconds(1'000'000), .on_end = OtherWay::ends});
  net::async_write(*left, net::buffer("all", 3), [](net_error_code, std::size_t) {});
  run_to_texts(0, 3);
  left->shutdown(Socket::shutdown_send);
  right->shutdown(Socket::shutdown_send);
  cancel.emit(net::cancellation_type::terminal);
  run_to_end();
}

}  // namespace
}  // namespace bytes_handoff::test
