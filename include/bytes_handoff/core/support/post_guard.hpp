#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// Lets the shutdown of an execution context wait for threads that are about to post to it.
///
/// `enter` and `leave` enclose what needs the context. The shutdown calls `shut`, takes from
/// everyone what they could still do, and then `wait_until_left`. Any thread, O(1).
class PostGuard {
 public:
  PostGuard() noexcept = default;
  PostGuard(const PostGuard&) = delete;
  PostGuard& operator=(const PostGuard&) = delete;

  /// False once the shutdown has begun; then nothing was entered.
  [[nodiscard]] bool try_enter() noexcept {
    if ((word_.fetch_add(kOne, std::memory_order_acq_rel) & kShut) == 0) {
      return true;
    }
    leave();
    return false;
  }

  /// For who knows by other means that the shutdown still waits for them.
  void enter() noexcept { word_.fetch_add(kOne, std::memory_order_acq_rel); }
  void leave() noexcept { word_.fetch_sub(kOne, std::memory_order_release); }

  void shut() noexcept { word_.fetch_or(kShut, std::memory_order_acq_rel); }
  /// Precondition: nothing that this thread entered is left open.
  void wait_until_left() const noexcept {
    while (word_.load(std::memory_order_acquire) >= kOne) {
      std::this_thread::yield();
    }
  }

 private:
  static constexpr unsigned kShut = 1;
  static constexpr unsigned kOne = 2;

  std::atomic<unsigned> word_{0};
};

/// Entered, if it could be, for as long as it lives.
class PostLease {
 public:
  explicit PostLease(PostGuard& guard) noexcept : guard_(guard.try_enter() ? &guard : nullptr) {}
  PostLease(const PostLease&) = delete;
  PostLease& operator=(const PostLease&) = delete;
  ~PostLease() {
    if (guard_ != nullptr) {
      guard_->leave();
    }
  }

  [[nodiscard]] explicit operator bool() const noexcept { return guard_ != nullptr; }

 private:
  PostGuard* guard_;
};

struct LeavePostGuard {
  void operator()(PostGuard* guard) const noexcept { guard->leave(); }
};
/// A guard that was entered, until it is left.
using HeldPostGuard = std::unique_ptr<PostGuard, LeavePostGuard>;

}  // namespace bytes_handoff::detail
