#pragma once

#include "bytes_handoff/core/queue/waiting.hpp"
#include "bytes_handoff/core/queue/write_item.hpp"
#include "bytes_handoff/core/support/post_guard.hpp"

namespace bytes_handoff::detail {

/// What a step of the write queue asks of its front end, to be done after the step, outside its
/// lock. In this order: tell events; `resume_all`; what the other flags say (start a turn, watch
/// the time, cancel the stream's operation, end the stream); `finish`.
struct Effects {
  Effects() noexcept = default;
  /// For a step on any thread: what it asks for is done before the context's shutdown goes on.
  explicit Effects(PostGuard& of_context) noexcept : guard_(&of_context) {}
  Effects(const Effects&) = delete;
  Effects& operator=(const Effects&) = delete;

  WaitingList resumed;
  const void* destroyed_context = nullptr;
  bool start_turn = false;
  bool cancel_stream = false;
  bool watch_time = false;  // `tick` is to be called from now on, as it says
  // What is rare, in one byte.
  bool ended : 1 = false;           // the queue has just come to its end
  bool turn_comes : 1 = false;      // ... with a turn on its way, or asked for
  bool tell_events : 1 = false;     // `tell_events` is to be called
  bool look_at_memory : 1 = false;  // the memory budget is short
  DeferredReleases releases;

  // The queue's, under its lock.
  void resume(Waiting& waiting) noexcept {
    resumed.push_back(waiting);
    hold_context();
  }
  /// Others, who were granted memory.
  void resume_others(WaitingList& woken) noexcept {
    if (!woken.empty()) {
      resumed.splice_back(woken);
      hold_context();
    }
  }
  void ask_for_look() noexcept {
    look_at_memory = true;
    hold_context();
  }
  void ask_for_turn() noexcept {
    start_turn = true;
    hold_context();
  }
  void ask_for_time() noexcept {
    watch_time = true;
    hold_context();
  }
  void ask_to_tell() noexcept {
    tell_events = true;
    hold_context();
  }
  void note_end(bool is_with_stream, bool is_scheduled) noexcept {
    ended = true;
    turn_comes = is_scheduled;
    cancel_stream = is_with_stream;
    hold_context();
  }

  /// Whether there is anything to be done, of a step with a guard.
  [[nodiscard]] bool asks_for_something() const noexcept { return is_held_; }

  /// Whether it is something that most steps never ask for.
  [[nodiscard]] bool asks_for_rare() const noexcept {
    return ended || tell_events || look_at_memory;
  }

  /// Resumes everyone in `resumed`, in order.
  void resume_all() noexcept {
    if (!resumed.empty()) {  // inlined: most steps resume nobody
      resume_each();
    }
  }
  /// Lets the shutdown of the context go on, and drops references.
  [[gnu::always_inline]] void finish() noexcept {
    if (is_held_) {
      is_held_ = false;
      guard_->leave();
    }
    releases.run();
  }

 private:
  void resume_each() noexcept {
    while (Waiting* waiting = resumed.pop_front()) {
      waiting->resume(destroyed_context);
    }
  }

  // The shutdown of the context takes the queue's lock before it waits for the guard: so it waits
  // for this step, or this step comes after it, and asks for nothing.
  void hold_context() noexcept {
    if (guard_ != nullptr && !is_held_) {
      guard_->enter();
      is_held_ = true;
    }
  }

  PostGuard* guard_ = nullptr;
  bool is_held_ = false;
};

}  // namespace bytes_handoff::detail
