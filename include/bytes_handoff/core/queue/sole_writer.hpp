#pragma once

#include "bytes_handoff/core/queue/write_queue.hpp"
#include "bytes_handoff/core/support/check.hpp"
#include "bytes_handoff/core/support/intrusive_list.hpp"

namespace bytes_handoff::detail {

/// Finds two queues that write to one stream: of those that are listed with it, at most one has not
/// ended. Listed for as long as it lives, if there is a stream, on any thread. Empty without
/// BYTES_HANDOFF_CHECKS.
#if BYTES_HANDOFF_CHECKS
class SoleWriter : public ListNode {
 public:
  SoleWriter(const void* stream, const WriteQueue& queue) noexcept;
  ~SoleWriter();

 private:
  const void* stream_;
  const WriteQueue* queue_;
};
#else
class SoleWriter {
 public:
  SoleWriter(const void* /*stream*/, const WriteQueue& /*queue*/) noexcept {}
};
#endif

}  // namespace bytes_handoff::detail
