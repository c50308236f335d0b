#pragma once

// Bytes that a relay hands to a queue without having seen them: they are in a pipe of the kernel.

#include "bytes_handoff/core/kernel/kernel_pipe.hpp"

#if BYTES_HANDOFF_HAS_SPLICE

#include <cstddef>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/core/memory/block.hpp"

namespace bytes_handoff::detail {

/// The owner of a slice whose bytes are in its pipe. Such a slice has a size and no data. Only the
/// queue in front of a socket takes it, and its writer moves the bytes on, or copies them out.
///
/// Threads: who holds the slice uses it; the last holder may drop it on any thread.
class PipedPiece final : public Owner {
 public:
  /// With one reference and without a pipe. Throws std::bad_alloc.
  [[nodiscard]] static PipedPiece* make();
  /// Null when the owner is of another kind.
  [[nodiscard]] static PipedPiece* of(Owner* owner) noexcept;

  /// A pipe of the pool, for which `payer` pays, unless it is null. False if there is none to be
  /// had, or it is not paid for.
  [[nodiscard]] bool open(BlockPayer* payer = nullptr) noexcept { return pipe_.open(payer); }
  /// Moves at most so many bytes in. Precondition: it has a pipe, and that is empty.
  [[nodiscard]] KernelMove fill(int from, std::size_t most) noexcept;
  /// Moves out what the socket takes. Precondition: it is not in memory.
  [[nodiscard]] KernelMove drain(int to, MoveTurn& turn) noexcept;

  /// Copies out of the pipe what is in it. False without memory for that; then it stays.
  [[nodiscard]] bool take_back() noexcept;
  /// What was taken back.
  [[nodiscard]] const Bytes& memory() const noexcept { return memory_; }
  [[nodiscard]] bool is_paid_from(const void* budget) const noexcept;
  [[nodiscard]] bool is_in_memory() const noexcept { return !memory_.empty(); }
  [[nodiscard]] const std::byte* last_bytes(std::size_t rest) const noexcept {
    return memory_.data() + (memory_.size() - rest);
  }
  /// The last `rest` bytes, copied out. Throws std::bad_alloc with nothing changed.
  [[nodiscard]] Bytes rest_of(std::size_t rest);

 private:
  PipedPiece() noexcept : Owner(1, &PipedPiece::destroy_piece) {}
  ~PipedPiece() = default;
  static void destroy_piece(Owner* owner) noexcept;
  void copy_out();

  KernelPipe pipe_;
  std::size_t in_pipe_ = 0;
  Bytes memory_;
};

}  // namespace bytes_handoff::detail

#endif
