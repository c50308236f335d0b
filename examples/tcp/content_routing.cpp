// Content routing on a TCP port, then a tunnel. Each line goes to the upstream that it names.
// Behind the marker there are no lines any more: the relay passes on what was read already, then
// the rest.
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <bytes_handoff.hpp>
#include <exception>
#include <iostream>
#include <string_view>

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using bytes_handoff::async_relay;
using bytes_handoff::Bytes;
using bytes_handoff::DelimiterFramer;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::WriteHandoff;

awaitable<tcp::socket> connect(tcp::endpoint to) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(to, use_awaitable);
  co_return socket;
}

awaitable<void> route(tcp::socket client, tcp::endpoint to_red, tcp::endpoint to_blue) {
  WriteHandoff red(co_await connect(to_red));
  WriteHandoff blue(co_await connect(to_blue));
  HandoffBuffer buffer;
  DelimiterFramer lines("\n", {.keep_delimiter = true});
  bool tunnel = false;
  while (!tunnel) {
    if (co_await buffer.async_wait_frame(client, lines, use_awaitable) == 0) break;  // the end
    for (Bytes& line : buffer.frames(lines)) {
      tunnel = line.view() == "TUNNEL\n";
      WriteHandoff& out = line.view().starts_with("red ") ? red : blue;
      if (!out.try_write(line)) co_await out.async_write(line, use_awaitable);
      if (tunnel) break;  // what is behind it stays in the buffer
    }
  }
  if (tunnel) co_await async_relay(buffer, client, blue, use_awaitable);
  co_await red.async_close(use_awaitable);  // not behind an exception: then both are reset
  co_await blue.async_close(use_awaitable);
}

void report(std::exception_ptr failure) try {
  if (failure) std::rethrow_exception(failure);
} catch (const std::exception& error) {
  std::cout << "a connection failed: " << error.what() << '\n';
}

awaitable<void> accept_all(tcp::acceptor& acceptor, tcp::endpoint red, tcp::endpoint blue) {
  for (;;) {
    asio::error_code error;
    auto socket = co_await acceptor.async_accept(redirect_error(use_awaitable, error));
    if (error) co_return;  // the acceptor was closed
    asio::co_spawn(acceptor.get_executor(), route(std::move(socket), red, blue), report);
  }
}

awaitable<void> upstream(tcp::acceptor& acceptor, Bytes& got) {
  tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
  HandoffBuffer buffer;
  while (co_await buffer.async_read_available(socket, use_awaitable) != 0) {
  }
  got = buffer.freeze_all();
}

awaitable<void> client(tcp::acceptor& proxy) {
  constexpr std::string_view kBytes = "red one\nblue two\nTUNNEL\nany bytes, \n or none";
  tcp::socket socket = co_await connect(proxy.local_endpoint());
  co_await asio::async_write(socket, asio::buffer(kBytes), use_awaitable);
  proxy.close();
}

int main() {
  asio::io_context context;
  const tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);
  tcp::acceptor proxy(context, any_port);
  tcp::acceptor red(context, any_port);
  tcp::acceptor blue(context, any_port);
  asio::co_spawn(context, accept_all(proxy, red.local_endpoint(), blue.local_endpoint()), report);
  Bytes red_got;
  Bytes blue_got;
  asio::co_spawn(context, upstream(red, red_got), report);
  asio::co_spawn(context, upstream(blue, blue_got), report);
  asio::co_spawn(context, client(proxy), report);
  context.run();
  std::cout << "red got:\n" << red_got.view() << '\n' << "blue got:\n" << blue_got.view() << '\n';
}
