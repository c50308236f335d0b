#pragma once

#include <cstddef>

#include "bytes_handoff/core/framing/scan_check.hpp"
#include "bytes_handoff/core/reading/buffer_access.hpp"
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
  return is_there(scan, size) ? scan : without_frame(scan, size, buffer.config().max_size);
}

/// The error of a scan with its figures, where the frame would begin at the front of `buffer`.
[[nodiscard]] inline FrameError error_of(const FrameScan& scan, const HandoffBuffer& buffer) {
  return {scan.error_code(), buffer.position(), scan.length(), scan.limit()};
}

}  // namespace bytes_handoff::detail
