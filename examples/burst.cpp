// A burst that is larger than the whole budget: one call, one completion. It is admitted in order,
// as room comes. With `may_cut` a slice that could never fit goes in pieces.
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/use_awaitable.hpp>
#include <bytes_handoff.hpp>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

using asio::use_awaitable;
using asio::ip::tcp;
using bytes_handoff::Bytes;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::may_cut;
using bytes_handoff::WriteHandoff;

asio::awaitable<void> send(WriteHandoff out) {
  std::vector<Bytes> slices;
  for (int i = 0; i < 100; ++i) slices.push_back(Bytes::from_owner(std::string(1000, 'a')));
  slices.push_back(Bytes::from_owner(std::string(1'000'000, 'b')));  // ten times the budget

  const std::size_t admitted = co_await out.async_send(slices, may_cut, use_awaitable);
  std::cout << "admitted: " << admitted << " slices\n"
            << "the last is empty now: " << std::boolalpha << slices.back().empty() << '\n';

  co_await out.async_flush(use_awaitable);  // and written
  std::cout << "never over the budget: " << (out.statistics().high_water_bytes <= 100'000) << '\n';
  co_await out.async_close(use_awaitable);
}

asio::awaitable<void> read(tcp::socket stream, std::size_t& bytes) {
  HandoffBuffer buffer;
  while (co_await buffer.async_read_available(stream, use_awaitable) != 0) {
    bytes += buffer.freeze_all().size();
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
  asio::co_spawn(context, send(WriteHandoff(std::move(local), {.max_pending_bytes = 100'000})),
                 report);
  std::size_t bytes = 0;
  asio::co_spawn(context, read(std::move(remote), bytes), report);
  context.run();
  std::cout << "the peer got: " << bytes << " bytes\n";
}
