// A line protocol on a TCP port. The server sends each line back, without a copy. A client that is
// cut inside of a line is told from one that ends. The client at the end is for the output: a
// server has a port of its own instead.
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <bytes_handoff.hpp>
#include <exception>
#include <iostream>
#include <memory>
#include <string_view>
#include <vector>

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using bytes_handoff::Bytes;
using bytes_handoff::DelimiterFramer;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::WriteHandoff;

awaitable<void> serve(tcp::socket accepted) {
  const auto socket = std::make_shared<tcp::socket>(std::move(accepted));
  WriteHandoff out(socket);
  HandoffBuffer buffer;
  DelimiterFramer lines("\n", {.max_content = 1024, .keep_delimiter = true});
  std::vector<Bytes> answers;
  while (co_await buffer.async_wait_frame(*socket, lines, use_awaitable) != 0) {
    for (Bytes& line : buffer.frames(lines)) answers.push_back(std::move(line));
    co_await out.async_send(answers, use_awaitable);
    answers.clear();
  }
  co_await out.async_close(use_awaitable);  // an exception goes past it: the client sees a reset
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

awaitable<void> ask(tcp::endpoint server, std::string_view first, std::string_view second) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(server, use_awaitable);
  for (const std::string_view piece : {first, second}) {
    co_await asio::async_write(socket, asio::buffer(piece), use_awaitable);
  }
  socket.shutdown(tcp::socket::shutdown_send);
  HandoffBuffer buffer;
  DelimiterFramer lines("\n");
  while (co_await buffer.async_wait_frame(socket, lines, use_awaitable) != 0) {
    for (Bytes& line : buffer.frames(lines)) std::cout << "answer: " << line.view() << '\n';
  }
}

awaitable<void> clients(tcp::acceptor& acceptor) {
  co_await ask(acceptor.local_endpoint(), "ping\nin two", " pieces\n");
  co_await ask(acceptor.local_endpoint(), "pong\n", "no newl");
}

int main() {
  asio::io_context context;
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});  // any port that is free
  asio::co_spawn(context, accept_all(acceptor), report);
  asio::co_spawn(context, clients(acceptor), [&](std::exception_ptr failure) {
    report(failure);
    acceptor.close();
  });
  context.run();
}
