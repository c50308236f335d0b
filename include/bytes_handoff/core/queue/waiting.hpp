#pragma once

// Who can be waiting on a write queue.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "bytes_handoff/core/queue/outcome.hpp"
#include "bytes_handoff/core/queue/write_item.hpp"
#include "bytes_handoff/core/support/waiting.hpp"
#include "bytes_handoff/observing/write_times.hpp"

namespace bytes_handoff::detail {

/// Where an admitted write is in its queue, which never moves: what a ticket remembers.
struct AdmittedWrite {
  WriteItem* last_item = nullptr;  // valid while it is queued
  std::uint64_t first = 0;         // its items, counted from the first one ever
  std::uint64_t last = 0;
  std::uint64_t offset = 0;  // bytes that were admitted before it
  std::size_t size = 0;      // bytes
};

/// Room that a permit holds. No items: none.
struct ReservedRoom {
  std::size_t bytes = 0;
  std::size_t items = 0;
};

/// Waits for the end of one write.
struct TicketWaiter : Waiting {
  explicit TicketWaiter(const AdmittedWrite& of) noexcept : write(of) {}

  const AdmittedWrite write;
  WriteResult result;
  std::optional<WriteDurations>* durations = nullptr;  // where they go, if somebody wants them
  bool linked = false;
};

/// Waits until everything that was admitted before it has been written.
struct FlushWaiter : Waiting {
  ErrorValue error;
  std::uint64_t target = 0;  // items that must have been written
  bool linked = false;
};

/// Waits for the end of the queue.
struct CloseWaiter : Waiting {
  ErrorValue error;
  bool linked = false;
};

}  // namespace bytes_handoff::detail
