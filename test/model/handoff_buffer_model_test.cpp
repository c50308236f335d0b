// Random operations on a HandoffBuffer, and on what it hands out, against plain strings. A failing
// run is cut down and printed.
#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "model/handoff_buffer_world.hpp"
#include "support/stepping/count.hpp"
#include "support/stepping/random_runs.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

struct BufferScenario {
  explicit BufferScenario(std::uint64_t seed) : config_seed(seed) {
    Random random(seed);
    const std::size_t length = random.between(20, 1500);
    for (std::size_t i = 0; i < length; ++i) {
      operations.push_back({random_kind(random), random.bits(), random.one_in(40)});
    }
  }

  static BufferOperation::Kind random_kind(Random& random) {
    // In the order of Kind.
    constexpr std::size_t kWeights[] = {35, 20, 10, 7, 12, 3, 1, 2, 2, 7, 4, 10};
    return static_cast<BufferOperation::Kind>(random.weighted(kWeights));
  }

  [[nodiscard]] std::unique_ptr<BufferWorld> start() const {
    return std::make_unique<BufferWorld>(config_seed);
  }
  [[nodiscard]] std::string text() const { return "config seed " + std::to_string(config_seed); }

  std::uint64_t config_seed;
  std::vector<BufferOperation> operations;
};

TEST(HandoffBufferModel, BehavesAsAStringAndItsSlicesKeepTheirContent) {
  SCOPED_TRACE(seed_note());
  RandomRuns<BufferScenario> runs;
  EXPECT_EQ(runs.run(model_steps_or(300'000)), "");
  std::cout << runs.summary();
}

}  // namespace
}  // namespace bytes_handoff::test
