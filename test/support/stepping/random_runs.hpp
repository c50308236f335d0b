#pragma once

// Random operations on a thing and on its model. A run that fails is cut down to the operations
// that it takes, and printed.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {

/// Keeps the first expectation that did not hold. Not GoogleTest's: a run that fails is run again
/// many times while it is cut down, and only the last one is to be told.
class Expectations {
 public:
  [[nodiscard]] const std::string& failure() const { return failure_; }

  void expect(bool holds, const char* what) {
    if (!holds && failure_.empty()) {
      failure_ = what;
    }
  }
  /// For what takes time to say: `what()` is called where it fails.
  template <std::invocable What>
  void expect(bool holds, What&& what) {
    if (!holds && failure_.empty()) {
      failure_ = what();
    }
  }

 private:
  std::string failure_;
};

/// The fewest of `operations`, in their order, with which `fails(operations)` still holds and
/// without any one of which it does not. Precondition: it holds with all of them.
template <class Operation, class Fails>
[[nodiscard]] std::vector<Operation> shrink(std::vector<Operation> operations, Fails fails) {
  for (std::size_t chunk = std::max<std::size_t>(operations.size() / 2, 1);;) {
    bool removed = false;
    for (std::size_t end = operations.size(); end != 0;) {
      const std::size_t begin = end - std::min(chunk, end);
      std::vector<Operation> fewer(operations.begin(),
                                   operations.begin() + static_cast<std::ptrdiff_t>(begin));
      fewer.insert(fewer.end(), operations.begin() + static_cast<std::ptrdiff_t>(end),
                   operations.end());
      if (fails(std::as_const(fewer))) {
        operations = std::move(fewer);
        removed = true;
      }
      end = begin;
    }
    if (chunk > 1) {
      chunk /= 2;
    } else if (!removed) {
      return operations;
    }
  }
}

/// Runs of scenarios, each made from a seed. A `Scenario` has
///   explicit Scenario(std::uint64_t seed);
///   std::vector<Operation> operations;
///   auto start() const;        // a pointer to a fresh world
///   std::string text() const;  // what it is made of beside its operations
/// an `Operation` has `text()`, and a world
///   void apply(const Operation&);
///   void finish();                      // ends everything and checks what is left
///   const std::string& failure() const; // the first thing that went wrong, or empty
///   bool is_lively() const;             // false where most operations change nothing any more
template <class Scenario>
class RandomRuns {
 public:
  /// Runs scenarios until `steps` operations were done, or one fails: then what is to be said of
  /// it, else nothing.
  [[nodiscard]] std::string run(std::uint64_t steps, Random random = Random()) {
    while (steps_ < steps) {
      const std::uint64_t scenario_seed = random.bits();
      const Scenario scenario(scenario_seed);
      if (std::string what = failure_of(scenario, scenario.operations); !what.empty()) {
        return "scenario seed " + std::to_string(scenario_seed) + ", first: " + what + "\n" +
               report(scenario);
      }
    }
    return {};
  }

  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  /// What was done, for a test to print.
  [[nodiscard]] std::string summary() const {
    return std::to_string(steps_) + " steps in " + std::to_string(runs_) + " runs; " + seed_note() +
           "\n";
  }
  /// Of the steps, how many were done in a lively world.
  [[nodiscard]] std::uint64_t lively_steps() const { return lively_steps_; }

 private:
  using Operations = decltype(Scenario::operations);

  [[nodiscard]] std::string failure_of(const Scenario& scenario, const Operations& operations) {
    const auto world = scenario.start();
    ++runs_;
    for (const auto& operation : operations) {
      ++steps_;
      lively_steps_ += world->is_lively() ? 1U : 0U;
      world->apply(operation);
      if (!world->failure().empty()) {
        return world->failure();
      }
    }
    world->finish();
    return world->failure();
  }

  [[nodiscard]] std::string report(const Scenario& scenario) {
    const Operations least = shrink(scenario.operations, [&](const Operations& fewer) {
      return !failure_of(scenario, fewer).empty();
    });
    std::ostringstream text;
    text << "cut down: " << failure_of(scenario, least) << "\n"
         << scenario.text() << "\n"
         << least.size() << " of " << scenario.operations.size() << " operations:";
    for (const auto& operation : least) {
      text << " " << operation.text();
    }
    return text.str();
  }

  std::uint64_t runs_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t lively_steps_ = 0;
};

}  // namespace bytes_handoff::test
