// A WebSocket echo server with a bounded queue in front of each connection. A client that reads
// slowly fills its queue; then its messages are read no faster than it takes the answers.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <bytes_handoff.hpp>
#include <bytes_handoff/websocket.hpp>
#include <exception>
#include <iostream>
#include <memory>
#include <string>

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using asio::use_awaitable;
using asio::ip::tcp;
using bytes_handoff::Bytes;
using bytes_handoff::websocket_binary;
using bytes_handoff::websocket_close;
using bytes_handoff::websocket_ping;
using bytes_handoff::websocket_text;
using bytes_handoff::WriteHandoff;
using WebSocket = websocket::stream<tcp::socket>;

asio::awaitable<void> serve(tcp::acceptor acceptor) {
  auto ws = std::make_shared<WebSocket>(co_await acceptor.async_accept(use_awaitable));
  co_await ws->async_accept(use_awaitable);
  WriteHandoff out(ws, {.max_pending_bytes = 64 * 1024});

  std::string text;
  while (text != "quit") {
    text.clear();
    auto buffer = asio::dynamic_buffer(text);
    co_await ws->async_read(buffer, use_awaitable);
    const Bytes bytes = Bytes::copy_of(text);
    Bytes answer = ws->got_text() ? websocket_text(bytes) : websocket_binary(bytes);
    co_await out.async_write(answer, use_awaitable);  // waits for room
  }
  Bytes ping = websocket_ping("still there?");
  co_await out.async_write(ping, use_awaitable);
  Bytes bye = websocket_close({websocket::close_code::going_away, "bye"});
  co_await out.async_write(bye, use_awaitable);
  co_await out.async_closed(use_awaitable);  // throws unless the client has answered in time
  std::cout << "server: all is written, and the client has answered the close\n";
}

asio::awaitable<void> talk(tcp::endpoint server) {
  WebSocket ws(co_await asio::this_coro::executor);
  co_await ws.next_layer().async_connect(server, use_awaitable);
  co_await ws.async_handshake("localhost", "/", use_awaitable);
  ws.control_callback([](websocket::frame_type kind, boost::beast::string_view payload) {
    if (kind == websocket::frame_type::ping) std::cout << "client: a ping: " << payload << '\n';
  });
  for (const std::string message : {"one", "", "quit"}) {
    ws.text(message != "");
    co_await ws.async_write(asio::buffer(message), use_awaitable);
  }
  for (;;) {
    std::string text;
    auto buffer = asio::dynamic_buffer(text);
    const auto [error, n] = co_await ws.async_read(buffer, asio::as_tuple(use_awaitable));
    if (error == websocket::error::closed) break;
    std::cout << "client: " << (ws.got_text() ? "text" : "binary") << " '" << text << "'\n";
  }
  std::cout << "client: closed, " << ws.reason().code << ' ' << ws.reason().reason << '\n';
}

int main() {
  const auto report = [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  };
  asio::io_context context;
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  asio::co_spawn(context, talk(acceptor.local_endpoint()), report);
  asio::co_spawn(context, serve(std::move(acceptor)), report);
  context.run();
}
