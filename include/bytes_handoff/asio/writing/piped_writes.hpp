#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/stream_traits.hpp"
#include "bytes_handoff/core/kernel/kernel_move.hpp"
#include "bytes_handoff/core/kernel/piped_piece.hpp"
#include "bytes_handoff/core/queue/departure.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// A writer's part for pieces whose bytes are in pipes. Most streams are given none.
template <class Stream>
struct PipedWrites {
  static constexpr bool kTakesPieces = false;
  struct Turn {};

  [[nodiscard]] static bool takes_pieces() noexcept { return false; }
};

#if BYTES_HANDOFF_HAS_SPLICE

/// For a socket: the kernel moves them on. Where it refuses, they are copied out, and no more are
/// taken.
template <class Stream>
requires kIsPlainSocket<Stream>
class PipedWrites<Stream> {
 public:
  static constexpr bool kTakesPieces = true;
  using Turn = MoveTurn;

  /// On any thread.
  [[nodiscard]] bool takes_pieces() const noexcept {
    return !is_refused_.load(std::memory_order_relaxed);
  }

  /// Moves on what `batch` offers. `kCopy`: the batch has a buffer now, which is to be written.
  [[nodiscard]] AfterMove write(Stream& stream, WriteBatch& batch, Turn& turn,
                                net_error_code& error, std::size_t& written) noexcept {
    PipedPiece& piece = *PipedPiece::of(batch.piped);
    if (!piece.is_in_memory()) {
      const KernelMove move = drain(piece, stream, turn);
      written = move.n;
      const AfterMove after = move.error == 0 ? AfterMove::kMoved : errors_.after(move.error);
      if (after == AfterMove::kMoved) {
        errors_.forget();
      } else if (after == AfterMove::kFailed) {
        error = net_error_code(move.error, net::error::get_system_category());
      }
      if (after != AfterMove::kCopy) {
        return after;
      }
      is_refused_.store(true, std::memory_order_relaxed);
      if (!piece.take_back()) {
        error = net::error::no_memory;
        return AfterMove::kFailed;
      }
    }
    batch.buffers[0] = {piece.last_bytes(batch.bytes), batch.bytes};
    batch.count = 1;
    return AfterMove::kCopy;
  }

  /// While the socket is waited for, the queue keeps the piece.
  void begin_wait(const WriteBatch& batch) noexcept { waiting_ = batch.piped; }
  [[nodiscard]] bool is_waiting() const noexcept { return waiting_ != nullptr; }
  void end_wait(WriteBatch& batch) noexcept {
    batch.piped = std::exchange(waiting_, nullptr);
    batch.items = 1;
  }

 private:
  static KernelMove drain(PipedPiece& piece, Stream& stream, Turn& turn) noexcept {
    return is_made_non_blocking(stream) ? piece.drain(stream.native_handle(), turn)
                                        : KernelMove{0, EINVAL};
  }

  MoveErrors errors_;
  std::atomic<bool> is_refused_{false};
  Owner* waiting_ = nullptr;
};

#endif

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
