#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "bytes_handoff/tunnel.hpp"
#include "support/pattern.hpp"
#include "support/relaying/tunnel_outcome.hpp"
#include "support/run_for.hpp"
#include "support/streams/tls.hpp"

namespace bytes_handoff::test {
namespace {

/// A TLS client -> a | b -> a plain sink.
class TunnelFromTls : public testing::Test {
 protected:
  TunnelFromTls() : tls(context) {
    auto [near, far] = TcpPair::make(context);
    b.emplace(std::move(near));
    right.emplace(std::move(far));
    at_right.emplace(*right);
    at_left.emplace(*tls.client);
    async_tunnel(TunnelEnd(a_buffer, *tls.server), TunnelEnd(b_buffer, *b), {}, outcome.handler());
  }

  void write_from_left(const std::string& text) {
    net::async_write(*tls.client, net::buffer(text),
                     [](net_error_code error, std::size_t) { EXPECT_FALSE(error); });
  }
  void run_to_text_at_right(std::size_t n) {
    ASSERT_TRUE(run_until(context, [=, this] { return at_right->text().size() >= n; }));
  }
  void run_to_end() {
    ASSERT_TRUE(run_until(context, [this] { return outcome.is_over() && at_right->is_over(); }));
  }

  net::io_context context{1};
  TlsPair tls;
  std::optional<TcpPair::Stream> b;
  std::optional<TcpPair::Stream> right;
  std::optional<Collector<TcpPair::Stream>> at_right;
  std::optional<Collector<TlsStream>> at_left;
  HandoffBuffer a_buffer;
  HandoffBuffer b_buffer;
  TunnelOutcome outcome;
};

TEST_F(TunnelFromTls, both_ways_and_both_ends) {
  const std::string request = pattern(200'000);
  const std::string answer = pattern(300'000, 7);
  write_from_left(request);
  net::async_write(*right, net::buffer(answer), [this](net_error_code error, std::size_t) {
    EXPECT_FALSE(error);
    right->shutdown(net::socket_base::shutdown_send);
  });
  run_to_text_at_right(request.size());
  ASSERT_TRUE(run_until(context, [this] { return at_left->is_over(); }));
  EXPECT_EQ(at_left->text(), answer);
  EXPECT_EQ(at_left->error(), net::error::eof) << "close_notify came";
  EXPECT_FALSE(at_right->is_over());
  tls.client->async_shutdown([](net_error_code) {});
  run_to_end();
  EXPECT_EQ(outcome.error(), net_error_code());
  EXPECT_EQ(at_right->text(), request);
  EXPECT_EQ(at_right->error(), net::error::eof);
}

TEST_F(TunnelFromTls, an_input_that_is_cut_is_a_reset_at_the_plain_peer_behind_all_bytes) {
  const std::string request = pattern(200'000);
  write_from_left(request);
  run_to_text_at_right(1);
  ASSERT_TRUE(
      run_until(context, [this, &request] { return at_right->text().size() == request.size(); }));
  // A FIN without a close_notify.
  tls.client->lowest_layer().shutdown(net::socket_base::shutdown_send);
  run_to_end();
  EXPECT_EQ(outcome.error(), net::ssl::error::stream_truncated);
  EXPECT_EQ(outcome.a_to_b().error, net::ssl::error::stream_truncated);
  EXPECT_EQ(outcome.b_to_a().error, Errc::aborted);
  EXPECT_EQ(at_right->text(), request);
  EXPECT_EQ(at_right->error(), net::error::connection_reset);
  ASSERT_TRUE(run_until(context, [this] { return at_left->is_over(); }));
  EXPECT_NE(at_left->error(), net::error::eof) << "the answer was cut, too";
}

TEST_F(TunnelFromTls, a_plain_input_that_is_cut_is_no_close_notify_at_the_tls_peer) {
  net::async_write(*right, net::buffer("part", 4), [](net_error_code, std::size_t) {});
  ASSERT_TRUE(run_until(context, [this] { return at_left->text().size() == 4; }));
  right->set_option(net::socket_base::linger(true, 0));
  right->close();
  ASSERT_TRUE(run_until(context, [this] { return outcome.is_over() && at_left->is_over(); }));
  EXPECT_EQ(outcome.error(), net::error::connection_reset);
  EXPECT_EQ(at_left->text(), "part");
  EXPECT_NE(at_left->error(), net::error::eof);
  EXPECT_TRUE(at_left->error());
}

}  // namespace
}  // namespace bytes_handoff::test
