#pragma once

#include <cstddef>
#include <type_traits>

#include "bytes_handoff/framers.hpp"

namespace bytes_handoff::detail {

/// Framers of the library tell a frame without a `FrameScan`, and their answers need no check.
template <class F>
inline constexpr bool kIsOfTheLibrary =
    std::is_same_v<F, DelimiterFramer> || std::is_same_v<std::remove_const_t<F>, LengthFramer>;

/// Whether a whole frame is at the front of `size` bytes, and the answer keeps the rules.
[[nodiscard]] inline bool is_there(const FrameScan& scan, std::size_t size) noexcept {
  return scan.is_complete() && scan.size() <= size && scan.content_first() <= scan.content_last() &&
         scan.content_last() <= scan.size();
}

/// What an answer means that is not there, of a window of `size` bytes in a buffer of at most
/// `limit`: an error, or how many bytes are needed, which is always more than there is.
[[nodiscard]] FrameScan without_frame(FrameScan scan, std::size_t size, std::size_t limit) noexcept;

}  // namespace bytes_handoff::detail
