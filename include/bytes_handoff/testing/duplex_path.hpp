#pragma once

// For tests: what an in-memory connection does to the bytes on their way.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>

#include "bytes_handoff/core/support/not_negative.hpp"

namespace bytes_handoff {

/// What happens once `DuplexPath::fault_after` bytes have been written.
enum class DuplexFault : unsigned char {
  none,             ///< nothing
  sender_closes,    ///< the end that sends is closed. The other one reads all bytes, then `eof`
  sender_resets,    ///< the same, with `connection_reset` behind the bytes
  receiver_closes,  ///< the end that receives is closed. Writes of the other one: `broken_pipe`
  receiver_resets,  ///< the same, with `connection_reset`
  path_fails,       ///< both ends live. Writes, and reads behind the bytes, fail: `network_down`
  path_stalls,      ///< both ends live. Writes wait for ever, and so do reads behind the bytes
};

/// One direction of an in-memory connection: how bytes arrive, and when it breaks.
///
/// `BasicDuplexStream::set_incoming` sets it, for the bytes on their way to that end.
///
///     // A client that dies behind the tenth byte of its request, which comes in pieces.
///     server.set_incoming({.fault = DuplexFault::sender_resets, .fault_after = 10, .max_read =
///     3});
struct DuplexPath {
  static constexpr std::size_t kUnlimited = SIZE_MAX;

  DuplexFault fault = DuplexFault::none;
  /// Bytes that are written before the fault happens, counted from `set_incoming`. With 0 it
  /// happens at once. The last write before it is short, if it is larger.
  std::size_t fault_after = 0;
  /// Bytes that one read takes, and that one write gives, at most. At least 1.
  std::size_t max_read = kUnlimited;
  std::size_t max_write = kUnlimited;
  /// If set: each read and each write has a bound of its own, from 1 to the number above. The same
  /// seed makes the same sequence.
  std::optional<std::uint64_t> seed{};
  /// Time from the write of bytes until they can be read, as the executor of the end that receives
  /// has it. The end behind them waits for them. Bytes on their way have room in the ring.
  std::chrono::nanoseconds delay{0};
};

/// Throws std::invalid_argument for a path that can never work.
inline void throw_if_invalid(const DuplexPath& path) {
  if (path.max_read == 0 || path.max_write == 0) {
    throw std::invalid_argument("DuplexPath::max_read and max_write must be at least 1");
  }
  detail::require_not_negative("DuplexPath::delay", path.delay);
}

}  // namespace bytes_handoff
