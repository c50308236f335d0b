// Tunnels of which one side takes no bytes any more, or was reset.

#include <memory>
#include <utility>

#include "bytes_handoff/tunnel.hpp"
#include "support/asio.hpp"
#include "support/relaying/tunnel_fixture.hpp"
#include "support/run_for.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

// ---- A side whose reset a write is told.

/// The way to the right is served first, and its write is told of the reset. Then a read finds an
/// end.
class TunnelToAResetSide : public TcpTunnelTest, public testing::WithParamInterface<RelayBy> {
 protected:
  TunnelToAResetSide() { by = GetParam(); }

  void reset_right_behind_bytes() {
    let_right_read_nothing();
    run_ready(context);
    net_error_code ignored;
    left->write_some(net::buffer("late", 4), ignored);
    right->set_option(net::socket_base::linger(true, 0));
    right->close();
  }
  void expect_a_cut(TunnelCause cause) {
    run_to_end();
    EXPECT_EQ(outcome.result().cause, cause);
    EXPECT_EQ(outcome.b_to_a().error, net::error::connection_reset);
    run([this] { return at_left->is_over(); });
    EXPECT_EQ(at_left->error(), net::error::connection_reset);
  }
};
INSTANTIATE_TEST_SUITE_P(By, TunnelToAResetSide, testing::Values(RelayBy::copy, RelayBy::kernel));

TEST_P(TunnelToAResetSide, a_reset_that_a_write_was_told_is_no_end_in_order) {
  start();
  reset_right_behind_bytes();
  expect_a_cut(TunnelCause::write_b);
}

TEST_P(TunnelToAResetSide, nor_one_that_the_write_of_its_queue_was_told) {
  const auto shared = std::make_shared<TcpPair::Stream>(std::move(*b));
  const WriteHandoff queue(shared);
  TunnelOptions options;
  options.by = by;
  async_tunnel(TunnelEnd(a_buffer, *a), TunnelEnd(b_buffer, *shared, queue), options,
               outcome.handler());
  reset_right_behind_bytes();
  expect_a_cut(TunnelCause::read_b);  // which hears of it before the queue tells
}

// ---- A side that cannot be written to.

/// A TCP socket whose writes fail.
class BrokenForWrites {
 public:
  using executor_type = TcpPair::Stream::executor_type;

  explicit BrokenForWrites(TcpPair::Stream& socket) : socket_(socket) {}
  [[nodiscard]] executor_type get_executor() { return socket_.get_executor(); }
  template <class Room, class Token>
  auto async_read_some(const Room& room, Token&& token) {
    return socket_.async_read_some(room, std::forward<Token>(token));
  }
  template <class From, class Token>
  auto async_write_some(const From& /*from*/, Token&& token) {
    return net::async_initiate<Token, void(net_error_code, std::size_t)>(
        [this](auto handler) {
          net::post(socket_.get_executor(), [this, handler = std::move(handler)]() mutable {
            std::move(handler)(error, 0);
          });
        },
        token);
  }
  friend TcpPair::Stream& layer_to_end(BrokenForWrites& stream) { return stream.socket_; }

  net_error_code error = net::error::broken_pipe;

 private:
  TcpPair::Stream& socket_;
};

class TunnelToABrokenSide : public TcpTunnelTest {
 protected:
  void start(const TunnelOptions& options = {}) {
    async_tunnel_with_set_clock(TunnelEnd(a_buffer, *a), TunnelEnd(b_buffer, broken_), options,
                                outcome.handler());
  }
  BrokenForWrites broken_{*b};
};

TEST_F(TunnelToABrokenSide, an_early_answer_is_still_passed_on) {
  start({.may_close = true});
  write(*left, "too much");
  run_ready(context);
  write(*right, "413");
  run_to_texts(3, 0);
  end(*right);
  run_to_end();
  EXPECT_EQ(outcome.error(), net::error::broken_pipe);
  EXPECT_EQ(outcome.result().cause, TunnelCause::write_b);
  EXPECT_EQ(outcome.a_to_b().error, net::error::broken_pipe);
  EXPECT_EQ(outcome.a_to_b().counts, (RelayCounts{8, 0, RelaySide::out}));
  EXPECT_EQ(a_buffer.peek_view(), "too much");
  EXPECT_EQ(outcome.b_to_a().error, net_error_code());
  run([this] { return at_left->is_over(); });
  EXPECT_EQ(at_left->text(), "413");
  EXPECT_EQ(at_left->error(), net::error::eof);
  EXPECT_TRUE(a->is_open()) << "closed with bytes that nobody has read it would be reset";
  // The peer of the side that failed learns of it when that is closed.
  b->close();
  run([this] { return at_right->is_over(); });
  EXPECT_EQ(at_right->error(), net::error::connection_reset);
}

TEST_F(TunnelToABrokenSide, an_end_behind_a_lost_connection_is_a_cut) {
  broken_.error = net::error::timed_out;
  start();
  write(*left, "too much");
  write_and_end(*right, "413");
  run_to_end();
  EXPECT_EQ(outcome.error(), net::error::timed_out);
  EXPECT_EQ(outcome.b_to_a().error, net::error::timed_out);
  run([this] { return at_left->is_over(); });
  EXPECT_EQ(at_left->error(), net::error::connection_reset);
}

TEST_F(TunnelToABrokenSide, the_answer_may_take_the_half_close_time) {
  start();
  write(*left, "too much");
  let_time_pass_to_end();
  EXPECT_EQ(outcome.error(), net::error::broken_pipe);
  EXPECT_EQ(outcome.b_to_a().error, Errc::timed_out);
  run_to_both_ends();
  EXPECT_EQ(at_left->error(), net::error::connection_reset);
}

TEST_F(TunnelToABrokenSide, a_write_error_may_end_the_other_way) {
  start({.on_write_error = OtherWay::ends});
  write(*left, "too much");
  run_to_end();
  EXPECT_EQ(outcome.error(), net::error::broken_pipe);
  EXPECT_EQ(outcome.b_to_a().error, Errc::aborted);
  run([this] { return at_left->is_over(); });
  EXPECT_EQ(at_left->error(), net::error::connection_reset);
}

}  // namespace
}  // namespace bytes_handoff::test
