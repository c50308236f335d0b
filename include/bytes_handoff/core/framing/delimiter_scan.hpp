#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

#include "bytes_handoff/framers.hpp"

namespace bytes_handoff {

// Looks for the last byte of a delimiter: then what came before a cut needs no second look. Only
// what a line needs is here, for the compiler to put into the loop over the frames.
[[gnu::always_inline]] inline detail::FoundFrame DelimiterFramer::find(
    const FrameWindow& window) noexcept {
  const std::string_view bytes = window.view().substr(0, most_);
  const std::size_t from = mark_.looked_at(window);
  const void* const hit =
      delimiter_.size() == 1
          ? std::memchr(bytes.data() + from, delimiter_.front(), bytes.size() - from)
          : find_last_byte(bytes, from);
  if (hit == nullptr) {
    mark_.set(window, bytes.size());
    return {};
  }
  const auto last = static_cast<std::size_t>(static_cast<const char*>(hit) - bytes.data());
  mark_.set(window, last);
  const std::size_t n = last + 1;
  return {n, 0, config_.keep_delimiter ? n : n - delimiter_.size()};
}

inline FrameScan DelimiterFramer::scan(const FrameWindow& window) noexcept {
  const detail::FoundFrame found = find(window);
  return found.n != 0 ? FrameScan::complete(found.n, found.first, found.last)
                      : without_frame(window);
}

}  // namespace bytes_handoff
