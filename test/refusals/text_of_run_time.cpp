// Static bytes from a view that is known only at run time.
#include <bytes_handoff/bytes.hpp>

bytes_handoff::Bytes keep(std::string_view text) { return bytes_handoff::Bytes::from_static(text); }
