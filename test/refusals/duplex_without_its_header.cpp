// The duplex, which only its own header declares.
#include <bytes_handoff.hpp>

bytes_handoff::DuplexStream* end = nullptr;
