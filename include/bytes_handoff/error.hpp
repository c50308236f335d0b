#pragma once

// Errors that synchronous operations return in full, and the codes under which asynchronous ones
// report the same conditions.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>
#include <type_traits>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff {

/// An operation would have made a buffer hold more than its limit. Nothing was changed.
struct LimitExceeded {
  std::size_t attempted;  ///< bytes that would have been held
  std::size_t limit;      ///< bytes that may be held
  friend bool operator==(const LimitExceeded&, const LimitExceeded&) = default;
};

/// More bytes were asked for than there are. Nothing was changed.
struct SplitOutOfBounds {
  std::size_t requested;
  std::size_t available;
  friend bool operator==(const SplitOutOfBounds&, const SplitOutOfBounds&) = default;
};

/// Codes of this library's own. They compare to an `error_code` of standalone Asio and of
/// Boost.Asio. These also compare to a condition of `std::errc`: `aborted` to `operation_canceled`,
/// as Asio's `operation_aborted` does; `timed_out` to `timed_out`; `limit_exceeded` to
/// `no_buffer_space`; `memory_exhausted` to `not_enough_memory`; the two `_in_progress` to
/// `operation_in_progress`.
enum class Errc {
  limit_exceeded = 1,           ///< the buffer is full up to its `max_size`
  read_in_progress = 2,         ///< a second read was started while one runs
  closed = 3,                   ///< the write queue takes and writes nothing any more
  aborted = 4,                  ///< ended by an abort, a last handle, or a tunnel's other way
  timed_out = 5,                ///< a limit of a queue, relay, tunnel or `async_linger` is over
  no_progress = 6,              ///< the stream kept reporting success without taking a byte
  wait_in_progress = 7,         ///< a second wait on one ticket was started while one runs
  stream_exception = 8,         ///< the stream threw something that carries no error code
  can_never_fit = 9,            ///< the write is larger than the whole queue
  too_many_waiters = 10,        ///< `max_waiters` writes are waiting already
  too_many_waiting_bytes = 11,  ///< more than `max_waiting_bytes` would be waiting
  slow_consumer = 12,           ///< a `FanOut` ended the queue, which lagged beyond its limit
  frame_too_long = 13,          ///< a frame is longer than its framer allows
  malformed_frame = 14,         ///< the bytes are no frame, whatever follows
  truncated_frame = 15,         ///< the input ended inside of a frame
  memory_exhausted = 16,        ///< the memory budget has no room
  shed = 17,                    ///< the memory budget ended the queue, to free what it held
};

/// Why a write was refused.
enum class WriteRefusalReason : std::uint8_t {
  closed,                  ///< the queue takes nothing any more
  can_never_fit,           ///< larger than all that may ever be pending
  byte_budget_exceeded,    ///< no room for the bytes now
  queue_full,              ///< no room for the items now
  too_many_waiters,        ///< `max_waiters` writes wait already (`async_` forms only)
  too_many_waiting_bytes,  ///< more than `max_waiting_bytes` would wait (`async_` forms only)
  cancelled,               ///< cancelled while it waited (`async_` forms only)
  exceeds_permit,          ///< larger than the permit that it was committed with
  memory_exhausted,        ///< no room in the memory budget now
};
/// How many reasons there are.
inline constexpr std::size_t kWriteRefusalReasons = 9;
/// The name of the enumerator, for logs and labels: "queue_full". "unknown" for any other value.
/// Static, and does not change between releases.
[[nodiscard]] std::string_view to_string(WriteRefusalReason reason) noexcept;

/// The category behind `Errc`, named "bytes_handoff".
[[nodiscard]] const std::error_category& error_category() noexcept;

[[nodiscard]] inline std::error_code make_error_code(Errc code) noexcept {
  return {static_cast<int>(code), error_category()};
}

}  // namespace bytes_handoff

template <>
struct std::is_error_code_enum<bytes_handoff::Errc> : std::true_type {};
