#pragma once

// Pipes through which the kernel moves bytes from one descriptor to another.

#include <cstddef>

#include "bytes_handoff/core/kernel/kernel_move.hpp"

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
#include <span>

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

  [[nodiscard]] bool is_open() const noexcept { return ends_[0] >= 0; }
  /// From the pool. False if there is none to be had; that is counted.
  [[nodiscard]] bool open() noexcept;
  /// To the pool. Precondition: it is empty.
  void give_back() noexcept;
  /// With what is in it.
  void close() noexcept;

  [[nodiscard]] KernelMove fill(int from, std::size_t most) const noexcept;
  /// `n`: all that is in it.
  [[nodiscard]] KernelMove drain(int to, std::size_t n, MoveTurn& turn) const noexcept;
  /// Copies out as many bytes as `room` has. Precondition: so many are in it.
  [[nodiscard]] bool read(std::span<std::byte> room) const noexcept;

 private:
  int ends_[2] = {-1, -1};  // for reading, for writing
};

}  // namespace bytes_handoff::detail

#endif
