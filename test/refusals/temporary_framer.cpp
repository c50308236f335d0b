// A framer keeps what it has looked at, so it must outlive the range.
#include <bytes_handoff/handoff_buffer.hpp>

using bytes_handoff::DelimiterFramer;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::LengthFramer;

void compiles(HandoffBuffer& buffer, DelimiterFramer& lines, const LengthFramer& messages) {
  static_cast<void>(buffer.frames(lines));
  static_cast<void>(buffer.frames(messages));
}

const LengthFramer one_of_nobody();

void refused(HandoffBuffer& buffer, DelimiterFramer lines) {
  static_cast<void>(buffer.frames(DelimiterFramer("\n")));
  static_cast<void>(buffer.frames(std::move(lines)));
  static_cast<void>(buffer.frames(one_of_nobody()));
}
