// A split whose bytes nobody takes.
#include <bytes_handoff/handoff_buffer.hpp>

void skip(bytes_handoff::HandoffBuffer& buffer) { buffer.split_prefix(3); }
