#include "model/relaying/tunnel_world.hpp"

#include <algorithm>

namespace bytes_handoff::test {

using detail::ErrorValue;
using detail::TunnelEffects;
using detail::Way;
using detail::WayEnd;
using detail::WayStop;
using std::chrono::milliseconds;

namespace {

const ErrorValue kNoTimer = {12, true, &error_category()};
const ErrorValue kCancelled = {125, true, &error_category()};

Way way_of(std::size_t way) { return static_cast<Way>(way); }

}  // namespace

TunnelWorld::TunnelWorld(const TunnelShape& shape)
    : shape_(shape),
      ways_{std::make_unique<RelayWay>(shape_.ways[0], now_, *this),
            std::make_unique<RelayWay>(shape_.ways[1], now_, *this)},
      core_(shape_.rules, now_, {}) {
  for (std::size_t way = 0; way != detail::kWays; ++way) {
    ways_[way]->on_input_failed = [this, way](const ErrorValue& error) {
      on_input_failed(way, error);
    };
    ways_[way]->begin();
  }
  armed_ = core_.next_look();
}

void TunnelWorld::apply(const TunnelOperation& operation) {
  act(operation);
  if (shape_.is_eager) {
    run_errands();
  }
  look_for_ends();
  if (progress() != moved_) {
    moved_ = progress();
    moved_at_ = now_;
  }
}

void TunnelWorld::act(const TunnelOperation& operation) {
  Choices choices(operation.bits);
  RelayWay& way = *ways_[choices.between(0, detail::kWays - 1)];
  switch (operation.kind) {
    case Kind::kPassTime:
      return pass(milliseconds(choices.between(0, 40)));
    case Kind::kAcknowledge:
      return way.acknowledge();
    case Kind::kRunErrand:
      return errands_.empty() ? void() : run_errand(choices.between(0, errands_.size() - 1));
    case Kind::kCancel:
      return cancel();
    case Kind::kFailTime:
      return fail_time();
    case Kind::kFailBeside:
      return way.fail_beside();
    default:
      return way.act(outcome_of(operation.kind), choices);
  }
}

// The timers run out when they are to.
void TunnelWorld::pass(Duration time) {
  const TimePoint until = now_ + time;
  while (failure().empty()) {
    TimePoint next = armed_;
    RelayWay* first = nullptr;
    for (const auto& way : ways_) {
      if (way->timer() && *way->timer() < next) {
        next = *way->timer();
        first = way.get();
      }
    }
    if (next > until) {
      break;
    }
    now_ = next;
    if (first != nullptr) {
      first->look();
    } else {
      tick();
    }
    if (shape_.is_eager) {
      run_errands();
    }
  }
  now_ = until;
  expect_time_is_kept();
}

void TunnelWorld::cancel() {
  const bool passes_on = shape_.rules.passes_on_if_cancelled;
  step([&](TunnelEffects& effects) {
    core_.cancel(kCancelled, effects);
    if (is_ending() || is_over_) {
      return;
    }
    if (passes_on && was_told_to_end_) {
      end_at_once(kCancelled);
    } else if (passes_on) {
      was_told_to_end_ = true;
      note(kCancelled);
      tell(0, WayStop::kPassOn);
      tell(1, WayStop::kPassOn);
    } else {
      is_cancelled_ = true;
      tell(0, WayStop::kCancel);
      tell(1, WayStop::kCancel);
    }
  });
  if (!passes_on) {
    ways_[0]->cancel();
    ways_[1]->cancel();
  }
}

void TunnelWorld::fail_time() {
  step([&](TunnelEffects& effects) {
    core_.time_failed(kNoTimer, effects);
    if (!is_ending() && !is_over_) {
      end_at_once(kNoTimer);
    }
  });
}

// What is to be done is asked for when it is done.
void TunnelWorld::run_errand(std::size_t at) {
  const Errand errand = errands_[at];
  errands_.erase(errands_.begin() + static_cast<std::ptrdiff_t>(at));
  RelayWay& way = *ways_[errand.way];
  switch (errand.kind) {
    case Errand::Kind::kStopReading:
      return way.stop_reading();
    case Errand::Kind::kLimitTime:
      return way.limit_time();
    case Errand::Kind::kCancel:
      return way.cancel();
    case Errand::Kind::kReset:
      return way.reset_output();
  }
}

void TunnelWorld::run_errands() {
  while (!errands_.empty()) {
    run_errand(0);
  }
}

void TunnelWorld::tick() {
  armed_ = TimePoint::max();
  step([&](TunnelEffects& effects) {
    core_.tick(now_, progress(), effects);
    if (effects.reset[0] && !is_ending()) {
      expect(!is_over_ && is_over_by(0), "its time is over too early");
      end_at_once(ErrorValue::of(Errc::timed_out));
    }
  });
}

void TunnelWorld::on_input_failed(std::size_t way, const ErrorValue& error) {
  step([&](TunnelEffects& effects) {
    core_.input_failed(way_of(way), error, effects);
    if (is_ending()) {
      return;
    }
    note(error);
    if (shape_.rules.ends_other[1]) {
      tell(1 - way, WayStop::kPassOn);
    }
  });
}

void TunnelWorld::look_for_ends() {
  for (std::size_t way = 0; way != detail::kWays; ++way) {
    if (ways_[way]->is_over() && !has_ended_[way]) {
      end_way(way);
      if (shape_.is_eager) {
        run_errands();
      }
    }
  }
}

void TunnelWorld::end_way(std::size_t way) {
  const ErrorValue error = ways_[way]->error();
  const WayEnd how = !error                                          ? WayEnd::kInOrder
                     : ways_[way]->counts().failed == RelaySide::out ? WayEnd::kWriteFailed
                                                                     : WayEnd::kReadFailed;
  step([&](TunnelEffects& effects) {
    core_.way_ended(way_of(way), how, error, now_, effects);
    has_ended_[way] = true;
    errors_[way] = error && ended_at_once_ ? ended_at_once_ : error;
    note(errors_[way]);
    if (!has_ended_[1 - way] && !is_ending()) {
      half_closed_at_ = now_;
      if (shape_.rules.ends_other[static_cast<std::size_t>(how)]) {
        tell(1 - way, WayStop::kPassOn);
      }
    }
  });
}

void TunnelWorld::finish() {
  run_errands();
  look_for_ends();
  const Duration idle = shape_.rules.idle_timeout;
  if (idle.count() != 0 && !is_over_ && !is_cancelled_) {
    pass(idle + idle / 4);  // without a byte
    run_errands();
    expect(bool(ended_at_once_), "silence ends nothing");
    expect(ways_[0]->seen() == RelayWay::Seen::kReset && ways_[1]->seen() == RelayWay::Seen::kReset,
           "an output is left open when the time is over");
  }
  finish_ways();
  expect(is_over_, "it never comes to its end");
  pass(std::chrono::seconds(100));
  expect(armed_ == TimePoint::max(), "its timer stays armed");
}

void TunnelWorld::finish_ways() {
  std::uint64_t acts = ways_[0]->acts_to_end() + ways_[1]->acts_to_end();
  Choices choices(0);
  for (; acts != 0 && !is_over_; --acts) {
    for (const auto& way : ways_) {
      way->act_to_end(choices);
      run_errands();
    }
    look_for_ends();
    run_errands();
  }
}

// ---- What must be true.

template <class Step>
void TunnelWorld::step(Step step) {
  TunnelEffects effects;
  told_ = {};
  reset_ = {};
  step(effects);
  compare(effects);
  carry_out(effects);
}

void TunnelWorld::tell(std::size_t way, WayStop stop) {
  if (!has_ended_[way] && stops_[way] < stop) {
    stops_[way] = stop;
    told_[way] = true;
  }
}

void TunnelWorld::end_at_once(const ErrorValue& error) {
  ended_at_once_ = error;
  note(error);
  tell(0, WayStop::kReset);
  tell(1, WayStop::kReset);
  reset_ = {true, true};
}

void TunnelWorld::note(const ErrorValue& error) {
  first_error_ = first_error_ ? first_error_ : error;
}

void TunnelWorld::compare(const TunnelEffects& effects) {
  expect(effects.tell == told_, "a way is told, or not");
  expect(effects.reset == reset_, "an output is reset, or not");
  expect(core_.outcome().first_error == first_error_, "another error is the first");
  for (std::size_t way = 0; way != detail::kWays; ++way) {
    expect(core_.stop_of(way_of(way)) == stops_[way], "a way is to do something else");
    expect(core_.outcome().errors[index_of(way_of(way))] == errors_[way],
           "a way has another error");
  }
  const bool was_over = is_over_;
  is_over_ = has_ended_[0] && has_ended_[1];
  expect(effects.is_over == (is_over_ && !was_over), "over, or not, or twice");
  const bool is_limited = shape_.rules.idle_timeout.count() != 0 ||
                          (is_half_closed() && shape_.rules.half_close_timeout.count() != 0);
  expect((core_.next_look() != TimePoint::max()) == (is_limited && !is_over_ && !is_ending()),
         "whether it looks at the time");
}

void TunnelWorld::carry_out(const TunnelEffects& effects) {
  for (std::size_t way = 0; way != detail::kWays; ++way) {
    if (effects.tell[way] && core_.stop_of(way_of(way)) == WayStop::kPassOn) {
      errands_.push_back({Errand::Kind::kStopReading, way});
      errands_.push_back({Errand::Kind::kLimitTime, way});
    } else if (effects.tell[way] && core_.stop_of(way_of(way)) == WayStop::kReset) {
      errands_.push_back({Errand::Kind::kCancel, way});
    }
    if (effects.reset[way]) {
      errands_.push_back({Errand::Kind::kReset, way});
    }
  }
  if (effects.set_timer) {
    armed_ = core_.next_look();
  }
  expect(armed_ == core_.next_look(), "its timer is set to another time");
}

// Silence is noticed a quarter late at most.
void TunnelWorld::expect_time_is_kept() {
  expect(is_ending() || is_over_ || !is_over_by(1), "its time is over, and it goes on");
}

/// Whether a limit is over: by `quarters` more of it.
bool TunnelWorld::is_over_by(int quarters) const {
  const auto is_over = [&](Duration limit, TimePoint since) {
    return limit.count() != 0 && now_ - since >= limit + quarters * limit / 4;
  };
  return is_over(shape_.rules.idle_timeout, moved_at_) ||
         (is_half_closed() &&
          is_over(shape_.rules.half_close_timeout, std::max(moved_at_, half_closed_at_)));
}

}  // namespace bytes_handoff::test
