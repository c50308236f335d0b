// Compiled with both flavours of Asio chosen, and with none.
#include <bytes_handoff/write_handoff.hpp>
