#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

const char BYTES_HANDOFF_BUILD = 0;

}  // namespace bytes_handoff::detail
