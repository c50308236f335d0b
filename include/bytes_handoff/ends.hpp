#pragma once

// Words for how a write queue ends, and what an ended one gives back.

#include <cstddef>
#include <vector>

#include "bytes_handoff/bytes.hpp"

namespace bytes_handoff {

/// What a close does to the writes that wait for room in line.
enum class Waiters : bool {
  refuse,  ///< they are refused with `closed`, and keep their bytes
  admit,   ///< they are let in as room comes, in their order, before the end
};

/// Selects `WriteHandoff::abort(after_written)`.
struct AfterWritten {
  explicit AfterWritten() = default;
};
inline constexpr AfterWritten after_written{};  // NOLINT(readability-identifier-naming)

/// Selects a `WriteHandoff` that leaves its stream open at any end, an abort included. The caller
/// then ends the stream, or resets it if the message is not whole.
struct LeaveOpen {
  explicit LeaveOpen() = default;
};
inline constexpr LeaveOpen leave_open{};  // NOLINT(readability-identifier-naming)

/// What a queue had admitted and not wholly written when it ended.
struct UnwrittenEntries {
  /// The slices as they were admitted, whole, in order. Of what the kernel moves, the rest alone.
  std::vector<Bytes> entries;
  /// Bytes of the first entry that the stream had taken: less than its size, or 0.
  std::size_t first_written = 0;

  [[nodiscard]] bool empty() const noexcept { return entries.empty(); }
};

/// Where `replay` begins.
enum class ReplayFrom : bool {
  entry_start,  ///< with the whole first entry: for a peer that has nothing of it or drops what it
                ///< has, as on a new connection
  cut,          ///< behind what the stream had taken of the first entry
};

}  // namespace bytes_handoff
