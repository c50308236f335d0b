// A stream that is not moved in.
#include <bytes_handoff/testing/duplex.hpp>
#include <bytes_handoff/write_handoff.hpp>

void make(bytes_handoff::DuplexStream& stream) { const bytes_handoff::WriteHandoff out(stream); }
