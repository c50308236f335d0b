// Compiled where the library cannot be used.
#include <bytes_handoff/bytes.hpp>
