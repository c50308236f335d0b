#pragma once

// Pipes through which the kernel moves bytes from one descriptor to another.

#include <cstddef>

#include "bytes_handoff/core/kernel/kernel_move.hpp"
#include "bytes_handoff/core/memory/block.hpp"
#include "bytes_handoff/core/memory/block_payer.hpp"

/// Whether relays can have the kernel move bytes. 0 leaves the copying way alone.
#if !defined(BYTES_HANDOFF_HAS_SPLICE)
#if defined(__linux__)
#define BYTES_HANDOFF_HAS_SPLICE 1
#else
#define BYTES_HANDOFF_HAS_SPLICE 0
#endif
#endif

namespace bytes_handoff::detail {

/// Closes the pipes that nobody uses.
void close_idle_pipes() noexcept;

}  // namespace bytes_handoff::detail

#if BYTES_HANDOFF_HAS_SPLICE

#include <atomic>
#include <cstdint>
#include <memory_resource>
#include <span>

#include "bytes_handoff/bytes_mut.hpp"

namespace bytes_handoff::detail {

/// The system calls that a test may replace.
struct KernelCalls {
  std::ptrdiff_t (*splice)(int from, int to, std::size_t n) noexcept;
  int (*open_pipe)(int (&ends)[2]) noexcept;
};
extern const KernelCalls system_calls;
/// Those in use. A test sets it back before its calls go.
extern std::atomic<const KernelCalls*> kernel_calls;

/// Bytes that were moved out of pipes.
extern std::atomic<std::uint64_t> moved_bytes;

/// Keeps the SIGPIPE of moves from this thread. `splice` has no flag for that. No disposition is
/// changed, and a SIGPIPE that was pending before stays so.
///
/// It blocks the signal at the first move out of a pipe, until the turn ends: two system calls a
/// turn, whatever the number of moves.
class MoveTurn {
 public:
  MoveTurn() noexcept = default;
  MoveTurn(const MoveTurn&) = delete;
  MoveTurn& operator=(const MoveTurn&) = delete;
  ~MoveTurn() {
    if (unblocks_) {
      unblock();
    }
  }

 private:
  friend class KernelPipe;

  void block() noexcept;
  void unblock() noexcept;
  [[nodiscard]] bool is_pending() const noexcept;
  void consume() noexcept;

  bool is_blocked_ = false;
  bool unblocks_ = false;  // it was not blocked before
};

/// A pipe of the process's pool, or none. Both descriptors that bytes move between must be in
/// non-blocking mode.
///
/// Threads: as an int. The pool may be used by any number of threads.
class KernelPipe {
 public:
  KernelPipe() noexcept = default;
  KernelPipe(const KernelPipe&) = delete;
  KernelPipe& operator=(const KernelPipe&) = delete;
  ~KernelPipe() { close(); }

  /// What is paid for one: as for a block of as many bytes.
  static constexpr std::size_t kCost = Block::retained_at_most(kMostMoved);

  [[nodiscard]] bool is_open() const noexcept { return ends_[0] >= 0; }
  /// From the pool. `payer` pays for it until it is given back or closed; null: nobody does. False
  /// if there is none to be had, which is counted, or if it is not paid for.
  [[nodiscard]] bool open(BlockPayer* payer = nullptr) noexcept;
  /// To the pool. Precondition: it is empty.
  void give_back() noexcept;
  /// With what is in it.
  void close() noexcept;

  [[nodiscard]] KernelMove fill(int from, std::size_t most) const noexcept;
  /// `n`: all that is in it.
  [[nodiscard]] KernelMove drain(int to, std::size_t n, MoveTurn& turn) const noexcept;
  /// Copies out as many bytes as `room` has. Precondition: so many are in it.
  [[nodiscard]] bool read(std::span<std::byte> room) const noexcept;
  /// Copies out the `n` bytes that are in it, to a block from `block_source` (null: the library's
  /// pool), and gives it back. Who has paid for it has paid for the copy. Throws what the source
  /// throws, and std::bad_alloc if the bytes cannot be read; then it stays as it is.
  [[nodiscard]] BytesMut copy_out(std::size_t n, std::pmr::memory_resource* block_source = nullptr);
  [[nodiscard]] bool is_paid_from(const void* budget) const noexcept {
    return payer_ != nullptr && payer_->budget() == budget;
  }

 private:
  void pay_back() noexcept;

  int ends_[2] = {-1, -1};  // for reading, for writing
  BlockPayer* payer_ = nullptr;
};

}  // namespace bytes_handoff::detail

#endif
