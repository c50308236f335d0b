#include "bytes_handoff/framers.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bytes_handoff {
namespace {

constexpr std::size_t kMaxVarintBytes = 10;

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument(what); }

// A length and the bytes that it takes; `bytes == 0`: not all of them are there.
struct Header {
  std::size_t bytes = 0;
  std::uint64_t length = 0;
  bool is_malformed = false;
};

Header fixed_header(std::span<const std::byte> window, std::size_t bytes, std::endian order) {
  if (window.size() < bytes) {
    return {};
  }
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::size_t at = order == std::endian::big ? i : bytes - 1 - i;
    length = length << 8 | std::to_integer<std::uint64_t>(window[at]);
  }
  return {bytes, length};
}

Header varint_header(std::span<const std::byte> window) {
  std::uint64_t length = 0;
  const std::size_t most = std::min(window.size(), kMaxVarintBytes);
  for (std::size_t i = 0; i < most; ++i) {
    const auto byte = std::to_integer<std::uint64_t>(window[i]);
    if (i + 1 == kMaxVarintBytes && byte > 1) {  // the 64th bit is the last
      return {.is_malformed = true};
    }
    length |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      return {i + 1, length};
    }
  }
  return {};
}

}  // namespace

std::string FrameError::message() const {
  if (!code) {
    return "no error";
  }
  std::string text = code.message() + ": the frame at byte " + std::to_string(position);
  if (length != 0) {
    text +=
        " has at least " + std::to_string(length) + " bytes, the limit is " + std::to_string(limit);
  }
  return text;
}

DelimiterFramer::DelimiterFramer(std::string_view delimiter, DelimiterFramerConfig config)
    : delimiter_(delimiter), config_(config) {
  if (delimiter.empty()) {
    refuse("DelimiterFramer: the delimiter is empty, it must have at least 1 byte");
  }
  if (config.max_content > SIZE_MAX - delimiter.size()) {
    refuse("DelimiterFramerConfig::max_content is " + std::to_string(config.max_content) +
           ", with the delimiter it must be at most " + std::to_string(SIZE_MAX));
  }
  most_ = config.max_content + delimiter.size();
}

// Whether what is behind `max_content` bytes, or less of the end, is the begin of a delimiter: then
// the frame may still end within its limit. Precondition: the window has more bytes than that.
bool DelimiterFramer::may_begin_delimiter(std::string_view window) const noexcept {
  const std::string_view delimiter = delimiter_;
  for (std::size_t n = window.size() - config_.max_content; n < delimiter.size(); ++n) {
    if (window.ends_with(delimiter.substr(0, n))) {
      return true;
    }
  }
  return false;
}

LengthFramer::LengthFramer(LengthFramerConfig config) : config_(config) {
  if (config.length_bytes > sizeof(std::uint64_t)) {
    refuse("LengthFramerConfig::length_bytes is " + std::to_string(config.length_bytes) +
           ", it must be 1 to 8, or kVarint");
  }
  if (config.max_content > SIZE_MAX - kMaxVarintBytes) {
    refuse("LengthFramerConfig::max_content is " + std::to_string(config.max_content) +
           ", it must be at most " + std::to_string(SIZE_MAX - kMaxVarintBytes));
  }
  if (config.byte_order != std::endian::big && config.byte_order != std::endian::little) {
    refuse("LengthFramerConfig::byte_order is neither big nor little");
  }
}

FrameScan LengthFramer::scan(const FrameWindow& window) const noexcept {
  const bool is_varint = config_.length_bytes == LengthFramerConfig::kVarint;
  const Header header =
      is_varint ? varint_header(window.bytes())
                : fixed_header(window.bytes(), config_.length_bytes, config_.byte_order);
  if (header.is_malformed ||
      (header.bytes != 0 && config_.counts_header && header.length < header.bytes)) {
    return FrameScan::error(Errc::malformed_frame);
  }
  if (header.bytes == 0) {
    return FrameScan::need_at_least(is_varint ? window.size() + 1 : config_.length_bytes);
  }
  const std::uint64_t content = header.length - (config_.counts_header ? header.bytes : 0);
  if (content > config_.max_content) {
    return FrameScan::error(Errc::frame_too_long, content, config_.max_content);
  }
  const std::size_t n = header.bytes + static_cast<std::size_t>(content);
  return window.size() < n ? FrameScan::need_at_least(n)
                           : FrameScan::complete(n, config_.keep_header ? 0 : header.bytes, n);
}

}  // namespace bytes_handoff
