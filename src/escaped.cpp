#include "bytes_handoff/bytes/escaped.hpp"

#include <algorithm>
#include <charconv>
#include <ostream>

#include "bytes_handoff/bytes_mut.hpp"

namespace bytes_handoff {
namespace {

char* append(char* out, std::string_view text) noexcept {
  return std::copy(text.begin(), text.end(), out);
}

char* append_escaped(char* out, std::byte byte) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto code = std::to_integer<unsigned char>(byte);
  if (code >= ' ' && code <= '~' && code != '\\') {
    *out++ = static_cast<char>(code);
    return out;
  }
  out = append(out, "\\x");
  *out++ = kDigits[code / 16U];
  *out++ = kDigits[code % 16U];
  return out;
}

}  // namespace

Escaped::Escaped(std::span<const std::byte> bytes) noexcept {
  char* out = text_.data();
  for (const std::byte byte : bytes.first(std::min(bytes.size(), kMostPrintedBytes))) {
    out = append_escaped(out, byte);
  }
  if (bytes.size() > kMostPrintedBytes) {
    out = append(out, "... (");
    out = std::to_chars(out, text_.data() + text_.size(), bytes.size()).ptr;
    out = append(out, " bytes)");
  }
  size_ = static_cast<std::size_t>(out - text_.data());
}

std::ostream& operator<<(std::ostream& out, const Escaped& escaped) {
  return out << escaped.view();
}

std::ostream& operator<<(std::ostream& out, const Bytes& bytes) {
  return out << Escaped(bytes.span());
}

std::ostream& operator<<(std::ostream& out, const BytesMut& bytes) {
  return out << Escaped(bytes.span());
}

}  // namespace bytes_handoff
