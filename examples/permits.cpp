// Room first: a producer that builds a page only when there is room for it. However slow the peer
// is, at most two pages exist at a time. Nothing is built and then refused.
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/use_awaitable.hpp>
#include <bytes_handoff.hpp>
#include <exception>
#include <iostream>
#include <string>

using asio::use_awaitable;
using asio::ip::tcp;
using bytes_handoff::Bytes;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::WriteHandoff;
using bytes_handoff::WritePermit;

constexpr std::size_t kLargestPage = 4096;

Bytes build_page(int number) {
  if (number % 10 == 0) return Bytes();  // nothing to say
  return Bytes::from_owner(std::string(kLargestPage - 1, 'x') + '\n');
}

asio::awaitable<void> produce(WriteHandoff out) {
  int built = 0;
  for (int number = 1; number <= 1000; ++number) {
    WritePermit room = co_await out.async_reserve(kLargestPage, use_awaitable);
    Bytes page = build_page(number);
    if (page.empty()) continue;         // the permit is dropped, and gives its room back
    if (!room.commit(page)) co_return;  // closed meanwhile: the page is still here
    ++built;
  }
  co_await out.async_close(use_awaitable);
  const auto seen = out.statistics();
  std::cout << "built: " << built << '\n'
            << "never more than two pages: " << std::boolalpha
            << (seen.high_water_bytes <= 2 * kLargestPage) << '\n'
            << "still reserved: " << seen.reserved_bytes << '\n';
}

asio::awaitable<void> count_lines(tcp::socket stream, std::size_t& lines) {
  HandoffBuffer buffer;
  while (co_await buffer.async_read_available(stream, use_awaitable) != 0) {
    const Bytes read = buffer.freeze_all();
    for (const char c : read.view()) lines += c == '\n' ? 1 : 0;
  }
}

int main() {
  const auto report = [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  };
  asio::io_context context;
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  tcp::socket local(context);
  local.connect(acceptor.local_endpoint());
  tcp::socket remote = acceptor.accept();
  WriteHandoff out(std::move(local), {.max_pending_bytes = 2 * kLargestPage});
  asio::co_spawn(context, produce(std::move(out)), report);
  std::size_t lines = 0;
  asio::co_spawn(context, count_lines(std::move(remote), lines), report);
  context.run();
  std::cout << "the peer got: " << lines << '\n';
}
