// An HTTP proxy: tunnels for CONNECT, and single requests in absolute form. Only to hosts and ports
// that a file allows.
#include <algorithm>
#include <asio/awaitable.hpp>
#include <asio/experimental/deferred.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
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
#include "support/as_tuple.hpp"
#include "support/command_line.hpp"
#include "support/connect.hpp"
#include "support/service.hpp"
#include "support/tunnel.hpp"
#include "support/within.hpp"

namespace {

using namespace std::chrono_literals;
using asio::awaitable;
using asio::use_awaitable;
using asio::experimental::deferred;
using asio::ip::tcp;
using bytes_handoff::HandoffBuffer;
using connect_proxy::AllowList;
using connect_proxy::HeadErrc;
using connect_proxy::HeadFramer;
using connect_proxy::RequestHead;
using programs::as_tuple;
using programs::Connection;

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
    const int status = service_.run([this](Connection connection) {  //
      return serve(std::move(connection));
    });
    if (status == 0) {
      auto statistics = service_.statistics();
      statistics.emplace_back("requests", requests_);
      statistics.emplace_back("refused_requests", refused_);
      counts_.add_to(statistics);
      programs::print(statistics);
    }
    return status;
  }

 private:
  awaitable<void> serve(Connection connection) {
    HandoffBuffer input({.max_size = options_.max_head + 64 * 1024});
    std::optional<Refusal> refusal = co_await request(connection, input);
    if (!refusal) co_return;
    ++refused_;
    service_.log().line(connection.name() + ": " + std::to_string(refusal->status) + ": " +
                        refusal->why);
    const std::string text = "connect_proxy: " + refusal->why + "\n";
    co_await programs::answer(
        std::move(connection.client),
        "HTTP/1.1 " + std::to_string(refusal->status) + " " + phrase(refusal->status) +
            "\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: " +
            std::to_string(text.size()) + "\r\n\r\n" + text);
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

  // From the head to the end of the connection, or to why it is refused.
  awaitable<std::optional<Refusal>> request(Connection& connection, HandoffBuffer& input) {
    HeadFramer framer(options_.max_head);
    const auto wait = co_await programs::within(
        options_.head_deadline, input.async_wait_frame(connection.client, framer, deferred));
    if (!wait && input.empty()) co_return std::nullopt;  // it never asked
    if (!wait) co_return Refusal{408, "the request's head did not come in time"};
    const auto& [error, size] = *wait;
    if (error.category() == connect_proxy::head_category()) {
      const auto code = static_cast<HeadErrc>(error.value());
      co_return Refusal{status_of(code), error.message()};
    }
    if (error) throw asio::system_error(error, "the request's head is cut");
    if (size == 0) co_return std::nullopt;
    ++requests_;
    const auto head = connect_proxy::parse_head(input.peek_view().substr(0, size));
    if (!head) co_return Refusal{status_of(head.error()), make_error_code(head.error()).message()};
    (void)input.advance(size);
    if (auto refusal = co_await connect(connection, *head)) co_return refusal;
    co_await pass_on(connection, input, *head);
    co_return std::nullopt;
  }

  awaitable<std::optional<Refusal>> connect(Connection& connection, const RequestHead& head) {
    const std::string name = head.host + " port " + std::to_string(head.port);
    if (!allowed_.has(head.host, head.port)) {
      co_return Refusal{403, name + " is not allowed"};
    }
    const auto give_up = std::chrono::steady_clock::now() + options_.connect_deadline;
    const auto left = [give_up] {
      return std::max<std::chrono::nanoseconds>(1ns, give_up - std::chrono::steady_clock::now());
    };
    auto [error, endpoints] = co_await resolve(head, left());
    for (const tcp::endpoint& endpoint : endpoints) {
      error = co_await programs::connect(connection.second, endpoint, left());
      if (!error) co_return std::nullopt;
    }
    const int status = error == asio::error::timed_out ? 504 : 502;
    co_return Refusal{status, name + " cannot be reached: " + error.message()};
  }

  using Resolved = std::pair<asio::error_code, std::vector<tcp::endpoint>>;

  // A look-up cannot be cancelled: one that takes too long is left alone.
  awaitable<Resolved> resolve(const RequestHead& head, std::chrono::nanoseconds limit) {
    asio::error_code error;
    const auto address = asio::ip::make_address(head.host, error);
    if (!error) co_return Resolved(error, {tcp::endpoint(address, head.port)});
    if (head.is_ipv6) co_return Resolved(error, {});
    auto resolver = std::make_shared<tcp::resolver>(service_.context());
    auto timer = std::make_shared<asio::steady_timer>(service_.context(), limit);
    auto found = std::make_shared<Resolved>(asio::error::timed_out, std::vector<tcp::endpoint>());
    resolver->async_resolve(head.host, std::to_string(head.port),
                            [resolver, timer, found](const asio::error_code& failure,
                                                     const tcp::resolver::results_type& results) {
                              found->first = failure;
                              for (const auto& each : results)
                                found->second.push_back(each.endpoint());
                              timer->cancel();
                            });
    co_await timer->async_wait(as_tuple(use_awaitable));
    co_return *found;
  }

  awaitable<void> pass_on(Connection& connection, HandoffBuffer& input, const RequestHead& head) {
    if (head.is_connect) {
      const std::string established = "HTTP/1.1 200 Connection established\r\n\r\n";
      co_await asio::async_write(connection.client, asio::buffer(established), use_awaitable);
    } else {
      co_await asio::async_write(connection.second, asio::buffer(head.forwarded), use_awaitable);
    }
    HandoffBuffer answers;
    const std::string why = co_await programs::tunnel(
        {connection.client, input}, {connection.second, answers}, options_.tunnel, counts_);
    if (!why.empty()) service_.log().line(connection.name() + ": " + head.host + ": " + why);
  }

  Options options_;
  AllowList allowed_;
  programs::Service service_;
  programs::TunnelCounts counts_;
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
