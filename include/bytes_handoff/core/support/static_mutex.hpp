#pragma once

#include <atomic>
#include <mutex>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// A mutex of atomics alone. It is initialized before the program runs, with any compiler, and has
/// nothing to destroy.
class AtomicMutex {
 public:
  constexpr AtomicMutex() noexcept = default;
  AtomicMutex(const AtomicMutex&) = delete;
  AtomicMutex& operator=(const AtomicMutex&) = delete;

  void lock() noexcept {
    State before = State::kFree;
    if (state_.compare_exchange_strong(before, State::kLocked, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
      return;
    }
    // Who gets it here does not know whether others wait, and tells them all the same.
    while (state_.exchange(State::kAwaited, std::memory_order_acquire) != State::kFree) {
      state_.wait(State::kAwaited, std::memory_order_relaxed);
    }
  }

  void unlock() noexcept {
    if (state_.exchange(State::kFree, std::memory_order_release) == State::kAwaited) {
      state_.notify_one();
    }
  }

 private:
  enum class State : int {
    kFree,
    kLocked,
    kAwaited,  ///< locked, and threads may wait for it
  };
  std::atomic<State> state_{State::kFree};
};

/// For a static object that is used before `main`, and after its end. It is the standard library's
/// mutex, except on Windows: there that may need code to be initialized.
#if defined(_WIN32)
using StaticMutex = AtomicMutex;
#else
using StaticMutex = std::mutex;
#endif

}  // namespace bytes_handoff::detail
