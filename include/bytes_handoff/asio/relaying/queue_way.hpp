#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/relaying/kernel_way.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/stream_traits.hpp"
#include "bytes_handoff/asio/writing/initiation.hpp"
#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/core/budget/budget_state.hpp"
#include "bytes_handoff/core/kernel/piped_piece.hpp"
#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/core/reading/read_claim.hpp"
#include "bytes_handoff/core/relaying/kernel_moves.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// To a queue, from a stream that the kernel cannot move bytes from.
template <class In>
class CopyingQueueWay {
 public:
  explicit CopyingQueueWay(RelayBy /*copy*/) noexcept {}
  static DoneBy take_done_by() noexcept { return DoneBy::kCopy; }
  static void after_read(std::size_t /*n*/) noexcept {}
  static bool copy_out(Bytes& /*piece*/) noexcept { return true; }
  static void end() noexcept {}

  template <class Wait, class Copy>
  static InitiationResult read(HandoffBuffer& /*buffer*/, In& /*in*/, std::size_t /*most*/,
                               Bytes& /*piece*/, Wait /*wait*/, Copy copy) noexcept {
    return copy();
  }
};

#if BYTES_HANDOFF_HAS_SPLICE

/// To a queue in front of a socket, from a socket: where `KernelMoves` says so, a read moves bytes
/// into a pipe, which goes to the queue as a piece of its own. The queue's writer moves them on.
///
/// While it waits for the socket, the buffer is being read, as others see it, and no pipe is held.
/// The buffer's memory budget pays for the pipe.
template <class In>
class MovingQueueWay {
 public:
  explicit MovingQueueWay(RelayBy by) noexcept : moves_(by) {}

  /// How the last read was done. Asked once for each.
  DoneBy take_done_by() noexcept { return std::exchange(done_by_, DoneBy::kCopy); }
  void after_read(std::size_t n) noexcept { moves_.after_read(n); }

  /// `most`: bytes that the queue takes in a pipe now. What is moved is in `piece`.
  template <class Wait, class Copy>
  InitiationResult read(HandoffBuffer& buffer, In& in, std::size_t most, Bytes& piece, Wait wait,
                        Copy copy) noexcept {
    end();
    if (most == 0 || !moves_.is_next() || BufferAccess::kept_error(buffer) ||
        !is_made_non_blocking(in)) {
      return copy();
    }
    PipedPiece* const piped = make_piece(BufferAccess::account(buffer));
    if (piped == nullptr) {
      moves_.after_no_pipe();
      return copy();
    }
    const KernelMove move = piped->fill(
        in.native_handle(), KernelMoves::most((std::min)(most, buffer.config().max_size)));
    const AfterMove after = moves_.after_fill(move);
    if (after == AfterMove::kMoved) {
      moves_.after_take_back();  // the piece is the queue's
      piece = BytesAccess::adopt(nullptr, move.n, piped);
    } else {
      piped->release(1);
    }
    if (after == AfterMove::kCopy) {
      return copy();
    }
    if (after == AfterMove::kWait) {
      done_by_ = DoneBy::kWait;
      front_end::pause_read(buffer);
      claim_.emplace(buffer);
      return wait(in);
    }
    done_by_ = DoneBy::kMove;
    net_error_code error;
    if (after == AfterMove::kFailed) {
      error = net_error_code(move.error, net::error::get_system_category());
    }
    return {InitiationOutcome::kCompleted, error, move.n};
  }

  /// Makes a piece one of memory. False: there is no memory, and the pipe still has it.
  static bool copy_out(Bytes& piece) noexcept {
    if (PipedPiece* const piped = PipedPiece::of(BytesAccess::owner(piece))) {
      if (!piped->take_back()) {
        return false;
      }
      piece = piped->memory();
    }
    return true;
  }

  /// Of a wait.
  void end() noexcept { claim_.reset(); }

 private:
  [[nodiscard]] static PipedPiece* make_piece(BlockPayer* payer) noexcept {
    PipedPiece* piped = nullptr;
    try {
      piped = PipedPiece::make();
    } catch (...) {
      return nullptr;
    }
    if (!piped->open(payer)) {
      piped->release(1);
      return nullptr;
    }
    return piped;
  }

  KernelMoves moves_;
  std::optional<ReadClaim> claim_;
  DoneBy done_by_ = DoneBy::kCopy;
};

template <class In>
using QueueWay = std::conditional_t<kIsPlainSocket<In>, MovingQueueWay<In>, CopyingQueueWay<In>>;

#else

template <class In>
using QueueWay = CopyingQueueWay<In>;

#endif

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
