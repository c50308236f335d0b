// Compiled without the folders of the system: Asio's headers are not found.
#include <bytes_handoff/asio/support/net.hpp>
