#pragma once

#include <cstddef>
#include <cstdint>
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
    const auto last = static_cast<std::size_t>(static_cast<const char*>(hit) - bytes.data());
    const std::size_t n = last + 1;
    if (ends_with_delimiter(bytes.substr(0, n))) {
      mark_.set(window, last);
      return FrameScan::complete(n, 0, config_.keep_delimiter ? n : n - delimiter_.size());
    }
    from = n;
  }
  mark_.set(window, bytes.size());
  if (window.size() <= config_.max_content || may_begin_delimiter(window.view())) {
    return FrameScan::need_at_least(window.size() + 1);
  }
  return FrameScan::error(Errc::frame_too_long, std::uint64_t{config_.max_content} + 1,
                          config_.max_content);
}

}  // namespace bytes_handoff
