// Compiled where the library cannot be used.
#include <bytes_handoff/testing/duplex.hpp>
