// That a failing run is cut down to what it takes, on a thing that fails for a known reason.
#include "support/stepping/random_runs.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace bytes_handoff::test {
namespace {

struct Press {
  char key;
  [[nodiscard]] std::string text() const { return {key}; }
};

/// Opens when a, b and c were pressed in this order, whatever else was pressed between them.
class KeyLock {
 public:
  void apply(const Press& press) { next_ += press.key == "abc\0"[next_] ? 1U : 0U; }
  void finish() { failure_ = next_ == 3 ? "open" : ""; }
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] bool is_lively() const { return next_ < 3; }

 private:
  std::size_t next_ = 0;
  std::string failure_;
};

template <char kLast>
struct Keys {
  explicit Keys(std::uint64_t seed) {
    Random random(seed);
    for (int i = 0; i < 100; ++i) {
      operations.push_back({static_cast<char>(random.between('a', kLast))});
    }
  }
  [[nodiscard]] std::unique_ptr<KeyLock> start() const { return std::make_unique<KeyLock>(); }
  [[nodiscard]] static std::string text() { return "a lock"; }
  std::vector<Press> operations;
};

TEST(RandomRuns, AFailingRunIsCutDownToWhatItTakes) {
  RandomRuns<Keys<'z'>> runs;
  const std::string report = runs.run(100'000);
  EXPECT_TRUE(report.ends_with("cut down: open\na lock\n3 of 100 operations: a b c")) << report;
}

TEST(RandomRuns, WithoutAFailureNothingIsSaidAndAllStepsAreDone) {
  RandomRuns<Keys<'b'>> runs;  // no c: it never opens
  EXPECT_EQ(runs.run(1000), "");
  EXPECT_EQ(runs.steps(), 1000U);
  EXPECT_EQ(runs.lively_steps(), 1000U);
}

TEST(RandomRuns, NothingThatIsLeftCanBeLeftOut) {
  // Fails with an even number of ones, two at least: no half of it alone does.
  const auto fails = [](const std::vector<int>& values) {
    const auto ones = std::count(values.begin(), values.end(), 1);
    return ones >= 2 && ones % 2 == 0;
  };
  EXPECT_EQ(shrink(std::vector<int>{1, 0, 1, 2, 1, 0, 0, 1}, fails), (std::vector<int>{1, 1}));
}

}  // namespace
}  // namespace bytes_handoff::test
