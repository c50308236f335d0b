#include "bytes_handoff/core/queue/effects.hpp"

#include <gtest/gtest.h>

namespace bytes_handoff::detail {
namespace {

TEST(EffectsTest, WhatMostStepsNeverAskForIsRare) {
  using Ask = void (*)(Effects&);
  static constexpr Ask kUsual[] = {[](Effects& e) { e.ask_for_turn(); },
                                   [](Effects& e) { e.ask_for_time(); }};
  static constexpr Ask kRare[] = {
      [](Effects& e) { e.ask_to_tell(); }, [](Effects& e) { e.ask_for_look(); },
      [](Effects& e) { e.note_end(false, true); }, [](Effects& e) { e.note_end(true, false); }};
  PostGuard guard;
  EXPECT_FALSE(Effects(guard).asks_for_something());
  for (const Ask ask : kUsual) {
    Effects effects(guard);
    ask(effects);
    EXPECT_TRUE(effects.asks_for_something());
    EXPECT_FALSE(effects.asks_for_rare());
    effects.finish();
  }
  for (const Ask ask : kRare) {
    Effects effects(guard);
    EXPECT_FALSE(effects.asks_for_rare());
    ask(effects);
    EXPECT_TRUE(effects.asks_for_something());
    EXPECT_TRUE(effects.asks_for_rare());
    effects.finish();
  }
}

TEST(EffectsTest, WhatIsAskedForKeepsTheShutdownWaitingUntilItIsFinished) {
  PostGuard guard;
  Effects effects(guard);
  effects.ask_for_turn();
  effects.ask_for_look();  // enters once
  effects.finish();
  EXPECT_FALSE(effects.asks_for_something());
  guard.shut();
  guard.wait_until_left();
}

}  // namespace
}  // namespace bytes_handoff::detail
