#pragma once

// Who can be waiting: the base of all waiters, and those of a write queue. The front end derives
// from these and keeps its handler there; the core links them, writes the result into them, and
// hands them back to be resumed.

#include <cstddef>
#include <cstdint>

#include "bytes_handoff/core/queue/outcome.hpp"
#include "bytes_handoff/core/queue/write_item.hpp"
#include "bytes_handoff/core/support/intrusive_list.hpp"

namespace bytes_handoff::detail {

class Waiting : public ListNode {
 public:
  /// The result is in place: see to it that whoever waits gets it. Called once, outside all locks.
  /// `destroyed_context` is the execution context that is being destroyed, if one is: what would
  /// have to run there must be destroyed instead.
  virtual void resume(const void* destroyed_context) noexcept = 0;

 protected:
  virtual ~Waiting() = default;
};

/// First come, first served; anyone can leave.
using WaitingList = IntrusiveList<Waiting>;

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
