#pragma once

// A synchronization policy whose steps a test orders. The threads of a program are fibers; exactly
// one runs between two points, and every order of points can be tried, one run after another.
//
// Memory is sequentially consistent here: what weaker orders allow is for ThreadSanitizer to find.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "support/fiber.hpp"

namespace bytes_handoff::test {

/// Where another thread may go first.
enum Points : unsigned {
  kLocks = 1,    // before a mutex is taken
  kAtomics = 2,  // before an atomic operation
  kMarks = 4,    // where the program says `Stepper::mark()`
  kAllPoints = 7,
};

/// Runs one program of several threads in one order of its points.
class Stepper {
 public:
  struct Choice {
    std::size_t chosen;
    std::size_t options;
  };

  /// The one whose program runs on this thread now, or null.
  [[nodiscard]] static Stepper* current() { return current_; }

  /// Runs `bodies` until all have ended, following `path` as far as it goes, then always taking the
  /// first option and adding it to `path`. A thread that could go on is left for another one at
  /// most `preemptions` times. False when all that are left wait for ever.
  [[nodiscard]] bool run(const std::vector<std::function<void()>>& bodies,
                         std::vector<Choice>& path, unsigned points, std::size_t preemptions) {
    points_ = points;
    while (threads_.size() < bodies.size()) {
      threads_.emplace_back();
    }
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      threads_[i].may_go_on = nullptr;
      threads_[i].has_just_begun = true;
      threads_[i].fiber.start(bodies[i]);
    }
    std::size_t step = 0;
    running_ = SIZE_MAX;
    std::vector<std::size_t> options;
    for (;;) {
      bool all_ended = true;
      options.clear();
      for (std::size_t i = 0; i < bodies.size(); ++i) {
        all_ended = all_ended && threads_[i].fiber.is_finished();
        if (is_ready(i)) {
          options.insert(i == running_ ? options.begin() : options.end(), i);
        }
      }
      if (options.empty()) {
        return all_ended;
      }
      const bool would_preempt = options.front() == running_;
      if (would_preempt && preemptions == 0) {
        options.resize(1);
      }
      std::size_t chosen = 0;
      if (options.size() > 1) {
        if (step == path.size()) {
          path.push_back({0, options.size()});
        }
        chosen = path[step++].chosen;
      }
      preemptions -= would_preempt && chosen != 0 ? 1 : 0;
      running_ = options[chosen];
      current_ = this;
      threads_[running_].fiber.resume();
      current_ = nullptr;
    }
  }

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
  };

  [[nodiscard]] bool is_ready(std::size_t i) const {
    return !threads_[i].fiber.is_finished() && (!threads_[i].may_go_on || threads_[i].may_go_on());
  }

  static inline thread_local Stepper* current_ = nullptr;

  std::deque<Thread> threads_;
  std::size_t running_ = SIZE_MAX;
  unsigned points_ = kAllPoints;
};

/// The policy: `BasicWriteQueue<SteppingSync>` and its tickets.
struct SteppingSync {
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

/// Every schedule of a program, depth first.
class Explorer {
 public:
  struct Result {
    std::size_t schedules = 0;
    bool is_complete = false;  // within the bound, all were tried
    std::string failure;       // of the first schedule that failed, with its choices
  };

  /// `make()` gives a fresh program: an object with `bodies()`, a vector of functions, and
  /// `verdict()`, empty when all is well, called after every thread has ended.
  template <class MakeProgram>
  [[nodiscard]] Result explore(MakeProgram&& make, unsigned points, std::size_t preemptions,
                               std::size_t most_schedules = SIZE_MAX) {
    Result result;
    std::vector<Stepper::Choice> path;
    for (;;) {
      auto program = make();
      const bool ended = stepper_.run(program->bodies(), path, points, preemptions);
      ++result.schedules;
      result.failure = ended ? program->verdict() : "all that are left wait for ever";
      if (!result.failure.empty()) {
        result.failure += ", schedule:" + text_of(path);
        if (!ended) {
          // Its threads are still in the middle of it: it must not be destroyed, ever.
          static auto& unfinished = *new std::vector<decltype(program)>;
          unfinished.push_back(std::move(program));
        }
        return result;
      }
      while (!path.empty() && path.back().chosen + 1 == path.back().options) {
        path.pop_back();
      }
      if (path.empty()) {
        result.is_complete = true;
        return result;
      }
      if (result.schedules == most_schedules) {
        return result;
      }
      ++path.back().chosen;
    }
  }

 private:
  [[nodiscard]] static std::string text_of(const std::vector<Stepper::Choice>& path) {
    std::string text;
    for (const Stepper::Choice& choice : path) {
      text += " " + std::to_string(choice.chosen) + "/" + std::to_string(choice.options);
    }
    return text;
  }

  Stepper stepper_;
};

}  // namespace bytes_handoff::test
