#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace stream_harness {

/// The text `GET /tenant/CCCC/object/FFFFFFFF` of one connection's frames, one after the other.
class FrameText {
 public:
  /// The longest text: both numbers with all 20 digits of 64 bits.
  static constexpr std::size_t kMaxBytes = 12 + 20 + 8 + 20;

  FrameText(std::uint64_t connection, std::uint64_t first_frame) noexcept;

  [[nodiscard]] std::span<const char> text() const noexcept { return {text_.data(), size_}; }

  /// The text of the next frame. Mostly one byte changes.
  void advance() noexcept;

 private:
  void format_frame() noexcept;

  std::array<char, kMaxBytes> text_;
  std::size_t frame_digits_begin_ = 0;
  std::size_t size_ = 0;
  std::uint64_t connection_;
  std::uint64_t frame_;
};

}  // namespace stream_harness
