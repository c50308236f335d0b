#pragma once

#include "bytes_handoff/core/queue/write_queue.hpp"
#include "bytes_handoff/core/support/check.hpp"

// As `BYTES_HANDOFF_CHECK`, for what is done wrong with a queue: the state of the queue follows, in
// a line of its own.
#if BYTES_HANDOFF_CHECKS
#define BYTES_HANDOFF_CHECK_QUEUE(queue, holds, wrong) \
  ((holds) ? static_cast<void>(0) : ::bytes_handoff::detail::queue_check_failed(queue, wrong))
#else
#define BYTES_HANDOFF_CHECK_QUEUE(queue, holds, wrong) static_cast<void>(0)
#endif

namespace bytes_handoff::detail {

/// Writes what was done wrong, and the state of the queue, to standard error, and aborts. Takes the
/// queue's lock.
[[noreturn]] void queue_check_failed(const WriteQueue& queue, const char* wrong) noexcept;

}  // namespace bytes_handoff::detail
