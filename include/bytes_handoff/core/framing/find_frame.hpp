#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/error.hpp"
#include "bytes_handoff/framers.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff::detail {

/// What `framer` says of the bytes in `buffer`. A frame that the buffer can never hold is an error
/// here, and so is an answer that breaks the rules of `FrameScan`. `needed()` is always more than
/// there is.
template <Framer F>
[[nodiscard]] FrameScan find_frame(HandoffBuffer& buffer, F& framer) {
  const std::size_t size = buffer.size();
  if (size == 0) {
    return FrameScan::need_at_least(1);
  }
  const FrameScan scan = framer.scan(BufferAccess::window(buffer));
  if (scan.is_complete()) {
    const bool is_there = scan.size() <= size && scan.content_first() <= scan.content_last() &&
                          scan.content_last() <= scan.size();
    return is_there ? scan : FrameScan::error(Errc::malformed_frame);
  }
  if (scan.is_error()) {
    return scan;
  }
  const std::size_t limit = buffer.config().max_size;
  const std::uint64_t needed = std::max(std::uint64_t{scan.needed()}, std::uint64_t{size} + 1);
  if (needed > limit) {
    return FrameScan::error(Errc::limit_exceeded, needed, limit);
  }
  return FrameScan::need_at_least(static_cast<std::size_t>(needed));
}

/// The error of a scan with its figures, where the frame would begin at the front of `buffer`.
[[nodiscard]] inline FrameError error_of(const FrameScan& scan, const HandoffBuffer& buffer) {
  return {scan.error_code(), buffer.position(), scan.length(), scan.limit()};
}

}  // namespace bytes_handoff::detail
