#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace programs {

/// A host and a port as they are written. The host is not looked at.
struct HostPort {
  std::string_view host;  ///< without brackets
  std::uint16_t port = 0;
  bool has_brackets = false;
};

/// Splits `HOST:PORT` or `[HOST]:PORT`. Nothing for anything else: a host with a colon needs
/// brackets, and the port is a plain decimal number up to 65535.
[[nodiscard]] std::optional<HostPort> split_host_port(std::string_view text) noexcept;

/// A whole number in plain decimal, and nothing else. Nothing if it does not fit.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text) noexcept;

/// The ASCII letters in lower case.
[[nodiscard]] std::string lower_case(std::string_view text);

/// Whether it can be a host name or an IPv4 address: at most 255 letters, digits, `.`, `-` and `_`.
/// No label is empty. One dot may follow.
[[nodiscard]] bool is_host_name(std::string_view text) noexcept;

}  // namespace programs
