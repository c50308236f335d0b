#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "bytes_handoff/core/queue/outcome.hpp"
#include "bytes_handoff/error.hpp"

namespace bytes_handoff {

/// What has happened to a queue. The first six come in pairs, and those of a pair take turns.
enum class QueueEventKind : std::uint8_t {
  refusing,      ///< it refuses writes, since room or memory is short
  admitting,     ///< it has admitted again, and is at most half full
  waiting,       ///< somebody waits for room
  nobody_waits,  ///< nobody does, and it is at most half full
  stalled,       ///< bytes are pending, and there was no progress for `stalled_after`
  moving,        ///< the stream has taken some
  shed,          ///< its memory budget is ending it; `ended` follows
  ended,         ///< it has ended. The last event
};
/// How many kinds there are.
inline constexpr std::size_t kQueueEventKinds = 8;
/// The name of the enumerator, for logs and labels: "stalled". "unknown" for any other value.
/// Static, and does not change between releases.
[[nodiscard]] std::string_view to_string(QueueEventKind kind) noexcept;

/// Who ended a queue. The error of the event says why.
enum class EndedBy : std::uint8_t {
  close,          ///< a close, or a closing message: all was written, and the stream was ended
  abort,          ///< an `abort`, or what the library aborts with: a tunnel, a relay, a `FanOut`
  last_handle,    ///< the last handle has gone, and nobody had closed it
  time_limit,     ///< `stall_timeout`, `close_timeout` or `close_limit`
  stream,         ///< the stream: it reported an error, or makes no progress
  memory_budget,  ///< its `MemoryBudget`, which has shed it
  no_memory,      ///< there was no memory to go on
  context,        ///< the stream's context, which is being destroyed
};
/// As that of `QueueEventKind`.
[[nodiscard]] std::string_view to_string(EndedBy by) noexcept;

/// An event of a queue, for `WriteHandoffConfig::on_event`. What it refers to is valid during the
/// call.
struct QueueEvent {
  QueueEventKind kind = QueueEventKind::ended;
  /// `WriteHandoffConfig::name`.
  std::string_view name{};
  /// What is pending, where an item counts whole until all of it is written. Of `shed` and `ended`:
  /// what was unwritten at the end, of an item that was cut the rest alone. If a write was with the
  /// stream then, the stream may have taken some of it.
  std::size_t items = 0;
  std::size_t bytes = 0;
  /// Writes, bursts and reservations that wait for room, and bytes that their callers keep. Of
  /// `shed` and `ended`: those that the end has refused.
  std::size_t waiters = 0;
  std::size_t waiting_bytes = 0;
  /// Of `refusing`: why the first of the series was refused. Of `admitting`: the same, of the
  /// series that is over.
  WriteRefusalReason refusal = WriteRefusalReason::closed;
  /// Of these two: how many were refused in the series. A series that is over before it is told is
  /// not told, and the next one does not count it.
  std::uint64_t refusals = 0;
  /// Of `stalled`: how long there was no progress, as far as looks have seen.
  std::chrono::nanoseconds silent{0};
  /// Of `shed` and `ended`: who ended it, and why. `end_error` gives the error.
  EndedBy ended_by = EndedBy::close;
  detail::ErrorValue error{};
};

/// Is told what happens to a queue.
using QueueEventHook = std::function<void(const QueueEvent&)>;

}  // namespace bytes_handoff
