// Random outcomes of the steps of a relay. A failing run is cut down and printed.
#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "model/relaying/relay_world.hpp"
#include "support/stepping/count.hpp"
#include "support/stepping/random_runs.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

struct RelayScenario {
  explicit RelayScenario(std::uint64_t seed) {
    Random random(seed);
    shape = any_relay_shape(random);
    finish = static_cast<RelayWorld::Finish>(random.between(0, 2));
    const std::size_t length = random.between(1, 80);
    for (std::size_t i = 0; i != length; ++i) {
      operations.push_back({kind(random), random.bits()});
    }
  }

  [[nodiscard]] static RelayOperation::Kind kind(Random& random) {
    constexpr std::size_t kWeights[] = {130, 40, 3, 3, 8, 18, 6, 2, 2, 6, 2, 21};
    return static_cast<RelayOperation::Kind>(random.weighted(kWeights));
  }

  [[nodiscard]] std::unique_ptr<RelayWorld> start() const {
    return std::make_unique<RelayWorld>(shape, finish);
  }
  [[nodiscard]] std::string text() const {
    return "tail " + std::to_string(shape.tail) +
           (shape.ends_out ? ", ends its output" : ", leaves its output open") +
           (shape.flushes ? ", flushes" : "") + ", close_timeout " +
           std::to_string(shape.close_timeout.count()) + " ns, close_limit " +
           std::to_string(shape.close_limit.count()) + " ns, finish " +
           std::to_string(static_cast<int>(finish));
  }

  RelayShape shape;
  RelayWorld::Finish finish;
  std::vector<RelayOperation> operations;
};

TEST(RelayModel, random_outcomes_of_its_steps_break_no_promise) {
  SCOPED_TRACE(seed_note());
  RandomRuns<RelayScenario> runs;
  EXPECT_EQ(runs.run(count_or(400'000)), "");
  std::cout << runs.summary();
  EXPECT_GT(runs.lively_steps(), runs.steps() / 3)
      << "most relays were over early: the weights are wrong";
}

}  // namespace
}  // namespace bytes_handoff::test
