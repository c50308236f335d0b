// Every allocation that the library makes fails once, alone and with all that follow, in every
// scenario. Not its streams', its users', or what their handlers do.

#include <gtest/gtest.h>

#include <iostream>
#include <memory>

#include "fault/memory/interposed_malloc.hpp"
#include "fault/scenarios/scenarios.hpp"

namespace bytes_handoff::test {
namespace {

enum class Failing { kOne, kAllFrom };

struct Point {
  std::string violation;
  std::size_t leaked = 0;
  bool was_met = false;
};

[[nodiscard]] Point run(const Scenario& scenario, const Setting& setting, Failing failing,
                        std::size_t at) {
  const std::size_t live_before = live_library_allocations();
  library_allocations = {};
  library_allocations.first_fails = at;
  library_allocations.last_fails = failing == Failing::kOne ? at : LibraryAllocations::kNone;
  Point point;
  {
    World world(setting, FaultPlan());
    if (setting.executor != ExecutorKind::kConcrete) {
      world.allow_lost_handlers();
    }
    scenario.run(world);
    world.finish();
    point.violation = world.violation();
  }
  point.was_met = library_allocations.made > at;
  point.leaked = live_library_allocations() - live_before;
  library_allocations = {};
  return point;
}

TEST(AllocationFaults, at_every_allocation_break_no_promise_and_leak_nothing) {
  std::size_t points = 0;
  for_each_run([&](const Scenario& scenario, Setting setting) {
    if (setting.executor == ExecutorKind::kErasedStrand) {
      setting.executor = ExecutorKind::kErased;  // without memory, Asio's strand ends the process
    }
    if (HasFatalFailure() || setting.stream == StreamKind::kDuplex) {
      return;
    }
    for (const Failing failing : {Failing::kOne, Failing::kAllFrom}) {
      for (std::size_t at = 0;; ++at) {
        const Point point = run(scenario, setting, failing, at);
        ASSERT_EQ(point.violation, "") << name_of(scenario, setting) << ", allocation " << at
                                       << (failing == Failing::kOne ? "" : " and all behind it");
        ASSERT_EQ(point.leaked, 0U) << name_of(scenario, setting) << ", allocation " << at
                                    << (failing == Failing::kOne ? "" : " and all behind it");
        if (!point.was_met) {
          break;
        }
        ++points;
      }
    }
  });
  std::cout << points << " points\n";
  EXPECT_GE(points, 5000U);
}

// That the interposer stands below operator new, and below what Asio uses beside it.
TEST(InterposedMalloc, FailsAndCountsWhicheverWayMemoryIsAskedFor) {
  const std::size_t before = live_library_allocations();
  void* aligned = nullptr;
  {
    const InLibrary in_library;
    library_allocations = {true, 0, 2, 2};
    int* volatile plain = new int(1);  // volatile: what nobody uses may be left out
    aligned = std::aligned_alloc(64, 64);
    EXPECT_EQ(live_library_allocations(), before + 2);
    EXPECT_THROW(plain = new int(2), std::bad_alloc);
    library_allocations.first_fails = library_allocations.last_fails = library_allocations.made;
    EXPECT_EQ(std::aligned_alloc(64, 64), nullptr);
    delete plain;
  }
  EXPECT_EQ(live_library_allocations(), before + 1);
  std::free(aligned);
  EXPECT_EQ(live_library_allocations(), before);
  library_allocations = {};
}

}  // namespace
}  // namespace bytes_handoff::test
