// A stream that is not moved in.
#include <bytes_handoff/testing/duplex.hpp>
#include <bytes_handoff/write_handoff.hpp>

void spawn(bytes_handoff::DuplexStream& stream) {
  static_cast<void>(bytes_handoff::WriteHandoff::spawn(stream, {}));
}
