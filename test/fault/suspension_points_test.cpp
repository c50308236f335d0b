// Before every step of every scenario: each pending operation is cancelled in each way, the handles
// go, the context stops for the rest of the program, or is destroyed.

#include <gtest/gtest.h>

#include <iostream>
#include <vector>

#include "fault/scenarios/scenarios.hpp"

namespace bytes_handoff::test {
namespace {

// How many operations were pending before each step.
std::vector<std::size_t> run(const Scenario& scenario, const Setting& setting, const Event& event) {
  World world(setting, FaultPlan(), event);
  scenario.run(world);
  world.finish();
  EXPECT_EQ(world.violation(), "") << name_of(scenario, setting) << ", before step " << event.step
                                   << ": event " << static_cast<int>(event.kind) << ", operation "
                                   << event.operation << ", type " << static_cast<int>(event.type);
  return world.pending_at();
}

TEST(SuspensionPoints, of_every_scenario_keep_all_promises) {
  std::size_t ends = 0;
  std::size_t cancellations = 0;
  for_each_run([&](const Scenario& scenario, const Setting& setting) {
    const std::vector<std::size_t> pending = run(scenario, setting, {});
    for (std::size_t step = 0; step < pending.size() && !HasFailure(); ++step) {
      for (const auto kind :
           {Event::Kind::kDropHandles, Event::Kind::kStop, Event::Kind::kDestroyContext}) {
        run(scenario, setting, {kind, step});
        ++ends;
      }
      for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial,
                              net::cancellation_type::total}) {
        for (std::size_t operation = 0; operation < pending[step]; ++operation) {
          run(scenario, setting, {Event::Kind::kCancel, step, operation, type});
          ++cancellations;
        }
      }
    }
  });
  std::cout << ends << " points of ends, " << cancellations << " of cancellation\n";
  EXPECT_GE(ends, 5000U);
  EXPECT_GE(cancellations, 5000U);
}

}  // namespace
}  // namespace bytes_handoff::test
