// Static bytes from an array that stays but may still change.
#include <bytes_handoff/bytes.hpp>

char table[8];
bytes_handoff::Bytes keep() { return bytes_handoff::Bytes::from_static(table); }
