#pragma once

#include <bytes_handoff/expected.hpp>
#include <bytes_handoff/framers.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace sni_router {

/// Why the begin of a connection is refused.
enum class HelloErrc {
  not_tls = 1,      ///< not a record of a TLS handshake
  record_too_long,  ///< more than TLS allows
  too_long,         ///< the ClientHello is longer than the limit
  not_hello,        ///< a handshake that does not begin with a ClientHello
  malformed,        ///< a ClientHello whose parts do not fit into each other
  malformed_name,   ///< a server name that no host has
  no_proxy_header   ///< a PROXY header was to come, and something else has come
};

[[nodiscard]] const std::error_category& hello_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(HelloErrc code) noexcept {
  return {static_cast<int>(code), hello_category()};
}

/// Alerts of TLS, all of them fatal.
enum class Alert : std::uint8_t {
  unexpected_message = 10,
  record_overflow = 22,
  decode_error = 50,
  internal_error = 80,
  unrecognized_name = 112,
};

/// The alert to answer with; none to what does not speak TLS.
[[nodiscard]] std::optional<Alert> alert_of(HelloErrc code) noexcept;
/// The record to send.
[[nodiscard]] std::string alert_record(Alert alert);

/// What a ClientHello asks for.
struct ClientHello {
  std::string server_name;             ///< in small letters; empty if there is none
  std::vector<std::string> protocols;  ///< of ALPN, in the client's order
};

/// Reads the body of a ClientHello: what is behind the 4 bytes of its handshake header.
[[nodiscard]] bytes_handoff::expected<ClientHello, HelloErrc> parse_client_hello(
    std::string_view body);

/// Finds the end of the records that have the ClientHello. If there is to be one, a PROXY header is
/// in front of them. All of that is the frame.
///
/// The ClientHello may be cut into records anywhere, and the records may arrive in any pieces. Each
/// byte is looked at once. What the frame says is kept until the next scan of another one.
///
/// Errors of a scan: those of `HelloErrc`, as soon as they are sure.
class HelloFramer {
 public:
  /// `max_hello`: bytes of a ClientHello with its handshake header.
  HelloFramer(std::size_t max_hello, bool has_proxy_header) noexcept
      : max_hello_(max_hello), has_proxy_header_(has_proxy_header) {}

  [[nodiscard]] bytes_handoff::FrameScan scan(const bytes_handoff::FrameWindow& window);

  /// Behind a complete scan: what it asks for, how long the PROXY header is, and the client that
  /// this names.
  [[nodiscard]] const ClientHello& hello() const noexcept { return hello_; }
  [[nodiscard]] std::size_t proxy_header_size() const noexcept { return proxy_header_size_; }
  [[nodiscard]] const std::string& proxied_client() const noexcept { return proxied_client_; }

  /// The most that a frame can have. A buffer must be able to hold it.
  [[nodiscard]] std::size_t max_frame() const noexcept;

 private:
  [[nodiscard]] bytes_handoff::FrameScan scan_records(const bytes_handoff::FrameWindow& window,
                                                      std::size_t at);
  struct Record {
    std::size_t size;  // with its header; of a header that is cut, only that
    std::optional<HelloErrc> wrong;
  };
  [[nodiscard]] Record read_record(std::string_view bytes) const noexcept;
  [[nodiscard]] std::optional<HelloErrc> check_handshake(std::string_view handshake) const noexcept;
  [[nodiscard]] static std::size_t handshake_size(std::string_view handshake) noexcept;

  std::size_t max_hello_;
  bool has_proxy_header_;
  struct Records {
    std::size_t bytes = 0;  // of their contents
    std::size_t records = 0;
  };

  bytes_handoff::ScanMark
      mark_;  // where a record begins that was not there as a whole, or the last
  Records before_mark_;
  std::string handshake_;  // contents of all records, if there is more than one
  std::size_t records_ = 0;
  ClientHello hello_;
  std::size_t proxy_header_size_ = 0;
  std::string proxied_client_;
};

}  // namespace sni_router

template <>
struct std::is_error_code_enum<sni_router::HelloErrc> : std::true_type {};
