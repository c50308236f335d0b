#pragma once

// A function on a stack of its own that can be left and gone back to, all on one thread. Sanitizers
// are told of every switch.

#include <setjmp.h>
#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "support/sanitizers.hpp"

#if BYTES_HANDOFF_TEST_WITH_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if BYTES_HANDOFF_TEST_WITH_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if !BYTES_HANDOFF_TEST_WITH_ASAN && !BYTES_HANDOFF_TEST_WITH_TSAN
// Jumps instead of swapcontext, which makes two system calls a switch; sanitizers follow the
// latter.
#define BYTES_HANDOFF_TEST_FIBER_JUMPS 1
#endif

namespace bytes_handoff::test {

class Fiber {
 public:
  Fiber() = default;
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
#if BYTES_HANDOFF_TEST_WITH_TSAN
  ~Fiber() { __tsan_destroy_fiber(tsan_own_); }
#endif

  /// Gets ready to run `body` from its beginning. What an earlier body left undone is forgotten,
  /// not unwound.
  void start(std::function<void()> body) {
    body_ = std::move(body);
#if defined(BYTES_HANDOFF_TEST_FIBER_JUMPS)
    // A body that has ended leaves its stack where the next one can begin: no system call then.
    if (std::exchange(is_finished_, false) && !is_fresh_) {
      return;
    }
    is_fresh_ = true;
#else
    is_finished_ = false;
#endif
    getcontext(&own_);
    own_.uc_stack.ss_sp = stack_.get();
    own_.uc_stack.ss_size = kStackBytes;
    own_.uc_link = nullptr;
    makecontext(&own_, &Fiber::enter, 0);
  }

  [[nodiscard]] bool is_finished() const { return is_finished_; }

  /// Runs the body until it suspends or ends.
  void resume() {
    running_ = this;
#if BYTES_HANDOFF_TEST_WITH_TSAN
    tsan_caller_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(tsan_own_, 0);
#endif
#if BYTES_HANDOFF_TEST_WITH_ASAN
    void* fake_stack = nullptr;
    __sanitizer_start_switch_fiber(&fake_stack, stack_.get(), kStackBytes);
#endif
#if defined(BYTES_HANDOFF_TEST_FIBER_JUMPS)
    if (_setjmp(caller_jump_) == 0) {
      if (std::exchange(is_fresh_, false)) {
        setcontext(&own_);
      }
      _longjmp(own_jump_, 1);
    }
#else
    swapcontext(&caller_, &own_);
#endif
#if BYTES_HANDOFF_TEST_WITH_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
  }

  /// From inside of the body: goes back to who resumed it.
  void suspend() { leave(); }

 private:
  static constexpr std::size_t kStackBytes = 256 * 1024;

  static void enter() {
    Fiber& self = *running_;
#if BYTES_HANDOFF_TEST_WITH_ASAN
    __sanitizer_finish_switch_fiber(nullptr, &self.caller_stack_, &self.caller_stack_bytes_);
#endif
    for (;;) {
      self.body_();
      self.is_finished_ = true;
      self.leave();
    }
  }

  void leave() {
#if BYTES_HANDOFF_TEST_WITH_TSAN
    __tsan_switch_to_fiber(tsan_caller_, 0);
#endif
#if BYTES_HANDOFF_TEST_WITH_ASAN
    void* fake_stack = nullptr;
    __sanitizer_start_switch_fiber(is_finished_ ? nullptr : &fake_stack, caller_stack_,
                                   caller_stack_bytes_);
#endif
#if defined(BYTES_HANDOFF_TEST_FIBER_JUMPS)
    if (_setjmp(own_jump_) == 0) {
      _longjmp(caller_jump_, 1);
    }
#else
    swapcontext(&own_, &caller_);
#endif
#if BYTES_HANDOFF_TEST_WITH_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, &caller_stack_, &caller_stack_bytes_);
#endif
  }

  static inline thread_local Fiber* running_ = nullptr;

  std::function<void()> body_;
  std::unique_ptr<std::byte[]> stack_ = std::make_unique<std::byte[]>(kStackBytes);
  ucontext_t own_{};
#if !defined(BYTES_HANDOFF_TEST_FIBER_JUMPS)
  ucontext_t caller_{};
#else
  jmp_buf own_jump_{};
  jmp_buf caller_jump_{};
  bool is_fresh_ = true;
#endif
  bool is_finished_ = true;
#if BYTES_HANDOFF_TEST_WITH_ASAN
  const void* caller_stack_ = nullptr;
  std::size_t caller_stack_bytes_ = 0;
#endif
#if BYTES_HANDOFF_TEST_WITH_TSAN
  void* tsan_own_ = __tsan_create_fiber(0);
  void* tsan_caller_ = nullptr;
#endif
};

}  // namespace bytes_handoff::test
