// Random operations on a write queue and on its model. A failing run is cut down and printed.
#include <gtest/gtest.h>

#include <sstream>

#include "model/write_queue_world.hpp"
#include "support/seed.hpp"

namespace bytes_handoff::test {
namespace {

using Kind = QueueOperation::Kind;
using Operations = std::vector<QueueOperation>;

struct Scenario {
  WriteHandoffConfig config;
  Operations operations;
  bool ends_cleanly;
};

// How often each kind comes, in the order of Kind; those that end the queue only in the last part.
Kind random_kind(Random& random, bool may_end) {
  constexpr std::size_t kWeights[] = {22, 14, 6, 14, 26, 1, 5, 2, 2, 2, 6, 4, 4, 4, 1, 1, 1, 1};
  constexpr std::size_t kSum = 116;
  for (;;) {
    std::size_t at = random.between(0, kSum - 1);
    std::size_t kind = 0;
    while (at >= kWeights[kind]) {
      at -= kWeights[kind++];
    }
    const auto chosen = static_cast<Kind>(kind);
    if (may_end || (chosen != Kind::kNoProgress && chosen < Kind::kClose)) {
      return chosen;
    }
  }
}

Scenario make_scenario(std::uint64_t from) {
  Random random(from);
  Scenario made;
  made.config.max_items = random.one_in(4) ? random.between(1, 200) : random.between(1, 6);
  made.config.max_pending_bytes =
      random.one_in(4) ? random.between(1, 5000) : random.between(1, 40);
  made.config.max_waiters = random.one_in(3) ? random.between(0, 4) : SIZE_MAX;
  made.config.stall_timeout = std::chrono::milliseconds(random.one_in(4) ? 2000 : 0);
  made.ends_cleanly = random.one_in(2);
  const std::size_t length = random.between(20, 800);
  for (std::size_t i = 0; i < length; ++i) {
    // Ends in the last part alone, or most runs would be short.
    const Kind kind = random_kind(random, i > length * 3 / 4);
    made.operations.push_back({kind, random.bits(), random.bits()});
  }
  return made;
}

struct Failure {
  std::size_t step = 0;  // operations that were done
  std::string what;      // empty: none
  std::size_t open = 0;  // operations on a queue that was open
};

Failure run(const Scenario& scenario, const Operations& operations) {
  QueueWorld world(scenario.config);
  std::size_t open = 0;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    open += world.is_open() ? 1U : 0U;
    if (std::string what = world.apply(operations[i]); !what.empty()) {
      return {i + 1, what, open};
    }
  }
  return {operations.size(), world.finish(scenario.ends_cleanly), open};
}

// First the shortest prefix that fails, then without each operation that it fails without.
Operations shrink(const Scenario& scenario, Operations operations) {
  operations.resize(run(scenario, operations).step);
  for (std::size_t length = 0; length < operations.size(); ++length) {
    Operations prefix(operations.begin(), operations.begin() + static_cast<std::ptrdiff_t>(length));
    if (!run(scenario, prefix).what.empty()) {
      operations = prefix;
      break;
    }
  }
  for (std::size_t i = operations.size(); i-- > 0;) {
    Operations fewer = operations;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    if (!run(scenario, fewer).what.empty()) {
      operations = fewer;
    }
  }
  return operations;
}

std::string report(const Scenario& scenario, std::uint64_t scenario_seed) {
  const Operations least = shrink(scenario, scenario.operations);
  std::ostringstream text;
  text << "scenario seed " << scenario_seed << ": " << run(scenario, least).what << "\n"
       << "max_items " << scenario.config.max_items << ", max_pending_bytes "
       << scenario.config.max_pending_bytes << ", max_waiters " << scenario.config.max_waiters
       << "\n"
       << least.size() << " operations:";
  for (const QueueOperation& op : least) {
    text << " " << QueueOperation::kNames[static_cast<std::size_t>(op.kind)] << "(" << op.a << ","
         << op.b << ")";
  }
  return text.str();
}

TEST(WriteQueueModel, RandomOperationsDoWhatTheModelSays) {
  SCOPED_TRACE(seed_note());
  Random random;
  std::size_t steps = 0;
  std::size_t steps_while_open = 0;
  while (steps < 400'000) {
    const std::uint64_t scenario_seed = random.bits();
    const Scenario scenario = make_scenario(scenario_seed);
    const Failure failure = run(scenario, scenario.operations);
    if (!failure.what.empty()) {
      FAIL() << "first seen at step " << failure.step << ": " << failure.what << "\n"
             << report(scenario, scenario_seed);
    }
    steps += scenario.operations.size();
    steps_while_open += failure.open;
  }
  EXPECT_GT(steps_while_open, steps / 2) << "most queues ended early: the weights are wrong";
}

}  // namespace
}  // namespace bytes_handoff::test
