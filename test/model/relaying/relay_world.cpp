#include "model/relaying/relay_world.hpp"

#include <algorithm>

namespace bytes_handoff::test {

using std::chrono::milliseconds;

RelayWorld::RelayWorld(const RelayShape& shape, Finish finish) : shape_(shape), finish_(finish) {
  way_.begin();
  RelayWay refused(shape, now_, *this);
  refused.refuse();
}

void RelayWorld::apply(const RelayOperation& operation) {
  Choices choices(operation.bits);
  switch (operation.kind) {
    case Kind::kPassTime:
      return pass_time(choices);
    case Kind::kAcknowledge:
      return way_.acknowledge();
    case Kind::kCancel:
      return way_.cancel();
    case Kind::kStopReading:
      return way_.stop_reading();
    case Kind::kLimitTime:
      return way_.limit_time();
    case Kind::kFailBeside:
      return way_.fail_beside();
    case Kind::kTakeUp:
      return way_.take_up();
    default:
      return way_.act(outcome_of(operation.kind), choices);
  }
}

// Its timer may be late.
void RelayWorld::pass_time(Choices& choices) {
  const auto until = now_ + milliseconds(choices.between(0, 40));
  const bool is_late = choices.one_in(4);
  while (failure().empty() && way_.timer() && *way_.timer() <= until) {
    now_ = is_late ? until : *way_.timer();
    way_.look();
  }
  now_ = until;
}

void RelayWorld::finish() {
  if (finish_ == Finish::kWell) {
    finish_well();
  } else if (finish_ == Finish::kOutputTakesNothing) {
    finish_with_nothing();
  } else {
    finish_in_time();
  }
  expect(way_.is_over(), "it never comes to its end");
}

void RelayWorld::finish_well() {
  Choices choices(0);
  for (std::uint64_t acts = way_.acts_to_end(); acts != 0 && !way_.is_over(); --acts) {
    way_.act_to_end(choices);
  }
}

void RelayWorld::finish_with_nothing() {
  Choices choices(0);
  for (int steps = 2 * (16 + 5); steps != 0 && !way_.is_over(); --steps) {
    if (way_.step() == RelayWay::Step::kPass) {
      way_.act(RelayWay::Outcome::kNothing, choices);
    } else {
      way_.act_to_end(choices);
    }
  }
}

// The output hangs behind an input that fails: time alone ends it, or whoever cancels.
void RelayWorld::finish_in_time() {
  Choices choices(0);
  way_.act(RelayWay::Outcome::kFailure, choices);
  way_.limit_time();
  const auto silence = shape_.close_timeout + shape_.close_timeout / 4;
  const auto until = now_ + std::min<std::chrono::nanoseconds>(silence, shape_.close_limit);
  while (failure().empty() && way_.timer() && *way_.timer() <= until) {
    now_ = *way_.timer();
    way_.look();
  }
  now_ = until;
  expect(!way_.timer(), "its time is never over");
  way_.cancel();
  for (int steps = 8; steps != 0 && !way_.is_over(); --steps) {
    way_.act(RelayWay::Outcome::kCancelled, choices);
  }
}

}  // namespace bytes_handoff::test
