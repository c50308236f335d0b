#pragma once

// A synchronization policy whose steps a test orders. The threads of a program are fibers; exactly
// one runs between two points, and every order of points can be tried, one run after another.
//
// Memory is sequentially consistent here: what weaker orders allow is for ThreadSanitizer to find.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "support/stepping/fiber.hpp"

namespace bytes_handoff::test {

/// Where another thread may go first.
enum Points : unsigned {
  kLocks = 1,    // before a mutex is taken
  kAtomics = 2,  // before an atomic operation
  kMarks = 4,    // where the program says `Stepper::mark()`
  kAllPoints = 7,
};

/// A state with one more value in it.
[[nodiscard]] inline std::uint64_t mixed(std::uint64_t state, std::uint64_t value) {
  state = (state ^ value) * 0x9e3779b97f4a7c15U;
  state ^= state >> 29U;
  return state * 0xbf58476d1ce4e5b9U;
}
[[nodiscard]] inline std::uint64_t mixed(std::uint64_t state, std::string_view text) {
  for (const char each : text) {
    state = mixed(state, static_cast<unsigned char>(each));
  }
  return mixed(state, text.size());
}

/// Runs one program of several threads in one order of its points.
class Stepper {
 public:
  struct Choice {
    std::size_t chosen;
    std::size_t options;
  };

  /// The one whose program runs on this thread now, or null.
  [[nodiscard]] static Stepper* current() { return current_; }

  /// What tells two moments of a program apart: equal states have equal futures. Of the threads,
  /// how far each has come is known without it; what their local variables hold must be in it.
  using State = std::function<std::uint64_t()>;
  using States = std::unordered_set<std::uint64_t>;

  /// Runs `bodies` until all have ended, following `path` as far as it goes, then always taking the
  /// first option and adding it to `path`. A thread that could go on is left for another one at
  /// most `preemptions` times. False when all that are left wait for ever.
  ///
  /// With a `state`: where one comes that is in `seen`, all that can follow has been tried, and
  /// nothing is added to `path` any more.
  [[nodiscard]] bool run(const std::vector<std::function<void()>>& bodies,
                         std::vector<Choice>& path, unsigned points, std::size_t preemptions,
                         const State& state = {}, States* seen = nullptr) {
    points_ = points;
    path_ = &path;
    step_ = 0;
    was_seen_ = false;
    running_ = SIZE_MAX;
    begin(bodies);
    std::vector<std::size_t> options;
    for (;;) {
      find_ready(bodies.size(), options);
      if (options.empty()) {
        return std::all_of(threads_.begin(), threads_.end(),
                           [](const Thread& thread) { return thread.fiber.is_finished(); });
      }
      const bool would_preempt = options.front() == running_;
      if (would_preempt && preemptions == 0) {
        options.resize(1);
      }
      if (state && options.size() > 1 && step_ == path.size() && !was_seen_) {
        was_seen_ = !seen->insert(with_progress(state())).second;
      }
      const std::size_t chosen = next_choice(options.size());
      preemptions -= would_preempt && chosen != 0 ? 1 : 0;
      running_ = options[chosen];
      ++threads_[running_].steps;
      current_ = this;
      threads_[running_].fiber.resume();
      current_ = nullptr;
    }
  }

  /// For the program: one of `options` things happens, which is not its own to decide. What was
  /// chosen is a part of its state.
  [[nodiscard]] static std::size_t choose(std::size_t options) {
    return current_ == nullptr ? 0 : current_->next_choice(options);
  }

  /// For the program: which of its threads runs now; 0 outside of a run.
  [[nodiscard]] static std::size_t thread() { return current_ == nullptr ? 0 : current_->running_; }

  /// For the program: another thread may go first. Does nothing outside of a run.
  static void mark() { point(kMarks); }
  static void point(Points kind) {
    if (current_ == nullptr || (current_->points_ & kind) == 0) {
      return;
    }
    Thread& self = current_->threads_[current_->running_];
    if (!std::exchange(self.has_just_begun, false)) {
      self.fiber.suspend();
    }
  }

  /// For the program: goes on once `condition()` holds. What follows up to the next point is one
  /// step with what that point stands before.
  static void wait_until(std::function<bool()> condition) {
    if (current_ == nullptr || condition()) {
      return;
    }
    Thread& self = current_->threads_[current_->running_];
    self.may_go_on = std::move(condition);
    self.fiber.suspend();
    self.may_go_on = nullptr;
    self.has_just_begun = true;
  }

 private:
  struct Thread {
    Fiber fiber;
    std::function<bool()> may_go_on;
    bool has_just_begun = false;  // it was chosen to go on: its first point is no new choice
    std::uint64_t steps = 0;
  };

  void begin(const std::vector<std::function<void()>>& bodies) {
    threads_.resize(std::max(threads_.size(), bodies.size()));
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      threads_[i].may_go_on = nullptr;
      threads_[i].has_just_begun = true;
      threads_[i].steps = 0;
      threads_[i].fiber.start(bodies[i]);
    }
  }

  // Those that can go on, the one that ran last in front.
  void find_ready(std::size_t count, std::vector<std::size_t>& ready) const {
    ready.clear();
    for (std::size_t i = 0; i < count; ++i) {
      const Thread& thread = threads_[i];
      if (!thread.fiber.is_finished() && (!thread.may_go_on || thread.may_go_on())) {
        ready.insert(i == running_ ? ready.begin() : ready.end(), i);
      }
    }
  }

  [[nodiscard]] std::size_t next_choice(std::size_t options) {
    if (options < 2) {
      return 0;
    }
    if (step_ == path_->size()) {
      if (was_seen_) {
        return 0;
      }
      path_->push_back({0, options});
    }
    return (*path_)[step_++].chosen;
  }

  [[nodiscard]] std::uint64_t with_progress(std::uint64_t state) const {
    for (const Thread& thread : threads_) {
      state = mixed(state, thread.steps * 2 + (thread.may_go_on ? 1 : 0));
    }
    return state;
  }

  static inline thread_local Stepper* current_ = nullptr;

  std::deque<Thread> threads_;
  std::size_t running_ = SIZE_MAX;
  unsigned points_ = kAllPoints;
  std::vector<Choice>* path_ = nullptr;
  std::size_t step_ = 0;   // choices of path_ that were followed
  bool was_seen_ = false;  // this run is in a state that an earlier one has been in
};

/// The policy: `BasicWriteQueue<SteppingSync>` and its tickets.
struct SteppingSync {
  template <class T>
  using Plain = T;
  [[nodiscard]] static std::size_t thread() noexcept { return Stepper::thread(); }

  class Mutex {
   public:
    void lock() {
      Stepper::point(kLocks);
      Stepper::wait_until([this] { return !is_locked_; });
      is_locked_ = true;
    }
    void unlock() { is_locked_ = false; }

   private:
    bool is_locked_ = false;
  };

  template <class T>
  class Atomic {
   public:
    Atomic(T value) noexcept : value_(value) {}  // NOLINT(google-explicit-constructor)

    template <class Order>
    void store(T value, Order) {
      step();
      value_ = value;
    }
    template <class Order>
    T load(Order) const {
      step();
      return value_;
    }
    template <class Order>
    T exchange(T value, Order) {
      step();
      return std::exchange(value_, value);
    }
    template <class Order>
    T fetch_add(T value, Order) {
      step();
      return std::exchange(value_, static_cast<T>(value_ + value));
    }
    template <class Order>
    T fetch_sub(T value, Order) {
      step();
      return std::exchange(value_, static_cast<T>(value_ - value));
    }
    template <class Order>
    bool compare_exchange_strong(T& expected, T desired, Order, Order) {
      step();
      if (value_ == expected) {
        value_ = desired;
        return true;
      }
      expected = value_;
      return false;
    }

   private:
    static void step() { Stepper::point(kAtomics); }
    T value_;
  };
};

}  // namespace bytes_handoff::test
