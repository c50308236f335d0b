// Results that nobody looks at: what was refused would be lost, and room be given back at once.
#include <bytes_handoff/write_handoff.hpp>
#include <vector>

using bytes_handoff::Bytes;
using bytes_handoff::ReplayFrom;
using bytes_handoff::UnwrittenEntries;
using bytes_handoff::WriteHandoff;
using bytes_handoff::WritePermit;

void ignore(WriteHandoff& out, Bytes bytes, std::vector<Bytes> slices, UnwrittenEntries unwritten) {
  out.try_write(bytes);
  out.try_write(slices);
  replay(out, unwritten, ReplayFrom::entry_start);
}

void ignore(WriteHandoff& out, WritePermit permit, Bytes bytes, std::vector<Bytes> slices) {
  permit.commit(bytes);
  permit.commit(slices);
  out.try_reserve(1);
}
