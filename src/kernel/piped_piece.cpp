#include "bytes_handoff/core/kernel/piped_piece.hpp"

#if BYTES_HANDOFF_HAS_SPLICE

#include <new>
#include <system_error>
#include <utility>

#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/budget/paid_entry.hpp"
#include "bytes_handoff/core/memory/pool.hpp"

namespace bytes_handoff::detail {

PipedPiece* PipedPiece::make() {
  return ::new (pool_allocate_small(sizeof(PipedPiece))) PipedPiece();
}

PipedPiece* PipedPiece::of(Owner* owner) noexcept {
  return owner != nullptr && owner->destroy == &PipedPiece::destroy_piece
             ? static_cast<PipedPiece*>(owner)
             : nullptr;
}

void PipedPiece::destroy_piece(Owner* owner) noexcept {
  auto* const piece = static_cast<PipedPiece*>(owner);
  if (piece->in_pipe_ == 0) {
    piece->pipe_.give_back();
  }
  piece->~PipedPiece();
  pool_deallocate_small(piece, sizeof(PipedPiece));
}

KernelMove PipedPiece::fill(int from, std::size_t most) noexcept {
  const KernelMove move = pipe_.fill(from, most);
  in_pipe_ += move.n;
  return move;
}

KernelMove PipedPiece::drain(int to, MoveTurn& turn) noexcept {
  const KernelMove move = pipe_.drain(to, in_pipe_, turn);
  in_pipe_ -= move.n;
  return move;
}

bool PipedPiece::take_back() noexcept {
  try {
    copy_out();
    return true;
  } catch (...) {
    return false;
  }
}

Bytes PipedPiece::rest_of(std::size_t rest) {
  if (in_pipe_ != 0) {
    copy_out();
  }
  Bytes bytes = memory_;
  static_cast<void>(bytes.advance(bytes.size() - rest));
  return bytes;
}

bool PipedPiece::is_paid_from(const void* budget) const noexcept {
  return pipe_.is_paid_from(budget) ||
         (is_in_memory() && detail::is_paid_from(BytesAccess::owner(memory_), budget));
}

void PipedPiece::copy_out() {
  memory_ = pipe_.copy_out(in_pipe_).freeze();
  in_pipe_ = 0;
}

}  // namespace bytes_handoff::detail

#endif
