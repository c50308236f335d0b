#include <gtest/gtest.h>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/rate_policy.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/asio/ending/linger.hpp"
#include "bytes_handoff/beast.hpp"
#include "bytes_handoff/core/queue/queue_config.hpp"
#include "bytes_handoff/linger.hpp"
#include "support/queue/probes.hpp"
#include "support/streams/tls.hpp"

namespace bytes_handoff::test {
namespace {

namespace beast = boost::beast;
using Tcp = net::ip::tcp::socket;
using RatedStream =
    beast::basic_stream<net::ip::tcp, net::any_io_executor, beast::simple_rate_policy>;
using ReadBuffered = beast::buffered_read_stream<beast::tcp_stream, beast::flat_buffer>;
using Flat = beast::flat_stream<RatedStream>;
using BeastTls = beast::ssl_stream<beast::tcp_stream>;

class DerivedStream : public beast::tcp_stream {
 public:
  using beast::tcp_stream::tcp_stream;
};

static_assert(detail::EndsKnown<beast::tcp_stream>);
static_assert(detail::EndsKnown<DerivedStream>);
static_assert(detail::EndsKnown<BeastTls>);
static_assert(detail::EndsKnown<beast::flat_stream<net::ssl::stream<beast::tcp_stream>>>);
static_assert(detail::LingersAtEnd<BeastTls>);
static_assert(!detail::BuffersWrites<BeastTls>);
static_assert(!detail::BuffersWrites<Flat>);
static_assert(detail::BuffersWrites<beast::flat_stream<net::buffered_write_stream<Tcp>>>);

template <class Stream>
class EndOfBeast : public testing::Test {
 protected:
  [[nodiscard]] Tcp& socket() { return detail::lowest_socket(near_end); }
  void expect_rest(const std::string& text, const net_error_code& end) {
    const Collector<Tcp> peer(far_end);
    ASSERT_TRUE(run_until(context, [&] { return peer.is_over(); }));
    EXPECT_EQ(peer.text(), text);
    EXPECT_EQ(peer.error(), end) << peer.error().message();
  }
  void send(const std::string& text) {
    CountOutcome sent;
    net::async_write(near_end, net::buffer(text), sent.handler());
    ASSERT_TRUE(run_until(context, [&] { return sent.has_come(); }));
  }

  net::io_context context{1};
  std::pair<Tcp, Tcp> pair = TcpPair::make(context);
  Stream near_end{std::move(pair.first)};
  Tcp& far_end = pair.second;
};

using BeastStreams =
    testing::Types<beast::tcp_stream, DerivedStream, RatedStream, ReadBuffered, Flat>;
TYPED_TEST_SUITE(EndOfBeast, BeastStreams);

TYPED_TEST(EndOfBeast, in_order_ends_one_way_and_leaves_the_other) {
  this->send("all of it");
  Outcome<net_error_code> ended;
  detail::start_end_write(this->near_end, ended.handler());
  EXPECT_FALSE(ended.get()) << ended.get().message();
  this->expect_rest("all of it", net::error::eof);
  EXPECT_TRUE(this->socket().is_open());
  net::write(this->far_end, net::buffer("answer", 6));
  std::string got(6, '\0');
  CountOutcome read;
  net::async_read(this->near_end, net::buffer(got), read.handler());
  ASSERT_TRUE(run_until(this->context, [&] { return read.has_come(); }));
  read.expect({}, 6);
}

TYPED_TEST(EndOfBeast, by_a_reset_is_told_on_both_sides) {
  this->send("half of");
  char byte = 0;
  CountOutcome read;
  this->near_end.async_read_some(net::buffer(&byte, 1), read.handler());
  run_ready(this->context);
  detail::reset_stream(this->near_end);
  EXPECT_FALSE(this->socket().is_open());
  ASSERT_TRUE(run_until(this->context, [&] { return read.has_come(); }));
  read.expect(net::error::operation_aborted, 0);
  this->expect_rest("half of", net::error::connection_reset);
  ASSERT_TRUE(run_out(this->context)) << "a timer is left";
}

TYPED_TEST(EndOfBeast, can_linger) {
  CountOutcome over;
  async_linger(this->near_end, {}, over.handler());
  net::write(this->far_end, net::buffer("123", 3));
  this->far_end.close();
  ASSERT_TRUE(run_until(this->context, [&] { return over.has_come(); }));
  over.expect({}, 3);
}

// A read that waits for its rate, and not for the socket, ends with the reset, too.
TEST(EndOfRatedStream, by_a_reset_ends_what_waits_for_its_rate) {
  net::io_context context{1};
  auto [one, far_end] = TcpPair::make(context);
  beast::simple_rate_policy policy;
  RatedStream near_end(std::move(policy), std::move(one));
  near_end.rate_policy().read_limit(1);
  net::write(far_end, net::buffer("123", 3));
  char byte = 0;
  auto read = std::make_unique<CountOutcome>();
  for (int reads = 0; reads != 3; ++reads) {  // its first second begins with the first that waits
    read = std::make_unique<CountOutcome>();
    near_end.async_read_some(net::buffer(&byte, 1), read->handler());
    run_ready(context);
  }
  ASSERT_FALSE(read->has_come());
  detail::reset_stream(near_end);
  run_ready(context);
  EXPECT_TRUE(read->has_come()) << "it waits on for its rate";
}

TEST(EndOfBeastTls, tells_the_end_and_reads_nothing) {
  net::io_context context{1};
  net::ssl::context server_context{net::ssl::context::tlsv13};
  net::ssl::context client_context{net::ssl::context::tlsv13};
  use_self_signed_certificate(server_context.native_handle());
  auto [one, two] = TcpPair::make(context);
  auto near_end = std::make_shared<BeastTls>(std::move(one), client_context);
  BeastTls far_end(std::move(two), server_context);
  int hands = 0;
  const auto shaken = [&](net_error_code error) {
    EXPECT_FALSE(error) << error.message();
    ++hands;
  };
  near_end->async_handshake(net::ssl::stream_base::client, shaken);
  far_end.async_handshake(net::ssl::stream_base::server, shaken);
  ASSERT_TRUE(run_until(context, [&] { return hands == 2; }));

  Outcome<net_error_code> ended;
  detail::start_end_write(*near_end, ended.handler());
  ASSERT_TRUE(run_until(context, [&] { return ended.has_come(); }));
  EXPECT_FALSE(ended.get()) << ended.get().message();
  const Collector<BeastTls> peer(far_end);
  ASSERT_TRUE(run_until(context, [&] { return peer.is_over(); }));
  EXPECT_EQ(peer.error(), net::error::eof) << peer.error().message();
  CountOutcome sent;
  net::async_write(far_end, net::buffer("answer", 6), sent.handler());
  std::string got(6, '\0');
  CountOutcome read;
  net::async_read(*near_end, net::buffer(got), read.handler());
  ASSERT_TRUE(run_until(context, [&] { return read.has_come(); }));
  read.expect({}, 6);
  EXPECT_EQ(got, "answer");

  const std::weak_ptr<BeastTls> owned = near_end;
  const auto until = std::chrono::steady_clock::now() + std::chrono::hours(1);
  detail::start_lingering(std::move(near_end),
                          {detail::kMaxLingerBytes, std::chrono::seconds(10), until, nullptr});
  run_ready(context);
  EXPECT_FALSE(owned.expired());
  detail::reset_stream(far_end);
  ASSERT_TRUE(run_out(context));
  EXPECT_TRUE(owned.expired());
}

}  // namespace
}  // namespace bytes_handoff::test
