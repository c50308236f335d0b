#include "host_port.hpp"

#include <arpa/inet.h>

#include <array>

#include "strict_number.hpp"

namespace stream_harness {

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
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  const int family = bracketed ? AF_INET6 : AF_INET;
  if (inet_pton(family, result.host.c_str(), parsed.data()) != 1) return std::nullopt;
  return result;
}

std::string to_text(const HostPort& address) {
  const std::string port = std::to_string(address.port);
  return address.is_ipv6 ? "[" + address.host + "]:" + port : address.host + ":" + port;
}

}  // namespace stream_harness
