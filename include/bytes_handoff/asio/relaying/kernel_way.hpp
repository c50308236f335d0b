#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/stream_exception.hpp"
#include "bytes_handoff/asio/support/stream_traits.hpp"
#include "bytes_handoff/asio/writing/initiation.hpp"
#include "bytes_handoff/core/budget/budget_state.hpp"
#include "bytes_handoff/core/kernel/kernel_pipe.hpp"
#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/core/reading/read_claim.hpp"
#include "bytes_handoff/core/relaying/kernel_moves.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// How a step of a relay was done.
enum class DoneBy : unsigned char {
  kCopy,
  kMove,  ///< what the step counts was moved into the pipe, or out of it
  kWait,  ///< nothing is done yet but to wait
};

/// Of streams that the kernel cannot move bytes between.
template <class In, class Out>
class CopyingWay {
 public:
  struct Turn {};

  explicit CopyingWay(RelayBy /*copy*/) noexcept {}
  static DoneBy take_done_by() noexcept { return DoneBy::kCopy; }
  static bool is_moving() noexcept { return false; }
  static void after_read(std::size_t /*n*/) noexcept {}
  static bool take_back(HandoffBuffer& /*buffer*/) noexcept { return true; }

  template <class Wait, class Copy>
  static InitiationResult read(HandoffBuffer& /*buffer*/, In& /*in*/, Wait /*wait*/,
                               Copy copy) noexcept {
    return copy();
  }
  template <class Wait, class Copy>
  static InitiationResult pass(HandoffBuffer& /*buffer*/, Out& /*out*/, Turn& /*turn*/,
                               Wait /*wait*/, Copy copy) noexcept {
    return copy();
  }
};

#if BYTES_HANDOFF_HAS_SPLICE

/// Has the kernel move a relay's bytes where `KernelMoves` says so. Each read and each pass of the
/// relay is one call here, which copies, moves, or waits for the socket.
///
/// From the first move of a stay to the last, the buffer is being read, as others see it. It holds
/// nothing, and no block. The pipe is the pool's again whenever it is empty. The buffer's memory
/// budget pays for it. Without memory for it the bytes are copied, and that waits for memory.
template <class In, class Out>
class MovingWay {
 public:
  using Turn = MoveTurn;

  explicit MovingWay(RelayBy by) noexcept : moves_(by) {}

  /// How the last step was done. Asked once for each.
  DoneBy take_done_by() noexcept { return std::exchange(done_by_, DoneBy::kCopy); }
  [[nodiscard]] bool is_moving() const noexcept { return done_by_ == DoneBy::kMove; }
  void after_read(std::size_t n) noexcept { moves_.after_read(n); }

  template <class Wait, class Copy>
  InitiationResult read(HandoffBuffer& buffer, In& in, Wait wait, Copy copy) noexcept {
    if (!moves_.is_next() || BufferAccess::kept_error(buffer) || !begin(buffer, in)) {
      static_cast<void>(take_back(buffer));  // nothing is in the pipe
      return copy();
    }
    const std::size_t most = KernelMoves::most(buffer.config().max_size);
    const KernelMove move = pipe_.fill(in.native_handle(), most);
    const AfterMove after = moves_.after_fill(move);
    if (moves_.held() == 0) {
      pipe_.give_back();
    }
    return follow(in, after, move, wait, [&] {
      static_cast<void>(take_back(buffer));
      return copy();
    });
  }

  template <class Wait, class Copy>
  InitiationResult pass(HandoffBuffer& buffer, Out& out, Turn& turn, Wait wait,
                        Copy copy) noexcept {
    if (moves_.held() == 0) {
      return copy();
    }
    KernelMove move;
    if (!is_made_non_blocking(out)) {
      move.error = EINVAL;
    } else {
      move = pipe_.drain(out.native_handle(), moves_.held(), turn);
    }
    const AfterMove after = moves_.after_drain(move);
    if (moves_.held() == 0) {
      pipe_.give_back();
    }
    return follow(out, after, move, wait, [&]() -> InitiationResult {
      if (!take_back(buffer)) {
        return {InitiationOutcome::kCompleted, net::error::no_memory, 0};
      }
      return copy();
    });
  }

  /// What is in the pipe goes to the buffer, if that is still there, and the buffer is being read
  /// no more. False: there is no memory for that, and the pipe still has it.
  bool take_back(HandoffBuffer& buffer) noexcept {
    if (!claim_) {
      return true;
    }
    const bool has_buffer = claim_->has_buffer();
    const std::size_t n = moves_.held();
    if (has_buffer && n != 0 && !read_back(buffer, n)) {
      return false;
    }
    claim_.reset();
    if (has_buffer || n == 0) {
      pipe_.give_back();
    } else {
      pipe_.close();
    }
    moves_.after_take_back();
    return true;
  }

 private:
  // Whether the input can be moved from, and there is a pipe.
  bool begin(HandoffBuffer& buffer, In& in) noexcept {
    if (!is_made_non_blocking(in)) {
      return false;
    }
    if (!pipe_.open(BufferAccess::account(buffer))) {
      moves_.after_no_pipe();
      return false;
    }
    if (!claim_) {
      front_end::pause_read(buffer);
      claim_.emplace(buffer);
    }
    return true;
  }

  template <class Stream, class Wait, class Copy>
  InitiationResult follow(Stream& stream, AfterMove after, const KernelMove& move, Wait wait,
                          Copy copy) noexcept {
    switch (after) {
      case AfterMove::kWait:
        done_by_ = DoneBy::kWait;
        return wait(stream);
      case AfterMove::kCopy:
        return copy();
      case AfterMove::kMoved:
      case AfterMove::kFailed:
        break;
    }
    done_by_ = DoneBy::kMove;
    net_error_code error;
    if (after == AfterMove::kFailed) {
      error = net_error_code(move.error, net::error::get_system_category());
    }
    return {InitiationOutcome::kCompleted, error, move.n};
  }

  bool read_back(HandoffBuffer& buffer, std::size_t n) noexcept {
    BufferAccess::set_reading(buffer, false);
    try {
      BufferAccess::take_in(buffer, pipe_.copy_out(n, buffer.config().block_source));
      return true;
    } catch (...) {  // no memory: it stays where it is
      BufferAccess::set_reading(buffer, true);
      return false;
    }
  }

  KernelMoves moves_;
  KernelPipe pipe_;
  std::optional<ReadClaim> claim_;
  DoneBy done_by_ = DoneBy::kCopy;
};

template <class In, class Out>
using WayBetween = std::conditional_t<kIsPlainSocket<In> && kIsPlainSocket<Out>, MovingWay<In, Out>,
                                      CopyingWay<In, Out>>;

#else

template <class In, class Out>
using WayBetween = CopyingWay<In, Out>;

#endif

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
