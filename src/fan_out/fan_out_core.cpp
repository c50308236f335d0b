#include "bytes_handoff/core/fan_out/fan_out_core_members.hpp"

namespace bytes_handoff::detail {

template class BasicFanOutCore<StdSync>;

}  // namespace bytes_handoff::detail
