// Boost.Beast's streams on a BufferFirstStream.

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bytes_handoff/adaptors/buffer_first_stream.hpp"
#include "bytes_handoff/websocket.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/probes.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/streams/buffer_feed.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using Tcp = net::ip::tcp::socket;

static_assert(beast::is_async_stream<BufferFirstStream<Tcp&>>::value);
static_assert(beast::is_async_stream<BufferFirstStream<beast::tcp_stream, HandoffBuffer>>::value);
static_assert(detail::EndsKnown<BufferFirstStream<beast::tcp_stream>>);
static_assert(detail::EndsKnown<websocket::stream<BufferFirstStream<beast::tcp_stream>>>);

/// A server that looks at the HTTP header before it accepts the WebSocket.
template <class Next>
class SniffedWebSocket : public testing::Test {
 protected:
  using Layer = BufferFirstStream<Next&>;
  using WebSocket = websocket::stream<Layer>;

  /// Shakes hands, with `ahead` bytes of the request in the buffer.
  void shake_hands(std::size_t ahead) {
    buffer = HandoffBuffer({.max_size = std::max<std::size_t>(ahead, 1)});
    Outcome<net_error_code> connected;
    client.async_handshake("localhost", "/chat", connected.handler());
    while (buffer.size() < ahead) {
      CountOutcome read;
      buffer.async_read_available(socket, read.handler());
      ASSERT_TRUE(run_until(context, [&] { return read.has_come(); }));
    }
    EXPECT_EQ(buffer.peek_view().substr(0, 9), std::string_view("GET /chat").substr(0, ahead));
    Outcome<net_error_code> accepted;
    server->async_accept(accepted.handler());
    ASSERT_TRUE(run_until(context, [&] { return accepted.has_come() && connected.has_come(); }));
    EXPECT_FALSE(accepted.get()) << accepted.get().message();
    EXPECT_FALSE(connected.get()) << connected.get().message();
    EXPECT_TRUE(buffer.empty());
  }
  [[nodiscard]] std::string read_message(auto& from) {
    beast::flat_buffer message;
    CountOutcome read;
    from.async_read(message, read.handler());
    EXPECT_TRUE(run_until(context, [&] { return read.has_come(); }));
    EXPECT_FALSE(read.error()) << read.error().message();
    return beast::buffers_to_string(message.data());
  }

  net::io_context context{1};
  std::pair<Tcp, Tcp> pair = TcpPair::make(context);
  Next socket{std::move(pair.second)};
  HandoffBuffer buffer;
  std::shared_ptr<WebSocket> server = std::make_shared<WebSocket>(buffer, socket);
  websocket::stream<Tcp> client{std::move(pair.first)};
};

using SniffedLayers = testing::Types<Tcp, beast::tcp_stream>;
TYPED_TEST_SUITE(SniffedWebSocket, SniffedLayers);

TYPED_TEST(SniffedWebSocket, IsAcceptedBehindItsHeader) {
  this->shake_hands(64);
  CountOutcome sent;
  this->client.async_write(net::buffer("hello", 5), sent.handler());
  EXPECT_EQ(this->read_message(*this->server), "hello");
}

TYPED_TEST(SniffedWebSocket, IsAcceptedWithNothingInTheBuffer) { this->shake_hands(0); }

TYPED_TEST(SniffedWebSocket, IsAcceptedBehindOneByte) { this->shake_hands(1); }

TYPED_TEST(SniffedWebSocket, IsClosedByItsQueueAndTheSocketBelowWithIt) {
  this->shake_hands(20);
  WriteHandoff out(this->server);
  Bytes message = websocket_text(text("text"));
  EXPECT_TRUE(out.try_write(message));
  Outcome<net_error_code> closed;
  out.async_close(closed.handler());
  EXPECT_EQ(this->read_message(this->client), "text");
  beast::flat_buffer room;
  CountOutcome end;
  this->client.async_read(room, end.handler());
  ASSERT_TRUE(run_until(this->context, [&] { return end.has_come() && closed.has_come(); }));
  end.expect(websocket::error::closed, 0);
  EXPECT_FALSE(closed.get()) << closed.get().message();
  EXPECT_FALSE(this->server->is_open());
}

TYPED_TEST(SniffedWebSocket, IsResetByAnAbortOfItsQueue) {
  this->shake_hands(20);
  WriteHandoff out(this->server);
  out.abort();
  beast::flat_buffer room;
  CountOutcome end;
  this->client.async_read(room, end.handler());
  ASSERT_TRUE(run_until(this->context, [&] { return end.has_come(); }));
  EXPECT_EQ(end.error(), net::error::connection_reset) << end.error().message();
}

TEST(SniffedHttp, IsReadByBeastThroughTheStream) {
  net::io_context context{1};
  auto [near, far] = TcpPair::make(context);
  net::write(far, net::buffer(std::string("GET / HTTP/1.1\r\nHost: a\r\n\r\n")));
  HandoffBuffer buffer({.max_size = 10});
  CountOutcome sniffed;
  buffer.async_read_available(near, sniffed.handler());
  ASSERT_TRUE(run_until(context, [&] { return sniffed.has_come(); }));
  BufferFirstStream stream(buffer, std::move(near));
  beast::flat_buffer of_beast;
  http::request<http::empty_body> request;
  CountOutcome read;
  http::async_read(stream, of_beast, request, read.handler());
  ASSERT_TRUE(run_until(context, [&] { return read.has_come(); }));
  EXPECT_FALSE(read.error()) << read.error().message();
  EXPECT_EQ(request[http::field::host], "a");
}

}  // namespace
}  // namespace bytes_handoff::test
