#include "bytes_handoff/observing/queue_event.hpp"

namespace bytes_handoff {

std::string_view to_string(QueueEventKind kind) noexcept {
  switch (kind) {
    case QueueEventKind::refusing:
      return "refusing";
    case QueueEventKind::admitting:
      return "admitting";
    case QueueEventKind::waiting:
      return "waiting";
    case QueueEventKind::nobody_waits:
      return "nobody_waits";
    case QueueEventKind::stalled:
      return "stalled";
    case QueueEventKind::moving:
      return "moving";
    case QueueEventKind::shed:
      return "shed";
    case QueueEventKind::ended:
      return "ended";
  }
  return "unknown";
}

std::string_view to_string(EndedBy by) noexcept {
  switch (by) {
    case EndedBy::close:
      return "close";
    case EndedBy::abort:
      return "abort";
    case EndedBy::last_handle:
      return "last_handle";
    case EndedBy::time_limit:
      return "time_limit";
    case EndedBy::stream:
      return "stream";
    case EndedBy::memory_budget:
      return "memory_budget";
    case EndedBy::no_memory:
      return "no_memory";
    case EndedBy::context:
      return "context";
  }
  return "unknown";
}

}  // namespace bytes_handoff
