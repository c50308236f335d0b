// Content routing, then a tunnel: each line goes to the upstream that it names. Behind the marker
// there are no lines any more: the relay passes on what was read already, then the rest.
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
using bytes_handoff::async_relay;
using bytes_handoff::Bytes;
using bytes_handoff::DelimiterFramer;
using bytes_handoff::DuplexStream;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::WriteHandoff;

asio::awaitable<void> route(DuplexStream client, WriteHandoff red, WriteHandoff blue) {
  HandoffBuffer buffer;
  DelimiterFramer lines("\n", {.keep_delimiter = true});
  bool tunnel = false;
  while (!tunnel) {
    if (co_await buffer.async_wait_frame(client, lines, use_awaitable) == 0) break;  // the end
    for (Bytes& line : buffer.frames(lines)) {
      tunnel = line.view() == "TUNNEL\n";
      // Waits only if there is no room, and throws if the upstream has ended.
      WriteHandoff& out = line.view().starts_with("red ") ? red : blue;
      if (!out.try_write(line)) co_await out.async_write(line, use_awaitable);
      if (tunnel) break;  // what is behind it stays in the buffer
    }
  }
  if (tunnel) co_await async_relay(buffer, client, blue, use_awaitable);
  co_await red.async_close(use_awaitable);  // not behind an exception: then both are reset
  co_await blue.async_close(use_awaitable);
}

asio::awaitable<void> upstream(DuplexStream stream, Bytes& got) {
  HandoffBuffer buffer;
  while (co_await buffer.async_read_available(stream, use_awaitable) != 0) {
  }
  got = buffer.freeze_all();
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
  asio::co_spawn(
      context,
      route(std::move(proxy), WriteHandoff(std::move(to_red)), WriteHandoff(std::move(to_blue))),
      report);
  Bytes red_got;
  Bytes blue_got;
  asio::co_spawn(context, upstream(std::move(red), red_got), report);
  asio::co_spawn(context, upstream(std::move(blue), blue_got), report);
  asio::co_spawn(context, send(std::move(client)), report);
  context.run();
  std::cout << "red got:\n" << red_got.view() << '\n' << "blue got:\n" << blue_got.view() << '\n';
}
