// A bounded write queue: what does not fit comes back with the reason, or waits its turn; a ticket
// tells when its bytes have been written; closing writes what was admitted.
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <bytes_handoff.hpp>
#include <bytes_handoff/testing/duplex.hpp>
#include <chrono>
#include <exception>
#include <iostream>

using asio::use_awaitable;
using bytes_handoff::Bytes;
using bytes_handoff::DuplexStream;
using bytes_handoff::WriteHandoff;

asio::awaitable<void> write(WriteHandoff out) {
  auto first = out.try_write(Bytes::copy_of("first "));
  std::cout << "admitted: " << out.pending_bytes() << " of 10 bytes\n";

  auto refused = out.try_write(Bytes::copy_of("second "));
  std::cout << "refused: " << refused.error().message() << '\n';

  // The very slice comes back; here it waits for room instead.
  auto second = co_await out.async_write(std::move(refused.error().bytes), use_awaitable);
  std::cout << "the first is written: " << std::boolalpha << first->is_done() << '\n';

  const std::size_t written = co_await second->async_wait(use_awaitable);
  std::cout << "the second is written: " << written << " bytes\n";

  out.try_write_detached(Bytes::from_static("third"));
  co_await out.async_close(use_awaitable);
  auto late = out.try_write_detached(Bytes::from_static("fourth"));
  std::cout << "after the close: " << late.error().message() << '\n';
}

asio::awaitable<void> read(DuplexStream stream) {
  bytes_handoff::HandoffBuffer buffer;
  while (co_await buffer.async_read_available(stream, use_awaitable) != 0) {
  }
  std::cout << "the peer got: " << buffer.peek_view() << '\n';
}

int main() {
  const auto report = [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  };
  asio::io_context context;
  auto [near, far] = bytes_handoff::make_duplex(context, 1024);
  auto out = WriteHandoff::spawn(std::move(near), {.max_pending_bytes = 10}).value();
  asio::co_spawn(context, write(std::move(out)), report);
  asio::co_spawn(context, read(std::move(far)), report);
  context.run();
}
