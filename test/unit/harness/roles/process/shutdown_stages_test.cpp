#include "roles/process/shutdown_stages.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace stream_harness {
namespace {

using namespace std::chrono_literals;
const auto kBegin = std::chrono::steady_clock::time_point(100s);

TEST(ShutdownStages, GivesEachStepOnceInItsTime) {
  using Step = ShutdownStages::Step;
  ShutdownStages stages;
  EXPECT_FALSE(stages.begun());
  EXPECT_EQ(stages.step(kBegin + 100s), Step::kNone);
  stages.begin(kBegin);
  EXPECT_TRUE(stages.begun());
  stages.begin(kBegin + 100s);
  EXPECT_EQ(stages.step(kBegin + 999ms), Step::kNone);
  EXPECT_EQ(stages.step(kBegin + 1s), Step::kStopWhatIsOpen);
  EXPECT_EQ(stages.step(kBegin + 1999ms), Step::kNone);
  EXPECT_EQ(stages.step(kBegin + 2s), Step::kAbandon);
  EXPECT_EQ(stages.step(kBegin + 100s), Step::kNone);
}

}  // namespace
}  // namespace stream_harness
