// What the system tells of the bytes that the peer has not acknowledged.

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>

#include "bytes_handoff/end_write.hpp"
#include "support/asio.hpp"
#include "support/run_for.hpp"
#include "support/streams/socket_pairs.hpp"
#include "support/streams/stream_ends.hpp"

namespace bytes_handoff::test {
namespace {

using detail::Acknowledgement;
using Tcp = net::ip::tcp::socket;
using EndState = Acknowledgement::State;

TEST(Acknowledgements, fall_as_the_peer_takes_and_count_the_end) {
  net::io_context context{1};
  auto [near_end, far_end] = TcpPair::make(context);
  const std::string much(1 << 20, 'x');
  near_end.non_blocking(true);
  net_error_code error;
  while (!error) {
    near_end.write_some(net::buffer(much), error);
  }
  const Acknowledgement full = detail::acknowledgement_of(near_end);
  EXPECT_EQ(full.state, EndState::kAlive);
  EXPECT_GT(full.bytes, 0U);
  end_now(near_end);
  EXPECT_EQ(detail::acknowledgement_of(near_end).bytes, full.bytes + 1);
  const Collector peer(far_end);
  ASSERT_TRUE(run_until(context, [&] { return peer.is_over(); }));
  net::steady_timer later(context);  // an acknowledgement may be delayed
  const std::function<void()> look = [&] {
    later.expires_after(std::chrono::milliseconds(1));
    later.async_wait([&](const net_error_code&) { look(); });
  };
  look();
  ASSERT_TRUE(run_until(
      context, [&, &sender = near_end] { return detail::acknowledgement_of(sender).bytes == 0; }));
  EXPECT_EQ(detail::acknowledgement_of(near_end).state, EndState::kAlive)
      << "the peer has not ended";
}

TEST(Acknowledgements, tell_a_dead_connection_and_leave_its_error_to_the_reader) {
  net::io_context context{1};
  auto [near_end, far_end] = TcpPair::make(context);
  send(near_end, "not read");
  detail::reset_stream(far_end);
  near_end.wait(Tcp::wait_read);
  EXPECT_EQ(detail::acknowledgement_of(near_end).state, EndState::kDead);
  expect_rest(context, near_end, "", net::error::connection_reset);
}

TEST(Acknowledgements, are_not_known_of_what_is_no_tcp_connection) {
  net::io_context context{1};
  auto [near_end, far_end] = UnixPair::make(context);
  EXPECT_EQ(detail::acknowledgement_of(near_end).state, EndState::kUnknown);
  auto [duplex, other] = DuplexPair::make(context);
  EXPECT_EQ(detail::acknowledgement_of(duplex).state, EndState::kUnknown);
  Tcp closed(context);
  EXPECT_EQ(detail::acknowledgement_of(closed).state, EndState::kUnknown);
}

}  // namespace
}  // namespace bytes_handoff::test
