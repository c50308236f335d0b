#include "bytes_handoff/detail/write_queue_impl.hpp"

namespace bytes_handoff::detail {

template class BasicWriteQueue<StdSync>;

}  // namespace bytes_handoff::detail
