// A broadcast over TCP: one log, and a queue for each connection. A client that reads slowly is
// skipped ahead and told how much it missed. The others do not notice.
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/use_awaitable.hpp>
#include <bytes_handoff.hpp>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

using asio::use_awaitable;
using asio::ip::tcp;
using bytes_handoff::Bytes;
using bytes_handoff::FanOut;
using bytes_handoff::WriteHandoff;

constexpr int kTicks = 1000;

asio::awaitable<void> read(std::string_view name, tcp::socket stream) {
  bytes_handoff::HandoffBuffer buffer;
  int ticks = 0, missed = 0;
  std::string last;
  while (co_await buffer.async_read_available(stream, use_awaitable) != 0) {
    for (std::size_t end; (end = buffer.peek_view().find('\n')) != std::string_view::npos;) {
      const Bytes line = buffer.split_prefix(end + 1).value();
      last = line.view().substr(0, line.view().find_first_of(".\n"));
      if (last.starts_with("missed ")) {
        missed += std::stoi(last.substr(7));
      } else {
        ++ticks;
      }
    }
  }
  std::cout << name << ": every tick came or was told as missed: " << (ticks + missed == kTicks)
            << ", missed some: " << (missed != 0) << ", the last: " << last << '\n';
}

asio::awaitable<void> broadcast() {
  const auto executor = co_await asio::this_coro::executor;
  tcp::acceptor acceptor(executor, {asio::ip::address_v4::loopback(), 0});
  tcp::socket quick(executor, tcp::v4()), slow(executor, tcp::v4());
  slow.set_option(tcp::socket::receive_buffer_size(4096));
  co_await quick.async_connect(acceptor.local_endpoint(), use_awaitable);
  WriteHandoff to_quick(co_await acceptor.async_accept(use_awaitable));
  co_await slow.async_connect(acceptor.local_endpoint(), use_awaitable);
  WriteHandoff to_slow(co_await acceptor.async_accept(use_awaitable), {.max_items = 16});

  FanOut log({.max_entries = 100});
  const auto of_quick = log.subscribe(to_quick);
  const auto of_slow =
      log.subscribe(to_slow, {.gap_note = [](std::uint64_t missed) {
                      return Bytes::copy_of("missed " + std::to_string(missed) + "\n");
                    }});
  const auto report = [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  };
  asio::co_spawn(executor, read("quick", std::move(quick)), report);
  for (int i = 1; i <= kTicks; ++i) {
    Bytes tick = Bytes::copy_of("tick " + std::to_string(i) + std::string(4096, '.') + "\n");
    if (!log.publish(tick)) break;  // closed
    if (i % 50 == 0) co_await to_quick.async_flush(use_awaitable);
  }
  log.close();  // the rest is written, then the queues are closed
  co_await to_quick.async_closed(use_awaitable);
  asio::co_spawn(executor, read("slow", std::move(slow)), report);  // it has not read before
  co_await to_slow.async_closed(use_awaitable);
}

int main() {
  asio::io_context context;
  std::cout << std::boolalpha;
  asio::co_spawn(context, broadcast(), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
  context.run();
}
