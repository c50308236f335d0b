#include "workload.hpp"

#include <algorithm>
#include <cstring>

#include "frame_text.hpp"
#include "strict_number.hpp"

namespace stream_harness {
namespace {

// Frames up to this size are rendered whole; of larger ones only the beginning is.
constexpr std::size_t kLargestSmallFrame = 2048;
constexpr std::size_t kLeastBlockBytes = 16384;
constexpr std::size_t kMostBlockBytes = 262144;
// A multiple of what a kernel takes at a time, and small enough to stay in the cache.
constexpr std::size_t kSharedSliceBytes = 65536;
// Where a frame's beginning that is kept apart ends; the rest is padding.
constexpr std::size_t kBeginningBytes = 64;
static_assert(FrameText::kMaxBytes <= kBeginningBytes);

using TunnelPattern = std::array<std::byte, kSharedSliceBytes + kTunnelPeriod>;

const TunnelPattern& tunnel_pattern() noexcept {
  static const TunnelPattern pattern = [] {
    TunnelPattern bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::byte(i % kTunnelPeriod);
    return bytes;
  }();
  return pattern;
}

const std::array<std::byte, kSharedSliceBytes>& padding() noexcept {
  static const std::array<std::byte, kSharedSliceBytes> bytes = [] {
    std::array<std::byte, kSharedSliceBytes> filled;
    filled.fill(std::byte{'x'});
    return filled;
  }();
  return bytes;
}

PayloadPiece::Buffer bytes_of(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::size_t smaller(std::uint64_t a, std::size_t b) noexcept {
  return static_cast<std::size_t>(std::min<std::uint64_t>(a, b));
}

}  // namespace

std::optional<std::uint64_t> checked_payload_bytes(const PayloadShape& shape) noexcept {
  const auto frame = checked_add(shape.frame_len, 1);
  if (!frame) return std::nullopt;
  auto total = checked_multiply(shape.route_frames, *frame);
  if (total) total = checked_add(*total, kMarkerLine.size());
  if (total) total = checked_add(*total, shape.tunnel_bytes);
  return total;
}

std::uint64_t payload_bytes(const PayloadShape& shape) noexcept {
  return tunnel_begin(shape) + shape.tunnel_bytes;
}

std::uint64_t tunnel_begin(const PayloadShape& shape) noexcept {
  return shape.route_frames * (std::uint64_t{shape.frame_len} + 1) + kMarkerLine.size();
}

PayloadCursor::PayloadCursor(const PayloadShape& shape, std::uint64_t connection,
                             std::size_t fragment_bytes)
    : shape_(shape),
      connection_(connection),
      frame_bytes_(shape.frame_len + 1),
      frames_end_(shape.route_frames * frame_bytes_),
      tunnel_begin_(frames_end_ + kMarkerLine.size()),
      total_bytes_(tunnel_begin_ + shape.tunnel_bytes),
      small_frames_(frame_bytes_ <= kLargestSmallFrame) {
  const std::size_t wanted =
      std::clamp(std::min(fragment_bytes, kMostBlockBytes) * 4, kLeastBlockBytes, kMostBlockBytes);
  const std::size_t frames = small_frames_ ? wanted / frame_bytes_ : PayloadPiece::kMaxBuffers / 2;
  frames_per_block_ = smaller(shape.route_frames, frames);
  block_.assign(frames_per_block_ * (small_frames_ ? frame_bytes_ : kBeginningBytes),
                std::byte{'x'});
  render_block(0);
}

const PayloadPiece& PayloadCursor::next(std::size_t max_bytes) noexcept {
  piece_.clear();
  const std::size_t wanted = smaller(remaining_bytes(), max_bytes);
  if (position_ < frames_end_) add_frames(wanted);
  if (position_ >= frames_end_ && position_ < tunnel_begin_ && piece_.bytes() < wanted &&
      !piece_.full()) {
    const auto sent = static_cast<std::size_t>(position_ - frames_end_);
    const auto rest = bytes_of(kMarkerLine).subspan(sent);
    advance_over(rest.first(std::min(rest.size(), wanted - piece_.bytes())));
  }
  if (position_ >= tunnel_begin_) add_tunnel(wanted);
  return piece_;
}

void PayloadCursor::advance_over(PayloadPiece::Buffer buffer) noexcept {
  piece_.add(buffer);
  position_ += buffer.size();
}

void PayloadCursor::add_tunnel(std::size_t max_bytes) noexcept {
  const auto& pattern = tunnel_pattern();
  while (piece_.bytes() < max_bytes && !piece_.full()) {
    const std::uint64_t tunnel_byte = position_ - tunnel_begin_;
    const auto phase = static_cast<std::size_t>(
        (connection_ % kTunnelPeriod + tunnel_byte % kTunnelPeriod) % kTunnelPeriod);
    const std::size_t length = std::min(max_bytes - piece_.bytes(), kSharedSliceBytes);
    advance_over(std::span(pattern).subspan(phase, length));
  }
}

void PayloadCursor::add_frames(std::size_t max_bytes) noexcept {
  if (small_frames_) return add_small_frames(max_bytes);
  // The block keeps the beginnings that this piece points into, so it moves on between pieces only.
  const std::uint64_t frame = position_ / frame_bytes_;
  const std::uint64_t block_end = block_first_frame_ + frames_per_block_;
  if (block_end < shape_.route_frames && frame + frames_per_block_ / 2 >= block_end) {
    render_block(frame);
  }
  while (position_ < frames_end_ && piece_.bytes() < max_bytes && !piece_.full() &&
         position_ / frame_bytes_ < block_first_frame_ + frames_per_block_) {
    add_large_frame(max_bytes);
  }
}

void PayloadCursor::add_large_frame(std::size_t max_bytes) noexcept {
  const auto slot = static_cast<std::size_t>(position_ / frame_bytes_ - block_first_frame_);
  const auto offset = static_cast<std::size_t>(position_ % frame_bytes_);
  PayloadPiece::Buffer rest;
  if (offset < kBeginningBytes) {
    rest = std::span(block_).subspan(slot * kBeginningBytes + offset, kBeginningBytes - offset);
  } else if (offset < shape_.frame_len) {
    rest = std::span(padding()).first(std::min(shape_.frame_len - offset, kSharedSliceBytes));
  } else {
    rest = bytes_of("\n");
  }
  advance_over(rest.first(std::min(rest.size(), max_bytes - piece_.bytes())));
}

void PayloadCursor::add_small_frames(std::size_t max_bytes) noexcept {
  const std::uint64_t frame = position_ / frame_bytes_;
  const std::size_t wanted = std::min(smaller(frames_end_ - position_, max_bytes), block_.size());
  if (position_ + wanted > block_first_frame_ * frame_bytes_ + block_.size()) render_block(frame);
  const auto offset = static_cast<std::size_t>(position_ - block_first_frame_ * frame_bytes_);
  advance_over(std::span(block_).subspan(offset, std::min(wanted, block_.size() - offset)));
}

void PayloadCursor::render_block(std::uint64_t first_frame) noexcept {
  const std::size_t stride = small_frames_ ? frame_bytes_ : kBeginningBytes;
  const std::size_t visible = std::min(shape_.frame_len, kBeginningBytes);
  FrameText frame(connection_, first_frame);
  for (std::size_t slot = 0; slot < frames_per_block_; ++slot, frame.advance()) {
    std::byte* const out = block_.data() + slot * stride;
    const std::size_t text_bytes = std::min(frame.text().size(), visible);
    std::memcpy(out, frame.text().data(), text_bytes);
    std::memset(out + text_bytes, 'x', visible - text_bytes);
    if (small_frames_) out[shape_.frame_len] = std::byte{'\n'};
  }
  block_first_frame_ = first_frame;
}

}  // namespace stream_harness
