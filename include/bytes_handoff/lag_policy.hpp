#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "bytes_handoff/bytes.hpp"

namespace bytes_handoff {

/// What the log of a `FanOut` may hold. What is published beyond it drops the oldest entries.
struct FanOutConfig {
  /// Bytes of all entries. At least 1.
  ///
  /// It must hold what is published before subscribers are served, or all of them miss the oldest:
  /// see `FanOut::publish`. One read is at most `block_size` of its buffer, unless a frame is
  /// longer.
  std::size_t max_bytes = 1024 * 1024;
  /// Entries; each slice is one. At least 1. They take about 100 bytes each. Memory for them grows
  /// with what the log has held at once, and is kept. Where there is none, the oldest are dropped,
  /// as if the log were full.
  ///
  /// The default is as many as one read of 64 KiB can have bytes, and takes up to 7 MB. A log of
  /// tiny entries that should take less needs a lower limit.
  std::size_t max_entries = 64 * 1024;
};

/// How much may be published that a subscriber's queue has not been given. The lag is beyond the
/// limit if either number is exceeded. By default it never is.
struct LagLimit {
  std::size_t bytes = SIZE_MAX;
  std::size_t entries = SIZE_MAX;
};

/// What happens to a subscriber that lags, among entries that its queue has not been given.
///
/// A subscriber lags from when its queue has no room for the next entry until it has been given
/// every entry. Its lag counts all that was published meanwhile, what the log has dropped included.
/// Without a policy it misses what the log drops, and goes on with the oldest entry that is left.
struct LagPolicy {
  /// Of entries with one key, gives only the newest. Entries without a key are all given.
  bool conflate = false;
  /// Skips the oldest entries beyond this limit, but never the newest publication.
  LagLimit skip_beyond{};
  /// Ends the queue if its lag stays beyond `soft_limit` for `soft_for`. The end is that by the
  /// last handle: what is queued is written first.
  LagLimit soft_limit{};
  std::chrono::nanoseconds soft_for{std::chrono::seconds{10}};
  /// Ends the queue as by `abort()`, once the lag is beyond this. A subscriber whose queue has
  /// room, and whose executor is slow, does not lag: it misses what the log drops.
  LagLimit hard_limit{};
  /// Makes a note for the peer. `missed`: entries missed since the last one that was given. The
  /// note is written right before the next publication, as one write with it. If the queue could
  /// never hold both, it is a write of its own. If it could never hold the note, what is behind the
  /// gap is missed, too. An empty note is not written.
  ///
  /// Called on the stream's executor, often more than once for a gap. It must not throw: that ends
  /// the process. It may use the log, its subscription and any queue.
  std::function<Bytes(std::uint64_t missed)> gap_note{};
};

namespace detail {

/// Throws `std::invalid_argument`, as for the other configurations.
void throw_if_invalid(const FanOutConfig& config);
void throw_if_invalid(const LagPolicy& policy);

}  // namespace detail

}  // namespace bytes_handoff
