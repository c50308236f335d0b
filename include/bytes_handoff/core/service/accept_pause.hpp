#pragma once

#include <atomic>
#include <mutex>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff {

class AcceptPause;

namespace detail {

/// What a pause belongs to.
class PausedAccept {
 public:
  /// False if it is over. Otherwise `end_pause` must follow, and gives back what is held.
  [[nodiscard]] virtual bool try_hold_for_pause() noexcept = 0;
  /// Any thread.
  virtual void end_pause() noexcept = 0;

 protected:
  ~PausedAccept() = default;
};

/// Lets one operation use an `AcceptPause`.
struct AcceptPauseAccess {
  /// False if another one uses it.
  [[nodiscard]] static bool attach(AcceptPause& pause, PausedAccept& accept) noexcept;
  static void detach(AcceptPause& pause) noexcept;
  static void set(AcceptPause& pause, bool is_on) noexcept;
};

}  // namespace detail

/// The pauses of one `async_accept_each`. Put it into `AcceptOptions::pause`. Call `end` when
/// descriptors or memory have come back, such as behind the end of a connection.
///
/// Threads: all members, on any thread.
class AcceptPause {
 public:
  AcceptPause() noexcept = default;
  AcceptPause(const AcceptPause&) = delete;
  AcceptPause& operator=(const AcceptPause&) = delete;

  /// Whether accepting pauses now. If so, the caller also sees what was done before the pause.
  [[nodiscard]] bool is_on() const noexcept { return is_on_.load(std::memory_order_acquire); }

  /// Ends a pause, if there is one: accepting is tried again at once. Must not be called while
  /// another thread destroys the acceptor's context.
  ///
  /// Cost: without a pause, one load of an atomic.
  void end() noexcept {
    // In one order with what the operation looks at behind `set`.
    const bool is_on = is_on_.load(std::memory_order_seq_cst);
    if (detail::PausedAccept* const paused = is_on ? held() : nullptr) {
      paused->end_pause();
    }
  }

 private:
  friend detail::AcceptPauseAccess;

  [[nodiscard]] detail::PausedAccept* held() noexcept {
    const std::lock_guard lock(mutex_);
    return accept_ != nullptr && accept_->try_hold_for_pause() ? accept_ : nullptr;
  }

  std::mutex mutex_;
  detail::PausedAccept* accept_ = nullptr;
  std::atomic<bool> is_on_{false};
};

namespace detail {

inline bool AcceptPauseAccess::attach(AcceptPause& pause, PausedAccept& accept) noexcept {
  const std::lock_guard lock(pause.mutex_);
  if (pause.accept_ != nullptr) {
    return false;
  }
  pause.accept_ = &accept;
  return true;
}

inline void AcceptPauseAccess::detach(AcceptPause& pause) noexcept {
  set(pause, false);
  const std::lock_guard lock(pause.mutex_);
  pause.accept_ = nullptr;
}

inline void AcceptPauseAccess::set(AcceptPause& pause, bool is_on) noexcept {
  pause.is_on_.store(is_on, std::memory_order_seq_cst);
}

}  // namespace detail
}  // namespace bytes_handoff
