// The programs of the other files, on a context that several threads run: with a fault, a
// cancellation or an end at any point.

#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <vector>

#include "fault/scenarios/scenarios.hpp"

namespace bytes_handoff::test {
namespace {

// A sample: so many runs, or those of so long a time, where others use the processors.
constexpr std::size_t kUsualRuns = 1000;
constexpr std::chrono::seconds kUsualTime{5};
constexpr net::cancellation_type kTypes[] = {net::cancellation_type::terminal,
                                             net::cancellation_type::partial,
                                             net::cancellation_type::total};
constexpr Event::Kind kEnds[] = {Event::Kind::kDropHandles, Event::Kind::kStop,
                                 Event::Kind::kDestroyContext};
constexpr std::size_t kMostPending = 6;

/// What is done to a program.
struct Trouble {
  FaultPlan plan;
  Event event;
};

class ThreadedFaults : public testing::Test {
 protected:
  struct Points {
    std::size_t operations = 0;
    std::size_t points = 0;
  };

  [[nodiscard]] const auto& one_of(const auto& all) {
    return all[random_.between(0, std::size(all) - 1)];
  }

  [[nodiscard]] Threads some_threads() {
    return {random_.between(2, 3), static_cast<Threads::Handlers>(random_.between(0, 2)),
            random_.bits()};
  }

  Points run(const Scenario& scenario, const Setting& setting, const Trouble& trouble) {
    const Threads threads = some_threads();
    World world(setting, trouble.plan, trouble.event, threads);
    scenario.run(world);
    world.finish();
    ++runs_;
    EXPECT_EQ(world.violation(), "")
        << name_of(scenario, setting) << ", " << threads.count << " threads, handlers "
        << static_cast<int>(threads.handlers) << ", fault "
        << static_cast<int>(trouble.plan.fault()) << " at " << trouble.plan.at() << ", event "
        << static_cast<int>(trouble.event.kind) << " at " << trouble.event.step << ", operation "
        << trouble.event.operation << ", type " << static_cast<int>(trouble.event.type) << "; "
        << seed_note();
    return {world.plan().operations(), world.points()};
  }

  [[nodiscard]] Trouble some_trouble(const Points& of) {
    Trouble trouble;
    const std::size_t step = random_.between(0, of.points);
    switch (random_.between(0, 3)) {
      case 0:
        trouble.plan = FaultPlan(random_.between(0, of.operations), one_of(kFaults));
        break;
      case 1:
        trouble.event = {one_of(kEnds), step};
        break;
      case 2:
        trouble.event.kind = Event::Kind::kCancelSome;
        break;
      default:
        trouble.event = {Event::Kind::kCancel, step, random_.between(0, kMostPending - 1),
                         one_of(kTypes)};
        break;
    }
    return trouble;
  }

  /// Each fault at each operation, each event before each point, of as many as there are in one
  /// run; of the operations that are pending there, any is cancelled.
  void run_all(const Scenario& scenario, const Setting& setting) {
    const Points of = run(scenario, setting, {});
    for (std::size_t at = 0; at < of.operations && !HasFailure(); ++at) {
      for (const Fault fault : kFaults) {
        run(scenario, setting, {FaultPlan(at, fault), {}});
      }
    }
    for (std::size_t step = 0; step < of.points && !HasFailure(); ++step) {
      run(scenario, setting, {{}, {Event::Kind::kCancelSome}});
      for (const auto kind : kEnds) {
        run(scenario, setting, {{}, {kind, step}});
      }
      for (const auto type : kTypes) {
        const std::size_t operation = random_.between(0, kMostPending - 1);
        run(scenario, setting, {{}, {Event::Kind::kCancel, step, operation, type}});
      }
    }
  }

  Random random_;
  std::size_t runs_ = 0;
};

// A sample, or, where there is a count, so many times all.
TEST_F(ThreadedFaults, at_any_point_break_no_promise) {
  const std::vector<Scenario> scenarios = all_scenarios();
  const std::size_t rounds = count_or(0);
  for (std::size_t round = 0; round < rounds; ++round) {
    for (const Scenario& scenario : scenarios) {
      for (const Setting& setting : kThreadedSettings) {
        if (!HasFailure()) {
          run_all(scenario, setting);
        }
      }
    }
  }
  const auto enough = std::chrono::steady_clock::now() + kUsualTime;
  while (rounds == 0 && runs_ < kUsualRuns && std::chrono::steady_clock::now() < enough &&
         !HasFailure()) {
    const Scenario& scenario = one_of(scenarios);
    const Setting& setting = one_of(kThreadedSettings);
    const Points of = run(scenario, setting, {});
    run(scenario, setting, some_trouble(of));
    run(scenario, setting, some_trouble(of));
  }
  std::cout << runs_ << " runs; " << seed_note() << "\n";
}

}  // namespace
}  // namespace bytes_handoff::test
