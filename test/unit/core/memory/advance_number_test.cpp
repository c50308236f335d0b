// What an advance has: one number, which the pot closes.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

#include "bytes_handoff/core/memory/advance.hpp"
#include "bytes_handoff/core/support/sync.hpp"

namespace bytes_handoff::test {
namespace {

using Advance = detail::BasicAdvance<detail::StdSync>;

TEST(Advance, IsClosedUntilItIsOpened) {
  Advance advance;
  EXPECT_FALSE(advance.is_open());
  EXPECT_FALSE(advance.try_draw(0));
  EXPECT_FALSE(advance.try_put_back(0));
  EXPECT_EQ(advance.put_back(5), 5U);
  EXPECT_FALSE(advance.is_open());
}

TEST(Advance, HasWhatIsPutBackUpToItsMost) {
  Advance advance;
  advance.open(10);
  EXPECT_TRUE(advance.is_open());
  EXPECT_EQ(advance.bytes(), 0U);
  EXPECT_FALSE(advance.try_draw(1));
  EXPECT_FALSE(advance.try_put_back(11));
  EXPECT_TRUE(advance.try_put_back(7));
  EXPECT_FALSE(advance.try_put_back(4));
  EXPECT_EQ(advance.bytes(), 7U);
  EXPECT_EQ(advance.put_back(5), 2U);
  EXPECT_EQ(advance.put_back(5), 5U);
  EXPECT_FALSE(advance.try_draw(11));
  EXPECT_TRUE(advance.try_draw(10));
  EXPECT_EQ(advance.bytes(), 0U);
}

TEST(Advance, WhoIsAloneDrawsTheSame) {
  Advance advance;
  EXPECT_FALSE(advance.try_draw_alone(0));
  EXPECT_FALSE(advance.is_open());
  advance.open(10);
  EXPECT_FALSE(advance.try_draw_alone(1));
  advance.add(10);
  EXPECT_FALSE(advance.try_draw_alone(11));
  EXPECT_FALSE(advance.try_draw_alone(SIZE_MAX));
  EXPECT_TRUE(advance.try_draw_alone(3));
  EXPECT_EQ(advance.bytes(), 7U);
  EXPECT_TRUE(advance.try_draw_alone(7));
  EXPECT_EQ(advance.bytes(), 0U);
  EXPECT_TRUE(advance.is_open());
}

TEST(Advance, MayBeGivenMoreThanItKeepsOfWhatIsPutBack) {
  Advance advance;
  advance.open(10);
  advance.add(15);
  EXPECT_FALSE(advance.try_put_back(1));
  EXPECT_EQ(advance.put_back(1), 1U);
  EXPECT_TRUE(advance.try_draw(15));
}

TEST(Advance, ClosedItCountsForItsHolderNoMore) {
  Advance::Counter holds{1};
  Advance advance(&holds);
  advance.open(10);
  EXPECT_EQ(advance.close(), 0U);
  EXPECT_EQ(holds, 1U);
  advance.open(10);
  holds += 7;
  EXPECT_TRUE(advance.try_put_back(7));
  EXPECT_EQ(advance.close(), 7U);
  EXPECT_EQ(holds, 1U);
  EXPECT_FALSE(advance.try_draw(0));
  EXPECT_FALSE(advance.try_put_back(1));
}

}  // namespace
}  // namespace bytes_handoff::test
