#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace stream_harness {

/// The text `GET /tenant/CCCC/object/FFFFFFFF` of a frame.
class FrameText {
 public:
  /// The longest text: both numbers with all 20 digits of 64 bits.
  static constexpr std::size_t kMaxBytes = 12 + 20 + 8 + 20;

  FrameText(std::uint64_t connection, std::uint64_t frame) noexcept;

  [[nodiscard]] std::span<const char> text() const noexcept { return {text_.data(), size_}; }

  /// Where the frame's number begins, which is all that changes from frame to frame of a
  /// connection.
  [[nodiscard]] std::size_t number_begin() const noexcept { return number_begin_; }

  /// Makes it the text of the frame whose number differs in the last digit alone.
  void set_last_digit(unsigned digit) noexcept {
    text_[size_ - 1] = static_cast<char>('0' + digit);
  }

 private:
  std::array<char, kMaxBytes> text_;
  std::size_t number_begin_ = 0;
  std::size_t size_ = 0;
};

}  // namespace stream_harness
