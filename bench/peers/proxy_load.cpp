// Clients of a proxy and the server behind it, on one thread. Each client opens a connection, has
// its bytes moved, and opens the next one, until the time is over. Prints key=value lines.
//
//   tls      what opens a connection is a ClientHello, which reaches the server
//   connect  it is a CONNECT, which the proxy answers
//   get      it is a GET, of which the server gets some form; the server ends the connection
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kPiece = 256 * 1024;  // of one call
constexpr std::size_t kMaxHead = 16 * 1024;

struct Options {
  std::string kind;
  std::uint16_t proxy_port = 0;
  std::uint16_t server_port = 0;
  std::size_t connections = 0;  // at once
  double seconds = 0;           // in which new ones begin
  std::size_t up = 0;           // bytes behind what opens a connection
  std::size_t down = 0;
  std::string opening;
};

struct Run {
  const Options& options;
  asio::io_context& context;
  Clock::time_point start;
  Clock::time_point deadline;
  std::size_t clients = 0;       // that have not ended
  std::vector<double> micros{};  // of each connection
  bool failed = false;
};

tcp::endpoint local(std::uint16_t port) { return {asio::ip::address_v4::loopback(), port}; }

// Zeros, which nobody looks at.
awaitable<void> send(tcp::socket& socket, std::size_t count) {
  static const std::vector<char> zeros(kPiece);
  while (count != 0) {
    const auto piece = asio::buffer(zeros.data(), std::min(count, kPiece));
    count -= co_await socket.async_write_some(piece, use_awaitable);
  }
}

// Takes so many bytes, which the kernel drops: clients should cost as little as they can.
awaitable<void> drop(tcp::socket& socket, std::size_t count) {
  static std::array<char, kPiece> room;
  while (count != 0) {
    const auto piece = asio::buffer(room.data(), std::min(count, kPiece));
    count -= co_await socket.async_receive(piece, MSG_TRUNC, use_awaitable);
  }
}

// Reads the head of a message, and returns how many bytes came behind it.
awaitable<std::size_t> read_head(tcp::socket& socket, std::string& text) {
  auto room = asio::dynamic_buffer(text, kMaxHead);
  const std::size_t head = co_await asio::async_read_until(socket, room, "\r\n\r\n", use_awaitable);
  co_return text.size() - head;
}

awaitable<std::size_t> read_answer(tcp::socket& socket) {
  std::string text;
  const std::size_t behind = co_await read_head(socket, text);
  if (text.substr(0, 5) != "HTTP/" || text.substr(8, 5) != " 200 ") {
    throw std::runtime_error("the proxy answers " + text.substr(0, text.find('\r')));
  }
  co_return behind;
}

// One connection, until the last byte has come.
awaitable<void> move_bytes(const Options& options, tcp::socket& socket) {
  co_await socket.async_connect(local(options.proxy_port), use_awaitable);
  socket.set_option(tcp::no_delay(true));
  co_await asio::async_write(socket, asio::buffer(options.opening), use_awaitable);
  std::size_t come = 0;
  if (options.kind != "tls") come = co_await read_answer(socket);
  co_await send(socket, options.up);
  co_await drop(socket, options.down - come);
}

awaitable<void> run_client(Run& run) {
  while (Clock::now() < run.deadline) {
    const Clock::time_point begin = Clock::now();
    tcp::socket socket(run.context);
    co_await move_bytes(run.options, socket);
    const std::chrono::duration<double, std::micro> taken = Clock::now() - begin;
    run.micros.push_back(taken.count());
  }
}

awaitable<void> serve(tcp::socket socket, const Options& options) {
  socket.set_option(tcp::no_delay(true));
  if (options.kind == "get") {
    std::string text;
    co_await read_head(socket, text);
    const std::string head =
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(options.down) +
        "\r\n\r\n";
    co_await asio::async_write(socket, asio::buffer(head), use_awaitable);
    co_await send(socket, options.down);
    socket.shutdown(tcp::socket::shutdown_send);
  } else {
    co_await drop(socket, options.up + (options.kind == "tls" ? options.opening.size() : 0));
    co_await send(socket, options.down);
  }
  co_await drop(socket, 1);  // ends with the connection
}

awaitable<void> accept(tcp::acceptor& acceptor, const Options& options) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
    // How a connection ends is told by its client.
    asio::co_spawn(acceptor.get_executor(), serve(std::move(socket), options), asio::detached);
  }
}

// Adds a client, whose failure ends the run.
void spawn_client(Run& run) {
  ++run.clients;
  asio::co_spawn(run.context, run_client(run), [&run](const std::exception_ptr& problem) {
    if (problem) {
      try {
        std::rethrow_exception(problem);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "proxy_load: connection %zu: %s\n", run.micros.size() + 1,
                     error.what());
      }
      run.failed = true;
    }
    if (--run.clients == 0 || run.failed) run.context.stop();
  });
}

void report(Run& run) {
  const std::chrono::duration<double> taken = Clock::now() - run.start;
  const std::size_t count = run.micros.size();
  std::sort(run.micros.begin(), run.micros.end());
  std::printf("connections=%zu\ntotal_streams=%zu\ntotal_seconds=%.6f\n", run.options.connections,
              count, taken.count());
  std::printf("total_bytes=%zu\n", count * (run.options.up + run.options.down));
  for (const auto& [name, part] :
       {std::pair{"p50", 500}, {"p95", 950}, {"p99", 990}, {"p999", 999}}) {
    std::printf("latency_%s_micros=%.1f\n", name,
                run.micros[count * static_cast<std::size_t>(part) / 1000]);
  }
}

Options parse(char** words) {
  std::ifstream opening(words[8], std::ios::binary);
  if (!opening) throw std::runtime_error(std::string(words[8]) + " cannot be read");
  return {.kind = words[1],
          .proxy_port = static_cast<std::uint16_t>(std::strtoul(words[2], nullptr, 10)),
          .server_port = static_cast<std::uint16_t>(std::strtoul(words[3], nullptr, 10)),
          .connections = std::strtoull(words[4], nullptr, 10),
          .seconds = std::strtod(words[5], nullptr),
          .up = std::strtoull(words[6], nullptr, 10),
          .down = std::strtoull(words[7], nullptr, 10),
          .opening{std::istreambuf_iterator<char>(opening), {}}};
}

int run(const Options& options) {
  asio::io_context context(1);
  const Clock::time_point start = Clock::now();
  const auto length = std::chrono::duration<double>(options.seconds);
  Run run{.options = options,
          .context = context,
          .start = start,
          .deadline = start + std::chrono::duration_cast<Clock::duration>(length)};
  tcp::acceptor acceptor(context, local(options.server_port));
  acceptor.listen(4096);
  asio::co_spawn(context, accept(acceptor, options), asio::detached);
  for (std::size_t i = 0; i < options.connections; ++i) spawn_client(run);
  context.run();
  if (run.failed || run.micros.empty()) return 1;
  report(run);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc == 9 ? argv[1] : "";
  if (kind != "tls" && kind != "connect" && kind != "get") {
    std::fputs(
        "usage: proxy_load tls|connect|get PROXY_PORT SERVER_PORT CONNECTIONS SECONDS UP DOWN "
        "OPENING_FILE\n",
        stderr);
    return 2;
  }
  try {
    return run(parse(argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "proxy_load: %s\n", error.what());
    return 1;
  }
}
