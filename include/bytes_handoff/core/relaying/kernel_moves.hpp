#pragma once

// When a relay between two sockets has the kernel move its bytes through a pipe, and when it
// copies.

#include <algorithm>
#include <cstddef>

#include "bytes_handoff/core/kernel/kernel_move.hpp"
#include "bytes_handoff/core/relaying/relay_progress.hpp"

namespace bytes_handoff::detail {

/// Decides for one way. Not thread safe: each call happens behind the one before.
///
/// A pipe is filled only when it is empty and nothing is buffered, so the order is kept. That it
/// would block then means that the input has nothing. It is emptied before the next fill; that it
/// would block then means that the output is full.
///
/// A small move costs a little more than a small copy, a large one about half of a large copy. So
/// it goes over behind few large reads, and back behind a few small moves in a row. Where it has
/// gone over in vain, as with a pipe that small segments fill, it waits for longer each time.
class KernelMoves {
 public:
  /// Reads of so many bytes are large.
  static constexpr std::size_t kLarge = std::size_t{16} * 1024;
  /// Moves of fewer bytes are small.
  static constexpr std::size_t kSmall = std::size_t{4} * 1024;
  /// Large reads in a row before it goes over; at most, and where no pipe could be had.
  static constexpr unsigned kFewReads = 1;
  static constexpr unsigned kManyReads = 256;
  /// Small moves in a row before it goes back.
  static constexpr unsigned kSmallMoves = 4;
  /// Moves of one stay that are not small, and make it one that has paid.
  static constexpr unsigned kMovesThatPay = 16;

  explicit KernelMoves(RelayBy by) noexcept
      : by_(by), reads_to_go_(by == RelayBy::kernel ? 0 : kFewReads) {}

  /// Whether the next read is to be a move into a pipe. Only asked when nothing is buffered.
  [[nodiscard]] bool is_next() const noexcept { return reads_to_go_ == 0 && can_move_; }
  /// Bytes in the pipe.
  [[nodiscard]] std::size_t held() const noexcept { return held_; }
  /// How many bytes the next fill may bring, if the buffer has room for that many.
  [[nodiscard]] static constexpr std::size_t most(std::size_t room) noexcept {
    return (std::min)(room, kMostMoved);
  }

  /// Behind a read of `n` bytes into the buffer.
  void after_read(std::size_t n) noexcept {
    if (by_ == RelayBy::kernel || n >= kLarge) {
      reads_to_go_ -= reads_to_go_ != 0 ? 1U : 0U;
    } else {
      reads_to_go_ = (std::max)(reads_to_go_, wanted_reads_);
    }
  }

  /// There is no pipe: this read is done by copying, and the next ones.
  void after_no_pipe() noexcept { reads_to_go_ = kManyReads; }

  /// Behind a move of the input's bytes into the empty pipe.
  [[nodiscard]] AfterMove after_fill(const KernelMove& move) noexcept {
    if (move.n != 0) {
      held_ = move.n;
      errors_.forget();
      note_size(move.n);
      return AfterMove::kMoved;
    }
    if (move.error == 0) {  // a read tells whether that is the end
      reads_to_go_ = 1;
      return AfterMove::kCopy;
    }
    return after_error(move.error);
  }

  /// Behind a move out of the pipe.
  [[nodiscard]] AfterMove after_drain(const KernelMove& move) noexcept {
    if (move.error != 0) {
      return after_error(move.error);
    }
    held_ -= move.n;
    if (move.n != 0) {
      errors_.forget();
    }
    return AfterMove::kMoved;
  }

  /// What was in the pipe is in the buffer, or lost.
  void after_take_back() noexcept { held_ = 0; }

 private:
  [[nodiscard]] AfterMove after_error(int error) noexcept {
    const AfterMove after = errors_.after(error);
    can_move_ = can_move_ && after != AfterMove::kCopy;
    return after;
  }

  void note_size(std::size_t n) noexcept {
    if (n >= kSmall) {
      small_moves_ = 0;
      paying_moves_ = (std::min)(paying_moves_ + 1, kMovesThatPay);
      return;
    }
    if (by_ == RelayBy::kernel || ++small_moves_ < kSmallMoves) {
      return;
    }
    const bool has_paid = paying_moves_ == kMovesThatPay;
    wanted_reads_ = has_paid ? kFewReads : (std::min)(2 * wanted_reads_, kManyReads);
    reads_to_go_ = wanted_reads_;
    small_moves_ = 0;
    paying_moves_ = 0;
  }

  const RelayBy by_;
  bool can_move_ = by_ != RelayBy::copy;
  unsigned reads_to_go_;               // before the next move
  unsigned wanted_reads_ = kFewReads;  // large ones in a row
  unsigned small_moves_ = 0;           // in a row
  unsigned paying_moves_ = 0;          // of this stay
  MoveErrors errors_;
  std::size_t held_ = 0;
};

}  // namespace bytes_handoff::detail
