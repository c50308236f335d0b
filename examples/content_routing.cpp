// Content routing, then a tunnel: each frame goes to the upstream that it names. After the marker
// the protocol has no frames any more; what was read behind the marker is the tunnel's beginning.
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <bytes_handoff.hpp>
#include <bytes_handoff/testing/duplex.hpp>
#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

using asio::use_awaitable;
using bytes_handoff::Bytes;
using bytes_handoff::DuplexStream;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::WriteHandoff;

struct Upstreams {
  WriteHandoff red;
  WriteHandoff blue;
  WriteHandoff& of(std::string_view frame) { return frame.starts_with("red ") ? red : blue; }
};

asio::awaitable<void> route(DuplexStream client, Upstreams upstreams) {
  HandoffBuffer buffer;
  bool tunnel = false;
  while (co_await buffer.async_read_available(client, use_awaitable) != 0) {
    while (!tunnel) {
      const auto newline = buffer.peek_view().find('\n');
      if (newline == std::string_view::npos) break;
      Bytes frame = buffer.split_prefix(newline + 1).value();
      tunnel = frame.view() == "TUNNEL\n";
      // Waits only if there is no room, and throws if the upstream has ended.
      WriteHandoff& out = upstreams.of(frame.view());
      if (!out.try_write(frame)) co_await out.async_write(frame, use_awaitable);
    }
    if (tunnel && !buffer.empty()) {
      Bytes piece = buffer.freeze_all();
      if (!upstreams.blue.try_write(piece)) {
        co_await upstreams.blue.async_write(piece, use_awaitable);
      }
    }
  }
  if (!buffer.empty()) co_return;  // cut inside of a frame: no upstream is told that it was all
  co_await upstreams.red.async_close(use_awaitable);
  co_await upstreams.blue.async_close(use_awaitable);
}

asio::awaitable<void> print(std::string name, DuplexStream stream) {
  HandoffBuffer buffer;
  while (co_await buffer.async_read_available(stream, use_awaitable) != 0) {
  }
  std::cout << name << " got:\n" << buffer.peek_view() << '\n';
}

asio::awaitable<void> send(DuplexStream stream) {
  constexpr std::string_view kBytes = "red one\nblue two\nTUNNEL\nany bytes, \n or none";
  co_await asio::async_write(stream, asio::buffer(kBytes), use_awaitable);
  stream.shutdown(stream.shutdown_send);
}

int main() {
  const auto report = [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  };
  asio::io_context context;
  auto [client, proxy] = bytes_handoff::make_duplex(context, 1024);
  auto [to_red, red] = bytes_handoff::make_duplex(context, 1024);
  auto [to_blue, blue] = bytes_handoff::make_duplex(context, 1024);
  Upstreams upstreams{WriteHandoff(std::move(to_red)), WriteHandoff(std::move(to_blue))};
  asio::co_spawn(context, route(std::move(proxy), std::move(upstreams)), report);
  asio::co_spawn(context, print("red", std::move(red)), report);
  asio::co_spawn(context, print("blue", std::move(blue)), report);
  asio::co_spawn(context, send(std::move(client)), report);
  context.run();
}
