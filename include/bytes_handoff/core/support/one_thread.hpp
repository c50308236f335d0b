#pragma once

#include <atomic>

#include "bytes_handoff/core/support/check.hpp"

namespace bytes_handoff::detail {

/// Finds two threads at once inside of what is for one thread at a time. Relaxed, so that it hides
/// nothing from ThreadSanitizer. Empty without BYTES_HANDOFF_CHECKS.
class OneThread {
 public:
#if BYTES_HANDOFF_CHECKS
  explicit OneThread(const char* wrong) noexcept : wrong_(wrong) {}

  /// Inside for as long as it lives. A thread that is inside may come in again.
  class [[nodiscard]] Visit {
   public:
    explicit Visit(OneThread& of) noexcept : Visit(of, check_failed) {}
    /// `fail(wrong)` ends the process.
    template <class Fail>
    Visit(OneThread& of, const Fail& fail) noexcept : of_(of.enter(fail) ? &of : nullptr) {}
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    ~Visit() {
      if (of_ != nullptr) {
        of_->inside_.store(nullptr, std::memory_order_relaxed);
      }
    }

   private:
    OneThread* of_;
  };

 private:
  // False if this thread is inside already.
  template <class Fail>
  [[nodiscard]] bool enter(const Fail& fail) noexcept {
    static thread_local const char this_thread = 0;
    const void* inside = nullptr;
    if (inside_.compare_exchange_strong(inside, &this_thread, std::memory_order_relaxed)) {
      return true;
    }
    if (inside != &this_thread) {
      fail(wrong_);
    }
    return false;
  }

  const char* wrong_;
  std::atomic<const void*> inside_{nullptr};
#else
  explicit OneThread(const char* /*wrong*/) noexcept {}

  struct [[nodiscard]] Visit {
    explicit Visit(OneThread& /*of*/) noexcept {}
    template <class Fail>
    Visit(OneThread& /*of*/, const Fail& /*fail*/) noexcept {}
    ~Visit() {}  // NOLINT: so that a variable that is only held counts as used
  };
#endif
};

}  // namespace bytes_handoff::detail
