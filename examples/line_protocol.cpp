// A line protocol: each complete line is an owned slice of the memory that the read filled. If the
// stream ends inside of a line, that is an error, and what came of the line is in the buffer.
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/system_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <bytes_handoff.hpp>
#include <bytes_handoff/testing/duplex.hpp>
#include <exception>
#include <iostream>
#include <string_view>

using asio::use_awaitable;
using bytes_handoff::Bytes;
using bytes_handoff::DelimiterFramer;
using bytes_handoff::DuplexStream;
using bytes_handoff::HandoffBuffer;

asio::awaitable<void> print_lines(DuplexStream stream) {
  HandoffBuffer buffer;
  DelimiterFramer lines("\n");
  try {
    while (co_await buffer.async_wait_frame(stream, lines, use_awaitable) != 0) {
      for (Bytes& line : buffer.frames(lines)) std::cout << "line: " << line.view() << '\n';
    }
  } catch (const asio::system_error& error) {
    std::cout << error.what() << ": " << buffer.peek_view() << '\n';
  }
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
