#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "bytes_handoff/framers.hpp"

namespace bytes_handoff {

// Looks for the last byte of a delimiter: then what came before a cut needs no second look.
inline FrameScan DelimiterFramer::scan(const FrameWindow& window) noexcept {
  const std::string_view bytes = window.view().substr(0, most_);
  std::size_t from = mark_.looked_at(window);
  while (from < bytes.size()) {
    const void* const hit =
        std::memchr(bytes.data() + from, delimiter_.back(), bytes.size() - from);
    if (hit == nullptr) {
      break;
    }
    const std::size_t last = static_cast<std::size_t>(static_cast<const char*>(hit) - bytes.data());
    if (ends_with_delimiter(bytes.substr(0, last + 1))) {
      mark_.set(window, last);
      const std::size_t content = last + 1 - delimiter_.size();
      return FrameScan::complete(last + 1, 0, config_.keep_delimiter ? last + 1 : content);
    }
    from = last + 1;
  }
  mark_.set(window, bytes.size());
  return window.size() <= config_.max_content ? FrameScan::need_at_least(window.size() + 1)
                                              : without_delimiter(window);
}

}  // namespace bytes_handoff
