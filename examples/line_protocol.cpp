// A line protocol: each complete line is an owned slice of the memory that the read filled. What
// has no newline yet stays in the buffer, for the next read or for whoever looks when the stream
// ends.
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <bytes_handoff.hpp>
#include <bytes_handoff/testing/duplex.hpp>
#include <exception>
#include <iostream>
#include <string_view>

using asio::use_awaitable;
using bytes_handoff::DuplexStream;

asio::awaitable<void> print_lines(DuplexStream stream) {
  bytes_handoff::HandoffBuffer buffer;
  while (co_await buffer.async_read_available(stream, use_awaitable) != 0) {
    for (;;) {
      const auto newline = buffer.peek_view().find('\n');
      if (newline == std::string_view::npos) break;
      const bytes_handoff::Bytes line = buffer.split_prefix(newline + 1).value();
      std::cout << "line: " << line.view();
    }
  }
  std::cout << "no newline: " << buffer.peek_view() << '\n';
}

asio::awaitable<void> send(DuplexStream stream) {
  co_await asio::async_write(stream, asio::buffer(std::string_view("ping\npartial-")),
                             use_awaitable);
  co_await asio::async_write(stream, asio::buffer(std::string_view("line")), use_awaitable);
  stream.shutdown(stream.shutdown_send);
}

int main() {
  const auto report = [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  };
  asio::io_context context;
  auto [client, server] = bytes_handoff::make_duplex(context, 1024);
  asio::co_spawn(context, print_lines(std::move(server)), report);
  asio::co_spawn(context, send(std::move(client)), report);
  context.run();
}
