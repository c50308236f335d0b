#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <bytes_handoff.hpp>
#include <bytes_handoff/testing/duplex.hpp>
#include <string>
#include <utility>

namespace {

using bytes_handoff::Bytes;

asio::awaitable<void> send(bytes_handoff::WriteHandoff out) {
  Bytes line = Bytes::copy_of("through a coroutine\n");
  co_await out.async_write(line, asio::use_awaitable);
  out.close();
}

asio::awaitable<void> receive(bytes_handoff::DuplexStream stream, std::string& received) {
  bytes_handoff::HandoffBuffer buffer;
  bytes_handoff::DelimiterFramer lines("\n");
  while (co_await buffer.async_wait_frame(stream, lines, asio::use_awaitable) != 0) {
    for (const Bytes& line : buffer.frames(lines)) {
      received += line.view();
    }
  }
}

}  // namespace

int main() {
  asio::io_context context(1);
  auto [left, right] = bytes_handoff::make_duplex(context, 1024);
  std::string received;
  asio::co_spawn(context, send(bytes_handoff::WriteHandoff(std::move(left))), asio::detached);
  asio::co_spawn(context, receive(std::move(right), received), asio::detached);
  context.run();
  return received == "through a coroutine" ? 0 : 1;
}
