// What the queues of a process hold, over HTTP: a page with the ten fullest, and figures for
// Prometheus. Give it a port that only you can reach: names of queues may tell of your clients.
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <bytes_handoff.hpp>
#include <bytes_handoff/testing/duplex.hpp>
#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using bytes_handoff::Bytes;
using bytes_handoff::DelimiterFramer;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::QueueRegistry;
using bytes_handoff::QueueRegistryReport;
using bytes_handoff::WriteHandoff;
using bytes_handoff::WriteStatistics;
using bytes_handoff::WriteTimes;
using bytes_handoff::WriteTimesReport;

using namespace std::chrono_literals;

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

// The text format of Prometheus, version 0.0.4.
std::string metrics(const QueueRegistryReport& report, const WriteTimesReport& times) {
  std::ostringstream out;
  const auto add = [&out](std::string_view type, std::string_view name, auto value, auto help) {
    out << "# HELP bytes_handoff_" << name << ' ' << help << "\n# TYPE bytes_handoff_" << name
        << ' ' << type << "\nbytes_handoff_" << name << ' ' << value << '\n';
  };
  const WriteStatistics& all = report.totals;
  add("gauge", "queues", report.queues, "Write queues that are there.");
  add("gauge", "pending_bytes", all.pending_bytes, "Bytes that are admitted and not yet written.");
  add("gauge", "held_bytes", all.held_bytes, "Bytes that they keep from being freed.");
  add("gauge", "oldest_pending_seconds", seconds(all.oldest_pending_age),
      "Age of the oldest item.");
  add("gauge", "waiters", all.waiters, "Writes that wait for room.");
  add("gauge", "waiting_bytes", all.waiting_bytes, "Bytes of these writes.");
  add("gauge", "oldest_waiter_seconds", seconds(all.oldest_waiter_age),
      "Age of the oldest of them.");
  add("counter", "written_bytes_total", all.written_bytes, "Bytes that streams took.");
  add("counter", "stream_writes_total", all.stream_writes, "Writes of streams.");
  add("counter", "waits_total", all.waits, "Writes that had to wait for room.");
  add("gauge", "write_queued_p99_seconds", seconds(times.queued.at_percentile(99)),
      "Time in which 99 of 100 writes were offered to their streams.");
  add("gauge", "write_with_stream_p99_seconds", seconds(times.with_stream.at_percentile(99)),
      "Time in which their streams had taken them then.");
  add("gauge", "pool_cached_bytes", bytes_handoff::pool_statistics().cached_bytes(),
      "Memory that is kept for the next block, at most.");
  return std::move(out).str();
}

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    safe += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  }
  return safe;
}

std::string page(const QueueRegistryReport& report) {
  std::ostringstream out;
  out << "<!DOCTYPE html><meta charset=utf-8><title>Queues</title><h1>" << report.queues
      << " queues, " << report.totals.pending_bytes
      << " bytes pending</h1>\n<table>\n<tr><th>queue<th>bytes held"
      << "<th>bytes pending<th>oldest, seconds<th>waiters</tr>\n";
  for (const bytes_handoff::QueueReport& queue : report.fullest) {
    const WriteStatistics& has = queue.statistics;
    out << "<tr><td>" << escaped(queue.name) << (queue.has_ended ? " (ended)" : "") << "<td>"
        << has.held_bytes << "<td>" << has.pending_bytes << "<td>"
        << std::chrono::floor<std::chrono::seconds>(has.oldest_pending_age).count() << "<td>"
        << has.waiters << "</tr>\n";
  }
  out << "</table>\n";
  return std::move(out).str();
}

// One request a connection, to keep it short.
awaitable<void> answer(tcp::socket accepted, QueueRegistry registry, WriteTimes times) {
  const auto socket = std::make_shared<tcp::socket>(std::move(accepted));
  HandoffBuffer in;
  DelimiterFramer head("\r\n\r\n", {.max_content = 4096});
  if (co_await in.async_wait_frame(*socket, head, use_awaitable) == 0) co_return;
  std::string type = "text/plain; charset=utf-8", status = "200 OK", body;
  if (in.peek_view().starts_with("GET /metrics ")) {
    type = "text/plain; version=0.0.4", body = metrics(registry.report(0), times.report());
  } else if (in.peek_view().starts_with("GET / ")) {
    type = "text/html; charset=utf-8", body = page(registry.report(10));
  } else {
    status = "404 Not Found", body = "There are / and /metrics.\n";
  }
  Bytes response = Bytes::from_owner("HTTP/1.1 " + status + "\r\nContent-Type: " + type +
                                     "\r\nContent-Length: " + std::to_string(body.size()) +
                                     "\r\nConnection: close\r\n\r\n" + body);
  WriteHandoff out(socket, {.stall_timeout = 5s});
  co_await out.async_write(response, use_awaitable);
  co_await out.async_close(use_awaitable);
}

void report(std::exception_ptr failure) try {
  if (failure) std::rethrow_exception(failure);
} catch (const std::exception& error) {
  std::cout << "a connection failed: " << error.what() << '\n';
}

awaitable<void> accept_all(tcp::acceptor& acceptor, QueueRegistry registry, WriteTimes times) {
  for (;;) {
    asio::error_code error;
    auto socket = co_await acceptor.async_accept(redirect_error(use_awaitable, error));
    if (error) co_return;  // the acceptor was closed
    asio::co_spawn(acceptor.get_executor(), answer(std::move(socket), registry, times), report);
  }
}

awaitable<void> ask(tcp::acceptor& acceptor, std::string_view path) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(acceptor.local_endpoint(), use_awaitable);
  const std::string request = "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  co_await asio::async_write(socket, asio::buffer(request), use_awaitable);
  HandoffBuffer in;
  while (co_await in.async_read_available(socket, use_awaitable) != 0) {
  }
  const std::string_view response = in.peek_view();
  std::cout << response.substr(response.find("\r\n\r\n") + 4);
}

// Its argument: the path to ask for.
int main(int argc, char** argv) {
  asio::io_context context;
  const QueueRegistry registry = QueueRegistry::make();
  const WriteTimes times = WriteTimes::make();
  // Two clients of some service. One does not read.
  auto [local, remote] = bytes_handoff::make_duplex(context, 1);
  auto [other_near, other_far] = bytes_handoff::make_duplex(context, 1);
  WriteHandoff stuck(std::move(local),
                     {.name = "client 17 <stuck>", .registry = registry, .times = times});
  WriteHandoff idle(std::move(other_near),
                    {.name = "client 18", .registry = registry, .times = times});
  Bytes news = Bytes::from_owner(std::string(1000, 'n'));
  static_cast<void>(stuck.try_write(news));

  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});  // any port that is free
  asio::co_spawn(context, accept_all(acceptor, registry, times), report);
  const std::string_view path = argc > 1 ? argv[1] : "/";
  asio::co_spawn(context, ask(acceptor, path), [&](std::exception_ptr failure) {
    report(failure);
    context.stop();  // the stuck client would wait for ever
  });
  context.run();
}
