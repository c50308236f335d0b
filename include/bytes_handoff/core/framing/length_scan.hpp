#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "bytes_handoff/framers.hpp"

namespace bytes_handoff {

// A length that does not count its whole header has wrapped, and is longer than any limit.
[[gnu::always_inline]] inline detail::FoundFrame LengthFramer::frame_of(
    std::uint64_t content, std::size_t header_bytes, std::size_t window_size) const noexcept {
  if (content > config_.max_content || content > window_size - header_bytes) {
    return {};
  }
  const std::size_t n = header_bytes + static_cast<std::size_t>(content);
  return {n, config_.keep_header ? 0 : header_bytes, n};
}

// Eight bytes at once, where they are there. A length that is less than what it counts wraps, and
// is beyond any limit.
[[gnu::always_inline]] inline detail::FoundFrame LengthFramer::find(
    const FrameWindow& window) const noexcept {
  if (window.size() < least_at_once_) {
    return find_by_bytes(window.bytes());
  }
  std::uint64_t bytes = 0;
  if (window.size() < sizeof(bytes)) {  // said to optimizers, which warn of it for short literals
    __builtin_unreachable();
  }
  std::memcpy(&bytes, window.bytes().data(), sizeof(bytes));
  bytes = is_swapped_ ? __builtin_bswap64(bytes) : bytes;
  return frame_of((bytes >> shift_ & mask_) - counted_, config_.length_bytes, window.size());
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
