#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sni_router {

/// What is known of a PROXY header, version 1 or 2, at the begin of a connection.
struct ProxyHeader {
  enum class Is { whole, cut, wrong };
  Is is = Is::cut;
  std::size_t size = 0;  ///< if whole: its bytes. If cut: how many it must have at least
  std::string source;    ///< if whole: the client's address and port, or empty if not told
};

/// A header of version 2 may have so many bytes, extensions included.
inline constexpr std::size_t kMostProxyBytes = 2048;

/// Reads the header at the front of the bytes. It is wrong as soon as no header can come of them.
[[nodiscard]] ProxyHeader read_proxy_header(std::string_view bytes);

/// A line of version 1 for a connection from `source` to `destination`, numeric addresses of one
/// family.
[[nodiscard]] std::string proxy_line(bool is_ipv6, const std::string& source,
                                     std::size_t source_port, const std::string& destination,
                                     std::size_t destination_port);

}  // namespace sni_router
