#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "bytes_handoff/framers.hpp"

namespace bytes_handoff {

// Eight bytes at once, where they are there.
[[gnu::always_inline]] inline LengthFramer::Header LengthFramer::header_of(
    std::span<const std::byte> window) const noexcept {
  if (config_.length_bytes == LengthFramerConfig::kVarint) {
    return varint_header(window);
  }
  std::uint64_t length = 0;
  if (window.size() < sizeof(length)) {
    return fixed_header(window);
  }
  std::memcpy(&length, window.data(), sizeof(length));
  if (config_.byte_order != std::endian::native) {
    length = __builtin_bswap64(length);
  }
  length = config_.byte_order == std::endian::big ? length >> unused_bits_
                                                  : length << unused_bits_ >> unused_bits_;
  return {length, config_.length_bytes};
}

[[gnu::always_inline]] inline detail::FoundFrame LengthFramer::find(
    const FrameWindow& window) const noexcept {
  const Header header = header_of(window.bytes());
  const std::size_t counted = config_.counts_header ? header.bytes : 0;
  const std::uint64_t content = header.length - counted;
  if (header.bytes == 0 || header.length < counted || content > config_.max_content ||
      content > window.size() - header.bytes) {
    return {};
  }
  const std::size_t n = header.bytes + static_cast<std::size_t>(content);
  return {n, config_.keep_header ? 0 : header.bytes, n};
}

[[gnu::always_inline]] inline detail::FoundFrame LengthFramer::find_next(
    const FrameWindow& window) const noexcept {
  return find(window);
}

inline FrameScan LengthFramer::scan(const FrameWindow& window) const noexcept {
  const detail::FoundFrame found = find(window);
  return found.n != 0 ? FrameScan::complete(found.n, found.first, found.last)
                      : without_frame(window);
}

}  // namespace bytes_handoff
