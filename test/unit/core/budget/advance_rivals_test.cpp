// An advance that another thread changes between the look at it and the exchange.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <utility>

#include "bytes_handoff/core/memory/advance.hpp"

namespace bytes_handoff::test {
namespace {

/// What a rival does behind the next load. Loads of its own do not start another one.
std::function<void()> rival;

template <class T>
class OvertakenAtomic : public std::atomic<T> {
 public:
  using std::atomic<T>::atomic;
  T load(std::memory_order order) const noexcept {
    const T value = std::atomic<T>::load(order);
    if (const auto overtakes = std::exchange(rival, nullptr)) {
      overtakes();
    }
    return value;
  }
};

struct OvertakenSync {
  template <class T>
  using Atomic = OvertakenAtomic<T>;
};

using OvertakenAdvance = detail::BasicAdvance<OvertakenSync>;

class AdvanceRivals : public testing::Test {
 protected:
  AdvanceRivals() {
    advance_.open(10);
    advance_.add(6);
  }
  ~AdvanceRivals() override { rival = nullptr; }

  OvertakenAdvance advance_;
};

TEST_F(AdvanceRivals, WhoIsOvertakenDrawsNothing) {
  rival = [&] { EXPECT_TRUE(advance_.try_draw(5)); };
  EXPECT_FALSE(advance_.try_draw(5));
  EXPECT_EQ(advance_.bytes(), 1U);
}

TEST_F(AdvanceRivals, WhoIsOvertakenGivesNothingBack) {
  rival = [&] { EXPECT_TRUE(advance_.try_put_back(3)); };
  EXPECT_FALSE(advance_.try_put_back(3));
  EXPECT_EQ(advance_.bytes(), 9U);
}

TEST_F(AdvanceRivals, WhoIsOvertakenGivesAllOfItToThePot) {
  rival = [&] { EXPECT_EQ(advance_.put_back(3), 0U); };
  EXPECT_EQ(advance_.put_back(3), 3U);
  EXPECT_EQ(advance_.bytes(), 9U);
}

TEST_F(AdvanceRivals, WhatIsGivenBackBehindAClosingGoesToThePot) {
  rival = [&] { EXPECT_EQ(advance_.close(), 6U); };
  EXPECT_EQ(advance_.put_back(3), 3U);
  EXPECT_FALSE(advance_.is_open());
}

}  // namespace
}  // namespace bytes_handoff::test
