#pragma once

#include <bytes_handoff/expected.hpp>
#include <bytes_handoff/framers.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace connect_proxy {

/// Why a head is refused.
enum class HeadErrc {
  control_character = 1,  ///< a byte that no head has, such as those of TLS
  bare_line_end,          ///< CR without LF, or LF without CR
  too_long,
  malformed_line,      ///< the first line is not `METHOD TARGET VERSION`
  unknown_version,     ///< another HTTP than 1.0 and 1.1
  malformed_target,    ///< neither `HOST:PORT` for CONNECT, nor `http://HOST...`
  folded_field,        ///< a field goes on in the next line
  malformed_field,     ///< no `NAME: VALUE`
  wrong_host,          ///< no Host in HTTP/1.1, or several
  ambiguous_length,    ///< Content-Length more than once, or with Transfer-Encoding
  forbidden_hop_field  ///< Connection names a field that tells where the message ends or goes
};

[[nodiscard]] const std::error_category& head_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(HeadErrc code) noexcept {
  return {static_cast<int>(code), head_category()};
}
/// The HTTP status to answer with.
[[nodiscard]] int status_of(HeadErrc code) noexcept;

/// Finds the end of a request's head, which is the frame. Refuses at the first byte that no head
/// has.
///
/// Errors of a scan: `control_character`, `bare_line_end`; `too_long` as soon as a head can no
///     longer end within the limit.
class HeadFramer {
 public:
  explicit HeadFramer(std::size_t max_head) noexcept : max_head_(max_head) {}

  [[nodiscard]] bytes_handoff::FrameScan scan(const bytes_handoff::FrameWindow& window) noexcept;

 private:
  std::size_t max_head_;
  bytes_handoff::ScanMark mark_;
};

/// What a proxy does with a request.
struct RequestHead {
  bool is_connect = false;
  std::string host;  ///< in small letters, without brackets
  std::uint16_t port = 0;
  bool is_ipv6 = false;  ///< the host is an address in brackets
  /// The head to send on, if it is not CONNECT: in origin form, for this one request. Fields of the
  /// connection are left out, `Connection: close` and `Via` are added.
  std::string forwarded;
};

/// Reads a head that `HeadFramer` has found, with the empty line at its end.
[[nodiscard]] bytes_handoff::expected<RequestHead, HeadErrc> parse_head(std::string_view head);

}  // namespace connect_proxy

template <>
struct std::is_error_code_enum<connect_proxy::HeadErrc> : std::true_type {};
