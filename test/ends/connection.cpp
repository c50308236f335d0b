#include "ends/connection.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "ends/duplex_peer.hpp"
#include "ends/near_end.hpp"
#include "ends/own_stream.hpp"
#include "ends/tcp_pair.hpp"
#include "ends/tls_near_end.hpp"
#include "support/streams/pipes.hpp"

namespace bytes_handoff::test {

#if defined(BYTES_HANDOFF_BOOST_ASIO)
[[nodiscard]] Connection connect_beast(StreamKind kind, net::io_context& context, bool is_server);
[[nodiscard]] Connection connect_websocket(StreamKind kind, net::io_context& context,
                                           bool is_server);
#endif

namespace {

constexpr int kSendBufferBytes = 256 * 1024;
constexpr int kReceiveBufferBytes = 128 * 1024;
constexpr std::size_t kDuplexBytes = std::size_t{64} * 1024;

[[nodiscard]] Connection connect_unix(net::io_context& context) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) {
    throw std::runtime_error("no pair of Unix sockets");
  }
  auto peer = std::make_unique<DescriptorPeer>(ends[1]);
  net::local::stream_protocol::socket socket(context, net::local::stream_protocol(), ends[0]);
  socket.set_option(net::socket_base::send_buffer_size(kSendBufferBytes));
  return {std::move(peer), near_end_of(std::move(socket))};
}

[[nodiscard]] Connection connect_pipe(net::io_context& context) {
  auto [readable, writable] = make_pipe(context);
  return {std::make_unique<DescriptorPeer>(readable.release()), near_end_of(std::move(writable))};
}

[[nodiscard]] Connection connect_duplex(net::io_context& context) {
  auto peer = std::make_unique<DuplexPeer>();
  auto near = near_end_of(peer->connect(context, kDuplexBytes));
  return {std::move(peer), std::move(near)};
}

template <class Stream>
[[nodiscard]] Connection connect_over_tcp(net::io_context& context, bool is_v6 = false) {
  auto [socket, descriptor] = connect_tcp(context, is_v6);
  return {std::make_unique<DescriptorPeer>(descriptor), near_end_of(Stream(std::move(socket)))};
}

}  // namespace

std::pair<net::ip::tcp::socket, int> connect_tcp(net::io_context& context, bool is_v6) {
  const auto loopback = is_v6 ? net::ip::address(net::ip::address_v6::loopback())
                              : net::ip::address(net::ip::address_v4::loopback());
  net::ip::tcp::acceptor acceptor(context, {loopback, 0});
  net::ip::tcp::socket far(context);
  far.open(acceptor.local_endpoint().protocol());
  far.set_option(net::socket_base::receive_buffer_size(kReceiveBufferBytes));
  far.connect(acceptor.local_endpoint());
  net::ip::tcp::socket near = acceptor.accept();
  near.set_option(net::socket_base::send_buffer_size(kSendBufferBytes));
  near.set_option(net::ip::tcp::no_delay(true));
  return {std::move(near), far.release()};
}

Connection connect(StreamKind kind, net::io_context& context, bool is_server) {
  switch (kind) {
    case StreamKind::kTcpV4:
      return connect_over_tcp<net::ip::tcp::socket>(context);
    case StreamKind::kTcpV6:
      return connect_over_tcp<net::ip::tcp::socket>(context, true);
    case StreamKind::kUnix:
      return connect_unix(context);
    case StreamKind::kPipe:
      return connect_pipe(context);
    case StreamKind::kTls12:
      return connect_tls<net::ssl::stream<net::ip::tcp::socket>>(context, TLS1_2_VERSION,
                                                                 is_server);
    case StreamKind::kTls13:
      return connect_tls<net::ssl::stream<net::ip::tcp::socket>>(context, TLS1_3_VERSION,
                                                                 is_server);
    case StreamKind::kDuplex:
      return connect_duplex(context);
    case StreamKind::kOwn:
      return connect_over_tcp<OwnStream>(context);
    default:
#if defined(BYTES_HANDOFF_BOOST_ASIO)
      return family_of(kind) == Family::kWebSocket ? connect_websocket(kind, context, is_server)
                                                   : connect_beast(kind, context, is_server);
#else
      return {};
#endif
  }
}

}  // namespace bytes_handoff::test
