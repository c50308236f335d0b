#include "bytes_handoff/core/relaying/tunnel_core.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <stdexcept>

#include "support/relaying/stepped_tunnel.hpp"

namespace bytes_handoff::detail {
namespace stepped_tunnel {
namespace {

using std::chrono::seconds;

class TunnelCoreTest : public SteppedTunnel {};

TEST_F(TunnelCoreTest, IsOverWhenBothWaysHaveEnded) {
  begin(default_rules());
  const TunnelEffects first = end(Way::kAToB);
  EXPECT_FALSE(first.is_over);
  EXPECT_EQ(first.tell, kTellsNobody);
  const TunnelEffects second = end(Way::kBToA);
  EXPECT_TRUE(second.is_over);
  EXPECT_EQ(overs_, 1U);
  EXPECT_EQ(core_->outcome().first_error, kNone);
  EXPECT_EQ(core_->outcome().errors[index_of(Way::kAToB)], kNone);
}

TEST_F(TunnelCoreTest, AWayThatFailsHasNotEndedInOrder) {
  begin(default_rules());
  EXPECT_FALSE(core_->has_ended_in_order(Way::kAToB));
  end(Way::kAToB);
  EXPECT_TRUE(core_->has_ended_in_order(Way::kAToB));
  EXPECT_FALSE(core_->has_ended_in_order(Way::kBToA));
  end(Way::kBToA, WayEnd::kWriteFailed, kBroken);
  EXPECT_FALSE(core_->has_ended_in_order(Way::kBToA));
}

TEST_F(TunnelCoreTest, HasNoTimerWithoutLimits) {
  begin(TunnelRules{});
  EXPECT_FALSE(is_armed());
  end(Way::kAToB);
  EXPECT_FALSE(is_armed());
}

TEST_F(TunnelCoreTest, LooksAtNoTimeBeforeAHalfClose) {
  begin(default_rules());
  EXPECT_FALSE(is_armed());
  end(Way::kBToA);
  EXPECT_TRUE(is_armed());
}

TEST_F(TunnelCoreTest, NothingIsArmedOnceItIsOver) {
  TunnelRules rules = default_rules();
  rules.idle_timeout = seconds(10);
  begin(rules);
  EXPECT_TRUE(is_armed());
  end(Way::kAToB);
  EXPECT_TRUE(is_armed());
  end(Way::kBToA);
  EXPECT_FALSE(is_armed());
  // One that had run out meanwhile asks for nothing.
  const TunnelEffects late =
      step([&](TunnelEffects& effects) { core_->tick(now_ + seconds(100), progress_, effects); });
  EXPECT_FALSE(late.set_timer);
  EXPECT_EQ(late.reset, kTellsNobody);
  EXPECT_EQ(core_->outcome().first_error, kNone);
}

// ---- What one way's end does to the other.

struct RuleCase {
  WayEnd how;
  ErrorValue error;
};

TEST_F(TunnelCoreTest, EachEndDoesToTheOtherWayWhatItsRuleSays) {
  for (const RuleCase& of :
       {RuleCase{WayEnd::kInOrder, kNone}, RuleCase{WayEnd::kReadFailed, kReset},
        RuleCase{WayEnd::kWriteFailed, kBroken}}) {
    for (const Way way : {Way::kAToB, Way::kBToA}) {
      for (const bool ends : {false, true}) {
        TunnelRules rules;
        rules.ends_other.fill(!ends);
        rules.ends_other[static_cast<std::size_t>(of.how)] = ends;
        begin(rules);
        const TunnelEffects effects = end(way, of.how, of.error);
        const auto told = way == Way::kAToB ? kTellsB : kTellsA;
        EXPECT_EQ(effects.tell, ends ? told : kTellsNobody);
        EXPECT_EQ(core_->stop_of(other_than(way)), ends ? WayStop::kPassOn : WayStop::kNone);
        EXPECT_EQ(core_->stop_of(way), WayStop::kNone);
        EXPECT_EQ(effects.reset, kTellsNobody);
      }
    }
  }
}

TEST_F(TunnelCoreTest, AnInputThatFailsTellsTheOtherWayAtOnce) {
  begin(default_rules());
  EXPECT_EQ(fail_input(Way::kAToB, kReset).tell, kTellsB);
  EXPECT_EQ(core_->stop_of(Way::kBToA), WayStop::kPassOn);
  EXPECT_EQ(core_->outcome().first_error, kReset);
  // What is still written may fail, too.
  EXPECT_EQ(end(Way::kAToB, WayEnd::kWriteFailed, kBroken).tell, kTellsNobody);
  end(Way::kBToA, WayEnd::kReadFailed, kAborted);
  EXPECT_EQ(core_->outcome().first_error, kReset);
  EXPECT_EQ(core_->outcome().errors[index_of(Way::kAToB)], kBroken);
  EXPECT_EQ(core_->outcome().errors[index_of(Way::kBToA)], kAborted);
}

TEST_F(TunnelCoreTest, AnInputThatFailsLeavesTheOtherWayWhereItGoesOn) {
  TunnelRules rules;
  rules.ends_other = {true, false, true};
  begin(rules);
  EXPECT_EQ(fail_input(Way::kBToA, kReset).tell, kTellsNobody);
  EXPECT_EQ(end(Way::kBToA, WayEnd::kReadFailed, kReset).tell, kTellsNobody);
}

TEST_F(TunnelCoreTest, AWayIsToldOnce) {
  begin(default_rules());
  fail_input(Way::kAToB, kReset);
  EXPECT_EQ(end(Way::kAToB, WayEnd::kReadFailed, kReset).tell, kTellsNobody);
}

TEST_F(TunnelCoreTest, AWayThatHasEndedIsToldNothing) {
  begin(default_rules());
  end(Way::kAToB);
  EXPECT_EQ(fail_input(Way::kBToA, kReset).tell, kTellsNobody);
  EXPECT_EQ(end(Way::kBToA, WayEnd::kReadFailed, kReset).tell, kTellsNobody);
  EXPECT_EQ(core_->outcome().errors[index_of(Way::kAToB)], kNone);
  EXPECT_EQ(core_->outcome().first_error, kReset);
}

TEST_F(TunnelCoreTest, TheFirstErrorIsKept) {
  begin(TunnelRules{});
  end(Way::kBToA, WayEnd::kWriteFailed, kBroken);
  end(Way::kAToB, WayEnd::kReadFailed, kReset);
  EXPECT_EQ(core_->outcome().first_error, kBroken);
  EXPECT_EQ(core_->outcome().errors[index_of(Way::kAToB)], kReset);
}

// ---- Cancellation.

TEST_F(TunnelCoreTest, CancelledBothWaysAreAndNothingIsReset) {
  TunnelRules rules = default_rules();
  rules.idle_timeout = seconds(8);
  rules.ends_other.fill(true);
  begin(rules);
  const TunnelEffects effects = cancel();
  EXPECT_EQ(effects.tell, kTellsBoth);
  EXPECT_EQ(effects.reset, kTellsNobody);
  EXPECT_EQ(core_->stop_of(Way::kAToB), WayStop::kCancel);
  EXPECT_FALSE(is_armed());
  // The first one that returns tells the other nothing else.
  EXPECT_EQ(fail_input(Way::kAToB, kCancelled).tell, kTellsNobody);
  EXPECT_EQ(end(Way::kAToB, WayEnd::kReadFailed, kCancelled).tell, kTellsNobody);
  EXPECT_FALSE(is_armed());
  EXPECT_EQ(core_->stop_of(Way::kBToA), WayStop::kCancel);
  EXPECT_TRUE(end(Way::kBToA, WayEnd::kReadFailed, kCancelled).is_over);
  EXPECT_EQ(core_->outcome().first_error, kCancelled);
}

TEST_F(TunnelCoreTest, CancelledTwiceTellsNobodyAgain) {
  begin(default_rules());
  cancel();
  EXPECT_EQ(cancel().tell, kTellsNobody);
}

TEST_F(TunnelCoreTest, CancelledBehindAnEndTellsTheOtherWayOnly) {
  begin(default_rules());
  end(Way::kAToB);
  EXPECT_EQ(cancel().tell, kTellsB);
  EXPECT_FALSE(is_armed());
  end(Way::kBToA, WayEnd::kReadFailed, kCancelled);
  EXPECT_EQ(core_->outcome().errors[index_of(Way::kAToB)], kNone);
  EXPECT_EQ(core_->outcome().first_error, kCancelled);
}

TEST_F(TunnelCoreTest, CancelledWhileItPassesOnAWayEndsAtOnce) {
  begin(default_rules());
  end(Way::kAToB, WayEnd::kReadFailed, kReset);
  EXPECT_EQ(cancel().tell, kTellsB);
  EXPECT_EQ(core_->stop_of(Way::kBToA), WayStop::kCancel);
}

TEST_F(TunnelCoreTest, ACancellationBehindATimeOutChangesNothing) {
  TunnelRules rules = default_rules();
  rules.idle_timeout = seconds(8);
  begin(rules);
  pass(seconds(8));
  EXPECT_EQ(cancel().tell, kTellsNobody);
  EXPECT_EQ(core_->stop_of(Way::kAToB), WayStop::kReset);
}

TEST_F(TunnelCoreTest, ATimeOutBehindACancellationChangesNothing) {
  TunnelRules rules = default_rules();
  rules.idle_timeout = seconds(8);
  begin(rules);
  cancel();
  const TunnelEffects late =
      step([&](TunnelEffects& effects) { core_->tick(now_ + seconds(9), progress_, effects); });
  EXPECT_EQ(late.reset, kTellsNobody);
  EXPECT_FALSE(is_armed());
  EXPECT_EQ(core_->stop_of(Way::kAToB), WayStop::kCancel);
}

// ---- Told to end.

class ATunnelThatIsToldToEnd : public SteppedTunnel {
 protected:
  static TunnelRules rules() {
    TunnelRules rules = default_rules();
    rules.idle_timeout = seconds(8);
    rules.passes_on_if_cancelled = true;
    return rules;
  }
};

TEST_F(ATunnelThatIsToldToEnd, PassesOnBothWays) {
  begin(rules());
  const TunnelEffects effects = cancel();
  EXPECT_EQ(effects.tell, kTellsBoth);
  EXPECT_EQ(effects.reset, kTellsNobody);
  EXPECT_EQ(core_->stop_of(Way::kAToB), WayStop::kPassOn);
  EXPECT_EQ(core_->stop_of(Way::kBToA), WayStop::kPassOn);
  EXPECT_TRUE(is_armed()) << "its limits go on";
  EXPECT_EQ(end(Way::kAToB, WayEnd::kReadFailed, kAborted).tell, kTellsNobody);
  EXPECT_TRUE(end(Way::kBToA, WayEnd::kReadFailed, kAborted).is_over);
  EXPECT_EQ(core_->outcome().first_error, kCancelled);
  EXPECT_EQ(core_->outcome().origin, TunnelOrigin::kCancelled);
  EXPECT_EQ(core_->outcome().errors[index_of(Way::kAToB)], kAborted);
  EXPECT_EQ(core_->outcome().errors[index_of(Way::kBToA)], kAborted);
}

TEST_F(ATunnelThatIsToldToEnd, TheSecondTimeResetsBoth) {
  begin(rules());
  EXPECT_FALSE(cancel().is_cut_short);
  const TunnelEffects effects = cancel();
  EXPECT_TRUE(effects.is_cut_short);
  EXPECT_EQ(effects.tell, kTellsBoth);
  EXPECT_EQ(effects.reset, kTellsBoth);
  EXPECT_EQ(core_->stop_of(Way::kAToB), WayStop::kReset);
  EXPECT_FALSE(is_armed());
  EXPECT_EQ(cancel().reset, kTellsNobody);
  end(Way::kAToB, WayEnd::kReadFailed, kAborted);
  EXPECT_EQ(core_->outcome().errors[index_of(Way::kAToB)], kCancelled);
}

TEST_F(ATunnelThatIsToldToEnd, ALimitMayEndItBefore) {
  begin(rules());
  cancel();
  const TunnelEffects effects = pass(seconds(8));
  EXPECT_EQ(effects.reset, kTellsBoth);
  EXPECT_FALSE(effects.is_cut_short);
  EXPECT_EQ(core_->outcome().first_error, kCancelled);
  EXPECT_EQ(core_->stop_of(Way::kAToB), WayStop::kReset);
}

TEST_F(ATunnelThatIsToldToEnd, TellsTheOtherWayBehindAnEnd) {
  begin(rules());
  end(Way::kAToB);
  EXPECT_EQ(cancel().tell, kTellsB);
  EXPECT_TRUE(end(Way::kBToA, WayEnd::kReadFailed, kAborted).is_over);
  EXPECT_EQ(core_->outcome().errors[index_of(Way::kAToB)], kNone);
  EXPECT_EQ(core_->outcome().first_error, kCancelled);
}

TEST_F(ATunnelThatIsToldToEnd, IsToldNothingOnceItIsOver) {
  begin(rules());
  end(Way::kAToB);
  end(Way::kBToA);
  cancel();
  EXPECT_EQ(cancel().reset, kTellsNobody);
  EXPECT_EQ(core_->outcome().first_error, kNone);
}

TEST_F(ATunnelThatIsToldToEnd, KeepsTheErrorThatCameBefore) {
  begin(rules());
  fail_input(Way::kBToA, kReset);
  EXPECT_EQ(cancel().tell, kTellsB);
  EXPECT_EQ(core_->outcome().first_error, kReset);
  EXPECT_EQ(core_->outcome().origin, TunnelOrigin::kReadB);
}

// ---- What the first error came from.

TEST_F(TunnelCoreTest, TellsWhatTheFirstErrorCameFrom) {
  struct Case {
    Way way;
    WayEnd how;
    TunnelOrigin origin;
  };
  for (const Case& of : {Case{Way::kAToB, WayEnd::kReadFailed, TunnelOrigin::kReadA},
                         Case{Way::kAToB, WayEnd::kWriteFailed, TunnelOrigin::kWriteB},
                         Case{Way::kBToA, WayEnd::kReadFailed, TunnelOrigin::kReadB},
                         Case{Way::kBToA, WayEnd::kWriteFailed, TunnelOrigin::kWriteA}}) {
    begin(default_rules());
    EXPECT_EQ(core_->outcome().origin, TunnelOrigin::kNone);
    end(of.way, of.how, kBroken);
    EXPECT_EQ(core_->outcome().origin, of.origin);
    end(other_than(of.way), WayEnd::kReadFailed, kReset);
    EXPECT_EQ(core_->outcome().origin, of.origin);
  }
}

TEST_F(TunnelCoreTest, AWayThatEndsBecauseOfTheOtherHasNoCauseOfItsOwn) {
  TunnelRules rules;
  rules.ends_other = {true, false, false};
  begin(rules);
  end(Way::kAToB);
  end(Way::kBToA, WayEnd::kReadFailed, kAborted);
  EXPECT_EQ(core_->outcome().origin, TunnelOrigin::kOtherWay);
  // An error that comes meanwhile is the side's.
  begin(rules);
  end(Way::kAToB);
  end(Way::kBToA, WayEnd::kReadFailed, kReset);
  EXPECT_EQ(core_->outcome().origin, TunnelOrigin::kReadB);
  // So is that of a queue that others have aborted.
  begin(TunnelRules{});
  end(Way::kAToB, WayEnd::kReadFailed, kAborted);
  EXPECT_EQ(core_->outcome().origin, TunnelOrigin::kReadA);
}

TEST_F(TunnelCoreTest, ATimeOutIsItsOwnCause) {
  TunnelRules rules;
  rules.idle_timeout = seconds(8);
  begin(rules);
  pass(seconds(8));
  EXPECT_EQ(core_->outcome().origin, TunnelOrigin::kTime);
}

TEST_F(TunnelCoreTest, ACancellationIsTheCauseOfItsCodeAlone) {
  begin(default_rules());
  cancel();
  end(Way::kAToB, WayEnd::kReadFailed, kCancelled);
  EXPECT_EQ(core_->outcome().origin, TunnelOrigin::kCancelled);
  begin(default_rules());
  cancel();
  end(Way::kAToB, WayEnd::kReadFailed, kReset);
  EXPECT_EQ(core_->outcome().origin, TunnelOrigin::kReadA);
  // The same code without a cancellation of the tunnel.
  begin(default_rules());
  end(Way::kAToB, WayEnd::kReadFailed, kCancelled);
  EXPECT_EQ(core_->outcome().origin, TunnelOrigin::kReadA);
}

TEST(TunnelRules, ANegativeTimeIsRefused) {
  TunnelRules rules;
  EXPECT_NO_THROW(rules.throw_if_invalid());
  rules.idle_timeout = seconds(-1);
  EXPECT_THROW(rules.throw_if_invalid(), std::invalid_argument);
  rules = {};
  rules.half_close_timeout = TunnelRules::Duration(-1);
  try {
    rules.throw_if_invalid();
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "TunnelOptions::half_close_timeout is -1 ns: it must not be negative");
  }
}

}  // namespace
}  // namespace stepped_tunnel
}  // namespace bytes_handoff::detail
