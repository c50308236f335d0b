// The loop of plain.cpp with the library. It is compiled for its cost, and never run.
#include <asio.hpp>
#include <bytes_handoff/framers.hpp>
#include <bytes_handoff/handoff_buffer.hpp>
#include <bytes_handoff/write_handoff.hpp>

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;

awaitable<void> forward(tcp::socket client, tcp::socket backend) {
  bytes_handoff::HandoffBuffer buffer;
  bytes_handoff::WriteHandoff out(std::move(backend));
  bytes_handoff::DelimiterFramer lines("\n", {.keep_delimiter = true});
  bool tunnel = false;
  while (!tunnel) {
    if (co_await buffer.async_wait_frame(client, lines, use_awaitable) == 0) break;
    for (bytes_handoff::Bytes& frame : buffer.frames(lines)) {
      tunnel = frame.view() == "TUNNEL\n";
      co_await out.async_write(frame, use_awaitable);
      if (tunnel) break;
    }
  }
  out.close();
}
