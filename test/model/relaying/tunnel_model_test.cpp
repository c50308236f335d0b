// Random outcomes of the steps of a tunnel's two ways. A failing run is cut down and printed.
#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "model/relaying/tunnel_world.hpp"
#include "support/stepping/count.hpp"
#include "support/stepping/random_runs.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

struct TunnelScenario {
  explicit TunnelScenario(std::uint64_t seed) {
    Random random(seed);
    shape = any_tunnel_shape(random);
    const std::size_t length = random.between(1, 120);
    for (std::size_t i = 0; i != length; ++i) {
      operations.push_back({kind(random), random.bits()});
    }
  }

  [[nodiscard]] static TunnelOperation::Kind kind(Random& random) {
    constexpr std::size_t kWeights[] = {130, 20, 4, 4, 8, 18, 6, 20, 1, 1, 1};
    return static_cast<TunnelOperation::Kind>(random.weighted(kWeights));
  }

  [[nodiscard]] std::unique_ptr<TunnelWorld> start() const {
    return std::make_unique<TunnelWorld>(shape);
  }
  [[nodiscard]] std::string text() const {
    return "idle_timeout " + std::to_string(shape.rules.idle_timeout.count()) +
           " ns, half_close_timeout " + std::to_string(shape.rules.half_close_timeout.count()) +
           " ns, ends the other way: " + std::to_string(shape.rules.ends_other[0]) +
           std::to_string(shape.rules.ends_other[1]) + std::to_string(shape.rules.ends_other[2]) +
           (shape.rules.passes_on_if_cancelled ? ", passes on if cancelled" : "") +
           (shape.is_eager ? ", errands at once" : ", errands at random");
  }

  TunnelShape shape;
  std::vector<TunnelOperation> operations;
};

TEST(TunnelModel, random_outcomes_of_its_steps_break_no_promise) {
  SCOPED_TRACE(seed_note());
  RandomRuns<TunnelScenario> runs;
  EXPECT_EQ(runs.run(count_or(400'000)), "");
  std::cout << runs.summary();
  EXPECT_GT(runs.lively_steps(), runs.steps() / 3)
      << "most tunnels were over early: the weights are wrong";
}

}  // namespace
}  // namespace bytes_handoff::test
