#include "bytes_handoff/core/fan_out/lane_members.hpp"

namespace bytes_handoff::detail {

template class BasicFanOutLane<StdSync>;

}  // namespace bytes_handoff::detail
