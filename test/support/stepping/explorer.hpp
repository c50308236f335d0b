#pragma once

// Tries every schedule of a program whose steps `SteppingSync` orders.

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/stepping/stepping_sync.hpp"

namespace bytes_handoff::test {

/// Which schedules of a program are tried.
struct Bounds {
  unsigned points = kAllPoints;
  std::size_t preemptions = SIZE_MAX;
  std::size_t most_schedules = SIZE_MAX;
  /// Nothing is tried twice from the same state: the program has a `state()`, and is not told
  /// apart by how it got there.
  bool merges_states = false;
};

/// Depth first.
class Explorer {
 public:
  struct Result {
    std::size_t schedules = 0;
    std::size_t states = 0;
    bool is_complete = false;  // within the bounds on points and preemptions, all were tried
    std::string failure;       // of the first schedule that failed, with its choices
  };

  /// `make()` gives a fresh program: an object with `bodies()`, a vector of functions, and
  /// `verdict()`, empty when all is well, called after every thread has ended.
  template <class MakeProgram>
  [[nodiscard]] Result explore(MakeProgram&& make, const Bounds& bounds) {
    Result result;
    Stepper::States seen;
    std::vector<Stepper::Choice> path;
    for (;;) {
      auto program = make();
      const bool ended = stepper_.run(program->bodies(), path, bounds.points, bounds.preemptions,
                                      state_of(*program, bounds), &seen);
      ++result.schedules;
      result.states = seen.size();
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
      if (result.schedules == bounds.most_schedules) {
        return result;
      }
      ++path.back().chosen;
    }
  }

 private:
  template <class Program>
  [[nodiscard]] static Stepper::State state_of(Program& program, const Bounds& bounds) {
    if constexpr (requires { program.state(); }) {
      if (bounds.merges_states) {
        return [&program] { return program.state(); };
      }
    }
    return {};
  }

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
