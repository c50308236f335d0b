#include "bytes_handoff/core/memory/reference_count.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <utility>

namespace bytes_handoff::detail {
namespace {

/// What another thread does between the load and the next step of this one.
std::function<void()> behind_next_load;  // NOLINT: atomics have no other way to it

/// One thread that is interrupted where the test says so.
struct InterruptedSync {
  template <class T>
  class Atomic {
   public:
    explicit Atomic(T value) noexcept : value_(value) {}
    T load(std::memory_order) const noexcept {
      const T value = value_;
      std::exchange(behind_next_load, [] {})();
      return value;
    }
    T fetch_add(T more, std::memory_order) noexcept { return std::exchange(value_, value_ + more); }
    T fetch_sub(T less, std::memory_order) noexcept { return std::exchange(value_, value_ - less); }
    void store(T value, std::memory_order) noexcept { value_ = value; }

   private:
    T value_;
  };
};

class ReferenceCountTest : public testing::Test {
 protected:
  ReferenceCountTest() {
    behind_next_load = [] {};
  }
  ~ReferenceCountTest() override { behind_next_load = nullptr; }

  ReferenceCount<InterruptedSync, unsigned> count{5};
};

TEST_F(ReferenceCountTest, TheLastReleaseIsTheOneThatSaysSo) {
  EXPECT_FALSE(count.release(2));
  count.add(1);
  EXPECT_FALSE(count.release(1));
  EXPECT_TRUE(count.release(3)) << "all that there are, at once";
}

TEST_F(ReferenceCountTest, OfTwoReleasesAtOnceTheSecondIsTheLast) {
  bool was_other_the_last = true;
  behind_next_load = [&] { was_other_the_last = count.release(3); };
  EXPECT_TRUE(count.release(2)) << "the other one came between the look and the step";
  EXPECT_FALSE(was_other_the_last);
}

TEST_F(ReferenceCountTest, WhoHoldsAllMaySetThem) {
  EXPECT_FALSE(count.is_unique(4));
  ASSERT_TRUE(count.is_unique(5));
  count.reset(1);
  EXPECT_TRUE(count.is_unique(1));
}

}  // namespace
}  // namespace bytes_handoff::detail
