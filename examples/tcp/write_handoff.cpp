// A bounded write queue in front of each connection of a TCP server. A write that has no room is
// refused, or waits. A ticket tells when a write is written. The close writes what was admitted.
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <bytes_handoff.hpp>
#include <chrono>
#include <exception>
#include <iostream>

using namespace std::chrono_literals;
using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using bytes_handoff::Bytes;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::WriteHandoff;
using bytes_handoff::WriteTicket;

awaitable<void> serve(tcp::socket socket) {
  // A client that takes nothing for 30 seconds is reset.
  WriteHandoff out(std::move(socket), {.max_pending_bytes = 10, .stall_timeout = 30s});

  Bytes one = Bytes::copy_of("first ");
  if (out.try_write(one)) std::cout << "admitted: " << out.pending_bytes() << " of 10 bytes\n";

  Bytes two = Bytes::copy_of("second ");
  if (auto refused = out.try_write(two); !refused) {
    std::cout << refused.error().message() << '\n';
  }
  WriteTicket second = co_await out.async_write(two, use_awaitable);  // waits for room
  std::cout << "written: " << co_await second.async_wait(use_awaitable) << " bytes\n";

  Bytes three = Bytes::from_static("third\n");
  co_await out.async_write(three, use_awaitable);  // nobody asks for this ticket
  co_await out.async_flush(use_awaitable);
  std::cout << "never more than 10 bytes: " << std::boolalpha
            << (out.statistics().high_water_bytes <= 10) << '\n';
  co_await out.async_close(use_awaitable);  // what is left, then FIN
}

void report(std::exception_ptr failure) try {
  if (failure) std::rethrow_exception(failure);
} catch (const std::exception& error) {
  std::cout << "a connection failed: " << error.what() << '\n';
}

awaitable<void> accept_all(tcp::acceptor& acceptor) {
  for (;;) {
    asio::error_code error;
    auto socket = co_await acceptor.async_accept(redirect_error(use_awaitable, error));
    if (error) co_return;  // the acceptor was closed
    asio::co_spawn(acceptor.get_executor(), serve(std::move(socket)), report);
  }
}

awaitable<void> client(tcp::acceptor& acceptor) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(acceptor.local_endpoint(), use_awaitable);
  HandoffBuffer buffer;
  while (co_await buffer.async_read_available(socket, use_awaitable) != 0) {
  }
  std::cout << "the client got: " << buffer.peek_view();
  acceptor.close();
}

int main() {
  asio::io_context context;
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});  // any port that is free
  asio::co_spawn(context, accept_all(acceptor), report);
  asio::co_spawn(context, client(acceptor), report);
  context.run();
}
