#include "bytes_handoff/core/relaying/end_time.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>

namespace bytes_handoff::test {
namespace {

using detail::EndTime;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

class EndTimeTest : public testing::Test {
 protected:
  using TimePoint = EndTime::TimePoint;

  // Looks as it asks for it, until then. Returns whether the time is over before.
  [[nodiscard]] bool is_over_within(EndTime& time, EndTime::Duration span) {
    const TimePoint until = now + span;
    while (look_at <= until) {
      now = look_at;
      const std::optional<TimePoint> next = time.look(now, progress);
      if (!next) {
        return true;
      }
      look_at = *next;
    }
    now = until;
    return false;
  }

  TimePoint now = TimePoint() + seconds(1000);
  TimePoint look_at = now;
  std::uint64_t progress = 7;
};

TEST_F(EndTimeTest, SilenceIsOverBehindTheTimeout) {
  EndTime time(seconds(8), seconds(100));
  EXPECT_FALSE(is_over_within(time, milliseconds(7999)));
  EXPECT_TRUE(is_over_within(time, milliseconds(1)));
}

TEST_F(EndTimeTest, ProgressPutsTheTimeoutBackAndIsNoticedWithinAQuarter) {
  EndTime time(seconds(8), seconds(1000));
  for (int i = 0; i != 10; ++i) {
    EXPECT_FALSE(is_over_within(time, milliseconds(7900)));
    ++progress;
  }
  EXPECT_FALSE(is_over_within(time, milliseconds(7999)));
  EXPECT_TRUE(is_over_within(time, seconds(2)));
}

TEST_F(EndTimeTest, ProgressDoesNotExtendTheLimit) {
  EndTime time(seconds(8), seconds(20));
  for (int i = 0; i != 19; ++i) {
    EXPECT_FALSE(is_over_within(time, seconds(1)));
    ++progress;
  }
  EXPECT_TRUE(is_over_within(time, seconds(1)));
}

TEST_F(EndTimeTest, ATimeoutOfZeroEndsWhatMakesNoProgressByTheNextLook) {
  EndTime time(seconds(0), seconds(20));
  EXPECT_EQ(time.look(now, 1), now);
  EXPECT_EQ(time.look(now, 2), now);
  EXPECT_EQ(time.look(now, 2), std::nullopt);
}

TEST_F(EndTimeTest, ATimeoutOfNanosecondsIsNotLookedAtWithoutAPause) {
  for (const int timeout : {1, 3, 4, 7}) {
    EndTime time(nanoseconds(timeout), seconds(20));
    EXPECT_EQ(time.look(now, 1), now + nanoseconds(1)) << timeout << " ns";
  }
}

TEST_F(EndTimeTest, ALimitOfZeroIsOverAtOnce) {
  EndTime time(seconds(8), seconds(0));
  EXPECT_EQ(time.look(now, 1), std::nullopt);
}

TEST_F(EndTimeTest, BoundsOfAnySizeDoNotWrap) {
  EndTime time(EndTime::Duration::max(), EndTime::Duration::max());
  EXPECT_EQ(time.limit_left(now), EndTime::Duration::max());
  const auto next = time.look(now, 1);
  ASSERT_TRUE(next);
  EXPECT_GT(*next, now);
  EXPECT_GT(time.limit_left(now + seconds(1)), seconds(1000));
}

}  // namespace
}  // namespace bytes_handoff::test
