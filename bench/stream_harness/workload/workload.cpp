#include "workload/workload.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "command_line/strict_number.hpp"
#include "workload/frame_text.hpp"

namespace stream_harness {
namespace {

// Frames up to this size are rendered whole. Of larger ones only the beginning is, where few of
// them fill a fragment.
constexpr std::size_t kLargestSmallFrame = 2048;
constexpr std::uint64_t kFewFrames = 12;
constexpr std::size_t kLeastBlockBytes = 16384;
constexpr std::size_t kMostSpareBlockBytes = 262144;
// A multiple of what a kernel takes at a time, and small enough to stay in the cache.
constexpr std::size_t kLeastSharedSliceBytes = 65536;
// Where a frame's beginning that is kept apart ends; the rest is padding.
constexpr std::size_t kBeginningBytes = 64;
static_assert(FrameText::kMaxBytes <= kBeginningBytes);

// A piece is one fragment in as many buffers as one write takes. A fragment that begins and ends
// within a frame touches two more than it holds; each has its beginning, its newline, and one slice
// of padding that is not full. Then come the marker and the end of the tunnel.
constexpr std::size_t kMostFullSlices = 16;
static_assert((kFewFrames + 2) * 3 + kMostFullSlices + 2 <= PayloadPiece::kMaxBuffers);

// Memory that all cursors read from, one for each length of a slice: 64 KiB, 128 KiB, ...
class SharedSlices {
 public:
  // `fill` makes the one of so many bytes.
  template <class Fill>
  std::span<const std::byte> at_least(std::uint64_t slice_bytes, Fill fill) {
    std::size_t size_class = 0;
    while ((kLeastSharedSliceBytes << size_class) < slice_bytes) ++size_class;
    auto& memory = memory_[size_class];
    std::call_once(made_[size_class], [&] { memory = fill(kLeastSharedSliceBytes << size_class); });
    return memory;
  }

 private:
  static constexpr std::size_t kClasses = 47;  // to the end of the address space
  std::array<std::once_flag, kClasses> made_;
  std::array<std::vector<std::byte>, kClasses> memory_;
};

// The tunnel's bytes from any phase of the period on.
std::span<const std::byte> tunnel_pattern(std::uint64_t slice_bytes) {
  static SharedSlices patterns;
  return patterns.at_least(slice_bytes, [](std::size_t bytes) {
    std::vector<std::byte> pattern(bytes + kTunnelPeriod);
    for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = std::byte(i % kTunnelPeriod);
    return pattern;
  });
}

std::span<const std::byte> padding(std::uint64_t slice_bytes) {
  static SharedSlices paddings;
  return paddings.at_least(
      slice_bytes, [](std::size_t bytes) { return std::vector<std::byte>(bytes, std::byte{'x'}); });
}

// How a cursor keeps its frames.
struct FrameBlock {
  bool whole_frames;
  std::uint64_t slot_bytes;
  std::uint64_t frames;
};

FrameBlock frame_block(const PayloadShape& shape, std::uint64_t fragment_bytes) noexcept {
  const std::uint64_t frame = std::uint64_t{shape.frame_len} + 1;
  const std::uint64_t fragment = std::min(fragment_bytes, shape.route_frames * frame);
  if (frame > kLargestSmallFrame && fragment / frame <= kFewFrames) {
    const std::uint64_t frames = 2 * (kFewFrames + 2);
    return {false, kBeginningBytes, std::min(shape.route_frames, frames)};
  }
  const std::uint64_t some = std::min<std::uint64_t>(fragment, kMostSpareBlockBytes) * 4;
  const std::uint64_t spare =
      std::clamp<std::uint64_t>(some, kLeastBlockBytes, kMostSpareBlockBytes);
  return {true, frame, std::min(shape.route_frames, std::max(fragment, spare) / frame + 2)};
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

std::uint64_t payload_block_bytes(const PayloadShape& shape,
                                  std::uint64_t fragment_bytes) noexcept {
  const FrameBlock block = frame_block(shape, fragment_bytes);
  return block.frames * block.slot_bytes;
}

PayloadCursor::PayloadCursor(const PayloadShape& shape, std::uint64_t connection,
                             std::size_t fragment_bytes)
    : shape_(shape),
      connection_(connection),
      frame_bytes_(shape.frame_len + 1),
      frames_end_(shape.route_frames * frame_bytes_),
      tunnel_begin_(frames_end_ + kMarkerLine.size()),
      total_bytes_(tunnel_begin_ + shape.tunnel_bytes) {
  const FrameBlock block = frame_block(shape, fragment_bytes);
  const std::uint64_t slice =
      std::min<std::uint64_t>(fragment_bytes, total_bytes_) / kMostFullSlices + 1;
  whole_frames_ = block.whole_frames;
  if (!whole_frames_) padding_ = padding(slice);
  pattern_ = tunnel_pattern(slice);
  slot_bytes_ = static_cast<std::size_t>(block.slot_bytes);
  frames_per_block_ = static_cast<std::size_t>(block.frames);
  fill_block();
  render_block(0);
}

// With all that stays the same from frame to frame.
void PayloadCursor::fill_block() {
  block_.assign(frames_per_block_ * slot_bytes_, std::byte{'x'});
  const FrameText frame(connection_, 0);
  const std::size_t visible = std::min(shape_.frame_len, kBeginningBytes);
  const auto text = bytes_of({frame.text().data(), std::min(frame.number_begin(), visible)});
  for (std::size_t begin = 0; begin < block_.size(); begin += slot_bytes_) {
    std::memcpy(block_.data() + begin, text.data(), text.size());
    if (whole_frames_) block_[begin + shape_.frame_len] = std::byte{'\n'};
  }
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
  while (piece_.bytes() < max_bytes && !piece_.full()) {
    const std::uint64_t tunnel_byte = position_ - tunnel_begin_;
    const auto phase = static_cast<std::size_t>(
        (connection_ % kTunnelPeriod + tunnel_byte % kTunnelPeriod) % kTunnelPeriod);
    const std::size_t length =
        std::min<std::size_t>(max_bytes - piece_.bytes(), pattern_.size() - kTunnelPeriod);
    advance_over(pattern_.subspan(phase, length));
  }
}

void PayloadCursor::add_frames(std::size_t max_bytes) noexcept {
  if (whole_frames_) return add_whole_frames(max_bytes);
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
    rest = padding_.first(std::min(shape_.frame_len - offset, padding_.size()));
  } else {
    rest = bytes_of("\n");
  }
  advance_over(rest.first(std::min(rest.size(), max_bytes - piece_.bytes())));
}

void PayloadCursor::add_whole_frames(std::size_t max_bytes) noexcept {
  const std::uint64_t frame = position_ / frame_bytes_;
  const std::size_t wanted = std::min(smaller(frames_end_ - position_, max_bytes), block_.size());
  if (position_ + wanted > block_first_frame_ * frame_bytes_ + block_.size()) render_block(frame);
  const auto offset = static_cast<std::size_t>(position_ - block_first_frame_ * frame_bytes_);
  advance_over(std::span(block_).subspan(offset, std::min(wanted, block_.size() - offset)));
}

// From frame to frame only the number at the end of the text changes, and nine times of ten only
// its last digit. The texts of later frames are no shorter, so the padding behind them stays as it
// is.
void PayloadCursor::render_block(std::uint64_t first_frame) noexcept {
  constexpr std::size_t kUsualDigits = 8;
  block_first_frame_ = first_frame;
  FrameText frame(connection_, first_frame);
  const std::size_t begin = frame.number_begin();
  const std::size_t visible = std::min(shape_.frame_len, kBeginningBytes);
  if (visible <= begin) return;
  auto last_digit = static_cast<unsigned>(first_frame % 10);
  std::byte* out = block_.data() + begin;
  for (std::size_t slot = 0; slot < frames_per_block_; ++slot, ++last_digit, out += slot_bytes_) {
    if (last_digit == 10) {
      last_digit = 0;
      frame = FrameText(connection_, first_frame + slot);
    }
    const char* const number = frame.text().data() + begin;
    const std::size_t digits = frame.text().size() - begin;
    if (digits != kUsualDigits || begin + digits > visible) {
      frame.set_last_digit(last_digit);
      std::memcpy(out, number, std::min(digits, visible - begin));
    } else {
      std::memcpy(out, number, kUsualDigits);  // one instruction
      out[kUsualDigits - 1] = std::byte('0' + last_digit);
    }
  }
}

}  // namespace stream_harness
