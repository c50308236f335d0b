#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

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

/// The memory that a cursor of this shape and fragment keeps for its frames.
[[nodiscard]] std::uint64_t payload_block_bytes(const PayloadShape& shape,
                                                std::uint64_t fragment_bytes) noexcept;

/// A piece of a payload as a short list of buffers, in order. The bytes belong to the cursor that
/// made it or are shared by all, and stay until that cursor's next call.
class PayloadPiece {
 public:
  /// What a socket and a duplex take in one write.
  static constexpr std::size_t kMaxBuffers = 64;
  using Buffer = std::span<const std::byte>;

  [[nodiscard]] std::span<const Buffer> buffers() const noexcept { return {list_.data(), count_}; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] bool full() const noexcept { return count_ == kMaxBuffers; }

  void clear() noexcept { count_ = bytes_ = 0; }
  void add(Buffer buffer) noexcept {
    list_[count_++] = buffer;
    bytes_ += buffer.size();
  }

 private:
  std::array<Buffer, kMaxBuffers> list_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

/// Yields the payload of one connection piece by piece. The tunnel and the padding of frames that
/// are large beside a fragment are slices of memory that all cursors share. Other frames are
/// rendered one after the other into a block of the cursor's own, once each; of their text, and not
/// their padding, but for the first that a block holds.
///
/// Each cursor belongs to one thread. Memory: `payload_block_bytes`, which is at most a fragment
/// and two frames, or 256 KiB; and what all share, at most an eighth of the largest fragment, or
/// 128 KiB.
class PayloadCursor {
 public:
  /// `fragment_bytes` is the piece size that `next` will usually be asked for.
  PayloadCursor(const PayloadShape& shape, std::uint64_t connection, std::size_t fragment_bytes);

  [[nodiscard]] std::uint64_t total_bytes() const noexcept { return total_bytes_; }
  [[nodiscard]] std::uint64_t remaining_bytes() const noexcept { return total_bytes_ - position_; }

  /// The next `max_bytes` bytes, or the rest: exactly so many where `max_bytes` is no more than
  /// `fragment_bytes`. Asked for more it may yield less, but none only for none. Allocates nothing.
  [[nodiscard]] const PayloadPiece& next(std::size_t max_bytes) noexcept;

 private:
  void fill_block();
  void render_block(std::uint64_t first_frame) noexcept;
  void add_frames(std::size_t max_bytes) noexcept;
  void add_whole_frames(std::size_t max_bytes) noexcept;
  void add_large_frame(std::size_t max_bytes) noexcept;
  void add_tunnel(std::size_t max_bytes) noexcept;
  void advance_over(PayloadPiece::Buffer buffer) noexcept;

  PayloadShape shape_;
  std::uint64_t connection_;
  std::size_t frame_bytes_;  // newline included
  std::uint64_t frames_end_;
  std::uint64_t tunnel_begin_;
  std::uint64_t total_bytes_;
  std::uint64_t position_ = 0;

  bool whole_frames_;                   // rendered; else only their beginnings are
  std::span<const std::byte> padding_;  // shared by all
  std::span<const std::byte> pattern_;  // likewise: of the tunnel
  std::size_t slot_bytes_;
  std::size_t frames_per_block_;
  std::vector<std::byte> block_;  // frames, or the beginnings of large ones
  std::uint64_t block_first_frame_ = 0;

  PayloadPiece piece_;
};

}  // namespace stream_harness
