#pragma once

#include <atomic>
#include <mutex>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// How the write queue and its tickets synchronize. Tests put their own in its place, to decide the
/// order of steps.
struct StdSync {
  using Mutex = std::mutex;
  template <class T>
  using Atomic = std::atomic<T>;
  /// What atomics or a mutex guard.
  template <class T>
  using Plain = T;
};

}  // namespace bytes_handoff::detail
