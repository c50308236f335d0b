#include <gtest/gtest.h>

#include <chrono>

#include "bytes_handoff/core/relaying/tunnel_core.hpp"
#include "support/relaying/stepped_tunnel.hpp"

namespace bytes_handoff::detail {
namespace stepped_tunnel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class TunnelTimeTest : public SteppedTunnel {};

TEST_F(TunnelTimeTest, SilenceIsNoticedWithinAQuarter) {
  TunnelRules rules = default_rules();
  rules.idle_timeout = seconds(8);
  for (const milliseconds first_byte : {milliseconds(0), milliseconds(1), milliseconds(1999),
                                        milliseconds(2000), milliseconds(5001)}) {
    begin(rules);
    pass(first_byte);
    move_bytes();
    EXPECT_EQ(pass(milliseconds(7999)).reset, kTellsNobody);
    EXPECT_EQ(core_->stop_of(Way::kAToB), WayStop::kNone);
    const TunnelEffects over = pass(seconds(2) + milliseconds(1));
    EXPECT_EQ(over.reset, kTellsBoth);
    EXPECT_EQ(over.tell, kTellsBoth);
    EXPECT_EQ(core_->stop_of(Way::kAToB), WayStop::kReset);
    EXPECT_EQ(core_->stop_of(Way::kBToA), WayStop::kReset);
    EXPECT_FALSE(is_armed());
    EXPECT_EQ(core_->outcome().first_error, kTimedOut);
  }
}

TEST_F(TunnelTimeTest, BytesPutTheIdleTimeBackHoweverLongItGoesOn) {
  TunnelRules rules = default_rules();
  rules.idle_timeout = seconds(4);
  begin(rules);
  for (int i = 0; i != 100; ++i) {
    pass(milliseconds(3900));
    move_bytes(i % 2 == 0 ? Way::kAToB : Way::kBToA);
  }
  EXPECT_EQ(core_->stop_of(Way::kAToB), WayStop::kNone);
  EXPECT_LE(ticks_, 400U);
  pass(seconds(6));
  EXPECT_EQ(core_->stop_of(Way::kAToB), WayStop::kReset);
}

TEST_F(TunnelTimeTest, TheHalfCloseTimeStartsWithTheFirstEnd) {
  begin(default_rules());
  pass(seconds(1000));
  end(Way::kAToB);
  pass(seconds(59));
  EXPECT_EQ(core_->stop_of(Way::kBToA), WayStop::kNone);
  const TunnelEffects over = pass(seconds(16));
  EXPECT_EQ(core_->stop_of(Way::kBToA), WayStop::kReset);
  EXPECT_EQ(core_->stop_of(Way::kAToB), WayStop::kNone);
  EXPECT_TRUE(core_->outcome().first_error == kTimedOut);
  EXPECT_FALSE(is_armed());
  static_cast<void>(over);
}

TEST_F(TunnelTimeTest, BothOutputsAreResetWhenTheHalfCloseTimeIsOver) {
  begin(default_rules());
  end(Way::kBToA);
  const TunnelEffects over = pass(seconds(60));
  EXPECT_EQ(over.reset, kTellsBoth);
  EXPECT_EQ(over.tell, kTellsA);
}

TEST_F(TunnelTimeTest, BytesPutTheHalfCloseTimeBack) {
  begin(default_rules());
  end(Way::kAToB);
  for (int i = 0; i != 10; ++i) {
    pass(seconds(59));
    move_bytes();
  }
  EXPECT_EQ(core_->stop_of(Way::kBToA), WayStop::kNone);
  pass(seconds(75));
  EXPECT_EQ(core_->stop_of(Way::kBToA), WayStop::kReset);
}

TEST_F(TunnelTimeTest, BytesBeforeAHalfCloseExtendItsTimeByAQuarterAtMost) {
  begin(default_rules());
  move_bytes();
  end(Way::kAToB);
  pass(seconds(75));
  EXPECT_EQ(core_->stop_of(Way::kBToA), WayStop::kReset);
}

TEST_F(TunnelTimeTest, AShortIdleTimeHoldsBehindAHalfCloseToo) {
  TunnelRules rules = default_rules();
  rules.idle_timeout = seconds(8);
  begin(rules);
  end(Way::kAToB);
  pass(seconds(8));
  EXPECT_EQ(core_->stop_of(Way::kBToA), WayStop::kReset);
}

TEST_F(TunnelTimeTest, AHalfCloseLooksEarlierThanALongIdleTimeWould) {
  TunnelRules rules = default_rules();
  rules.idle_timeout = seconds(4000);
  begin(rules);
  pass(seconds(1));
  end(Way::kAToB);
  pass(seconds(75));
  EXPECT_EQ(core_->stop_of(Way::kBToA), WayStop::kReset);
}

TEST_F(TunnelTimeTest, AnEndIsNoByte) {
  TunnelRules rules = default_rules();
  rules.idle_timeout = seconds(8);
  begin(rules);
  pass(seconds(7));
  end(Way::kAToB);
  pass(seconds(1));
  EXPECT_EQ(core_->stop_of(Way::kBToA), WayStop::kReset);
}

TEST_F(TunnelTimeTest, AnEndPutsNoLookOff) {
  TunnelRules rules = default_rules();
  rules.idle_timeout = seconds(8);
  begin(rules);
  pass(milliseconds(2001));
  move_bytes();
  pass(milliseconds(1998));
  end(Way::kAToB);
  EXPECT_EQ(pass(milliseconds(8001)).reset, kTellsBoth)
      << "it was silent for a quarter more than its limit";
}

TEST_F(TunnelTimeTest, WaysThatReturnBehindATimeOutHaveTimedOut) {
  TunnelRules rules = default_rules();
  rules.idle_timeout = seconds(8);
  begin(rules);
  pass(seconds(8));
  const TunnelEffects first = end(Way::kBToA, WayEnd::kReadFailed, kCancelled);
  EXPECT_EQ(first.tell, kTellsNobody);
  EXPECT_FALSE(is_armed());
  EXPECT_TRUE(end(Way::kAToB).is_over);  // it had just ended by itself
  EXPECT_EQ(core_->outcome().errors[index_of(Way::kBToA)], kTimedOut);
  EXPECT_EQ(core_->outcome().errors[index_of(Way::kAToB)], kNone);
  EXPECT_EQ(core_->outcome().first_error, kTimedOut);
}

TEST_F(TunnelTimeTest, AnErrorBeforeATimeOutIsTheFirst) {
  begin(default_rules());
  end(Way::kAToB, WayEnd::kWriteFailed, kBroken);
  pass(seconds(60));
  end(Way::kBToA, WayEnd::kReadFailed, kCancelled);
  EXPECT_EQ(core_->outcome().first_error, kBroken);
  EXPECT_EQ(core_->outcome().errors[index_of(Way::kBToA)], kTimedOut);
}

TEST_F(TunnelTimeTest, LimitsOfAnySizeDoNotWrap) {
  TunnelRules rules;
  rules.idle_timeout = TunnelRules::Duration::max();
  rules.half_close_timeout = TunnelRules::Duration::max();
  begin(rules);
  EXPECT_GT(core_->next_look(), now_);
  end(Way::kAToB);
  EXPECT_GT(core_->next_look(), now_);
  rules.idle_timeout = TunnelRules::Duration(1);
  begin(rules);
  pass(TunnelRules::Duration(2));
  EXPECT_EQ(core_->stop_of(Way::kAToB), WayStop::kReset);
}

TEST_F(TunnelTimeTest, WhereTheTimeCannotBeLookedAtBothWaysAreReset) {
  begin(default_rules());
  const TunnelEffects effects = step([&](TunnelEffects& of) { core_->time_failed(kBroken, of); });
  EXPECT_EQ(effects.reset, kTellsBoth);
  EXPECT_EQ(effects.tell, kTellsBoth);
  end(Way::kAToB, WayEnd::kReadFailed, kCancelled);
  end(Way::kBToA, WayEnd::kReadFailed, kCancelled);
  EXPECT_EQ(core_->outcome().first_error, kBroken);
}

}  // namespace
}  // namespace stepped_tunnel
}  // namespace bytes_handoff::detail
