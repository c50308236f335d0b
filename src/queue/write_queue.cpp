#include "bytes_handoff/core/queue/write_queue_members.hpp"

namespace bytes_handoff::detail {

template class BasicWriteQueue<StdSync>;

}  // namespace bytes_handoff::detail
