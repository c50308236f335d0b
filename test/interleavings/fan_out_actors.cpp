// The parts of a fan-out program, and what each of them is as a number.
#include "interleavings/fan_out_program.hpp"

namespace bytes_handoff::test {

// ---- The core's state.

std::uint64_t InspectedCore::state() const {
  std::uint64_t all = 0;
  for (const std::uint64_t each :
       {log_.first().publications, log_.end().publications, std::uint64_t{is_closed_},
        std::uint64_t{closes_queues_}, std::uint64_t{lanes_.size()}}) {
    all = mixed(all, each);
  }
  for (const Lane* lane = idle_.front(); lane != nullptr; lane = idle_.after(*lane)) {
    all = mixed(all, static_cast<const SteppedLane*>(lane)->place);
  }
  return all;
}

// ---- Lanes.

void SteppedLane::wake() noexcept {
  waker = Stepper::thread() + 1;
  Stepper::mark();
  waker = 0;
  const auto self = detail::BasicLanePointer<SteppingSync>::adopt(this);
  if (!has_ended) {
    post();
  }
}

void SteppedLane::post() {
  was_posted_twice = was_posted_twice || is_posted || is_in_turn;
  is_posted = true;
  posted_ = detail::BasicLanePointer<SteppingSync>(this);
}

void SteppedLane::run(TimePoint now) {
  const auto self = std::move(posted_);
  is_posted = false;
  is_in_turn = true;
  trace_ = 0;
  const bool again = turn(now);
  is_in_turn = false;
  if (again) {
    post();
  }
}

void SteppedLane::end() {
  const detail::BasicLanePointer<SteppingSync> self(this);
  has_ended = true;
  is_posted = false;
  posted_ = {};
  end_all();
}

std::uint64_t SteppedLane::state_of(const SubscriberList& list) {
  std::uint64_t all = list.size();
  for (const Subscriber* each = list.front(); each != nullptr; each = list.after(*each)) {
    all = mixed(all, static_cast<const SteppedSubscriber*>(each)->name);
  }
  return all;
}

std::uint64_t SteppedLane::state_of_taken() const {
  std::uint64_t all = taken_.slices.size();
  for (const Bytes& slice : taken_.slices) {
    all = mixed(all, slice.view());
  }
  for (const std::uint64_t each :
       {std::uint64_t{taken_.has_note}, std::uint64_t{taken_.is_note_alone},
        std::uint64_t{taken_.first_slices}, taken_.after_first.publications,
        taken_.after_all.publications, std::uint64_t{taken_.is_all}}) {
    all = mixed(all, each);
  }
  return all;
}

std::uint64_t SteppedLane::state(const InspectedCore& core) const {
  std::uint64_t all = trace_;
  for (const std::uint64_t each :
       {std::uint64_t{idle_since_ == core.wakes()}, std::uint64_t{is_retired_},
        std::uint64_t{members_}, std::uint64_t{gone_}, std::uint64_t{to_look_at_},
        std::uint64_t{is_posted}, std::uint64_t{is_in_turn}, std::uint64_t{is_to_end},
        std::uint64_t{has_ended}, std::uint64_t{waker}, seen_.end.publications,
        std::uint64_t{seen_.is_closed}, state_of(ready_), state_of(current_), state_of(waiting_),
        state_of(watched_), is_in_turn ? state_of_taken() : 0}) {
    all = mixed(all, each);
  }
  const auto* mail = static_cast<const SteppedSubscriber*>(first_mail_);
  for (; mail != nullptr; mail = mail->next_with_mail()) {
    all = mixed(all, mail->name + 1);
  }
  return all;
}

std::string SteppedLane::violation(const InspectedCore& core) const {
  const bool is_idle = idle_since_ == core.wakes();
  if (was_posted_twice || (is_idle && is_posted)) {
    return "two wake-ups of a lane are under way";
  }
  if (!is_idle || is_in_turn) {
    return {};
  }
  const bool has_work =
      first_mail_ != nullptr || !ready_.empty() || to_look_at_ != 0 || seen_ != core.glance();
  return has_work && members_ != 0 ? "a lane sleeps, and has something to do" : "";
}

// ---- Subscribers.

std::uint64_t SteppedSubscriber::state() const {
  std::uint64_t all = name;
  for (const std::uint64_t each : {place_.publications,
                                   gap_,
                                   std::uint64_t{lags_},
                                   static_cast<std::uint64_t>(where_),
                                   std::uint64_t{lane_->is_round(current_since_)},
                                   missed(),
                                   conflated(),
                                   std::uint64_t{is_over()},
                                   std::uint64_t{has_mail_},
                                   std::uint64_t{is_news_},
                                   std::uint64_t{has_news_},
                                   std::uint64_t{has_waits_},
                                   std::uint64_t{waits_.size()},
                                   std::uint64_t{has_joined},
                                   std::uint64_t{joined_at},
                                   std::uint64_t{is_told_to_go},
                                   std::uint64_t{is_closed},
                                   std::uint64_t{end ? static_cast<std::uint64_t>(*end) + 1 : 0},
                                   std::uint64_t{wanted ? wanted->second : 0},
                                   std::uint64_t{pending_items},
                                   std::uint64_t{held_items}}) {
    all = mixed(all, each);
  }
  for (const std::string& text : received) {
    all = mixed(all, text);
  }
  for (const std::size_t slices : received_groups) {
    all = mixed(all, slices);
  }
  return all;
}

// ---- Who waits.

std::uint64_t SteppedWait::state() const {
  std::uint64_t all = resumed;
  for (const std::uint64_t each :
       {std::uint64_t{has_begun}, std::uint64_t{was_over}, std::uint64_t{is_early},
        std::uint64_t{linked}, target, static_cast<std::uint64_t>(outcome)}) {
    all = mixed(all, each);
  }
  return all;
}

std::string SteppedWait::verdict() const {
  if (is_early) {
    return "who has not been given everything has caught up";
  }
  if (!has_begun || was_over || resumed == 1) {
    return resumed != 0 && was_over ? "who did not wait is resumed" : "";
  }
  if (resumed != 0) {
    return "who waits is resumed twice";
  }
  return of->is_over() || of->position() >= target ? "who waits is forgotten" : "";
}

}  // namespace bytes_handoff::test
