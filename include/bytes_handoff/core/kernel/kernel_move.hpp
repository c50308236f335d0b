#pragma once

// What the kernel says of bytes that it is to move between a socket and a pipe.

#include <cerrno>
#include <cstddef>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// The most that one move brings, and so the most that is in a pipe.
inline constexpr std::size_t kMostMoved = std::size_t{64} * 1024;

/// What the kernel answered to one move: how many bytes it has moved, or its error number.
struct KernelMove {
  std::size_t n = 0;
  int error = 0;
};

/// What follows a move.
enum class AfterMove : unsigned char {
  kMoved,   ///< its bytes count
  kWait,    ///< until that side is ready; then the same move again
  kCopy,    ///< this step is done by copying; what is in the pipe goes back to the buffer before
  kFailed,  ///< that side has failed with the error of the move
};

/// What an error of a move means. One object for each side that makes moves wait, or for both of
/// them.
class MoveErrors {
 public:
  /// Waits in a row behind each of which a side still would block: it is ready for something else,
  /// as urgent data.
  static constexpr unsigned kVainWaits = 16;

  [[nodiscard]] AfterMove after(int error) noexcept {
    const bool would_block = error == EAGAIN || error == EWOULDBLOCK;
    if (would_block && ++vain_waits_ <= kVainWaits) {
      return AfterMove::kWait;
    }
    return would_block || is_refusal(error) ? AfterMove::kCopy : AfterMove::kFailed;
  }
  /// Behind a move that has moved something.
  void forget() noexcept { vain_waits_ = 0; }

 private:
  // A socket's own error is told once. So only what cannot be one is taken for a refusal.
  [[nodiscard]] static constexpr bool is_refusal(int error) noexcept {
    return error == EINVAL || error == ENOSYS || error == EPERM || error == ENOMEM;
  }

  unsigned vain_waits_ = 0;  // in a row
};

}  // namespace bytes_handoff::detail
