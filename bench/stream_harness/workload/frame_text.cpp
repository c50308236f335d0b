#include "workload/frame_text.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace stream_harness {
namespace {

constexpr std::ptrdiff_t kConnectionDigits = 4;
constexpr std::ptrdiff_t kFrameDigits = 8;

char* append(char* out, std::string_view text) noexcept {
  return std::copy(text.begin(), text.end(), out);
}

char* append_padded(char* out, std::uint64_t number, std::ptrdiff_t least_digits) noexcept {
  std::array<char, 20> digits;
  const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  for (auto missing = least_digits - (end - digits.data()); missing > 0; --missing) *out++ = '0';
  return std::copy(static_cast<const char*>(digits.data()), end, out);
}

}  // namespace

FrameText::FrameText(std::uint64_t connection, std::uint64_t frame) noexcept {
  char* out = append(text_.data(), "GET /tenant/");
  out = append_padded(out, connection, kConnectionDigits);
  out = append(out, "/object/");
  number_begin_ = static_cast<std::size_t>(out - text_.data());
  out = append_padded(out, frame, kFrameDigits);
  size_ = static_cast<std::size_t>(out - text_.data());
}

}  // namespace stream_harness
