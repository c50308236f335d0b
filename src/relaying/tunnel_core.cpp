#include "bytes_handoff/core/relaying/tunnel_core.hpp"

#include <algorithm>
#include <utility>

#include "bytes_handoff/core/support/later.hpp"
#include "bytes_handoff/core/support/not_negative.hpp"

namespace bytes_handoff::detail {

void TunnelRules::throw_if_invalid() const {
  require_not_negative("TunnelOptions::idle_timeout", idle_timeout);
  require_not_negative("TunnelOptions::half_close_timeout", half_close_timeout);
}

TunnelCore::TunnelCore(const TunnelRules& rules, TimePoint now, const Progress& progress) noexcept
    : rules_(rules), idle_since_(now), half_closed_since_(now) {
  ways_[0].progress = progress[0];
  ways_[1].progress = progress[1];
  next_look_ = planned_look(now);
}

void TunnelCore::input_failed(Way way, const ErrorValue& error, TunnelEffects& effects) noexcept {
  const std::lock_guard lock(mutex_);
  if (is_ending()) {
    return;
  }
  note(error, origin_of(way, WayEnd::kReadFailed, error));
  if (rules_.ends_other[static_cast<std::size_t>(WayEnd::kReadFailed)]) {
    tell(other_than(way), WayStop::kPassOn, effects);
  }
}

void TunnelCore::way_ended(Way way, WayEnd how, const ErrorValue& error, TimePoint now,
                           TunnelEffects& effects) noexcept {
  const std::lock_guard lock(mutex_);
  WayState& ended = of(way);
  ended.is_over = true;
  if (error) {
    ended.error = ended_at_once_ ? ended_at_once_ : error;
    note(ended.error, origin_of(way, how, error));
  }
  if (of(other_than(way)).is_over) {
    set_look(TimePoint::max(), effects);
    effects.is_over = true;
  } else if (!is_ending()) {
    if (rules_.ends_other[static_cast<std::size_t>(how)]) {
      tell(other_than(way), WayStop::kPassOn, effects);
    }
    half_closed_since_ = now;
    // Not later than it was: what has moved since the last look would be noticed late.
    set_look(std::min(next_look_, planned_look(now)), effects);
  }
}

void TunnelCore::tick(TimePoint now, const Progress& progress, TunnelEffects& effects) noexcept {
  const std::lock_guard lock(mutex_);
  if (is_ending() || has_ended()) {
    return;
  }
  look_at_progress(now, progress);
  if (is_time_over(now)) {
    end_at_once(ErrorValue::of(Errc::timed_out), TunnelOrigin::kTime, effects);
    return;
  }
  next_look_ = planned_look(now);
  effects.set_timer = true;  // it has run out
}

void TunnelCore::time_failed(const ErrorValue& error, TunnelEffects& effects) noexcept {
  const std::lock_guard lock(mutex_);
  if (!is_ending() && !has_ended()) {
    end_at_once(error, TunnelOrigin::kTime, effects);
  }
}

void TunnelCore::cancel(const ErrorValue& cancelled, TunnelEffects& effects) noexcept {
  const std::lock_guard lock(mutex_);
  if (is_ending() || has_ended()) {
    return;
  }
  const bool is_first = !std::exchange(cancelled_, cancelled);
  if (rules_.passes_on_if_cancelled) {
    if (is_first) {
      note(cancelled, TunnelOrigin::kCancelled);
      tell(Way::kAToB, WayStop::kPassOn, effects);
      tell(Way::kBToA, WayStop::kPassOn, effects);
    } else {
      effects.is_cut_short = true;
      end_at_once(cancelled, TunnelOrigin::kCancelled, effects);
    }
    return;
  }
  is_cancelled_ = true;
  tell(Way::kAToB, WayStop::kCancel, effects);
  tell(Way::kBToA, WayStop::kCancel, effects);
  set_look(TimePoint::max(), effects);
}

WayStop TunnelCore::stop_of(Way way) const noexcept {
  const std::lock_guard lock(mutex_);
  return ways_[index_of(way)].stop;
}

bool TunnelCore::has_ended_in_order(Way way) const noexcept {
  const std::lock_guard lock(mutex_);
  const WayState& asked = ways_[index_of(way)];
  return asked.is_over && !asked.error;
}

TunnelCore::TimePoint TunnelCore::next_look() const noexcept {
  const std::lock_guard lock(mutex_);
  return next_look_;
}

TunnelCore::Outcome TunnelCore::outcome() const noexcept {
  const std::lock_guard lock(mutex_);
  return {first_error_, origin_, {ways_[0].error, ways_[1].error}};
}

void TunnelCore::note(const ErrorValue& error, TunnelOrigin origin) noexcept {
  if (!first_error_) {
    first_error_ = error;
    origin_ = origin;
  }
}

TunnelOrigin TunnelCore::origin_of(Way way, WayEnd how, const ErrorValue& error) const noexcept {
  if (is_cancelled_ && error == cancelled_) {
    return TunnelOrigin::kCancelled;
  }
  if (how == WayEnd::kWriteFailed) {
    return way == Way::kAToB ? TunnelOrigin::kWriteB : TunnelOrigin::kWriteA;
  }
  if (ways_[index_of(way)].stop == WayStop::kPassOn && error == ErrorValue::of(Errc::aborted)) {
    return TunnelOrigin::kOtherWay;
  }
  return way == Way::kAToB ? TunnelOrigin::kReadA : TunnelOrigin::kReadB;
}

// A way that has ended is told nothing.
void TunnelCore::tell(Way way, WayStop stop, TunnelEffects& effects) noexcept {
  WayState& told = of(way);
  if (!told.is_over && told.stop < stop) {
    told.stop = stop;
    effects.tell[index_of(way)] = true;
  }
}

void TunnelCore::look_at_progress(TimePoint now, const Progress& progress) noexcept {
  for (std::size_t i = 0; i != kWays; ++i) {
    if (std::exchange(ways_[i].progress, progress[i]) != progress[i]) {
      idle_since_ = now;
      half_closed_since_ = now;
    }
  }
}

bool TunnelCore::is_time_over(TimePoint now) const noexcept {
  const auto is_over = [&](TunnelRules::Duration limit, TimePoint since) {
    return limit.count() != 0 && now >= later(since, limit);
  };
  return is_over(rules_.idle_timeout, idle_since_) ||
         (is_half_closed() && is_over(rules_.half_close_timeout, half_closed_since_));
}

void TunnelCore::end_at_once(const ErrorValue& error, TunnelOrigin origin,
                             TunnelEffects& effects) noexcept {
  ended_at_once_ = error;
  note(error, origin);
  tell(Way::kAToB, WayStop::kReset, effects);
  tell(Way::kBToA, WayStop::kReset, effects);
  effects.reset.fill(true);
  set_look(TimePoint::max(), effects);
}

void TunnelCore::set_look(TimePoint time, TunnelEffects& effects) noexcept {
  effects.set_timer = next_look_ != time;
  next_look_ = time;
}

TunnelCore::TimePoint TunnelCore::planned_look(TimePoint now) const noexcept {
  TimePoint look = TimePoint::max();
  const auto look_for = [&](TunnelRules::Duration limit, TimePoint since) {
    look = std::min({look, later(now, look_pause(limit)), later(since, limit)});
  };
  if (rules_.idle_timeout.count() != 0) {
    look_for(rules_.idle_timeout, idle_since_);
  }
  if (is_half_closed() && rules_.half_close_timeout.count() != 0) {
    look_for(rules_.half_close_timeout, half_closed_since_);
  }
  return look;
}

}  // namespace bytes_handoff::detail
