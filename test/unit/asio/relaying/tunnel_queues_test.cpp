// Tunnels whose sides have queues, into which others write too.

#include <chrono>
#include <memory>
#include <utility>

#include "bytes_handoff/tunnel.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/relaying/tunnel_fixture.hpp"
#include "support/run_for.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class TunnelWithQueues : public TcpTunnelTest {
 protected:
  explicit TunnelWithQueues(const WriteHandoffConfig& config = {})
      : a_shared(std::make_shared<TcpPair::Stream>(std::move(*a))),
        b_shared(std::make_shared<TcpPair::Stream>(std::move(*b))),
        a_queue(a_shared, config),
        b_queue(b_shared, config) {}

  void start(const TunnelOptions& options = {}) {
    async_tunnel_with_set_clock(TunnelEnd(a_buffer, *a_shared, a_queue),
                                TunnelEnd(b_buffer, *b_shared, b_queue), options,
                                net::bind_cancellation_slot(cancel.slot(), outcome.handler()));
  }

  std::shared_ptr<TcpPair::Stream> a_shared;
  std::shared_ptr<TcpPair::Stream> b_shared;
  WriteHandoff a_queue;
  WriteHandoff b_queue;
};

TEST_F(TunnelWithQueues, others_write_between_and_the_ends_are_passed_on) {
  start();
  write(*left, pattern(100'000));
  run_to_texts(0, 100'000);
  Bytes ping = Bytes::copy_of("ping");
  ASSERT_TRUE(a_queue.try_write(ping));
  run_to_texts(4, 0);
  write(*right, "pong");
  run_to_texts(8, 0);
  EXPECT_EQ(at_left->text(), "pingpong");
  end(*right);
  end(*left);
  run_to_end();
  EXPECT_EQ(outcome.error(), net_error_code());
  run_to_both_ends();
  EXPECT_EQ(at_left->error(), net::error::eof);
  EXPECT_EQ(at_right->error(), net::error::eof);
  EXPECT_EQ(outcome.a_to_b().counts, (RelayCounts{100'000, 100'000, RelaySide::none}));
}

TEST_F(TunnelWithQueues, a_read_is_told_why_its_queue_has_closed_the_stream) {
  start();
  run_ready(context);
  a_queue.abort();
  run_to_end();
  EXPECT_EQ(outcome.error(), Errc::aborted);
  EXPECT_EQ(outcome.a_to_b().error, Errc::aborted);
  EXPECT_EQ(outcome.b_to_a().error, Errc::aborted);
  run_to_both_ends();
  EXPECT_EQ(at_left->error(), net::error::connection_reset);
  EXPECT_EQ(at_right->error(), net::error::connection_reset);
}

TEST_F(TunnelWithQueues, told_to_end_the_queues_write_what_was_read_and_reset) {
  start({.on_cancel = OnCancel::ends});
  write(*left, pattern(100'000));
  write(*right, "answer");
  run_to_texts(6, 100'000);
  cancel.emit(net::cancellation_type::terminal);
  run_to_end();
  EXPECT_EQ(outcome.error(), net::error::operation_aborted);
  EXPECT_EQ(outcome.a_to_b().counts, (RelayCounts{100'000, 100'000, RelaySide::in}));
  EXPECT_EQ(a_queue.first_error(), Errc::aborted);
  EXPECT_EQ(b_queue.first_error(), Errc::aborted);
  run_to_both_ends();
  EXPECT_EQ(at_right->text(), pattern(100'000));
  EXPECT_EQ(at_right->error(), net::error::connection_reset);
  EXPECT_EQ(at_left->error(), net::error::connection_reset);
}

TEST_F(TunnelWithQueues, told_to_end_twice_the_queues_are_aborted) {
  let_right_read_nothing();
  start({.on_cancel = OnCancel::ends, .a_to_b = &progress});
  write(*left, pattern(30'000'000));
  run([this] {
    run_ready(context);
    return b_queue.pending_bytes() != 0;
  });
  cancel.emit(net::cancellation_type::terminal);
  run_ready(context);
  EXPECT_FALSE(outcome.is_over());
  cancel.emit(net::cancellation_type::terminal);
  run_to_end();
  EXPECT_EQ(outcome.error(), net::error::operation_aborted);
  EXPECT_EQ(b_queue.first_error(), Errc::aborted);
  EXPECT_EQ(b_queue.pending_bytes(), 0U);
}

TEST_F(TunnelWithQueues, time_that_is_over_aborts_both_queues_with_the_reason) {
  start({.idle_timeout = seconds(8)});
  let_time_pass_to_end();
  EXPECT_EQ(outcome.error(), Errc::timed_out);
  EXPECT_EQ(outcome.a_to_b().error, Errc::timed_out);
  EXPECT_EQ(outcome.b_to_a().error, Errc::timed_out);
  EXPECT_EQ(a_queue.first_error(), Errc::timed_out);
  EXPECT_EQ(b_queue.first_error(), Errc::timed_out);
  run_to_both_ends();
  EXPECT_EQ(at_left->error(), net::error::connection_reset);
}

class TunnelWithHastyQueues : public TunnelWithQueues {
 protected:
  TunnelWithHastyQueues() : TunnelWithQueues({.close_timeout = milliseconds(50)}) {}
};

TEST_F(TunnelWithHastyQueues, a_way_that_is_to_end_does_not_wait_for_a_stuck_one) {
  let_right_read_nothing();
  start({.half_close_timeout = {}, .on_end = OtherWay::ends});
  write(*left, pattern(30'000'000));
  std::size_t before = 0;
  run([&] {
    run_ready(context);
    return std::exchange(before, b_queue.statistics().written_bytes) ==
               b_queue.statistics().written_bytes &&
           b_queue.pending_bytes() != 0;
  });
  end(*right);
  const auto since = std::chrono::steady_clock::now();
  run_to_end();
  EXPECT_GE(std::chrono::steady_clock::now() - since, milliseconds(50));
  EXPECT_EQ(outcome.a_to_b().error, Errc::aborted);
  EXPECT_EQ(outcome.b_to_a().error, net_error_code());
  EXPECT_FALSE(b_queue.is_open());
  const RelayCounts counts = outcome.a_to_b().counts;
  EXPECT_EQ(counts.received - counts.passed_on, a_buffer.size());
}

TEST_F(TunnelWithQueues, bytes_that_others_write_are_not_silence) {
  start({.idle_timeout = seconds(8)});
  for (std::size_t i = 0; i != 10; ++i) {
    SetClock::pass(seconds(6));
    Bytes ping = Bytes::copy_of("ping");
    ASSERT_TRUE(a_queue.try_write(ping));
    run_to_texts(4 * (i + 1), 0);
    run([this] {
      run_ready(context);
      return a_queue.pending_bytes() == 0;
    });
  }
  EXPECT_FALSE(outcome.is_over());
  cancel.emit(net::cancellation_type::terminal);
  run_to_end();
  EXPECT_TRUE(a_queue.is_open());
  EXPECT_TRUE(b_queue.is_open());
}

}  // namespace
}  // namespace bytes_handoff::test
