#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stream_harness {

/// A numeric socket address.
struct HostPort {
  std::string host;  ///< without brackets; of a link-local IPv6 address with its `%SCOPE`
  std::uint16_t port = 0;
  bool is_ipv6 = false;
};

/// Reads `HOST:PORT`: an IPv4 address in dotted decimal, or an IPv6 address in brackets, and a port
/// from 0 to 65535 in plain decimal. A link-local IPv6 address may have a scope behind `%`: the
/// name or the index of an interface of this machine. Nothing for anything else; names of hosts are
/// not looked up.
[[nodiscard]] std::optional<HostPort> parse_host_port(std::string_view text);

/// The inverse of `parse_host_port`.
[[nodiscard]] std::string to_text(const HostPort& address);

}  // namespace stream_harness
