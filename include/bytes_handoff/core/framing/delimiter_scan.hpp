#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "bytes_handoff/framers.hpp"

namespace bytes_handoff {

// Looks for the last byte of a delimiter: then what came before a cut needs no second look. Only
// what a line needs is here, for the compiler to put into the loop over the frames.
[[gnu::always_inline]] inline detail::FoundFrame DelimiterFramer::find_behind(
    std::size_t looked_at, std::string_view window) const noexcept {
  const std::string_view bytes = window.substr(0, most_);
  const void* const hit = delimiter_.size() == 1 ? std::memchr(bytes.data() + looked_at, last_byte_,
                                                               bytes.size() - looked_at)
                                                 : find_last_byte(bytes, looked_at);
  if (hit == nullptr) {
    return {};
  }
  const auto n = static_cast<std::size_t>(static_cast<const char*>(hit) + 1 - bytes.data());
  return {n, 0, n - left_out_};
}

inline detail::FoundFrame DelimiterFramer::find(const FrameWindow& window) noexcept {
  const detail::FoundFrame found = find_behind(mark_.looked_at(window), window.view());
  mark_.set(window, found.n != 0 ? found.n - 1 : (std::min)(window.size(), most_));
  return found;
}

// Of a window that nobody has looked at. What is found leaves it at once, and needs no mark.
[[gnu::always_inline]] inline detail::FoundFrame DelimiterFramer::find_next(
    const FrameWindow& window) const noexcept {
  return find_behind(0, window.view());
}

inline FrameScan DelimiterFramer::scan(const FrameWindow& window) noexcept {
  const detail::FoundFrame found = find(window);
  return found.n != 0 ? FrameScan::complete(found.n, found.first, found.last)
                      : without_frame(window);
}

}  // namespace bytes_handoff
