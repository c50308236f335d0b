#include "model/relaying/relay_way.hpp"

#include <algorithm>

namespace bytes_handoff::test {
namespace {

using detail::ErrorValue;

const ErrorValue kNone{};
const ErrorValue kCancelledCode = {125, true, &error_category()};
const ErrorValue kOfIn = {7, true, &error_category()};
const ErrorValue kOfOut = {8, true, &error_category()};

// A stream may also fail with the code of a cancellation that nobody asked for.
ErrorValue any_failure(const ErrorValue& own, Choices& choices) {
  return choices.one_in(4) ? kCancelledCode : own;
}

}  // namespace

RelayWay::RelayWay(const RelayShape& shape, const TimePoint& now, Expectations& world)
    : shape_(shape), now_(now), world_(world) {
  for (std::size_t i = 0; i != shape.tail; ++i) {
    buffer_.push_back(next_of_input_++);
  }
}

void RelayWay::begin() {
  const RelayOptions options{shape_.ends_out, &progress_, shape_.close_timeout, shape_.close_limit};
  core_ = std::make_unique<detail::RelayCore>(options, shape_.flushes, kCancelledCode);
  counts_ = {buffer_.size(), 0, RelaySide::none};
  follow(core_->begin(buffer_.size()));
}

void RelayWay::refuse() {
  const RelayOptions options{shape_.ends_out, &progress_, shape_.close_timeout, shape_.close_limit};
  const RelayCounts told = progress_.counts();
  core_ = std::make_unique<detail::RelayCore>(options, shape_.flushes, kCancelledCode);
  keep_first(RelaySide::in, ErrorValue::of(Errc::read_in_progress));
  core_->refuse(error_);
  world_.expect(core_->error() == error_ && core_->counts() == counts_, "it is refused otherwise");
  world_.expect(progress_.counts() == told, "a refusal is told where another one may count");
}

void RelayWay::take_up() {
  if (!is_over() || error_ != kCancelledCode || counts_.failed != RelaySide::none ||
      seen_ != Seen::kOpen) {
    return;
  }
  give_to_peer();  // whoever cancels flushes
  has_ended_out_ = asks_to_cancel_ = asks_to_stop_ = false;
  in_ = In::kOpen;
  is_cancelled_ = has_out_failed_ = reads_no_more_ = has_acknowledged_ = false;
  zero_writes_ = 0;
  error_ = kNone;
  first_look_.reset();
  begin();
}

void RelayWay::act(Outcome outcome, Choices& choices) {
  if (is_over()) {
    return;
  }
  if (!is_started_) {
    arrive();
    if (is_over()) {
      return;
    }
    if (choices.one_in(2)) {
      return wait();
    }
  }
  switch (step_) {
    case Step::kRead:
      return read(outcome, choices);
    case Step::kPass:
      return pass(outcome, choices);
    case Step::kFlush:
      return flush(outcome, choices);
    default:
      return end(outcome, choices);
  }
}

void RelayWay::act_to_end(Choices& choices) {
  act(step_ == Step::kRead ? Outcome::kEndOfInput : Outcome::kWell, choices);
}

void RelayWay::cancel() {
  asks_to_cancel_ = true;
  if (is_started_ && is_end(step_)) {
    note();
  }
}

void RelayWay::limit_time() {
  asks_to_stop_ = true;
  if (is_started_ && (step_ == Step::kPass || step_ == Step::kFlush)) {
    note();
    watch_time();
  }
}

void RelayWay::fail_beside() {
  if (is_over() || (is_started_ && is_end(step_))) {
    return;
  }
  core_->fail_out(kOfOut);
  fail_out(kOfOut);
  compare();
}

void RelayWay::acknowledge() {
  has_acknowledged_ = true;
  ++moved_;
}

void RelayWay::look() {
  timer_.reset();
  if (is_started_ && (step_ == Step::kPass || step_ == Step::kFlush)) {
    watch_time();
  }
}

// ---- Steps.

// Other executors may have been in between.
void RelayWay::arrive() {
  note();
  follow(core_->next());
  is_started_ = !is_over();
  if (is_started_ && is_end(step_)) {
    timer_.reset();
    std::chrono::nanoseconds left = shape_.close_limit;
    if (first_look_) {
      left = std::clamp(left - (now_ - *first_look_), left * 0, TimePoint::max() - now_);
    }
    world_.expect(core_->limit_left(now_) == left, "the end has another time than is left");
  }
}

void RelayWay::wait() {
  if (step_ == Step::kPass || step_ == Step::kFlush) {
    watch_time();
  }
}

void RelayWay::read(Outcome outcome, Choices& choices) {
  ErrorValue error;
  std::size_t n = 0;
  if (outcome == Outcome::kEndOfInput) {
    source_has_ended_ = true;
  } else if (outcome == Outcome::kWell) {
    n = source_has_ended_ ? 0 : choices.between(1, 9);
  } else if (outcome == Outcome::kFailure && !source_has_ended_) {
    error = any_failure(kOfIn, choices);
    n = choices.one_in(2) ? 0 : choices.between(1, 3);
  } else if (outcome == Outcome::kCancelled &&
             (asks_to_cancel_ || asks_to_stop_ || has_out_failed_)) {
    error = kCancelledCode;
    n = choices.one_in(2) || source_has_ended_ ? 0 : choices.between(1, 3);
  } else {
    return;
  }
  note();
  for (std::size_t i = 0; i != n; ++i) {
    buffer_.push_back(next_of_input_++);
  }
  counts_.received += n;
  moved_ += n;
  const bool is_ours =
      (is_cancelled_ || has_out_failed_ || reads_no_more_) && error == kCancelledCode;
  if (error && !is_ours) {
    fail_in(error);
  } else if (!error && n == 0) {
    in_ = In::kEnded;
  }
  follow(core_->after_read(error, n));
  world_.expect(core_->has_in_failed() == (in_ == In::kFailed && !reads_no_more_),
                "whether the input has failed by itself");
  if (core_->has_in_failed()) {
    on_input_failed(core_->error());
  }
}

void RelayWay::pass(Outcome outcome, Choices& choices) {
  ErrorValue error;
  std::size_t n = 0;
  if (outcome == Outcome::kWell) {
    n = choices.one_in(2) ? buffer_.size() : choices.between(1, buffer_.size());
  } else if (outcome == Outcome::kFailure) {
    error = any_failure(kOfOut, choices);
    n = choices.between(0, buffer_.size());
  } else if (outcome == Outcome::kCancelled && (asks_to_cancel_ || has_out_failed_)) {
    error = kCancelledCode;
    n = choices.between(0, buffer_.size());
  } else if (outcome != Outcome::kNothing) {
    return;
  }
  note();
  for (std::size_t i = 0; i != n; ++i) {
    kept_.push_back(buffer_.front());
    buffer_.pop_front();
  }
  if (!shape_.flushes) {
    give_to_peer();
  }
  counts_.passed_on += n;
  moved_ += n;
  moved_out_ += n;
  zero_writes_ = n == 0 ? zero_writes_ + 1 : 0;
  if (error) {
    fail_at_out(error);
  } else if (zero_writes_ == 16) {
    fail_out(ErrorValue::of(Errc::no_progress));
  }
  follow(core_->after_pass(error, n));
}

void RelayWay::flush(Outcome outcome, Choices& choices) {
  ErrorValue error;
  if (outcome == Outcome::kFailure) {
    error = any_failure(kOfOut, choices);
  } else if (outcome == Outcome::kCancelled &&
             (asks_to_cancel_ || asks_to_stop_ || has_out_failed_)) {
    error = kCancelledCode;
  } else if (outcome != Outcome::kWell) {
    return;
  }
  note();
  if (!error) {
    give_to_peer();
  } else if (error != kCancelledCode || !reads_no_more_ || !is_well()) {
    fail_at_out(error);
  }
  follow(core_->after_flush(error));
}

void RelayWay::end(Outcome outcome, Choices& choices) {
  ErrorValue error;
  if (outcome == Outcome::kFailure) {
    error = choices.one_in(2) ? kOfOut : ErrorValue::of(Errc::timed_out);
  } else if (outcome == Outcome::kCancelled && asks_to_cancel_) {
    error = ErrorValue::of(Errc::aborted);
  } else if (outcome != Outcome::kWell) {
    return;
  } else if (step_ != Step::kClose) {
    error = ErrorValue::of(Errc::aborted);  // as a queue tells it
  }
  note();
  if (outcome != Outcome::kWell || step_ == Step::kAbort) {
    seen_ = Seen::kReset;
  } else {
    seen_ = step_ == Step::kClose ? Seen::kWhole : Seen::kCut;
    give_to_peer();
  }
  world_.expect(seen_ != Seen::kWhole || next_of_peer_ == next_of_input_,
                "an end in order behind a part of the input");
  has_ended_out_ = true;
  if (error && is_cancelled_) {
    keep_first(RelaySide::none, kCancelledCode);
  } else if (error) {
    keep_first(RelaySide::out, error);
  }
  follow(core_->after_end(error));
}

// ---- What must be true.

void RelayWay::note() {
  if (asks_to_cancel_) {
    core_->cancel();
    is_cancelled_ = is_cancelled_ || !has_out_failed_;
  }
  if (asks_to_stop_) {
    core_->stop_reading();
    reads_no_more_ = true;
  }
}

void RelayWay::fail_in(const ErrorValue& error) {
  in_ = In::kFailed;
  keep_first(RelaySide::in, error);
}

void RelayWay::fail_out(const ErrorValue& error) {
  if (is_well()) {
    has_out_failed_ = true;
    keep_first(RelaySide::out, error);
  }
}

// An error that the stream has told is told, cancelled or not.
void RelayWay::fail_at_out(const ErrorValue& error) {
  if (!is_cancelled_ || error != kCancelledCode) {
    is_cancelled_ = false;
    has_out_failed_ = true;
    keep_first(RelaySide::out, error);
  }
}

void RelayWay::keep_first(RelaySide side, const ErrorValue& error) {
  if (!error_) {
    error_ = error;
    counts_.failed = side;
  }
}

void RelayWay::watch_time() {
  if (timer_) {
    return;
  }
  if (reads_no_more_ && in_ == In::kOpen && is_well()) {
    fail_in(ErrorValue::of(Errc::aborted));
  }
  const bool is_limited = in_ == In::kFailed && shape_.ends_out && is_well();
  world_.expect(core_->only_passes_on() == is_limited, "whether its time is limited");
  compare();
  if (!is_limited) {
    return;
  }
  const std::uint64_t all = moved_out_ + (has_acknowledged_ ? 1U : 0U);
  const bool has_moved = !first_look_ || all != looked_at_;
  looked_at_ = moved_out_;
  first_look_ = first_look_.value_or(now_);
  noticed_at_ = has_moved ? now_ : noticed_at_;
  const bool has_acknowledged = has_acknowledged_;
  has_acknowledged_ = false;
  check_look(core_->look_at_time(now_, has_acknowledged), has_moved);
  compare();
}

// Silence counts from the look that has found the last progress.
void RelayWay::check_look(TimePoint next, bool has_moved) {
  const bool is_over = now_ - *first_look_ >= shape_.close_limit ||
                       (!has_moved && now_ - noticed_at_ >= shape_.close_timeout);
  if (is_over) {
    fail_out(ErrorValue::of(Errc::timed_out));
    seen_ = Seen::kReset;
    return;
  }
  world_.expect(next >= now_ && next - now_ <= shape_.close_timeout / 4, "the next look is late");
  world_.expect(next > now_ || shape_.close_timeout.count() == 0, "it looks again and again");
  world_.expect(next - *first_look_ <= shape_.close_limit, "it looks behind the limit");
  timer_ = next;
}

void RelayWay::follow(Step step) {
  if (reads_no_more_ && in_ == In::kOpen && is_well() && is_all_out()) {
    fail_in(ErrorValue::of(Errc::aborted));
  }
  step_ = step;
  is_started_ = false;
  expect_right(step);
  compare();
  if (is_over()) {
    timer_.reset();
  }
}

void RelayWay::expect_right(Step step) {
  const bool may_end = is_well() && is_all_out() && shape_.ends_out;
  switch (step) {
    case Step::kRead:
      return world_.expect(is_well() && is_all_out() && in_ == In::kOpen && !reads_no_more_,
                           "it reads where it may not");
    case Step::kPass:
      return world_.expect(is_well() && !buffer_.empty(), "it writes where it may not");
    case Step::kFlush:
      return world_.expect(is_well() && buffer_.empty() && !kept_.empty(),
                           "it flushes where it may not");
    case Step::kClose:
      return world_.expect(may_end && in_ == In::kEnded, "it closes where it may not");
    case Step::kCut:
      return world_.expect(may_end && in_ == In::kFailed, "it cuts where it may not");
    case Step::kAbort:
      return world_.expect(is_cancelled_ && in_ == In::kFailed && shape_.ends_out,
                           "it aborts where it may not");
    case Step::kDone:
      return expect_done();
  }
}

void RelayWay::expect_done() {
  if (has_ended_out_) {
    return;
  }
  const bool is_cancelled = is_cancelled_ && !(in_ == In::kFailed && shape_.ends_out);
  if (is_cancelled && in_ != In::kFailed) {
    keep_first(RelaySide::none, kCancelledCode);
  }
  const bool stays_open = is_all_out() && in_ != In::kOpen && !shape_.ends_out;
  world_.expect(has_out_failed_ || is_cancelled || stays_open, "it is over too early");
  world_.expect(has_out_failed_ || seen_ == Seen::kOpen, "an output is ended that is to stay open");
}

void RelayWay::compare() {
  world_.expect(core_->counts() == counts_, "other counts, or another side that failed");
  world_.expect(counts_.received - counts_.passed_on == buffer_.size(),
                "what was not passed on is not in the buffer");
  world_.expect(progress_.counts() == counts_, "other counts are told");
  world_.expect(core_->error() == error_, "another error");
  world_.expect(core_->has_out_failed() == has_out_failed_, "whether the output has failed");
  world_.expect(core_->ends_out() == shape_.ends_out, "whether it ends its output");
}

void RelayWay::give_to_peer() {
  for (; !kept_.empty(); kept_.pop_front()) {
    world_.expect(kept_.front() == next_of_peer_++, "out of order, or given twice");
  }
}

}  // namespace bytes_handoff::test
