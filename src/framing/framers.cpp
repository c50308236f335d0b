#include "bytes_handoff/framers.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

#include "bytes_handoff/core/framing/scan_check.hpp"

namespace bytes_handoff {
namespace {

constexpr std::size_t kMaxVarintBytes = 10;

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument(what); }

}  // namespace

FrameScan detail::without_frame(FrameScan scan, std::size_t size, std::size_t limit) noexcept {
  if (scan.is_error()) {
    return scan;
  }
  if (scan.is_complete()) {
    return FrameScan::error(Errc::malformed_frame);
  }
  const std::size_t needed = std::max(scan.needed(), size + 1);
  return needed > limit ? FrameScan::error(Errc::limit_exceeded, needed, limit)
                        : FrameScan::need_at_least(needed);
}

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
    : delimiter_(delimiter), left_out_(config.keep_delimiter ? 0 : delimiter.size()) {
  if (delimiter.empty()) {
    refuse("DelimiterFramer: the delimiter is empty, it must have at least 1 byte");
  }
  if (config.max_content > SIZE_MAX - delimiter.size()) {
    refuse("DelimiterFramerConfig::max_content is " + std::to_string(config.max_content) +
           ", with the delimiter it must be at most " + std::to_string(SIZE_MAX));
  }
  most_ = config.max_content + delimiter.size();
  last_byte_ = delimiter.back();
}

// The last byte of the first delimiter that ends at `from` or behind it; null if there is none.
const char* DelimiterFramer::find_last_byte(std::string_view bytes,
                                            std::size_t from) const noexcept {
  while (from < bytes.size()) {
    const void* const hit = std::memchr(bytes.data() + from, last_byte_, bytes.size() - from);
    if (hit == nullptr) {
      break;
    }
    const auto* const last = static_cast<const char*>(hit);
    from = static_cast<std::size_t>(last + 1 - bytes.data());
    if (bytes.substr(0, from).ends_with(delimiter_)) {
      return last;
    }
  }
  return nullptr;
}

// Whether what is behind `max_content` bytes, or less of the end, is the begin of a delimiter: then
// the frame may still end within its limit. Precondition: the window has more bytes than that.
bool DelimiterFramer::may_begin_delimiter(std::string_view window) const noexcept {
  const std::string_view delimiter = delimiter_;
  for (std::size_t n = window.size() - max_content(); n < delimiter.size(); ++n) {
    if (window.ends_with(delimiter.substr(0, n))) {
      return true;
    }
  }
  return false;
}

FrameScan DelimiterFramer::without_frame(const FrameWindow& window) const noexcept {
  if (window.size() <= max_content() || may_begin_delimiter(window.view())) {
    return FrameScan::need_at_least(window.size() + 1);
  }
  return FrameScan::error(Errc::frame_too_long, std::uint64_t{max_content()} + 1, max_content());
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
  if (config.length_bytes == LengthFramerConfig::kVarint) {
    return;
  }
  const auto unused_bits = static_cast<unsigned>(8 * (sizeof(std::uint64_t) - config.length_bytes));
  least_at_once_ = sizeof(std::uint64_t);
  is_swapped_ = config.byte_order != std::endian::native;
  if (config.byte_order == std::endian::big) {
    shift_ = unused_bits;
  } else {
    mask_ >>= unused_bits;
  }
  counted_ = config.counts_header ? config.length_bytes : 0;
}

detail::FoundFrame LengthFramer::find_by_bytes(std::span<const std::byte> window) const noexcept {
  const Header header = header_of(window);
  const std::size_t counted = config_.counts_header ? header.bytes : 0;
  return header.bytes == 0 ? detail::FoundFrame()
                           : frame_of(header.length - counted, header.bytes, window.size());
}

LengthFramer::Header LengthFramer::header_of(std::span<const std::byte> window) const noexcept {
  return config_.length_bytes == LengthFramerConfig::kVarint ? varint_header(window)
                                                             : fixed_header(window);
}

LengthFramer::Header LengthFramer::fixed_header(std::span<const std::byte> window) const noexcept {
  if (window.size() < config_.length_bytes) {
    return {};
  }
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < config_.length_bytes; ++i) {
    const std::size_t at =
        config_.byte_order == std::endian::big ? i : config_.length_bytes - 1 - i;
    length = length << 8 | std::to_integer<std::uint64_t>(window[at]);
  }
  return {length, config_.length_bytes};
}

LengthFramer::Header LengthFramer::varint_header(std::span<const std::byte> window) noexcept {
  std::uint64_t length = 0;
  const std::size_t most = std::min(window.size(), kMaxVarintBytes);
  for (std::size_t i = 0; i < most; ++i) {
    const auto byte = std::to_integer<std::uint64_t>(window[i]);
    if (i + 1 == kMaxVarintBytes && byte > 1) {  // the 64th bit is the last
      return {};
    }
    length |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      return {length, i + 1};
    }
  }
  return {};
}

FrameScan LengthFramer::without_frame(const FrameWindow& window) const noexcept {
  const Header header = header_of(window.bytes());
  if (header.bytes == 0) {
    if (config_.length_bytes != LengthFramerConfig::kVarint) {
      return FrameScan::need_at_least(config_.length_bytes);
    }
    return window.size() < kMaxVarintBytes ? FrameScan::need_at_least(window.size() + 1)
                                           : FrameScan::error(Errc::malformed_frame);
  }
  const std::size_t counted = config_.counts_header ? header.bytes : 0;
  if (header.length < counted) {
    return FrameScan::error(Errc::malformed_frame);
  }
  const std::uint64_t content = header.length - counted;
  return content > config_.max_content
             ? FrameScan::error(Errc::frame_too_long, content, config_.max_content)
             : FrameScan::need_at_least(header.bytes + static_cast<std::size_t>(content));
}

}  // namespace bytes_handoff
