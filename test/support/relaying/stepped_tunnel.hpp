#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <system_error>

#include "bytes_handoff/core/relaying/tunnel_core.hpp"

namespace bytes_handoff::detail::stepped_tunnel {

inline constexpr std::array<bool, 2> kTellsNobody{false, false};
inline constexpr std::array<bool, 2> kTellsA{true, false};
inline constexpr std::array<bool, 2> kTellsB{false, true};
inline constexpr std::array<bool, 2> kTellsBoth{true, true};

inline constexpr ErrorValue kNone{};
inline const ErrorValue kReset = {104, true, &std::generic_category()};
inline const ErrorValue kBroken = {32, true, &std::generic_category()};
inline const ErrorValue kAborted = ErrorValue::of(Errc::aborted);
inline const ErrorValue kCancelled = {125, true, &std::generic_category()};
inline const ErrorValue kTimedOut = ErrorValue::of(Errc::timed_out);

// A tunnel without streams: its clock and its bytes are the test's.
class SteppedTunnel : public testing::Test {
 protected:
  using TimePoint = TunnelCore::TimePoint;

  // As `TunnelOptions` has them.
  static TunnelRules default_rules() {
    return {.idle_timeout = {},
            .half_close_timeout = std::chrono::seconds(60),
            .ends_other = {false, true, false}};
  }

  void begin(const TunnelRules& rules) {
    core_.emplace(rules, now_, progress_);
    armed_ = core_->next_look();
  }

  TunnelEffects end(Way way, WayEnd how = WayEnd::kInOrder, const ErrorValue& error = kNone) {
    return step([&](TunnelEffects& effects) { core_->way_ended(way, how, error, now_, effects); });
  }
  TunnelEffects fail_input(Way way, const ErrorValue& error) {
    return step([&](TunnelEffects& effects) { core_->input_failed(way, error, effects); });
  }
  TunnelEffects cancel() {
    return step([&](TunnelEffects& effects) { core_->cancel(kCancelled, effects); });
  }

  // Lets time pass, with the ticks that are asked for. Returns the effects of the last one.
  TunnelEffects pass(std::chrono::nanoseconds time) {
    const TimePoint until = now_ + time;
    TunnelEffects last;
    while (armed_ <= until) {
      now_ = armed_;
      armed_ = TimePoint::max();
      ++ticks_;
      last = step([&](TunnelEffects& effects) { core_->tick(now_, progress_, effects); });
    }
    now_ = until;
    return last;
  }

  void move_bytes(Way way = Way::kAToB) { progress_[index_of(way)] += 10; }

  [[nodiscard]] bool is_armed() const { return armed_ != TimePoint::max(); }

  template <class Step>
  TunnelEffects step(Step step) {
    TunnelEffects effects;
    step(effects);
    if (effects.set_timer) {
      armed_ = core_->next_look();
    }
    overs_ += effects.is_over ? 1 : 0;
    return effects;
  }

  std::optional<TunnelCore> core_;
  TimePoint now_ = TimePoint() + std::chrono::seconds(1000);
  TimePoint armed_ = TimePoint::max();
  TunnelCore::Progress progress_{};
  unsigned ticks_ = 0;
  unsigned overs_ = 0;
};

}  // namespace bytes_handoff::detail::stepped_tunnel
