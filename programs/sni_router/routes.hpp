#pragma once

#include <asio/ip/tcp.hpp>
#include <bytes_handoff/expected.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sni_router/client_hello.hpp"
#include "support/config_file.hpp"
#include "support/host_pattern.hpp"

namespace sni_router {

/// Servers of which any can take a connection. Who fails to connect is left out for a while.
class Backend {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  Backend(std::string name, std::vector<asio::ip::tcp::endpoint> servers, bool sends_proxy_header);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const asio::ip::tcp::endpoint& server(std::size_t i) const {
    return servers_[i].at;
  }
  [[nodiscard]] bool sends_proxy_header() const noexcept { return sends_proxy_header_; }

  /// The servers to try for a connection, in this order. They are those that are not left out, each
  /// time from the next one on; or all, if all are left out.
  [[nodiscard]] std::vector<std::size_t> next_order(TimePoint now);

  /// Leaves a server out until then.
  void leave_out(std::size_t i, TimePoint until) { servers_[i].left_out_until = until; }
  /// It has connected: it is left out no longer.
  void take_back(std::size_t i) { servers_[i].left_out_until = TimePoint(); }

 private:
  struct Server {
    asio::ip::tcp::endpoint at;
    TimePoint left_out_until{};
  };

  std::string name_;
  std::vector<Server> servers_;
  bool sends_proxy_header_;
  std::size_t first_ = 0;  // of the next order
};

/// Which backend a ClientHello is for.
///
/// The file has lines `backend NAME ADDRESS:PORT... [send-proxy]`, and `route HOST [alpn=PROTOCOL]
/// NAME`. HOST is a name, `*.NAME` or `*`. Only `*` also stands for no name. The most specific host
/// counts. Of equal ones those with a protocol come first, in the order of the file.
class Routes {
 public:
  /// Errors: one line for a person, which names the file, the line and the rule.
  [[nodiscard]] static bytes_handoff::expected<Routes, std::string> read(const std::string& path);

  /// Null if no route has it.
  [[nodiscard]] Backend* find(const ClientHello& hello) noexcept;

 private:
  struct Route {
    programs::HostPattern host;
    std::string protocol;  // empty: any
    std::size_t backend;
  };
  /// The rule that the words break; nothing if they break none.
  using Wrong = std::optional<std::string>;

  [[nodiscard]] Wrong add(const std::vector<std::string>& words);
  [[nodiscard]] Wrong add_backend(const std::vector<std::string>& words);
  [[nodiscard]] Wrong add_route(const std::vector<std::string>& words);

  std::vector<Backend> backends_;
  std::map<std::string, std::size_t> places_;  // of the backends, by name
  std::vector<Route> routes_;                  // the first that matches counts
};

}  // namespace sni_router
