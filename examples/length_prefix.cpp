// Frames with a length in front (4 bytes, big-endian). The framer looks at the length without
// taking it, and a frame is taken when it is whole. A peer that announces more than the limit is
// refused as soon as its length is there.
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
using bytes_handoff::Bytes;
using bytes_handoff::DuplexStream;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::LengthFramer;

asio::awaitable<void> print_messages(DuplexStream stream) {
  HandoffBuffer buffer;
  LengthFramer messages({.length_bytes = 4, .max_content = 64 * 1024});
  while (co_await buffer.async_wait_frame(stream, messages, use_awaitable) != 0) {
    for (Bytes& message : buffer.frames(messages)) {
      std::cout << "message: " << message.view() << '\n';
    }
  }
}

asio::awaitable<void> send(DuplexStream stream) {
  constexpr std::string_view kWire("\0\0\0\5hello\0\0\0\3bye", 16);
  for (const std::string_view piece : {kWire.substr(0, 3), kWire.substr(3)}) {
    co_await asio::async_write(stream, asio::buffer(piece), use_awaitable);
  }
}

int main() {
  const auto report = [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  };
  asio::io_context context;
  auto [client, server] = bytes_handoff::make_duplex(context, 1024);
  asio::co_spawn(context, print_messages(std::move(server)), report);
  asio::co_spawn(context, send(std::move(client)), report);
  context.run();
}
