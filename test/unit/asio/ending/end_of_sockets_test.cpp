// How sockets, pipes and the duplex are ended and reset.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>

#include "bytes_handoff/end_write.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "support/asio.hpp"
#include "support/queue/probes.hpp"
#include "support/run_for.hpp"
#include "support/sampled_types.hpp"
#include "support/streams/pipes.hpp"
#include "support/streams/socket_pairs.hpp"
#include "support/streams/stream_ends.hpp"

namespace bytes_handoff::test {
namespace {

using Tcp = net::ip::tcp::socket;

/// It hides the shutdown of the socket.
class DerivedSocket : public Tcp {
 public:
  explicit DerivedSocket(Tcp socket) : Tcp(std::move(socket)) {}
  void shutdown(net::socket_base::shutdown_type, net_error_code& error) {
    error = net::error::operation_not_supported;
  }
};

static_assert(detail::EndsKnown<Tcp>);
static_assert(detail::EndsKnown<DerivedSocket>);
static_assert(detail::EndsKnown<UnixPair::Stream>);
static_assert(detail::EndsKnown<WritablePipe>);
static_assert(detail::EndsKnown<DuplexStream>);
static_assert(!detail::EndsKnown<net::steady_timer>);

static_assert(detail::LingersAtEnd<Tcp>);
static_assert(detail::LingersAtEnd<DerivedSocket>);
static_assert(!detail::LingersAtEnd<WritablePipe>);
static_assert(!detail::LingersAtEnd<DuplexStream>);

static_assert(!detail::BuffersWrites<Tcp>);

template <class Pair>
class EndOfSocket : public testing::Test {
 protected:
  using Stream = typename Pair::Stream;
  net::io_context context{1};
  std::pair<Stream, Stream> pair = Pair::make(context);
  Stream& near_end = pair.first;
  Stream& far_end = pair.second;
};

struct Tcp6Pair {
  using Stream = Tcp;
  static std::pair<Stream, Stream> make(net::io_context& context) {
    net::ip::tcp::acceptor acceptor(context, {net::ip::address_v6::loopback(), 0});
    Stream client(context);
    client.connect(acceptor.local_endpoint());
    return {std::move(client), acceptor.accept()};
  }
};

using EndPairs = SampledTypes<TcpPair, Tcp6Pair, UnixPair, DuplexPair>;
TYPED_TEST_SUITE(EndOfSocket, EndPairs);

TYPED_TEST(EndOfSocket, in_order_ends_one_way_and_leaves_the_other) {
  send(this->near_end, "all of it");
  end_now(this->near_end);
  expect_rest(this->context, this->far_end, "all of it", net::error::eof);
  EXPECT_TRUE(this->near_end.is_open());
  send(this->far_end, "answer");
  this->far_end.close();
  expect_rest(this->context, this->near_end, "answer", net::error::eof);
}

TYPED_TEST(EndOfSocket, by_a_reset_ends_the_pending_read_with_operation_aborted) {
  const Collector reader(this->near_end);
  detail::reset_stream(this->near_end);
  EXPECT_FALSE(this->near_end.is_open());
  ASSERT_TRUE(run_until(this->context, [&] { return reader.is_over(); }));
  EXPECT_EQ(reader.error(), net::error::operation_aborted);
  detail::reset_stream(this->near_end);
  detail::mark_for_reset(this->near_end);
}

TYPED_TEST(EndOfSocket, by_a_reset_is_told_to_the_peer_where_the_transport_knows_it) {
  constexpr bool kKnowsReset = !std::is_same_v<TypeParam, UnixPair>;
  send(this->near_end, "half of");
  detail::reset_stream(this->near_end);
  expect_rest(this->context, this->far_end, "half of",
              kKnowsReset ? net::error::connection_reset : net_error_code(net::error::eof));
}

TYPED_TEST(EndOfSocket, that_is_closed_already_is_an_error) {
  this->near_end.close();
  Outcome<net_error_code> ended;
  detail::start_end_write(this->near_end, ended.handler());
  EXPECT_EQ(ended.get(), net::error::bad_descriptor);
}

class EndOfTcp : public testing::Test {
 protected:
  void expect_reset() { expect_rest(context, far_end, "half of", net::error::connection_reset); }

  net::io_context context{1};
  std::unique_ptr<net::io_context> near_context = std::make_unique<net::io_context>(1);
  std::optional<Tcp> near_end{*near_context};
  Tcp far_end{context};

  void SetUp() override {
    net::ip::tcp::acceptor acceptor(context, {net::ip::address_v4::loopback(), 0});
    near_end->connect(acceptor.local_endpoint());
    far_end = acceptor.accept();
    send(*near_end, "half of");
  }
};

TEST_F(EndOfTcp, reset_holds_against_a_linger_option_of_the_user) {
  near_end->set_option(net::socket_base::linger(true, 5));
  detail::reset_stream(*near_end);
  expect_reset();
}

TEST_F(EndOfTcp, that_is_marked_is_reset_by_its_destructor) {
  detail::mark_for_reset(*near_end);
  EXPECT_TRUE(near_end->is_open());
  near_end.reset();
  expect_reset();
}

TEST_F(EndOfTcp, that_is_marked_is_reset_by_a_close) {
  detail::mark_for_reset(*near_end);
  near_end->close();
  expect_reset();
}

TEST_F(EndOfTcp, that_is_marked_is_reset_when_it_goes_with_its_context) {
  detail::mark_for_reset(*near_end);
  auto owned = std::make_shared<Tcp>(std::move(*near_end));
  owned->async_wait(Tcp::wait_read, [owned](const net_error_code&) {});
  owned.reset();
  near_context.reset();
  expect_reset();
  near_end.reset();
}

TEST_F(EndOfTcp, that_is_not_marked_ends_in_order_with_its_destructor) {
  near_end.reset();
  expect_rest(context, far_end, "half of", net::error::eof);
}

TEST_F(EndOfTcp, of_a_derived_type_is_that_of_its_base) {
  DerivedSocket derived(std::move(*near_end));
  end_now(derived);
  expect_rest(context, far_end, "half of", net::error::eof);
}

TEST(EndOfPipe, is_its_close_in_order_or_not) {
  net::io_context context{1};
  for (const bool resets : {false, true}) {
    auto [out_of, into] = make_pipe(context);
    send(into, "through");
    if (resets) {
      detail::reset_stream(into);
    } else {
      end_now(into);
    }
    EXPECT_FALSE(into.is_open());
    expect_rest(context, out_of, "through", net::error::eof);
  }
}

}  // namespace
}  // namespace bytes_handoff::test
