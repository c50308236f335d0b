#include "bytes_handoff/core/budget/memory_pot.hpp"

namespace bytes_handoff::detail {

template class BasicMemoryPot<StdSync>;

}  // namespace bytes_handoff::detail
