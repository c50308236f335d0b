#include "command_line/host_port.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <array>
#include <limits>

#include "command_line/strict_number.hpp"

namespace stream_harness {
namespace {

// Of an interface that this machine has.
bool is_scope(const std::string& text) {
  if (if_nametoindex(text.c_str()) != 0) return true;
  std::array<char, IF_NAMESIZE> name{};
  const auto index = parse_whole_number(text);
  return index && *index != 0 && *index <= std::numeric_limits<unsigned>::max() &&
         if_indextoname(static_cast<unsigned>(*index), name.data()) != nullptr;
}

bool is_ipv4(const std::string& host) {
  in_addr parsed{};
  return inet_pton(AF_INET, host.c_str(), &parsed) == 1;
}

bool is_ipv6(const std::string& host) {
  const auto percent = host.find('%');
  in6_addr parsed{};
  if (inet_pton(AF_INET6, host.substr(0, percent).c_str(), &parsed) != 1) return false;
  if (percent == std::string::npos) return true;
  const bool is_link_local = IN6_IS_ADDR_LINKLOCAL(&parsed) || IN6_IS_ADDR_MC_LINKLOCAL(&parsed);
  return is_link_local && is_scope(host.substr(percent + 1));
}

}  // namespace

std::optional<HostPort> parse_host_port(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_whole_number(text.substr(colon + 1));
  if (!port || *port > 65535) return std::nullopt;

  auto host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.find('\0') != std::string_view::npos) return std::nullopt;

  HostPort result{std::string(host), static_cast<std::uint16_t>(*port), bracketed};
  if (!(bracketed ? is_ipv6(result.host) : is_ipv4(result.host))) return std::nullopt;
  return result;
}

std::string to_text(const HostPort& address) {
  const std::string port = std::to_string(address.port);
  return address.is_ipv6 ? "[" + address.host + "]:" + port : address.host + ":" + port;
}

}  // namespace stream_harness
