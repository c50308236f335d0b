// Random operations on a write queue and on its model. A failing run is cut down and printed.
#include <gtest/gtest.h>

#include <iostream>
#include <memory>

#include "model/write_queue_world.hpp"
#include "support/stepping/count.hpp"
#include "support/stepping/random_runs.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

using QueueKind = QueueOperation::Kind;

// How often each kind comes, in the order of Kind; those that end the queue only in the last part.
QueueKind random_kind(Random& random, bool may_end) {
  constexpr std::size_t kWeights[] = {18, 14, 6, 6, 5, 7, 4, 6, 14, 26, 1, 5, 2,
                                      2,  2,  6, 4, 4, 6, 1, 2, 1,  1,  1, 1, 1};
  static_assert(std::size(kWeights) == std::size(QueueOperation::kNames));
  for (;;) {
    const auto chosen = static_cast<QueueKind>(random.weighted(kWeights));
    if (may_end || (chosen != QueueKind::kNoProgress && chosen < QueueKind::kClose)) {
      return chosen;
    }
  }
}

struct QueueScenario {
  explicit QueueScenario(std::uint64_t seed) {
    Random random(seed);
    shape.config.max_items = random.one_in(4) ? random.between(1, 200) : random.between(1, 6);
    shape.config.max_pending_bytes =
        random.one_in(4) ? random.between(1, 5000) : random.between(1, 40);
    shape.config.max_waiters = random.one_in(3) ? random.between(0, 4) : SIZE_MAX;
    shape.config.max_waiting_bytes = random.one_in(3) ? random.between(0, 60) : SIZE_MAX;
    shape.config.stall_timeout = std::chrono::milliseconds(random.one_in(4) ? 2000 : 0);
    // Limits that are reached in the last part of a run, which is that long.
    shape.config.close_timeout = std::chrono::milliseconds(random.between(0, 1500));
    shape.config.close_limit = std::chrono::milliseconds(random.between(0, 8000));
    shape.hears = !random.one_in(4);
    shape.config.stalled_after = std::chrono::milliseconds(random.one_in(3) ? 0 : 700);
    shape.join_at_most = random.one_in(3) ? random.between(1, 100) : 0;
    shape.max_step_items = random.one_in(3) ? random.between(1, 5) : detail::kMaxStepItems;
    shape.ends_cleanly = random.one_in(2);
    shape.takes_times = random.one_in(2);
    const std::size_t length = random.between(20, 800);
    for (std::size_t i = 0; i < length; ++i) {
      // Ends in the last part alone, or most runs would be short.
      const QueueKind kind = random_kind(random, i > length * 3 / 4);
      operations.push_back({kind, random.bits(), random.bits()});
    }
  }

  [[nodiscard]] std::unique_ptr<QueueWorld> start() const {
    return std::make_unique<QueueWorld>(shape);
  }

  [[nodiscard]] std::string text() const {
    const auto limit = [](std::size_t n) { return n == SIZE_MAX ? "any" : std::to_string(n); };
    return "max_items " + limit(shape.config.max_items) + ", max_pending_bytes " +
           limit(shape.config.max_pending_bytes) + ", max_waiters " +
           limit(shape.config.max_waiters) + ", max_waiting_bytes " +
           limit(shape.config.max_waiting_bytes) + ", stall timeout " +
           (shape.config.stall_timeout.count() == 0 ? "none" : "2 s") + ", close timeout " +
           std::to_string(shape.config.close_timeout / std::chrono::milliseconds(1)) +
           " ms, close limit " +
           std::to_string(shape.config.close_limit / std::chrono::milliseconds(1)) +
           " ms, told of stalls " +
           (shape.hears && shape.config.stalled_after.count() != 0 ? "after 700 ms" : "never") +
           ", joined up to " + limit(shape.join_at_most) + ", " + limit(shape.max_step_items) +
           " items a step, " + (shape.takes_times ? "timed" : "not timed") + ", then " +
           (shape.ends_cleanly ? "close" : "abort");
  }

  QueueWorldShape shape;
  std::vector<QueueOperation> operations;
};

TEST(WriteQueueModel, RandomOperationsDoWhatTheModelSays) {
  SCOPED_TRACE(seed_note());
  RandomRuns<QueueScenario> runs;
  EXPECT_EQ(runs.run(model_steps_or(400'000)), "");
  std::cout << runs.summary();
  EXPECT_GT(runs.lively_steps(), runs.steps() / 2)
      << "most queues ended early: the weights are wrong";
}

}  // namespace
}  // namespace bytes_handoff::test
