// That the explorer finds what it is there to find.
#include "support/stepping/explorer.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace bytes_handoff::test {
namespace {

struct LostUpdate {
  std::vector<std::function<void()>> bodies() {
    const auto add = [this] {
      const int seen = counter.load(0);
      counter.store(seen + 1, 0);
    };
    return {add, add};
  }
  std::string verdict() { return counter.load(0) == 2 ? "" : "lost"; }
  SteppingSync::Atomic<int> counter{0};
};

TEST(Explorer, FindsALostUpdate) {
  Explorer explorer;
  const auto make = [] { return std::make_unique<LostUpdate>(); };
  EXPECT_TRUE(explorer.explore(make, {}).failure.starts_with("lost"));
  const auto without = explorer.explore(make, {.preemptions = 0});
  EXPECT_EQ(without.failure, "") << "it needs a preemption";
  EXPECT_TRUE(without.is_complete);
}

struct MissedWakeUp {
  std::vector<std::function<void()>> bodies() {
    return {[this] {
              mutex.lock();
              const bool ready = is_ready;
              mutex.unlock();
              if (!ready) {
                Stepper::mark();
                is_woken = false;  // forgets a wake-up that has come already
                Stepper::wait_until([this] { return is_woken; });
              }
            },
            [this] {
              mutex.lock();
              is_ready = true;
              mutex.unlock();
              is_woken = true;
            }};
  }
  std::string verdict() { return {}; }
  SteppingSync::Mutex mutex;
  bool is_ready = false;
  bool is_woken = false;
};

TEST(Explorer, FindsAMissedWakeUp) {
  Explorer explorer;
  const auto result = explorer.explore([] { return std::make_unique<MissedWakeUp>(); }, {});
  EXPECT_TRUE(result.failure.starts_with("all that are left wait for ever"));
}

struct Counted {
  std::vector<std::function<void()>> bodies() {
    const auto three = [] {
      Stepper::mark();
      Stepper::mark();
      Stepper::mark();
    };
    return {three, three};
  }
  std::string verdict() { return {}; }
};

TEST(Explorer, TriesEveryScheduleOnce) {
  Explorer explorer;
  const auto make = [] { return std::make_unique<Counted>(); };
  // Two threads of three steps each: 6 choose 3.
  const auto all = explorer.explore(make, {});
  EXPECT_EQ(all.schedules, 20U);
  EXPECT_TRUE(all.is_complete);
  EXPECT_EQ(explorer.explore(make, {.preemptions = 0}).schedules, 2U);
  EXPECT_EQ(explorer.explore(make, {.points = kLocks}).schedules, 2U);
  EXPECT_FALSE(explorer.explore(make, {.most_schedules = 5}).is_complete);
}

/// Threads that add to a sum and multiply it: many orders, few sums.
struct Sums {
  explicit Sums(std::set<int>& into) : ends(into) {}
  std::vector<std::function<void()>> bodies() {
    const auto work = [this] {
      for (int i = 0; i < 3; ++i) {
        Stepper::mark();
        sum = (sum * 2 + 1 + static_cast<int>(Stepper::choose(2))) % 16;
      }
    };
    return {work, work};
  }
  std::string verdict() {
    ends.insert(sum);
    return {};
  }
  [[nodiscard]] std::uint64_t state() const { return static_cast<std::uint64_t>(sum); }
  std::set<int>& ends;
  int sum = 0;
};

TEST(Explorer, MergesEqualStatesAndReachesTheSameEnds) {
  Explorer explorer;
  std::set<int> all;
  std::set<int> merged;
  const auto one_by_one = explorer.explore([&] { return std::make_unique<Sums>(all); }, {});
  const auto less =
      explorer.explore([&] { return std::make_unique<Sums>(merged); }, {.merges_states = true});
  EXPECT_EQ(one_by_one.schedules, 20U * 64U);
  EXPECT_TRUE(less.is_complete);
  EXPECT_LT(less.schedules, one_by_one.schedules / 2);
  EXPECT_EQ(merged, all);
}

}  // namespace
}  // namespace bytes_handoff::test
