#include "bytes_handoff/relay.hpp"

#include <optional>
#include <string>
#include <utility>

#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/relaying/relay_outcome.hpp"
#include "support/run_for.hpp"
#include "support/streams/buffer_feed.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

/// client -> in | out -> sink, of one kind of stream each.
template <class Pair>
class RelayBetween : public testing::Test {
 protected:
  using Stream = typename Pair::Stream;

  RelayBetween() {
    auto [client_end, in_end] = Pair::make(context);
    client.emplace(std::move(client_end));
    in.emplace(std::move(in_end));
    auto [out_end, sink_end] = Pair::make(context);
    out.emplace(std::move(out_end));
    sink.emplace(std::move(sink_end));
    collected.emplace(*sink);
  }

  void send(const std::string& text) {
    net::async_write(*client, net::buffer(text), [](net_error_code error, std::size_t) {
      EXPECT_FALSE(error) << error.message();
    });
  }
  void end_input() {
    net_error_code error;
    client->shutdown(Stream::shutdown_send, error);
  }

  net::io_context context{1};
  std::optional<Stream> client;
  std::optional<Stream> in;
  std::optional<Stream> out;
  std::optional<Stream> sink;
  std::optional<Collector<Stream>> collected;
  HandoffBuffer buffer;
  RelayOutcome outcome;
};
using Pairs = testing::Types<TcpPair, UnixPair, DuplexPair>;
TYPED_TEST_SUITE(RelayBetween, Pairs);

TYPED_TEST(RelayBetween, passes_on_the_tail_then_all_that_comes_then_the_end) {
  const std::string tail = pattern(1000);
  const std::string rest = pattern(300'000, 1000);
  feed(this->buffer, tail);
  async_relay(this->buffer, *this->in, *this->out, this->outcome.handler());
  std::string sent;
  this->client->async_write_some(net::buffer("", 0), [](net_error_code, std::size_t) {});
  net::async_write(*this->client, net::buffer(rest), [this](net_error_code error, std::size_t) {
    EXPECT_FALSE(error);
    this->end_input();
  });
  ASSERT_TRUE(run_until(this->context, [this] { return this->outcome.is_over(); }));
  this->outcome.expect({}, {301'000, 301'000, RelaySide::none});
  ASSERT_TRUE(run_until(this->context, [this] { return this->collected->is_over(); }));
  EXPECT_EQ(this->collected->text(), tail + rest);
  EXPECT_EQ(this->collected->error(), net::error::eof);
  EXPECT_TRUE(this->out->is_open());
}

TYPED_TEST(RelayBetween, passes_on_to_a_queue_then_the_end) {
  const std::string tail = pattern(1000);
  const std::string rest = pattern(300'000, 1000);
  feed(this->buffer, tail);
  WriteHandoff queue(std::move(*this->out), {.max_pending_bytes = 50'000});
  async_relay(this->buffer, *this->in, queue, this->outcome.handler());
  net::async_write(*this->client, net::buffer(rest), [this](net_error_code error, std::size_t) {
    EXPECT_FALSE(error);
    this->end_input();
  });
  ASSERT_TRUE(run_until(this->context, [this] { return this->outcome.is_over(); }));
  this->outcome.expect({}, {301'000, 301'000, RelaySide::none});
  ASSERT_TRUE(run_until(this->context, [this] { return this->collected->is_over(); }));
  EXPECT_EQ(this->collected->text(), tail + rest);
  EXPECT_EQ(this->collected->error(), net::error::eof);
  EXPECT_FALSE(queue.is_open());
}

}  // namespace
}  // namespace bytes_handoff::test
