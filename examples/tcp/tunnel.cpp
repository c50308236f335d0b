// Forwards a TCP port, both ways. Each way ends by itself: the client ends its request, and the
// answer still comes back. A connection on which nothing moves for a minute is ended. If the
// process is out of descriptors, connections wait: each is accepted when there is a second one for
// it, too.
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <bytes_handoff.hpp>
#include <bytes_handoff/service/accept_each.hpp>
#include <bytes_handoff/tunnel.hpp>
#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

using namespace std::chrono_literals;
using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using bytes_handoff::AcceptOptions;
using bytes_handoff::async_accept_each;
using bytes_handoff::async_tunnel;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::TunnelEnd;

awaitable<tcp::socket> connect(tcp::endpoint to) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(to, use_awaitable);
  co_return socket;
}

awaitable<void> forward(tcp::socket client, tcp::socket server, tcp::endpoint to) {
  co_await server.async_connect(to, use_awaitable);
  HandoffBuffer from_client;
  HandoffBuffer from_server;
  co_await async_tunnel(TunnelEnd(from_client, client), TunnelEnd(from_server, server),
                        {.idle_timeout = 60s}, use_awaitable);
}

void report(std::exception_ptr failure) try {
  if (failure) std::rethrow_exception(failure);
} catch (const std::exception& error) {
  std::cout << "a connection failed: " << error.what() << '\n';
}

// Until the acceptor is closed. `server` is the second socket of the next connection.
awaitable<void> accept_all(tcp::acceptor& acceptor, tcp::endpoint to) {
  tcp::socket server(acceptor.get_executor());
  AcceptOptions<> options;
  options.prepare = [&] {
    asio::error_code error;
    if (!server.is_open()) server.open(to.protocol(), error);
    return error;
  };
  options.on_pause = [](const asio::error_code& reason) {
    std::cerr << "no new connections for now: " << reason.message() << '\n';
  };
  const auto on_accept = [&](tcp::socket client) {
    asio::co_spawn(acceptor.get_executor(), forward(std::move(client), std::move(server), to),
                   report);
  };
  asio::error_code closed;
  co_await async_accept_each(acceptor, on_accept, options, redirect_error(use_awaitable, closed));
}

// The server behind it answers when the request has ended.
awaitable<void> serve_one(tcp::acceptor& acceptor) {
  tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
  HandoffBuffer request;
  while (co_await request.async_read_available(socket, use_awaitable) != 0) {
  }
  const std::string answer = "got " + std::to_string(request.size()) + " bytes and the end";
  co_await asio::async_write(socket, asio::buffer(answer), use_awaitable);
}

awaitable<void> client(tcp::acceptor& tunnel) {
  constexpr std::string_view kRequest = "hello";
  tcp::socket socket = co_await connect(tunnel.local_endpoint());
  co_await asio::async_write(socket, asio::buffer(kRequest), use_awaitable);
  socket.shutdown(tcp::socket::shutdown_send);
  HandoffBuffer answer;
  while (co_await answer.async_read_available(socket, use_awaitable) != 0) {
  }
  std::cout << "answer: " << answer.peek_view() << '\n';
  tunnel.close();
}

int main() {
  asio::io_context context;
  const tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);
  tcp::acceptor tunnel(context, any_port);
  tcp::acceptor server(context, any_port);
  asio::co_spawn(context, accept_all(tunnel, server.local_endpoint()), report);
  asio::co_spawn(context, serve_one(server), report);
  asio::co_spawn(context, client(tunnel), report);
  context.run();
}
