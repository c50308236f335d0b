// Every operation of every stream fails once, in every way, in every scenario.

#include <gtest/gtest.h>

#include <iostream>

#include "fault/scenarios/scenarios.hpp"

namespace bytes_handoff::test {
namespace {

constexpr const char* kNames[] = {
    "none", "error", "end", "one byte only", "no byte", "throws", "error after a byte"};

TEST(StreamFaults, at_every_operation_break_no_promise) {
  std::size_t points = 0;
  std::size_t runs = 0;
  for_each_run([&](const Scenario& scenario, const Setting& setting) {
    if (HasFatalFailure()) {
      return;
    }
    for (const Fault fault : kFaults) {
      for (std::size_t at = 0;; ++at) {
        World world(setting, FaultPlan(at, fault));
        scenario.run(world);
        world.finish();
        ++runs;
        ASSERT_EQ(world.violation(), "") << name_of(scenario, setting) << ", operation " << at
                                         << ": " << kNames[static_cast<std::size_t>(fault)];
        if (!world.plan().was_met()) {
          break;
        }
        ++points;
      }
    }
  });
  std::cout << all_scenarios().size() << " scenarios, " << points << " points, " << runs
            << " runs\n";
  EXPECT_GE(all_scenarios().size(), 40U);
  EXPECT_GE(points, 5000U);
}

}  // namespace
}  // namespace bytes_handoff::test
