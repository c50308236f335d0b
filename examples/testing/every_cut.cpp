// A parser at every cut of its input: a network may deliver any part first. One that takes a read
// for a message passes most tests, and fails this one.
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/system_error.hpp>
#include <asio/use_awaitable.hpp>
#include <bytes_handoff.hpp>
#include <bytes_handoff/testing/duplex.hpp>
#include <cstddef>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

using asio::use_awaitable;
using bytes_handoff::Bytes;
using bytes_handoff::DelimiterFramer;
using bytes_handoff::DuplexStream;
using bytes_handoff::HandoffBuffer;
using Commands = std::vector<std::string>;

// What is tested. The stream is a parameter: in the program it is a socket.
template <class Stream>
asio::awaitable<void> read_commands(Stream stream, Commands& commands) {
  HandoffBuffer buffer;
  DelimiterFramer lines("\r\n");
  try {
    while (co_await buffer.async_wait_frame(stream, lines, use_awaitable) != 0) {
      for (Bytes& line : buffer.frames(lines)) commands.emplace_back(line.view());
    }
  } catch (const asio::system_error& error) {
    commands.emplace_back(error.what());
  }
}

Commands commands_of(std::string_view first, std::string_view second) {
  asio::io_context context;
  auto [client, server] = bytes_handoff::make_duplex(context, 4096);
  Commands commands;
  asio::co_spawn(context, read_commands(std::move(server), commands),
                 [](std::exception_ptr failure) {
                   if (failure) std::rethrow_exception(failure);
                 });
  for (const std::string_view piece : {first, second}) {
    client.write_some(asio::buffer(piece));
    context.poll();  // reads it by itself
  }
  client.close();
  context.run();
  return commands;
}

int main() {
  const std::string_view input = "get 1\r\nset 2 \r\r\nquit\r\nha";
  const Commands whole = commands_of(input, {});
  for (const std::string& command : whole) std::cout << "command: " << command.size() << " bytes\n";
  std::size_t wrong = 0;
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    if (commands_of(input.substr(0, cut), input.substr(cut)) != whole) ++wrong;
  }
  std::cout << "cuts: " << input.size() + 1 << ", wrong: " << wrong << '\n';
  return wrong == 0 ? 0 : 1;
}
