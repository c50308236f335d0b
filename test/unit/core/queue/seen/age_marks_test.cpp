#include "bytes_handoff/core/queue/age_marks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

using std::chrono::seconds;
using Marks = detail::AgeMarks;

Marks::TimePoint at(int second) { return Marks::TimePoint(seconds(second)); }

TEST(AgeMarksTest, KnowNothingBeforeALook) {
  const Marks marks;
  EXPECT_EQ(marks.oldest(0), std::nullopt);
}

TEST(AgeMarksTest, TellTheFirstLookBehindTheOldest) {
  Marks marks;
  marks.note(3, 0, at(10));
  marks.note(3, 0, at(20));
  EXPECT_EQ(marks.oldest(0), at(10));
  marks.note(5, 2, at(30));
  EXPECT_EQ(marks.oldest(2), at(10)) << "one of the first three is left";
  EXPECT_EQ(marks.oldest(3), at(30));
  EXPECT_EQ(marks.oldest(5), std::nullopt) << "all have left";
}

TEST(AgeMarksTest, ALookAtNothingIsNoMark) {
  Marks marks;
  marks.note(0, 0, at(10));
  marks.note(4, 4, at(20));
  EXPECT_EQ(marks.oldest(4), std::nullopt);
  marks.note(5, 4, at(30));
  EXPECT_EQ(marks.oldest(4), at(30));
}

// Threads read the time, and then take the lock.
TEST(AgeMarksTest, ATimeThatWasReadTooEarlyIsNotTakenForWhatCameMeanwhile) {
  Marks marks;
  marks.note(1, 0, at(20));
  marks.note(2, 0, at(10));
  EXPECT_EQ(marks.oldest(0), at(20));
  EXPECT_EQ(marks.oldest(1), std::nullopt);
}

TEST(AgeMarksTest, TheFirstAndTheLastStayWhereThereAreMany) {
  Marks marks;
  for (int i = 1; i != 1000; ++i) {
    marks.note(static_cast<std::uint64_t>(i), 0, at(i));
  }
  EXPECT_EQ(marks.oldest(0), at(1));
  EXPECT_EQ(marks.oldest(998), at(999));
}

TEST(AgeMarksTest, LooksAtWhatWasSeenTakeNoMark) {
  Marks marks;
  marks.note(10, 0, at(1));
  marks.note(20, 0, at(2));
  marks.note(30, 0, at(3));
  for (int now = 100; now != 110; ++now) {
    marks.note(30, 0, at(now));
  }
  EXPECT_EQ(marks.oldest(0), at(1));
  EXPECT_EQ(marks.oldest(10), at(2));
  EXPECT_EQ(marks.oldest(20), at(3));
}

// A queue in which each item stays for as long as the one before it.
TEST(AgeMarksTest, OfASteadyQueueAtLeastHalfOfTheAgeIsTold) {
  for (const int stay : {4, 7, 10, 33, 100, 143, 777, 1000}) {
    Marks marks;
    for (int now = 1; now != 40 * stay; ++now) {
      const auto left = static_cast<std::uint64_t>(std::max(now - stay, 0));
      marks.note(static_cast<std::uint64_t>(now), left, at(now));
      const auto oldest = marks.oldest(left);
      ASSERT_TRUE(oldest.has_value());
      const auto age = seconds(now - static_cast<int>(left) - 1);
      ASSERT_GE(*oldest, at(now) - age) << "too old";
      ASSERT_GE(2 * (at(now) - *oldest) + seconds(1), age) << "of a stay of " << stay;
    }
  }
}

struct Came {
  Marks::TimePoint at;
  std::optional<Marks::TimePoint> seen;  // the first look behind it
};

// Items come and leave, and the time is looked at, in bursts of any size.
TEST(AgeMarksTest, AreNeverTooEarlyAndNoMoreThanTheyPromiseTooLate) {
  SCOPED_TRACE(seed_note());
  Random random;
  for (int run = 0; run != 300; ++run) {
    Marks marks;
    std::deque<Came> queue;
    std::uint64_t left = 0;
    auto now = at(1);
    auto longest = seconds(0);
    for (int step = 0; step != 300; ++step) {
      now += seconds(random.between(0, random.one_in(4) ? 40 : 2));
      for (std::size_t n = random.between(0, 3); n != 0; --n) {
        queue.push_back({now, std::nullopt});
      }
      const std::size_t most = random.between(0, random.one_in(3) ? 11 : 2);
      const std::size_t leaves = std::min(most, queue.size());
      queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(leaves));
      left += leaves;
      if (!random.one_in(3)) {
        marks.note(left + queue.size(), left, now);
        std::for_each(queue.begin(), queue.end(),
                      [&](Came& each) { each.seen = each.seen.value_or(now); });
      }
      if (queue.empty()) {
        longest = seconds(0);
        continue;
      }
      const Came& oldest = queue.front();
      longest = std::max(longest, std::chrono::duration_cast<seconds>(now - oldest.at));
      const auto told = marks.oldest(left);
      ASSERT_EQ(told.has_value(), oldest.seen.has_value());
      if (told) {
        ASSERT_GE(*told, oldest.at) << "step " << step;
        ASSERT_LE(*told, *oldest.seen + longest / 2) << "step " << step;
      }
    }
  }
}

}  // namespace
}  // namespace bytes_handoff::test
