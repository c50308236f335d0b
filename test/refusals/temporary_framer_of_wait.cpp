// A framer that is gone before the frame is there.
#include <asio/ip/tcp.hpp>
#include <bytes_handoff/framers.hpp>
#include <bytes_handoff/handoff_buffer.hpp>
#include <bytes_handoff/write_handoff.hpp>

using bytes_handoff::DelimiterFramer;

void wait(bytes_handoff::HandoffBuffer& buffer, asio::ip::tcp::socket& stream,
          const bytes_handoff::WriteHandoff& out) {
  const auto handler = [](asio::error_code, std::size_t) {};
  DelimiterFramer lines("\n");
  buffer.async_wait_frame(stream, lines, handler);
  buffer.async_wait_frame(stream, lines, out, handler);
  buffer.async_wait_frame(stream, DelimiterFramer("\n"), handler);
  buffer.async_wait_frame(stream, DelimiterFramer("\n"), out, handler);
  buffer.async_wait_frame(stream, std::move(lines), handler);
}
