// What happens to a queue, as log lines for an operator. The queue has a name, and a hook that is
// told each change once. A client reads nothing for a while, then something, and then its
// connection is reset. The time is that of a clock which the example moves.
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <bytes_handoff.hpp>
#include <bytes_handoff/testing/duplex.hpp>
#include <bytes_handoff/testing/manual_clock.hpp>
#include <chrono>
#include <cstddef>
#include <iostream>
#include <string>
#include <system_error>

using namespace std::chrono_literals;
using bytes_handoff::Bytes;
using bytes_handoff::QueueEvent;
using bytes_handoff::QueueEventKind;
using bytes_handoff::WriteHandoff;

// One line an event. It may be called on any thread, under no lock, and never twice at once for one
// queue. A service would give the line to its logger.
void log(const QueueEvent& event) {
  std::cout << "queue=" << event.name << " event=" << to_string(event.kind)
            << " items=" << event.items << " bytes=" << event.bytes << " waiters=" << event.waiters;
  if (event.kind == QueueEventKind::refusing) {
    std::cout << " reason=" << to_string(event.refusal);
  } else if (event.kind == QueueEventKind::admitting) {
    std::cout << " refusals=" << event.refusals;
  } else if (event.kind == QueueEventKind::stalled) {
    std::cout << " silent_seconds=" << event.silent / 1s;
  } else if (event.kind == QueueEventKind::ended) {
    std::cout << " by=" << to_string(event.ended_by);
    if (const auto error = end_error(event)) std::cout << " error=\"" << error.message() << '"';
  }
  std::cout << '\n';
}

int main() {
  asio::io_context context;
  bytes_handoff::ManualClock clock;
  auto [local, client] = bytes_handoff::make_duplex(clock.executor(context), 16);
  WriteHandoff out(
      std::move(local),
      {.max_pending_bytes = 64, .name = "client-7", .on_event = log, .stalled_after = 10s});
  const auto write = [&out = out](std::size_t size) {
    Bytes bytes = Bytes::from_owner(std::string(size, '.'));
    static_cast<void>(out.try_write(bytes));
  };
  const auto pass = [&](std::chrono::seconds time) {
    clock.advance(time);
    context.restart();
    context.poll();
  };
  const auto read = [&](std::size_t size) {
    std::string bytes(size, ' ');
    std::error_code ignored;
    client.read_some(asio::buffer(bytes), ignored);
    pass(0s);
  };

  for (int i = 0; i != 5; ++i) write(20);  // two of which do not fit
  Bytes waits = Bytes::from_static("has to wait");
  out.async_write(waits, [](std::error_code, const bytes_handoff::WriteTicket&) {});
  pass(0s);
  pass(12s);
  for (int i = 0; i != 4; ++i) read(16);
  write(20);
  pass(0s);
  client.reset();
  read(1);
}
