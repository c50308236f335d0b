// Routes TLS connections by server name and protocol, without decrypting them. The ClientHello is
// looked at where it lies in the buffer, and leaves with the first bytes of the tunnel.
#include <algorithm>
#include <asio/awaitable.hpp>
#include <asio/experimental/deferred.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/system_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <bytes_handoff.hpp>
#include <bytes_handoff/bytes/escaped.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "sni_router/client_hello.hpp"
#include "sni_router/proxy_header.hpp"
#include "sni_router/routes.hpp"
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
using programs::Connection;
using sni_router::Alert;
using sni_router::Backend;
using sni_router::ClientHello;
using sni_router::HelloErrc;
using sni_router::HelloFramer;
using sni_router::Routes;

struct Options {
  programs::ServiceOptions service{.listen = {asio::ip::address_v4::loopback(), 8443}};
  programs::TunnelLimits tunnel;
  std::string routes_file;
  std::size_t max_hello = 16 * 1024;
  bool accept_proxy = false;
  std::chrono::nanoseconds hello_deadline = 10s;
  std::chrono::nanoseconds connect_deadline = 3s;
  std::chrono::nanoseconds leave_out = 10s;
};

/// Why a connection goes no further, and what the client is told.
struct Refusal {
  std::string why;
  std::optional<Alert> alert = std::nullopt;
};

/// Where a connection goes. With neither a refusal nor a backend it has ended without a byte.
struct Destination {
  std::optional<Refusal> refusal{};
  Backend* backend = nullptr;
  std::string asked_for{};
  std::size_t proxy_header_size = 0;
};

std::string text_of(const ClientHello& hello) {
  return hello.server_name.empty() ? "no server name" : hello.server_name;
}

class Router {
 public:
  Router(Options options, Routes routes)
      : options_(std::move(options)),
        routes_(std::move(routes)),
        service_("sni_router", options_.service) {}

  int run() {
    const int status = service_.run([this](Connection connection) {  //
      return serve(std::move(connection));
    });
    if (status == 0) {
      auto statistics = service_.statistics();
      statistics.emplace_back("routed", routed_);
      statistics.emplace_back("refused", refused_);
      statistics.emplace_back("without_hello", without_hello_);
      statistics.emplace_back("failed_connects", failed_connects_);
      counts_.add_to(statistics);
      programs::print(statistics);
    }
    return status;
  }

 private:
  awaitable<void> serve(Connection connection) {
    std::optional<HelloFramer> framer(std::in_place, options_.max_hello, options_.accept_proxy);
    bytes_handoff::HandoffBufferConfig config;
    config.max_size = std::max(config.max_size, framer->max_frame());
    HandoffBuffer input(config);
    const Destination to = co_await route(connection, input, *framer);
    framer.reset();  // it keeps the ClientHello, and a tunnel may be there for long
    if (to.backend != nullptr) co_return co_await pass_on(connection, input, to);
    if (!to.refusal) co_return;
    ++refused_;
    service_.log().line(connection.name() + ": " + to.refusal->why);
    if (to.refusal->alert) {
      co_await programs::answer(std::move(connection.client),
                                sni_router::alert_record(*to.refusal->alert));
    }
  }

  // From the first byte until a backend has taken the connection, or to why none has.
  awaitable<Destination> route(Connection& connection, HandoffBuffer& input, HelloFramer& framer) {
    const auto wait = co_await programs::within(
        options_.hello_deadline, input.async_wait_frame(connection.client, framer, deferred));
    if (!wait) {
      co_return Destination{Refusal{"no ClientHello has come in time, only " +
                                    std::to_string(input.size()) + " bytes"}};
    }
    const auto& [error, n] = *wait;
    if (const auto refusal = refusal_of(error)) co_return Destination{refusal};
    if (n == 0) {
      ++without_hello_;
      co_return Destination{};
    }
    connection.passed_on_for = framer.proxied_client();
    Backend* const backend = routes_.find(framer.hello());
    if (backend == nullptr) {
      co_return Destination{
          Refusal{text_of(framer.hello()) + ": no route", Alert::unrecognized_name}};
    }
    const bool is_connected = co_await connect(connection, *backend);
    if (!is_connected) {
      co_return Destination{
          Refusal{backend->name() + ": no server takes the connection", Alert::internal_error}};
    }
    ++routed_;
    co_return Destination{std::nullopt, backend, text_of(framer.hello()),
                          framer.proxy_header_size()};
  }

  // What the bytes are refused for. An error of the connection is thrown.
  static std::optional<Refusal> refusal_of(const asio::error_code& error) {
    if (!error) return std::nullopt;
    if (error == bytes_handoff::Errc::truncated_frame) {
      return Refusal{"it has ended inside of its ClientHello", Alert::decode_error};
    }
    if (error.category() != sni_router::hello_category()) throw asio::system_error(error);
    return Refusal{error.message(), alert_of(static_cast<HelloErrc>(error.value()))};
  }

  // To the next server that takes it. Who does not is left out for a while.
  awaitable<bool> connect(Connection& connection, Backend& backend) {
    for (const std::size_t i : backend.next_order(std::chrono::steady_clock::now())) {
      const tcp::endpoint& server = backend.server(i);
      const auto error =
          co_await programs::connect(connection.second, server, options_.connect_deadline);
      if (!error) {
        backend.take_back(i);
        co_return true;
      }
      ++failed_connects_;
      backend.leave_out(i, std::chrono::steady_clock::now() + options_.leave_out);
      service_.log().line(backend.name() + ": " + programs::to_text(server) +
                          " is left out for a while: " + error.message());
    }
    co_return false;
  }

  awaitable<void> pass_on(Connection& connection, HandoffBuffer& input, const Destination& to) {
    if (!to.backend->sends_proxy_header()) {
      (void)input.advance(to.proxy_header_size);
    } else if (to.proxy_header_size == 0) {
      const std::string line = proxy_line_of(connection.client);
      co_await asio::async_write(connection.second, asio::buffer(line), use_awaitable);
    }
    HandoffBuffer answers;
    const std::string why = co_await programs::tunnel(
        {connection.client, input}, {connection.second, answers}, options_.tunnel, counts_);
    if (!why.empty()) {
      service_.log().line(connection.name() + ": " + to.asked_for + ": " + why);
    }
  }

  static std::string proxy_line_of(const tcp::socket& client) {
    const tcp::endpoint from = client.remote_endpoint();
    const tcp::endpoint to = client.local_endpoint();
    return sni_router::proxy_line(from.address().is_v6(), from.address().to_string(), from.port(),
                                  to.address().to_string(), to.port());
  }

  Options options_;
  Routes routes_;
  programs::Service service_;
  programs::TunnelCounts counts_;
  std::uint64_t routed_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t without_hello_ = 0;
  std::uint64_t failed_connects_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  programs::CommandLine line(
      "sni_router",
      "Routes TLS connections by server name and ALPN, without decrypting them, to backends of a\n"
      "file. Ends with SIGINT or SIGTERM, and prints key=value lines then.");
  options.service.declare(line);
  options.tunnel.declare(line);
  line.text(
      "--routes", "FILE", options.routes_file,
      "lines `backend NAME ADDRESS:PORT... [send-proxy]` and `route HOST [alpn=PROTOCOL] NAME`",
      true);
  line.set("--accept-proxy", options.accept_proxy,
           "each connection begins with a PROXY header, version 1 or 2");
  line.number("--max-hello", options.max_hello, 64, 1024 * 1024, "bytes of a ClientHello");
  line.seconds("--hello-deadline", options.hello_deadline, 1ms, "until the ClientHello is there");
  line.seconds("--connect-deadline", options.connect_deadline, 1ms, "of one try of one server");
  line.seconds("--leave-out", options.leave_out, 0ms,
               "how long a server is left out that failed to connect");
  if (const auto status = line.read(argc, argv)) return *status;
  auto routes = Routes::read(options.routes_file);
  if (!routes) return line.refuse(routes.error());
  return Router(std::move(options), std::move(*routes)).run();
}
