// Not a framer: it has no scan, or one that answers something else.
#include <bytes_handoff/handoff_buffer.hpp>

using bytes_handoff::FrameScan;
using bytes_handoff::FrameWindow;

struct Lines {
#ifdef WRONG_SCAN
  std::size_t scan(const FrameWindow& window) { return window.size(); }
#endif
};

void refused(bytes_handoff::HandoffBuffer& buffer, Lines& lines) {
  static_cast<void>(buffer.frames(lines));
}
