#include "bytes_handoff/core/relaying/relay_core.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <ostream>

namespace bytes_handoff::detail {

inline std::ostream& operator<<(std::ostream& out, RelayStep step) {
  return out << static_cast<int>(step);
}

}  // namespace bytes_handoff::detail

namespace bytes_handoff::test {
namespace {

using detail::ErrorValue;
using detail::RelayCore;
using detail::RelayStep;
using std::chrono::seconds;

constexpr ErrorValue kNone{};
const ErrorValue kCancelled = {125, true, &error_category()};
const ErrorValue kOfIn = {7, true, &error_category()};
const ErrorValue kOfOut = {8, true, &error_category()};

class RelayCoreTest : public testing::Test {
 protected:
  [[nodiscard]] RelayCore core(bool flushes = false) const {
    return {options, flushes, kCancelled};
  }

  static void expect(const RelayCore& core, const ErrorValue& error, const RelayCounts& counts) {
    EXPECT_EQ(core.error(), error);
    EXPECT_EQ(core.counts().received, counts.received);
    EXPECT_EQ(core.counts().passed_on, counts.passed_on);
    EXPECT_EQ(core.counts().failed, counts.failed);
  }

  RelayProgress progress;
  RelayOptions options{
      .progress = &progress, .close_timeout = seconds(8), .close_limit = seconds(40)};
};

TEST_F(RelayCoreTest, PassesOnTheTailBeforeItReads) {
  RelayCore core = this->core();
  EXPECT_EQ(core.begin(10), RelayStep::kPass);
  EXPECT_EQ(core.after_pass(kNone, 4), RelayStep::kPass);
  EXPECT_EQ(core.after_pass(kNone, 6), RelayStep::kRead);
}

TEST_F(RelayCoreTest, IsNotSteeredByWhatAnotherOneTells) {
  RelayCore core = this->core();
  EXPECT_EQ(core.begin(0), RelayStep::kRead);
  RelayCore other = this->core();
  EXPECT_EQ(other.begin(10), RelayStep::kPass);
  EXPECT_EQ(core.after_read(kNone, 5), RelayStep::kPass);
  EXPECT_EQ(core.after_pass(kNone, 5), RelayStep::kRead);
}

TEST_F(RelayCoreTest, ThatIsRefusedTellsNothingToTheCountsOfAnotherOne) {
  RelayCore core = this->core();
  EXPECT_EQ(core.begin(10), RelayStep::kPass);
  RelayCore refused = this->core();
  refused.refuse(kOfIn);
  expect(refused, kOfIn, {0, 0, RelaySide::in});
  expect(core, kNone, {10, 0, RelaySide::none});
}

TEST_F(RelayCoreTest, WithoutATailReadsFirst) { EXPECT_EQ(core().begin(0), RelayStep::kRead); }

TEST_F(RelayCoreTest, ReadsAgainWhenAllIsPassedOnAndFlushed) {
  RelayCore core = this->core(true);
  EXPECT_EQ(core.begin(0), RelayStep::kRead);
  EXPECT_EQ(core.after_read(kNone, 5), RelayStep::kPass);
  EXPECT_EQ(core.after_pass(kNone, 5), RelayStep::kFlush);
  EXPECT_EQ(core.after_flush(kNone), RelayStep::kRead);
}

TEST_F(RelayCoreTest, ACleanEndIsPassedOnInOrder) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(3));
  static_cast<void>(core.after_pass(kNone, 3));
  EXPECT_EQ(core.after_read(kNone, 0), RelayStep::kClose);
  EXPECT_EQ(core.after_end(kNone), RelayStep::kDone);
  expect(core, kNone, {3, 3, RelaySide::none});
}

TEST_F(RelayCoreTest, WhatCameBeforeAnErrorIsPassedOnBeforeTheCut) {
  RelayCore core = this->core(true);
  static_cast<void>(core.begin(0));
  EXPECT_EQ(core.after_read(kOfIn, 5), RelayStep::kPass);
  EXPECT_EQ(core.after_pass(kNone, 5), RelayStep::kFlush);
  EXPECT_EQ(core.after_flush(kNone), RelayStep::kCut);
  EXPECT_EQ(core.after_end(ErrorValue::of(Errc::aborted)), RelayStep::kDone);
  expect(core, kOfIn, {5, 5, RelaySide::in});
}

TEST_F(RelayCoreTest, OutThatStaysOpenIsNotEnded) {
  options.end_out = false;
  RelayCore ended = core(true);
  static_cast<void>(ended.begin(2));
  EXPECT_EQ(ended.after_pass(kNone, 2), RelayStep::kFlush);
  static_cast<void>(ended.after_flush(kNone));
  EXPECT_EQ(ended.after_read(kNone, 0), RelayStep::kDone);
  expect(ended, kNone, {2, 2, RelaySide::none});

  RelayCore failed = core();
  static_cast<void>(failed.begin(0));
  EXPECT_EQ(failed.after_read(kOfIn, 0), RelayStep::kDone);
  expect(failed, kOfIn, {0, 0, RelaySide::in});
}

TEST_F(RelayCoreTest, OutThatFailsEndsIt) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(10));
  EXPECT_EQ(core.after_pass(kOfOut, 4), RelayStep::kDone);
  EXPECT_TRUE(core.has_out_failed());
  expect(core, kOfOut, {10, 4, RelaySide::out});
}

TEST_F(RelayCoreTest, AFlushThatFailsEndsIt) {
  RelayCore core = this->core(true);
  static_cast<void>(core.begin(10));
  static_cast<void>(core.after_pass(kNone, 10));
  EXPECT_EQ(core.after_flush(kOfOut), RelayStep::kDone);
  expect(core, kOfOut, {10, 10, RelaySide::out});
}

TEST_F(RelayCoreTest, AnEndThatFailsIsTold) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(0));
  static_cast<void>(core.after_read(kNone, 0));
  EXPECT_EQ(core.after_end(kOfOut), RelayStep::kDone);
  expect(core, kOfOut, {0, 0, RelaySide::out});
}

TEST_F(RelayCoreTest, TheFirstErrorIsKept) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(0));
  static_cast<void>(core.after_read(kOfIn, 5));
  EXPECT_EQ(core.after_pass(kOfOut, 2), RelayStep::kDone);
  EXPECT_TRUE(core.has_out_failed());
  expect(core, kOfIn, {5, 2, RelaySide::in});
}

TEST_F(RelayCoreTest, SuccessWithoutBytesAgainAndAgainIsNoProgress) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(10));
  for (unsigned i = 1; i < detail::kMaxZeroWrites; ++i) {
    ASSERT_EQ(core.after_pass(kNone, 0), RelayStep::kPass);
  }
  ASSERT_EQ(core.after_pass(kNone, 1), RelayStep::kPass);  // it starts over
  for (unsigned i = 1; i < detail::kMaxZeroWrites; ++i) {
    ASSERT_EQ(core.after_pass(kNone, 0), RelayStep::kPass);
  }
  EXPECT_EQ(core.after_pass(kNone, 0), RelayStep::kDone);
  expect(core, ErrorValue::of(Errc::no_progress), {10, 1, RelaySide::out});
}

TEST_F(RelayCoreTest, ACancellationEndsNothing) {
  for (const std::size_t passed_on : {0U, 4U}) {
    RelayCore core = this->core();
    static_cast<void>(core.begin(10));
    core.cancel();
    EXPECT_EQ(core.after_pass(kCancelled, passed_on), RelayStep::kDone);
    EXPECT_FALSE(core.has_out_failed());
    expect(core, kCancelled, {10, passed_on, RelaySide::none});
  }
}

TEST_F(RelayCoreTest, ACancelledReadKeepsWhatCame) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(0));
  core.cancel();
  EXPECT_EQ(core.after_read(kCancelled, 3), RelayStep::kDone);
  expect(core, kCancelled, {3, 0, RelaySide::none});
}

TEST_F(RelayCoreTest, ACancellationBetweenTwoStepsIsNotLost) {
  RelayCore core = this->core();
  EXPECT_EQ(core.begin(0), RelayStep::kRead);
  core.cancel();
  EXPECT_EQ(core.next(), RelayStep::kDone);
  expect(core, kCancelled, {0, 0, RelaySide::none});
}

TEST_F(RelayCoreTest, ACancelledRelayWhoseInputHasEndedEndsNothing) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(0));
  core.cancel();
  EXPECT_EQ(core.after_read(kNone, 0), RelayStep::kDone);
  expect(core, kCancelled, {0, 0, RelaySide::none});
}

TEST_F(RelayCoreTest, AnErrorOfInIsToldAndCutAlsoWhenCancelled) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(0));
  static_cast<void>(core.after_read(kOfIn, 5));
  core.cancel();
  EXPECT_EQ(core.after_pass(kCancelled, 1), RelayStep::kAbort);
  EXPECT_EQ(core.after_end(ErrorValue::of(Errc::aborted)), RelayStep::kDone);
  expect(core, kOfIn, {5, 1, RelaySide::in});
}

TEST_F(RelayCoreTest, AnErrorOfInThatComesWithTheCancellationIsTold) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(0));
  core.cancel();
  EXPECT_EQ(core.after_read(kOfIn, 0), RelayStep::kAbort);
  EXPECT_EQ(core.error(), kOfIn);
}

TEST_F(RelayCoreTest, AnAbortOfTheStreamThatNobodyAskedForIsItsError) {
  RelayCore of_in = core();
  static_cast<void>(of_in.begin(0));
  EXPECT_EQ(of_in.after_read(kCancelled, 0), RelayStep::kCut);
  RelayCore of_out = core();
  static_cast<void>(of_out.begin(1));
  EXPECT_EQ(of_out.after_pass(kCancelled, 0), RelayStep::kDone);
  expect(of_out, kCancelled, {1, 0, RelaySide::out});
}

TEST_F(RelayCoreTest, AnErrorOfOutIsToldAlsoWhenCancelled) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(1));
  core.cancel();
  EXPECT_EQ(core.after_pass(kOfOut, 0), RelayStep::kDone);
  EXPECT_TRUE(core.has_out_failed());
  expect(core, kOfOut, {1, 0, RelaySide::out});
}

TEST_F(RelayCoreTest, ACloseThatIsCutOffByACancellationIsCancelled) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(0));
  static_cast<void>(core.after_read(kNone, 0));
  core.cancel();
  EXPECT_EQ(core.after_end(ErrorValue::of(Errc::aborted)), RelayStep::kDone);
  expect(core, kCancelled, {0, 0, RelaySide::none});
}

TEST_F(RelayCoreTest, AQueueThatEndsWhileItReadsEndsIt) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(0));
  core.fail_out(kOfOut);
  core.cancel();  // too late
  EXPECT_EQ(core.after_read(kCancelled, 3), RelayStep::kDone);
  expect(core, kOfOut, {3, 0, RelaySide::out});
}

// ---- An input that is read no more.

TEST_F(RelayCoreTest, AnInputThatIsReadNoMoreHasFailed) {
  RelayCore core = this->core();
  EXPECT_EQ(core.begin(0), RelayStep::kRead);
  core.stop_reading();
  EXPECT_EQ(core.after_read(kCancelled, 3), RelayStep::kPass);
  EXPECT_EQ(core.after_pass(kNone, 3), RelayStep::kCut);
  expect(core, ErrorValue::of(Errc::aborted), {3, 3, RelaySide::in});
}

TEST_F(RelayCoreTest, OnlyPassesOnBehindAFailedInputThatIsToEndTheOutput) {
  RelayCore failed = core();
  static_cast<void>(failed.begin(0));
  EXPECT_FALSE(failed.only_passes_on());
  static_cast<void>(failed.after_read(kOfIn, 5));
  EXPECT_TRUE(failed.only_passes_on());
  failed.cancel();
  EXPECT_FALSE(failed.only_passes_on());

  RelayCore unread = core();
  static_cast<void>(unread.begin(5));
  unread.stop_reading();
  EXPECT_TRUE(unread.only_passes_on());
  expect(unread, ErrorValue::of(Errc::aborted), {5, 0, RelaySide::in});

  options.end_out = false;
  RelayCore left_open = core();
  static_cast<void>(left_open.begin(0));
  static_cast<void>(left_open.after_read(kOfIn, 5));
  EXPECT_FALSE(left_open.only_passes_on());
}

TEST_F(RelayCoreTest, ACancellationBehindAnInputThatIsReadNoMoreIsAReset) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(5));
  core.stop_reading();
  ASSERT_TRUE(core.only_passes_on());
  core.cancel();
  EXPECT_EQ(core.after_pass(kCancelled, 1), RelayStep::kAbort);
  expect(core, ErrorValue::of(Errc::aborted), {5, 1, RelaySide::in});
}

TEST_F(RelayCoreTest, WhatOnlyPassesOnEndsWhenItsTimeIsOver) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(0));
  static_cast<void>(core.after_read(kOfIn, 5));
  const detail::EndTime::TimePoint start;
  EXPECT_EQ(core.look_at_time(start, false), start + seconds(2));
  EXPECT_EQ(core.after_pass(kNone, 2), RelayStep::kPass);
  static_cast<void>(core.look_at_time(start + seconds(7), false));
  EXPECT_EQ(core.look_at_time(start + seconds(9), false), start + seconds(11));
  static_cast<void>(core.look_at_time(start + seconds(14), true));
  EXPECT_EQ(core.look_at_time(start + seconds(21), false), start + seconds(22));
  EXPECT_FALSE(core.has_out_failed());
  static_cast<void>(core.look_at_time(start + seconds(22), false));
  EXPECT_TRUE(core.has_out_failed());
  EXPECT_EQ(core.after_pass(kCancelled, 1), RelayStep::kDone);
  expect(core, kOfIn, {5, 3, RelaySide::in});
}

TEST_F(RelayCoreTest, TheResetBehindItHasWhatIsLeftOfTheLimit) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(0));
  static_cast<void>(core.after_read(kOfIn, 5));
  const detail::EndTime::TimePoint start;
  EXPECT_EQ(core.limit_left(start), seconds(40));
  static_cast<void>(core.look_at_time(start, false));
  EXPECT_EQ(core.limit_left(start + seconds(5)), seconds(35));
  EXPECT_EQ(core.limit_left(start + seconds(50)), seconds(0));
}

TEST_F(RelayCoreTest, CountsCanBeAskedMeanwhile) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(7));
  EXPECT_EQ(progress.counts(), (RelayCounts{7, 0, RelaySide::none}));
  static_cast<void>(core.after_pass(kNone, 7));
  static_cast<void>(core.after_read(kNone, 5));
  EXPECT_EQ(progress.counts(), (RelayCounts{12, 7, RelaySide::none}));
  static_cast<void>(core.after_pass(kOfOut, 1));
  EXPECT_EQ(progress.counts(), (RelayCounts{12, 8, RelaySide::out}));
}

TEST(HasBudgetForABlock, CountsWhatIsPendingAndOneBlockMore) {
  using detail::has_budget_for_a_block;
  EXPECT_TRUE(has_budget_for_a_block(0, 64, 16));
  EXPECT_FALSE(has_budget_for_a_block(1, 64, 64));
  EXPECT_TRUE(has_budget_for_a_block(64, 64, 128));
  EXPECT_FALSE(has_budget_for_a_block(65, 64, 128));
  EXPECT_FALSE(has_budget_for_a_block(1, 64, 16));
  EXPECT_FALSE(has_budget_for_a_block(SIZE_MAX, 2, SIZE_MAX));
  EXPECT_FALSE(has_budget_for_a_block(2, SIZE_MAX, SIZE_MAX));
}

TEST_F(RelayCoreTest, WhatIsLostCountsAsAFailureOfIn) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(10));
  core.lose(kOfIn);
  expect(core, kOfIn, {10, 0, RelaySide::in});
  EXPECT_EQ(progress.counts(), core.counts());
}

TEST_F(RelayCoreTest, OutFailsOnce) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(10));
  core.fail_out(kOfOut);
  core.fail_out(kOfIn);
  expect(core, kOfOut, {10, 0, RelaySide::out});
}

TEST_F(RelayCoreTest, OutThatFailsBehindACancellationIsNotToBlame) {
  RelayCore core = this->core();
  static_cast<void>(core.begin(10));
  core.cancel();
  core.fail_out(kOfOut);
  EXPECT_EQ(core.next(), RelayStep::kDone);
  expect(core, kCancelled, {10, 0, RelaySide::none});
}

TEST_F(RelayCoreTest, NeedsNobodyWhoLooksAtItsProgress) {
  options.progress = nullptr;
  RelayCore core = this->core();
  EXPECT_EQ(core.begin(3), RelayStep::kPass);
  EXPECT_EQ(core.after_pass(kNone, 3), RelayStep::kRead);
  EXPECT_EQ(core.after_read(kNone, 0), RelayStep::kClose);
  EXPECT_EQ(core.after_end(kNone), RelayStep::kDone);
  expect(core, kNone, {3, 3, RelaySide::none});
  EXPECT_EQ(progress.counts(), RelayCounts());
}

}  // namespace
}  // namespace bytes_handoff::test
