#include "transports/cached_payload.hpp"

#include <algorithm>

namespace stream_harness {
namespace {

// Of the tunnel, whose bytes repeat after a period.
constexpr std::uint64_t kKeptTunnelBytes = 1024 * kTunnelPeriod;

constexpr std::size_t kCopiedPieceBytes = 65536;

}  // namespace

CachedPayload::CachedPayload(const PayloadShape& shape)
    : total_bytes_(payload_bytes(shape)), tunnel_begin_(stream_harness::tunnel_begin(shape)) {
  const auto kept =
      static_cast<std::size_t>(tunnel_begin_ + std::min(shape.tunnel_bytes, kKeptTunnelBytes));
  bytes_.reserve(kept);
  PayloadCursor payload(shape, 0, kCopiedPieceBytes);
  while (bytes_.size() < kept) {
    for (const auto& buffer : payload.next(kept - bytes_.size()).buffers()) {
      bytes_.insert(bytes_.end(), buffer.begin(), buffer.end());
    }
  }
}

std::span<const std::byte> CachedPayload::at(std::uint64_t position,
                                             std::size_t most) const noexcept {
  const std::uint64_t rest = total_bytes_ - position;
  if (position >= bytes_.size()) {
    position = tunnel_begin_ + (position - tunnel_begin_) % kKeptTunnelBytes;
  }
  const auto offset = static_cast<std::size_t>(position);
  const std::size_t kept = std::min(most, bytes_.size() - offset);
  return {bytes_.data() + offset, static_cast<std::size_t>(std::min<std::uint64_t>(kept, rest))};
}

}  // namespace stream_harness
