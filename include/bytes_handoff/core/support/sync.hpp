#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// Takes the next number, for a thread that has none.
[[nodiscard]] std::size_t take_thread_number() noexcept;

/// The number of this thread: each thread that asks gets the next one, from 1.
[[nodiscard]] inline std::size_t thread_number() noexcept {
  static constinit thread_local std::size_t mine = 0;
  if (mine == 0) [[unlikely]] {
    mine = take_thread_number();
  }
  return mine;
}

/// How the write queue, its tickets and the memory budget synchronize. Tests put their own in its
/// place, to decide the order of steps.
struct StdSync {
  using Mutex = std::mutex;
  template <class T>
  using Atomic = std::atomic<T>;
  /// What atomics or a mutex guard.
  template <class T>
  using Plain = T;
  /// Which stripe of shared counters a thread uses: see `MemoryPot`.
  [[nodiscard]] static std::size_t thread() noexcept { return thread_number(); }
};

}  // namespace bytes_handoff::detail
