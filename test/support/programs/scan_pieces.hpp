#pragma once

#include <bytes_handoff/framers.hpp>
#include <bytes_handoff/handoff_buffer.hpp>
#include <cstddef>
#include <string_view>

#include "bytes_handoff/core/framing/find_frame.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff::test {

/// What a framer says of bytes that come in pieces; `next` tells how many come next.
template <class F, class Next>
FrameScan scan_in_pieces(F& framer, std::string_view bytes, Next next) {
  HandoffBuffer buffer;
  FrameScan scan = FrameScan::need_at_least(1);
  while (!scan.is_complete() && !scan.is_error() && !bytes.empty()) {
    bytes.remove_prefix(read_once(buffer, bytes.substr(0, next())));
    scan = detail::find_frame(buffer, framer);
  }
  return scan;
}

}  // namespace bytes_handoff::test
