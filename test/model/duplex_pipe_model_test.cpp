// Random operations on one direction of a duplex and on its model. A failing run is cut down and
// printed.
#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "model/duplex_pipe_world.hpp"
#include "support/stepping/count.hpp"
#include "support/stepping/random_runs.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

struct PipeScenario {
  explicit PipeScenario(std::uint64_t seed) {
    Random random(seed);
    capacity = random.between(1, 20);
    const std::size_t length = random.between(20, 400);
    for (std::size_t i = 0; i < length; ++i) {
      // Ends in the last part alone, or most runs would be short.
      operations.push_back({random_kind(random, i > length * 3 / 4), random.bits()});
    }
  }

  static PipeOperation::Kind random_kind(Random& random, bool may_end) {
    using Kind = PipeOperation::Kind;
    const std::size_t choice = random.between(0, 99);
    if (may_end && choice < 12) {
      return static_cast<Kind>(static_cast<std::size_t>(Kind::kShutWriter) + choice / 2);
    }
    if (choice < 18) {
      return random.one_in(2) ? Kind::kCancelReader : Kind::kCancelWriter;
    }
    return choice < 32 ? Kind::kWait : random.one_in(2) ? Kind::kWrite : Kind::kRead;
  }

  [[nodiscard]] std::unique_ptr<PipeWorld> start() const {
    return std::make_unique<PipeWorld>(capacity);
  }
  [[nodiscard]] std::string text() const { return "capacity " + std::to_string(capacity); }

  std::size_t capacity;
  std::vector<PipeOperation> operations;
};

TEST(DuplexPipeModel, RandomOperationsDoWhatADequeDoes) {
  SCOPED_TRACE(seed_note());
  RandomRuns<PipeScenario> runs;
  EXPECT_EQ(runs.run(model_steps_or(300'000)), "");
  std::cout << runs.summary();
  EXPECT_GT(runs.lively_steps(), runs.steps() / 2)
      << "most pipes ended early: the weights are wrong";
}

}  // namespace
}  // namespace bytes_handoff::test
