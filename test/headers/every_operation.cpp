// Every operation of a queue, a ticket and a buffer, compiled with optimization: what a consumer's
// compiler sees then must draw no warning.

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "bytes_handoff.hpp"
#include "support/asio.hpp"

namespace bytes_handoff::test {

using Socket = net::ip::tcp::socket;

net::awaitable<void> use_every_operation(Socket owned, std::shared_ptr<Socket> shared);
net::awaitable<void> use_every_operation(Socket owned, std::shared_ptr<Socket> shared) {
  const WriteHandoff out(std::move(owned), {.max_pending_bytes = 1024});
  const WriteHandoff other(shared, {}, leave_open);
  Bytes bytes = Bytes::copy_of("bytes");
  std::vector<Bytes> slices(2, bytes);
  WriteTicket ticket = co_await out.async_write(bytes, net::use_awaitable);
  co_await ticket.async_wait(net::use_awaitable);
  co_await out.async_write(slices, net::use_awaitable);
  if (auto admitted = out.try_write(bytes)) {
    ticket = std::move(*admitted);
  }
  static_cast<void>(WeakWriteHandoff(out).lock().try_write(slices));
  WritePermit permit = co_await out.async_reserve(10, net::use_awaitable);
  permit = co_await out.async_reserve(10, 2, net::use_awaitable);
  static_cast<void>(permit.commit(bytes));
  if (auto reserved = out.try_reserve(10)) {
    permit = std::move(*reserved);
    static_cast<void>(permit.commit(slices));
  }
  std::size_t sent = co_await out.async_send(slices, net::use_awaitable);
  sent += co_await out.async_send(slices, may_cut, net::use_awaitable);
  slices.resize(slices.size() - sent);
  co_await out.async_flush(net::use_awaitable);
  out.async_closed([](net_error_code) {});
  UnwrittenEntries unwritten = co_await out.async_unwritten(net::use_awaitable);
  static_cast<void>(replay(other, unwritten, ReplayFrom::entry_start));
  HandoffBuffer buffer;
  co_await buffer.async_read_available(*shared, net::use_awaitable);
  co_await buffer.async_read_available(*shared, other, net::use_awaitable);
  const FanOut log({.max_entries = 10});
  Subscription subscription = log.subscribe(out, {.conflate = true});
  static_cast<void>(log.publish(bytes, 1));
  static_cast<void>(log.publish(slices));
  co_await subscription.async_caught_up(net::use_awaitable);
  subscription = Subscription();
  log.close();
  out.abort(after_written);
  co_await other.async_close(Waiters::admit, net::use_awaitable);
  co_await async_linger(*shared, LingerLimits{}, net::use_awaitable);
}

void accept_each(net::ip::tcp::acceptor& acceptor);
void accept_each(net::ip::tcp::acceptor& acceptor) {
  const auto pause = std::make_shared<AcceptPause>();
  async_accept_each(
      acceptor, [pause](const Socket&) { pause->end(); },
      {.prepare = [] { return net_error_code(); },
       .next_executor = [&] { return acceptor.get_executor(); },
       .pause = pause},
      [](net_error_code) {});
  async_accept_each(
      acceptor, [](const Socket&) {}, [](net_error_code) {});
  async_accept_each(
      acceptor, [](const Socket&, const AcceptSlot&) {}, {.max_open = 10}, [](net_error_code) {});
}

void write_copies(CopyingWriteStream& stream);
void write_copies(CopyingWriteStream& stream) {
  stream.async_write_some(net::buffer("copied", 6), [](net_error_code, std::size_t) {});
  net::async_write(stream, net::buffer("copied", 6), [](net_error_code, std::size_t) {});
}

void read_into(HandoffBuffer& buffer, Socket& socket);
void read_into(HandoffBuffer& buffer, Socket& socket) {
  net::async_read_until(socket, DynamicBuffer(buffer), '\n', [](net_error_code, std::size_t) {});
}

void read_again(BufferFirstStream<Socket&>& stream, std::array<char, 10>& room);
void read_again(BufferFirstStream<Socket&>& stream, std::array<char, 10>& room) {
  stream.async_read_some(net::buffer(room), [](net_error_code, std::size_t) {});
  net::async_read(stream, net::buffer(room), [](net_error_code, std::size_t) {});
  stream.async_write_some(net::buffer(room), [](net_error_code, std::size_t) {});
}

}  // namespace bytes_handoff::test
