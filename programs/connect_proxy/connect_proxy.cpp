// An HTTP proxy: tunnels for CONNECT, and single requests in absolute form. Only to hosts and ports
// that a file allows.
#include <algorithm>
#include <asio/write.hpp>
#include <bytes_handoff.hpp>
#include <bytes_handoff/bytes/escaped.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connect_proxy/allow_list.hpp"
#include "connect_proxy/request_head.hpp"
#include "support/asio_names.hpp"
#include "support/command_line.hpp"
#include "support/connect.hpp"
#include "support/deadline.hpp"
#include "support/service.hpp"
#include "support/tunnel.hpp"

namespace {

using namespace std::chrono_literals;
using bytes_handoff::HandoffBuffer;
using connect_proxy::AllowList;
using connect_proxy::HeadErrc;
using connect_proxy::HeadFramer;
using connect_proxy::RequestHead;
using programs::awaitable;
using programs::Connection;
using programs::ConnectionPointer;
using programs::Deadline;
using programs::tcp;

struct Options {
  programs::ServiceOptions service{.listen = {asio::ip::address_v4::loopback(), 8080},
                                   .looks_up_names = true};
  programs::TunnelLimits tunnel;
  std::string allow_file;
  std::size_t max_head = 16 * 1024;
  std::chrono::nanoseconds head_deadline = 10s;
  std::chrono::nanoseconds connect_deadline = 10s;
};

/// What the client is told in the place of what it asked for.
struct Refusal {
  int status;
  std::string why;
};

class Proxy {
 public:
  Proxy(Options options, AllowList allowed)
      : options_(std::move(options)),
        allowed_(std::move(allowed)),
        service_("connect_proxy", options_.service) {}

  int run() {
    service_.on_drained([this] {
      head_deadlines_.end();
      connect_deadlines_.end();
    });
    const int status =
        service_.run([this](ConnectionPointer connection) { return serve(std::move(connection)); });
    if (status == 0) {
      auto statistics = service_.statistics();
      statistics.emplace_back("requests", requests_);
      statistics.emplace_back("refused_requests", refused_);
      tunnels_.add_to(statistics);
      programs::print(statistics);
    }
    return status;
  }

 private:
  // It ends where the tunnel begins.
  awaitable<void> serve(ConnectionPointer connection) {
    HandoffBuffer input({.max_size = options_.max_head + 64 * 1024});
    std::string host = co_await request(*connection, input);
    if (!host.empty()) tunnels_.start(std::move(connection), std::move(input), std::move(host));
  }

  // Refuses what is not to be. Returns the host that is connected, or nothing.
  awaitable<std::string> request(Connection& connection, HandoffBuffer& input) {
    RequestHead head;
    const std::optional<Refusal> refusal = co_await serve_head(connection, input, head);
    if (!refusal) co_return head.host;
    ++refused_;
    service_.log().line(connection.name() + ": " + std::to_string(refusal->status) + ": " +
                        refusal->why);
    const std::string text = "connect_proxy: " + refusal->why + "\n";
    co_await programs::answer(
        connection, "HTTP/1.1 " + std::to_string(refusal->status) + " " + phrase(refusal->status) +
                        "\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: " +
                        std::to_string(text.size()) + "\r\n\r\n" + text);
    co_return std::string();
  }

  static const char* phrase(int status) {
    switch (status) {
      case 400:
        return "Bad Request";
      case 403:
        return "Forbidden";
      case 408:
        return "Request Timeout";
      case 431:
        return "Request Header Fields Too Large";
      case 502:
        return "Bad Gateway";
      case 504:
        return "Gateway Timeout";
      default:
        return "HTTP Version Not Supported";
    }
  }

  // Until the server has what it is to get in front of the tunnel. The head has no host if nothing
  // was asked for.
  awaitable<std::optional<Refusal>> serve_head(Connection& connection, HandoffBuffer& input,
                                               RequestHead& asked) {
    HeadFramer framer(options_.max_head);
    std::optional<Deadline> deadline(std::in_place, head_deadlines_, connection.stop);
    const auto [error, size] =
        co_await input.async_wait_frame(connection.client, framer, connection.stop.token());
    const bool is_late = deadline->has_ended(error);
    deadline.reset();
    if (is_late && input.empty()) co_return std::nullopt;  // it never asked
    if (is_late) co_return Refusal{408, "the request's head did not come in time"};
    if (error.category() == connect_proxy::head_category()) {
      const auto code = static_cast<HeadErrc>(error.value());
      co_return Refusal{status_of(code), error.message()};
    }
    if (error) throw asio::system_error(error, "the request's head is cut");
    if (size == 0) co_return std::nullopt;
    ++requests_;
    auto head = connect_proxy::parse_head(input.peek_view().substr(0, size));
    if (!head) co_return Refusal{status_of(head.error()), make_error_code(head.error()).message()};
    (void)input.advance(size);
    if (auto refusal = co_await connect(connection, *head)) co_return refusal;
    co_await send_first(connection, *head);
    asked = std::move(*head);
    co_return std::nullopt;
  }

  awaitable<std::optional<Refusal>> connect(Connection& connection, const RequestHead& head) {
    const std::string name = head.host + " port " + std::to_string(head.port);
    if (!allowed_.has(head.host, head.port)) {
      co_return Refusal{403, name + " is not allowed"};
    }
    const Deadline deadline(connect_deadlines_, connection.stop);
    auto [error, endpoints] = co_await resolve(head, connection.stop);
    for (const tcp::endpoint& endpoint : endpoints) {
      error = co_await programs::connect(connection.second, endpoint, deadline);
      if (!error) co_return std::nullopt;
    }
    const int status = error == asio::error::timed_out ? 504 : 502;
    co_return Refusal{status, name + " cannot be reached: " + error.message()};
  }

  using Resolved = std::pair<asio::error_code, std::vector<tcp::endpoint>>;

  // A look-up cannot be cancelled: one that takes too long is left alone.
  awaitable<Resolved> resolve(const RequestHead& head, programs::Stop& stop) {
    asio::error_code error;
    const auto address = asio::ip::make_address(head.host, error);
    if (!error) co_return Resolved(error, {tcp::endpoint(address, head.port)});
    if (head.is_ipv6) co_return Resolved(error, {});
    auto resolver = std::make_shared<tcp::resolver>(service_.context());
    auto waits = std::make_shared<programs::steady_timer>(
        service_.context(), programs::steady_timer::time_point::max());
    auto found = std::make_shared<Resolved>(asio::error::timed_out, std::vector<tcp::endpoint>());
    resolver->async_resolve(head.host, std::to_string(head.port),
                            [resolver, waits, found](const asio::error_code& failure,
                                                     const tcp::resolver::results_type& results) {
                              found->first = failure;
                              for (const auto& each : results)
                                found->second.push_back(each.endpoint());
                              waits->cancel();
                            });
    co_await waits->async_wait(stop.token());
    stop.throw_if_told();
    co_return *found;
  }

  static awaitable<void> send_first(Connection& connection, const RequestHead& head) {
    const std::string established = "HTTP/1.1 200 Connection established\r\n\r\n";
    const auto [error, n] = co_await asio::async_write(
        head.is_connect ? connection.client : connection.second,
        asio::buffer(head.is_connect ? established : head.forwarded), connection.stop.token());
    if (error) throw asio::system_error(error);
  }

  Options options_;
  AllowList allowed_;
  programs::Service service_;
  programs::Deadlines head_deadlines_{service_.context(), options_.head_deadline};
  programs::Deadlines connect_deadlines_{service_.context(), options_.connect_deadline};
  programs::Tunnels tunnels_{options_.tunnel, service_.log()};
  std::uint64_t requests_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  programs::CommandLine line(
      "connect_proxy",
      "An HTTP proxy: tunnels for CONNECT, and single requests in absolute form, to hosts and\n"
      "ports that a file allows. Ends with SIGINT or SIGTERM, and prints key=value lines then.");
  options.service.declare(line);
  options.tunnel.declare(line);
  line.text("--allow-file", "FILE", options.allow_file,
            "what may be reached: lines `allow HOST PORT`, `PORT-PORT` or `*`", true);
  line.number("--max-head", options.max_head, 64, 1024 * 1024, "bytes of a request's head");
  line.seconds("--head-deadline", options.head_deadline, 1ms, "until the head must be there");
  line.seconds("--connect-deadline", options.connect_deadline, 1ms,
               "until the server must be connected, with the look-up of its name");
  if (const auto status = line.read(argc, argv)) return *status;
  auto allowed = AllowList::read(options.allow_file);
  if (!allowed) return line.refuse(allowed.error());
  return Proxy(std::move(options), std::move(*allowed)).run();
}
