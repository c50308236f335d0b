#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "bytes_handoff/error.hpp"

namespace bytes_handoff {

/// What a write queue has counted since it was made. `WriteStatistics` has all of it.
struct WriteCounts {
  std::uint64_t admitted_items = 0;
  std::uint64_t admitted_bytes = 0;
  /// Bytes that the stream took.
  std::uint64_t written_bytes = 0;
  /// Stream writes that completed, and how many took fewer bytes than they were offered.
  std::uint64_t stream_writes = 0;
  std::uint64_t short_stream_writes = 0;
  /// The most that was ever pending at once.
  std::size_t high_water_items = 0;
  std::size_t high_water_bytes = 0;
  std::size_t high_water_waiters = 0;
  /// The most bytes of writes that ever waited for room at once.
  std::size_t high_water_waiting_bytes = 0;
  /// Writes, bursts and reservations that had to wait for room.
  std::uint64_t waits = 0;
  /// How long they waited in all. Those that still wait are not counted.
  std::chrono::nanoseconds time_blocked{0};
  /// Refusals by reason.
  std::array<std::uint64_t, kWriteRefusalReasons> refusals{};

  [[nodiscard]] std::uint64_t refused(WriteRefusalReason reason) const noexcept {
    return refusals[static_cast<std::size_t>(reason)];
  }
};

/// What a write queue has counted since it was made, and what it has now. A consistent snapshot.
/// The ages are in the time of the stream's executor, which a `ManualClock` moves.
struct WriteStatistics : WriteCounts {
  /// Items and bytes that are admitted and not yet written now. An item counts whole until all of
  /// it is written. Zero after any end.
  std::size_t pending_items = 0;
  std::size_t pending_bytes = 0;
  /// Bytes that they keep from being freed now: whole blocks, once for neighbours in one block. Of
  /// the owners of foreign bytes only the bytes are known. After an end these are what nobody has
  /// taken of the unwritten entries.
  std::size_t held_bytes = 0;
  /// How long the oldest pending item has been pending.
  ///
  /// No write looks at the time for it, so this is what looks have seen. A look is a write that the
  /// stream makes wait, a check of a time limit, or a call of `WriteHandoff::statistics`. The age
  /// counts from the first look after the item came. It may be too small by half of the longest
  /// time that an item before it was pending, at most. It is not too large.
  std::chrono::nanoseconds oldest_pending_age{0};
  /// Writes, bursts and reservations that wait for room now, and bytes that their callers keep
  /// meanwhile.
  std::size_t waiters = 0;
  std::size_t waiting_bytes = 0;
  /// How long the first of them has waited. Exact.
  std::chrono::nanoseconds oldest_waiter_age{0};
  /// Room that permits hold now.
  std::size_t reserved_bytes = 0;
  std::size_t reserved_items = 0;
};

/// What the relays of the process have had the kernel move (`RelayBy`), and its pipes. Zeros where
/// the system cannot do that.
struct RelayStatistics {
  /// Bytes that outputs took out of pipes.
  std::uint64_t moved_bytes = 0;
  /// Pipes that are open. They may have an eighth of the descriptors that the process may open,
  /// and are 512 at most.
  std::size_t pipes = 0;
  /// Those that no relay uses. At most 32 are kept; `pool_trim` closes them.
  std::size_t idle_pipes = 0;
  /// How often a relay had to copy on, since there was no pipe, or only a small one: the limit
  /// above, no descriptors, or the system's limit of memory in pipes.
  std::uint64_t refused_pipes = 0;
};

/// The figures of this moment. Threads: may be called on any. Cost: one lock.
[[nodiscard]] RelayStatistics relay_statistics() noexcept;

}  // namespace bytes_handoff
