// A copy that nobody takes.
#include <bytes_handoff/bytes.hpp>

void copy() { bytes_handoff::Bytes::copy_of("text"); }
