// Random operations on a fan-out and on its model. A failing run is cut down and printed.
#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "model/fan_out_world.hpp"
#include "support/stepping/count.hpp"
#include "support/stepping/random_runs.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

struct FanOutScenario {
  explicit FanOutScenario(std::uint64_t seed) {
    Random random(seed);
    shape.config.max_bytes = random.between(5, 100);
    shape.config.max_entries = random.between(1, 30);
    if (random.one_in(8)) {  // it grows
      shape.config.max_bytes *= 20;
      shape.config.max_entries *= 20;
    }
    shape.is_eager = random.one_in(2);
    const std::size_t length = random.between(20, 400);
    for (std::size_t i = 0; i != length; ++i) {
      operations.push_back({kind(random, i > length * 3 / 4), random.bits()});
    }
  }

  [[nodiscard]] static FanOutOperation::Kind kind(Random& random, bool may_close) {
    constexpr std::size_t kWeights[] = {40, 30, 6, 2, 1, 4, 20, 6, 1, 1};
    const std::size_t kinds = std::size(kWeights) - (may_close ? 0 : 1);
    return static_cast<FanOutOperation::Kind>(random.weighted(std::span(kWeights).first(kinds)));
  }

  [[nodiscard]] std::unique_ptr<FanOutWorld> start() const {
    return std::make_unique<FanOutWorld>(shape);
  }
  [[nodiscard]] std::string text() const {
    return "max_bytes " + std::to_string(shape.config.max_bytes) + ", max_entries " +
           std::to_string(shape.config.max_entries) +
           (shape.is_eager ? ", turns at once" : ", turns at random");
  }

  FanOutShape shape;
  std::vector<FanOutOperation> operations;
};

TEST(FanOutModel, random_operations_do_what_the_model_says) {
  SCOPED_TRACE(seed_note());
  RandomRuns<FanOutScenario> runs;
  EXPECT_EQ(runs.run(model_steps_or(400'000)), "");
  std::cout << runs.summary();
  EXPECT_GT(runs.lively_steps(), runs.steps() / 2)
      << "most logs were closed early: the weights are wrong";
}

}  // namespace
}  // namespace bytes_handoff::test
