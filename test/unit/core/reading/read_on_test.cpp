#include "bytes_handoff/core/reading/read_on.hpp"

#include <gtest/gtest.h>

namespace bytes_handoff::detail {
namespace {

TEST(ReadOn, TriesOneOutOf64ShortReads) {
  ReadOn read_on;
  unsigned tried = 0;
  for (unsigned reads = 1; reads <= 10 * ReadOn::kProbeEvery; ++reads) {
    if (read_on.is_worth_it()) {
      EXPECT_EQ(reads % ReadOn::kProbeEvery, 0U);
      ++tried;
      read_on.note(false);
    }
  }
  EXPECT_EQ(tried, 10U);
}

TEST(ReadOn, TriesForAsLongAsItFindsMore) {
  ReadOn read_on;
  while (!read_on.is_worth_it()) {
  }
  read_on.note(true);
  EXPECT_TRUE(read_on.is_worth_it());
  read_on.note(true);
  EXPECT_TRUE(read_on.is_worth_it());
  read_on.note(false);
  EXPECT_FALSE(read_on.is_worth_it());
}

TEST(ReadOn, LearnsNothingFromAReadThatWasNoAttempt) {
  ReadOn read_on;
  EXPECT_FALSE(read_on.is_worth_it());
  read_on.note(true);
  EXPECT_FALSE(read_on.is_worth_it());
}

}  // namespace
}  // namespace bytes_handoff::detail
