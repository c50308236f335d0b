#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace stream_harness {

/// The line that ends routing; everything after it is opaque.
inline constexpr std::string_view kMarkerLine = "TUNNEL\n";
inline constexpr std::size_t kLeastFrameLen = 16;
/// Tunnel byte `b` of connection `c` is `(c + b) mod kTunnelPeriod`.
inline constexpr std::uint64_t kTunnelPeriod = 251;

/// The sizes that every connection's payload has.
struct PayloadShape {
  std::uint64_t route_frames = 1;
  std::size_t frame_len = kLeastFrameLen;  ///< bytes before the newline
  std::uint64_t tunnel_bytes = 1;
};

/// `route_frames * (frame_len + 1) + 7 + tunnel_bytes`; nothing where that does not fit.
[[nodiscard]] std::optional<std::uint64_t> checked_payload_bytes(
    const PayloadShape& shape) noexcept;

/// The same for a shape that is known to fit.
[[nodiscard]] std::uint64_t payload_bytes(const PayloadShape& shape) noexcept;

/// How many bytes come before the tunnel, for such a shape.
[[nodiscard]] std::uint64_t tunnel_begin(const PayloadShape& shape) noexcept;

}  // namespace stream_harness
