#pragma once

#include <cstddef>
#include <string_view>

namespace bytes_handoff::bench {

/// Finds the end of the next line; remembers how far it has looked.
class LineScan {
 public:
  /// Bytes of the first line of `unread`, its newline included; 0 when it is not complete.
  std::size_t next(std::string_view unread) noexcept {
    const auto newline = unread.find('\n', looked_at_);
    if (newline == std::string_view::npos) {
      looked_at_ = unread.size();
      return 0;
    }
    looked_at_ = 0;
    return newline + 1;
  }

 private:
  std::size_t looked_at_ = 0;
};

}  // namespace bytes_handoff::bench
