#pragma once

// Small deterministic programs over the public interface, for every row of faults alike.

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "fault/world.hpp"
#include "support/sanitizers.hpp"
#include "support/stepping/count.hpp"

namespace bytes_handoff::test {

struct Scenario {
  const char* name;
  void (*run)(World& world);
  bool only_reads = false;
};

[[nodiscard]] std::span<const Scenario> write_scenarios();
[[nodiscard]] std::span<const Scenario> room_scenarios();
[[nodiscard]] std::span<const Scenario> end_scenarios();
[[nodiscard]] std::span<const Scenario> read_scenarios();
[[nodiscard]] std::span<const Scenario> proxy_scenarios();
[[nodiscard]] std::span<const Scenario> relay_scenarios();

[[nodiscard]] inline std::vector<Scenario> all_scenarios() {
  std::vector<Scenario> all;
  for (const auto& some : {write_scenarios(), room_scenarios(), end_scenarios(), read_scenarios(),
                           proxy_scenarios(), relay_scenarios()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

/// Streams of every kind, on executors of every kind. Every change is tested with the first few,
/// fewer where each step is slow, the long runs with all.
inline constexpr Setting kSettings[] = {
    {"held", StreamKind::kHeld, ExecutorKind::kConcrete, 7},
    {"ready", StreamKind::kReady, ExecutorKind::kErased, 5},
    {"ready, held", StreamKind::kReadyHeld, ExecutorKind::kErasedStrand, 5},
    {"inside", StreamKind::kInside, ExecutorKind::kConcrete, 3},
    {"joined", StreamKind::kJoined, ExecutorKind::kConcrete, 11},
    {"duplex", StreamKind::kDuplex, ExecutorKind::kConcrete, SIZE_MAX},
    {"plain", StreamKind::kPlain, ExecutorKind::kConcrete, SIZE_MAX},
    {"plain", StreamKind::kPlain, ExecutorKind::kErased, 7},
    {"held", StreamKind::kHeld, ExecutorKind::kErasedStrand, SIZE_MAX},
    {"ready", StreamKind::kReady, ExecutorKind::kConcrete, SIZE_MAX},
    {"ready, held", StreamKind::kReadyHeld, ExecutorKind::kConcrete, SIZE_MAX},
    {"duplex", StreamKind::kDuplex, ExecutorKind::kErased, SIZE_MAX},
};
inline constexpr std::size_t kUsualSettings = BYTES_HANDOFF_TEST_WITH_ASAN ? 3 : 6;

/// Streams of every kind for where there are threads. All are on a strand.
inline constexpr Setting kThreadedSettings[] = {
    {"held", StreamKind::kHeld, ExecutorKind::kErasedStrand, 7},
    {"ready", StreamKind::kReady, ExecutorKind::kErasedStrand, 5},
    {"ready, held", StreamKind::kReadyHeld, ExecutorKind::kErasedStrand, 5},
    {"inside", StreamKind::kInside, ExecutorKind::kErasedStrand, 3},
    {"joined", StreamKind::kJoined, ExecutorKind::kErasedStrand, 11},
    {"duplex", StreamKind::kDuplex, ExecutorKind::kErasedStrand, SIZE_MAX},
    {"plain", StreamKind::kPlain, ExecutorKind::kErasedStrand, 7},
};

/// Runs every scenario in every setting where it makes a difference.
template <class Run>
void for_each_run(Run run) {
  const std::size_t settings = std::min(std::size(kSettings), count_or(kUsualSettings));
  for (const Scenario& scenario : all_scenarios()) {
    for (const Setting& setting : std::span(kSettings).first(settings)) {
      const bool only_writes_differ =
          setting.stream == StreamKind::kInside || setting.stream == StreamKind::kJoined;
      if (!scenario.only_reads || !only_writes_differ) {
        run(scenario, setting);
      }
    }
  }
}

[[nodiscard]] inline std::string name_of(const Scenario& scenario, const Setting& setting) {
  constexpr const char* kExecutors[] = {"", ", any_io_executor", ", any_io_executor of a strand"};
  return std::string(scenario.name) + " (" + setting.name +
         kExecutors[static_cast<std::size_t>(setting.executor)] + ")";
}

}  // namespace bytes_handoff::test
