// Routes TLS connections by server name and protocol, without decrypting them. The ClientHello is
// looked at where it lies in the buffer, and leaves with the first bytes of the tunnel.
#include <algorithm>
#include <asio/system_error.hpp>
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
#include "support/asio_names.hpp"
#include "support/command_line.hpp"
#include "support/connect.hpp"
#include "support/deadline.hpp"
#include "support/service.hpp"
#include "support/tunnel.hpp"

namespace {

using namespace std::chrono_literals;
using bytes_handoff::HandoffBuffer;
using programs::awaitable;
using programs::Connection;
using programs::ConnectionPointer;
using programs::Deadline;
using programs::Deadlines;
using programs::tcp;
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

/// Where a connection goes. Without a backend it has ended.
struct Destination {
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
        service_("sni_router", options_.service) {
    buffer_.max_size = std::max(buffer_.max_size,
                                HelloFramer(options_.max_hello, options_.accept_proxy).max_frame());
  }

  int run() {
    service_.on_drained([this] {
      hello_deadlines_.end();
      connect_deadlines_.end();
    });
    const int status =
        service_.run([this](ConnectionPointer connection) { return serve(std::move(connection)); });
    if (status == 0) {
      auto statistics = service_.statistics();
      statistics.emplace_back("routed", routed_);
      statistics.emplace_back("refused", refused_);
      statistics.emplace_back("without_hello", without_hello_);
      statistics.emplace_back("failed_connects", failed_connects_);
      tunnels_.add_to(statistics);
      programs::print(statistics);
    }
    return status;
  }

 private:
  // It ends where the tunnel begins.
  awaitable<void> serve(ConnectionPointer connection) {
    HandoffBuffer input(buffer_);
    Destination to = co_await route(*connection, input);
    if (to.backend == nullptr) co_return;
    if (!to.backend->sends_proxy_header()) {
      (void)input.advance(to.proxy_header_size);
    } else if (to.proxy_header_size == 0) {
      co_await send_proxy_line(*connection);
    }
    tunnels_.start(std::move(connection), std::move(input), std::move(to.asked_for));
  }

  // From the first byte until a backend has taken the connection, or it has ended.
  awaitable<Destination> route(Connection& connection, HandoffBuffer& input) {
    HelloFramer framer(options_.max_hello, options_.accept_proxy);
    std::optional<Deadline> deadline(std::in_place, hello_deadlines_, connection.stop);
    const auto [error, n] =
        co_await input.async_wait_frame(connection.client, framer, connection.stop.token());
    const bool is_late = deadline->has_ended(error);
    deadline.reset();
    std::optional<Refusal> refusal = is_late ? late(input.size()) : refusal_of(error);
    if (refusal) co_return co_await refuse(connection, *refusal);
    if (n == 0) {
      ++without_hello_;
      co_return Destination{};
    }
    connection.passed_on_for = framer.proxied_client();
    Destination to{routes_.find(framer.hello()), text_of(framer.hello()),
                   framer.proxy_header_size()};
    if (to.backend == nullptr) {
      refusal.emplace(to.asked_for + ": no route", Alert::unrecognized_name);
    } else if (!co_await connect(connection, *to.backend)) {
      refusal.emplace(to.backend->name() + ": no server takes the connection",
                      Alert::internal_error);
    }
    if (refusal) co_return co_await refuse(connection, *refusal);
    ++routed_;
    co_return to;
  }

  awaitable<Destination> refuse(Connection& connection, const Refusal& refusal) {
    ++refused_;
    service_.log().line(connection.name() + ": " + refusal.why);
    if (refusal.alert) {
      co_await programs::answer(connection, sni_router::alert_record(*refusal.alert));
    }
    co_return Destination{};
  }

  static Refusal late(std::size_t bytes) {
    return {"no ClientHello has come in time, only " + std::to_string(bytes) + " bytes"};
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
      const Deadline deadline(connect_deadlines_, connection.stop);
      const auto error = co_await programs::connect(connection.second, server, deadline);
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

  static awaitable<void> send_proxy_line(Connection& connection) {
    const tcp::endpoint& from = connection.peer;
    const tcp::endpoint to = connection.client.local_endpoint();
    const std::string line =
        sni_router::proxy_line(from.address().is_v6(), from.address().to_string(), from.port(),
                               to.address().to_string(), to.port());
    const auto [error, n] =
        co_await asio::async_write(connection.second, asio::buffer(line), connection.stop.token());
    if (error) throw asio::system_error(error);
  }

  Options options_;
  Routes routes_;
  bytes_handoff::HandoffBufferConfig buffer_;
  programs::Service service_;
  Deadlines hello_deadlines_{service_.context(), options_.hello_deadline};
  Deadlines connect_deadlines_{service_.context(), options_.connect_deadline};
  programs::Tunnels tunnels_{options_.tunnel, service_.log()};
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
