// Frames with a length in front (4 bytes, big-endian). The parser looks at the length without
// taking it, and takes nothing until the whole frame is there.
#include <array>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <bytes_handoff.hpp>
#include <bytes_handoff/testing/duplex.hpp>
#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <span>
#include <string_view>

using asio::use_awaitable;
using bytes_handoff::DuplexStream;

constexpr std::size_t kLengthBytes = 4;

/// The length of the frame at the front, once enough is there to tell.
std::optional<std::size_t> frame_length(std::span<const std::byte> bytes) {
  if (bytes.size() < kLengthBytes) return std::nullopt;
  std::size_t length = 0;
  for (const std::byte byte : bytes.first(kLengthBytes)) {
    length = length << 8 | std::to_integer<std::size_t>(byte);
  }
  return length;
}

asio::awaitable<void> print_frames(DuplexStream stream) {
  // A peer that announces more than this is refused by the read: the buffer is full.
  bytes_handoff::HandoffBuffer buffer({.max_size = 64 * 1024});
  while (co_await buffer.async_read_available(stream, use_awaitable) != 0) {
    for (;;) {
      const auto length = frame_length(buffer.peek());
      if (!length || buffer.size() - kLengthBytes < *length) break;
      buffer.advance(kLengthBytes);  // cannot fail: they are there
      std::cout << "frame: " << buffer.split_prefix(*length).value().view() << '\n';
    }
    std::cout << "waiting with " << buffer.size() << " bytes\n";
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
  asio::co_spawn(context, print_frames(std::move(server)), report);
  asio::co_spawn(context, send(std::move(client)), report);
  context.run();
}
