#include "support/asio.hpp"

#if defined(BYTES_HANDOFF_BOOST_ASIO)

#include <openssl/ssl.h>

#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <memory>
#include <utility>

#include "bytes_handoff/websocket.hpp"
#include "ends/connection.hpp"
#include "ends/near_end.hpp"
#include "ends/tcp_pair.hpp"
#include "ends/tls_near_end.hpp"
#include "ends/websocket_peer.hpp"

namespace bytes_handoff::test {
namespace {

namespace beast = boost::beast;

template <class Next>
using WebSocket = beast::websocket::stream<Next, false>;  // compression takes long to compile

/// The lower layers have shaken hands. A server sends its messages in frames, a client whole.
template <class Next, class Handler>
void upgrade(WebSocket<Next>& stream, bool is_server, Handler handler) {
  stream.binary(true);
  stream.auto_fragment(is_server);
  if (is_server) {
    stream.async_accept(std::move(handler));
  } else {
    stream.async_handshake("localhost", "/", std::move(handler));
  }
}

[[nodiscard]] Connection connect_over_tcp(net::io_context& context, bool is_server) {
  using Stream = WebSocket<net::ip::tcp::socket>;
  auto [socket, descriptor] = connect_tcp(context);
  auto stream = std::make_unique<Stream>(std::move(socket));
  auto peer = std::make_unique<WebSocketPeer<DescriptorPeer>>(is_server, descriptor);
  shake_hands(context, *peer,
              [&](auto handler) { upgrade(*stream, is_server, std::move(handler)); });
  return {std::move(peer), std::make_unique<NearEndOf<Stream>>(std::move(stream))};
}

[[nodiscard]] Connection connect_over_tls(net::io_context& context, bool is_server) {
  using Stream = WebSocket<beast::ssl_stream<beast::tcp_stream>>;
  auto [tls, of_peer] = make_tls_contexts(TLS1_3_VERSION, is_server);
  auto [socket, descriptor] = connect_tcp(context);
  auto stream = std::make_unique<Stream>(std::move(socket), *tls);
  auto peer = std::make_unique<WebSocketPeer<TlsPeer>>(is_server, descriptor, std::move(of_peer));
  shake_hands(context, *peer, [&](auto handler) {
    stream->next_layer().async_handshake(
        tls_role(is_server), [&, handler = std::move(handler)](net_error_code error) mutable {
          EXPECT_FALSE(error) << error.message();
          upgrade(*stream, is_server, std::move(handler));
        });
  });
  return {std::move(peer), std::make_unique<NearEndOf<Stream>>(std::move(stream), std::move(tls))};
}

}  // namespace

Connection connect_websocket(StreamKind kind, net::io_context& context, bool is_server) {
  return kind == StreamKind::kWebSocket ? connect_over_tcp(context, is_server)
                                        : connect_over_tls(context, is_server);
}

}  // namespace bytes_handoff::test

#endif
