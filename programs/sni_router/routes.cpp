#include "sni_router/routes.hpp"

#include <algorithm>
#include <utility>

#include "support/command_line.hpp"

namespace sni_router {

using asio::ip::tcp;
using bytes_handoff::unexpected;

Backend::Backend(std::string name, std::vector<tcp::endpoint> servers, bool sends_proxy_header)
    : name_(std::move(name)), sends_proxy_header_(sends_proxy_header) {
  for (const tcp::endpoint& server : servers) {
    servers_.push_back({server});
  }
}

std::vector<std::size_t> Backend::next_order(TimePoint now) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    order.push_back((first_ + i) % servers_.size());
  }
  const auto is_left_out = [&](std::size_t i) { return servers_[i].left_out_until > now; };
  if (!std::all_of(order.begin(), order.end(), is_left_out)) {
    std::erase_if(order, is_left_out);
  }
  first_ = (order.front() + 1) % servers_.size();
  return order;
}

bytes_handoff::expected<Routes, std::string> Routes::read(const std::string& path) {
  const auto lines = programs::read_config(path);
  if (!lines) {
    return unexpected<std::string>(lines.error());
  }
  Routes routes;
  for (const programs::ConfigLine& line : *lines) {
    if (const auto rule = routes.add(line.words)) {
      return unexpected<std::string>(programs::config_error(path, line, *rule));
    }
  }
  if (routes.routes_.empty()) {
    return unexpected<std::string>(path + ": has no route");
  }
  std::stable_sort(routes.routes_.begin(), routes.routes_.end(),
                   [](const Route& a, const Route& b) {
                     return std::pair(a.host.rank(), !a.protocol.empty()) >
                            std::pair(b.host.rank(), !b.protocol.empty());
                   });
  return routes;
}

Routes::Wrong Routes::add(const std::vector<std::string>& words) {
  if (words[0] == "backend") {
    return add_backend(words);
  }
  if (words[0] == "route") {
    return add_route(words);
  }
  return "must begin with backend or route";
}

Routes::Wrong Routes::add_backend(const std::vector<std::string>& words) {
  const bool sends_proxy_header = words.back() == "send-proxy";
  const std::size_t end = words.size() - sends_proxy_header;
  if (end < 3) {
    return "must be: backend NAME ADDRESS:PORT... [send-proxy]";
  }
  std::vector<tcp::endpoint> servers;
  for (std::size_t i = 2; i < end; ++i) {
    const auto server = programs::parse_endpoint(words[i]);
    if (!server || server->port() == 0) {
      return "the server " + std::string(programs::kEndpointRule) + " and not 0";
    }
    servers.push_back(*server);
  }
  if (!places_.emplace(words[1], backends_.size()).second) {
    return "there is a backend of this name already";
  }
  backends_.emplace_back(words[1], std::move(servers), sends_proxy_header);
  return std::nullopt;
}

Routes::Wrong Routes::add_route(const std::vector<std::string>& words) {
  constexpr std::string_view kProtocol = "alpn=";
  const bool has_protocol = words.size() == 4 && words[2].starts_with(kProtocol);
  if (words.size() != 3 && !has_protocol) {
    return "must be: route HOST [alpn=PROTOCOL] BACKEND";
  }
  if (!programs::HostPattern::is_valid(words[1])) {
    return "the host must be a name, *.NAME or *";
  }
  const auto backend = places_.find(words.back());
  if (backend == places_.end()) {
    return "no line before has this backend";
  }
  const std::string protocol = has_protocol ? words[2].substr(kProtocol.size()) : "";
  if (has_protocol && protocol.empty()) {
    return "alpn= must have a protocol, such as h2";
  }
  routes_.push_back({programs::HostPattern(words[1]), protocol, backend->second});
  return std::nullopt;
}

Backend* Routes::find(const ClientHello& hello) noexcept {
  const auto matches = [&](const Route& route) {
    return route.host.matches(hello.server_name) &&
           (route.protocol.empty() || std::find(hello.protocols.begin(), hello.protocols.end(),
                                                route.protocol) != hello.protocols.end());
  };
  const auto route = std::find_if(routes_.begin(), routes_.end(), matches);
  return route == routes_.end() ? nullptr : &backends_[route->backend];
}

}  // namespace sni_router
