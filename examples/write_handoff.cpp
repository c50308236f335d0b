// A bounded write queue: what does not fit stays with the caller, or waits its turn; a ticket tells
// when its bytes have been written; closing writes what was admitted.
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
  Bytes one = Bytes::copy_of("first ");
  auto first = out.try_write(one);
  std::cout << "admitted: " << out.pending_bytes() << " of 10 bytes\n";

  Bytes two = Bytes::copy_of("second ");
  if (auto refused = out.try_write(two); !refused) {
    std::cout << refused.error().message() << '\n';
  }

  // The bytes are still ours; here they wait for room instead.
  auto second = co_await out.async_write(two, use_awaitable);
  std::cout << "the first is written: " << std::boolalpha << first->is_done() << '\n';

  const std::size_t written = co_await second.async_wait(use_awaitable);
  std::cout << "the second is written: " << written << " bytes\n";

  // Nobody will ask for this one: the ticket is dropped.
  Bytes three = Bytes::from_static("third");
  co_await out.async_write(three, use_awaitable);
  co_await out.async_close(use_awaitable);
  Bytes four = Bytes::from_static("fourth");
  std::cout << "after the close: " << out.try_write(four).error().message() << '\n';
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
  auto [local, remote] = bytes_handoff::make_duplex(context, 1024);
  WriteHandoff out(std::move(local), {.max_pending_bytes = 10});
  asio::co_spawn(context, write(std::move(out)), report);
  asio::co_spawn(context, read(std::move(remote)), report);
  context.run();
}
