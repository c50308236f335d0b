#include "bytes_handoff/core/kernel/piped_piece.hpp"

#if BYTES_HANDOFF_HAS_SPLICE

#include <new>
#include <system_error>
#include <utility>

#include "bytes_handoff/bytes_mut.hpp"
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

// A pipe that cannot be read, though it has the bytes, is taken for one without memory.
void PipedPiece::copy_out() {
  BytesMut room = BytesMut::with_capacity(in_pipe_);
  if (!pipe_.read(room.spare().first(in_pipe_))) {
    throw std::bad_alloc();
  }
  room.commit(std::exchange(in_pipe_, 0U));
  memory_ = std::move(room).freeze();
  pipe_.give_back();
}

}  // namespace bytes_handoff::detail

#endif
