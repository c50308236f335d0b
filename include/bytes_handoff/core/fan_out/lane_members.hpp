#pragma once

// The members of BasicFanOutLane, for who instantiates it.

#include <algorithm>
#include <new>
#include <utility>

#include "bytes_handoff/core/fan_out/lane.hpp"
#include "bytes_handoff/core/support/later.hpp"
#include "bytes_handoff/core/support/prefetch.hpp"

namespace bytes_handoff::detail {

inline bool is_set(const LagLimit& limit) noexcept {
  return limit.bytes != SIZE_MAX || limit.entries != SIZE_MAX;
}

inline bool has_limit(const LagPolicy& policy) noexcept {
  return is_set(policy.soft_limit) || is_set(policy.hard_limit);
}

/// What was published between two places.
struct Lag {
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;

  [[nodiscard]] bool is_beyond(const LagLimit& limit) const noexcept {
    return bytes > limit.bytes || entries > limit.entries;
  }
};

template <class Sync>
BasicFanOutLane<Sync>::BasicFanOutLane(std::shared_ptr<Core> core) : core_(std::move(core)) {
  taken_.slices.reserve(Taken::kUsualSlices + 1);
}

template <class Sync>
bool BasicFanOutLane<Sync>::turn(TimePoint now) noexcept {
  typename Core::MailBatch mail;
  const Glance glance = core_->begin_turn(*this, mail);
  for (const BasicSubscriberPointer<Sync>& each : mail) {
    if (each) {
      open_mail(*each);
    }
  }
  const bool is_news = glance != seen_;
  seen_ = glance;
  if (is_news) {
    ready_.splice_back(current_);
    ++round_;
  }
  if (is_news || (now >= next_look_ && to_look_at_ == 0)) {
    start_looking();
  }
  serve_some(now);
  taken_.slices.clear();
  if (ready_.empty()) {
    taken_.shared.clear();
  }
  look_at_some(now);
  if (watched_.empty()) {
    next_look_ = (TimePoint::max)();
  }
  return core_->end_turn(*this, seen_, !ready_.empty() || to_look_at_ != 0,
                         std::exchange(gone_, 0U));
}

template <class Sync>
void BasicFanOutLane<Sync>::open_mail(Subscriber& subscriber) noexcept {
  if (subscriber.has_news_ && !subscriber.is_over_) {
    open_news(subscriber);
  }
  if (subscriber.has_waits_) {
    core_->tell_waits(subscriber, nullptr);
  }
}

template <class Sync>
void BasicFanOutLane<Sync>::open_news(Subscriber& subscriber) noexcept {
  if (subscriber.has_left()) {
    let_go(subscriber);
  } else if (subscriber.where_ == Where::kNowhere) {
    subscriber.add_reference();  // of the lists
    subscriber.where_ = Where::kServed;
    ready_.push_back(subscriber);
  } else if (subscriber.where_ != Where::kServed) {  // its queue has answered: it waits no more
    take_out(subscriber);
    subscriber.where_ = Where::kServed;
    ready_.push_back(subscriber);
  }
}

// ---- Serving.

template <class Sync>
void BasicFanOutLane<Sync>::serve_some(TimePoint now) noexcept {
  for (std::size_t left = kServedATurn; left != 0; --left) {
    Subscriber* const subscriber = ready_.pop_front();
    if (subscriber == nullptr) {
      return;
    }
    if (ready_.size() >= kPrefetchedFrom) {
      prefetch_next();
    }
    const Served served = subscriber->visit();
    if (subscriber->has_waits_) {
      core_->tell_waits(*subscriber, nullptr);
    }
    put_where_it_belongs(*subscriber, served, now);
  }
}

// The system's call for the one that is visited now takes long enough for it. Precondition: two.
template <class Sync>
void BasicFanOutLane<Sync>::prefetch_next() const noexcept {
  const Subscriber& next = *ready_.front();
  next.prefetch_queue();
  prefetch<sizeof(Subscriber) + kCacheLine>(ready_.after(next));
}

template <class Sync>
void BasicFanOutLane<Sync>::put_where_it_belongs(Subscriber& subscriber, Served served,
                                                 TimePoint now) noexcept {
  subscriber.current_since_ = 0;
  switch (served) {
    case Served::kCurrent:
      subscriber.lags_ = false;
      subscriber.beyond_soft_since_.reset();
      [[fallthrough]];
    case Served::kLater:
      subscriber.current_since_ = round_;
      current_.push_back(subscriber);
      break;
    case Served::kMore:
      ready_.push_back(subscriber);
      break;
    case Served::kWaiting:
      if (!has_limit(subscriber.policy_)) {
        subscriber.where_ = Where::kWaiting;
        waiting_.push_back(subscriber);
      } else {
        subscriber.where_ = Where::kWatched;
        watched_.push_back(subscriber);
        static_cast<void>(look_at(subscriber, now));
      }
      break;
    case Served::kOver:
      ready_.push_back(subscriber);
      let_go(subscriber);
      break;
  }
}

template <class Sync>
Served BasicFanOutLane<Sync>::serve(Subscriber& subscriber, QueueVisit& queue) noexcept {
  Pace pace;
  for (int step = 0; step != kStepsAVisit; ++step) {
    const Take found = take_for(subscriber, queue, pace.only_one);
    if (found == Take::kAgain) {
      continue;
    }
    if (found != Take::kTaken) {
      queue.give_back();
      if (found == Take::kNoneAndClosed && core_->closes_queues()) {
        subscriber.end_queue(FanOutEnd::kInOrder);
      }
      return found == Take::kNone ? Served::kCurrent : Served::kOver;
    }
    switch (give(subscriber, queue, pace)) {
      case QueueAnswer::kYes:
        if (taken_.is_all && subscriber.place_ == taken_.after_all) {
          return Served::kCurrent;
        }
        break;
      case QueueAnswer::kNoRoom:
        subscriber.lags_ = pace.must_ask = pace.only_one = true;
        break;
      case QueueAnswer::kNever:
        subscriber.miss(taken_.after_first);
        break;
      case QueueAnswer::kClosed:
        return Served::kOver;
      case QueueAnswer::kWaiting:
        subscriber.lags_ = true;
        return Served::kWaiting;
      case QueueAnswer::kLater:
        subscriber.lags_ = true;
        return Served::kLater;
    }
  }
  return Served::kMore;
}

// A publication that there is no memory for is missed.
template <class Sync>
Take BasicFanOutLane<Sync>::take_for(Subscriber& subscriber, const QueueVisit& queue,
                                     bool only_one) noexcept {
  taken_.slices.clear();
  taken_.is_note_alone = false;
  Take found = core_->take(subscriber, only_one, taken_);
  if (found == Take::kGrow) {
    try {
      taken_.slices.reserve(taken_.needed);
      found = core_->take(subscriber, only_one, taken_);
    } catch (const std::bad_alloc&) {
      subscriber.miss(taken_.after_first);
      found = Take::kAgain;
    }
  }
  if (found == Take::kTaken && taken_.slices.size() > 1 && taken_.is_all && !taken_.has_note &&
      subscriber.budget_ == nullptr) {
    taken_.shared.note(subscriber.place_, taken_.after_all, taken_.slices);
  }
  if (found == Take::kTaken && taken_.has_note) {
    add_note(subscriber, queue);
    return subscriber.has_left() ? Take::kLeft : found;
  }
  return found;
}

// Where the queue can hold the publication, but not with its note, the note goes before it.
// Otherwise everything behind the gap could be missed, too.
template <class Sync>
void BasicFanOutLane<Sync>::add_note(const Subscriber& subscriber,
                                     const QueueVisit& queue) noexcept {
  Bytes& note = taken_.slices.front();
  note = subscriber.policy_.gap_note(subscriber.gap_);
  if (note.empty()) {
    taken_.slices.erase(taken_.slices.begin());
    --taken_.first_slices;
    return;
  }
  const std::size_t with_note = taken_.first_bytes + note.size();
  taken_.is_note_alone = !queue.can_ever_hold(with_note, taken_.first_slices) &&
                         queue.can_ever_hold(taken_.first_bytes, taken_.first_slices - 1);
  if (taken_.is_note_alone) {
    taken_.slices.resize(1);
    taken_.first_slices = 1;
  }
  taken_.first_bytes = taken_.is_note_alone ? note.size() : with_note;
}

template <class Sync>
void BasicFanOutLane<Sync>::was_given(Subscriber& subscriber, const Place& until) const noexcept {
  if (taken_.is_note_alone) {
    subscriber.gap_told();
  } else {
    subscriber.note_given(until);
  }
}

template <class Sync>
QueueAnswer BasicFanOutLane<Sync>::give(Subscriber& subscriber, QueueVisit& queue,
                                        Pace& pace) noexcept {
  if (queue.holds_room()) {
    if (queue.holds_room_for(taken_.first_bytes, taken_.first_slices)) {
      return give_in_room(subscriber, queue);
    }
    queue.give_back();
    pace.must_ask = true;
  }
  if (!pace.must_ask) {
    return give_all(subscriber, queue, pace);
  }
  pace.must_ask = false;
  return queue.ask_for_room(taken_.first_bytes, taken_.first_slices);
}

template <class Sync>
QueueAnswer BasicFanOutLane<Sync>::give_in_room(Subscriber& subscriber,
                                                QueueVisit& queue) noexcept {
  const QueueAnswer answer = queue.give(taken_.first());
  if (answer == QueueAnswer::kYes) {
    was_given(subscriber, taken_.after_first);
  }
  return answer;
}

// Everything that was taken, or else the first publication alone.
template <class Sync>
QueueAnswer BasicFanOutLane<Sync>::give_all(Subscriber& subscriber, QueueVisit& queue,
                                            Pace& pace) noexcept {
  QueueAnswer answer = queue.give(taken_.slices);
  if (answer == QueueAnswer::kYes) {
    was_given(subscriber, taken_.after_all);
    return answer;
  }
  if (answer == QueueAnswer::kClosed || taken_.has_one()) {
    return answer;
  }
  pace.only_one = true;
  answer = queue.give(taken_.first());
  if (answer == QueueAnswer::kYes) {
    was_given(subscriber, taken_.after_first);
  }
  return answer;
}

// ---- Lag.

template <class Sync>
void BasicFanOutLane<Sync>::start_looking() noexcept {
  to_look_at_ = watched_.size();
  next_look_so_far_ = (TimePoint::max)();
  if (to_look_at_ == 0) {
    next_look_ = (TimePoint::max)();
  }
}

template <class Sync>
void BasicFanOutLane<Sync>::look_at_some(TimePoint now) noexcept {
  if (to_look_at_ == 0) {
    return;
  }
  for (std::size_t left = kLooksATurn; left != 0 && to_look_at_ != 0; --left, --to_look_at_) {
    Subscriber* const subscriber = watched_.pop_front();
    if (subscriber == nullptr) {
      to_look_at_ = 0;
      break;
    }
    watched_.push_back(*subscriber);
    static_cast<void>(look_at(*subscriber, now));
  }
  if (to_look_at_ == 0) {
    next_look_ = next_look_so_far_;
  }
}

// Of one in `watched_`. Returns whether it stays.
template <class Sync>
bool BasicFanOutLane<Sync>::look_at(Subscriber& subscriber, TimePoint now) noexcept {
  const LagPolicy& policy = subscriber.policy_;
  const Place& place = subscriber.place_;
  Lag lag;
  if (place.publications < seen_.end.publications) {
    lag = {seen_.end.bytes - place.bytes, seen_.end.entries - place.entries};
  }
  if (lag.is_beyond(policy.hard_limit)) {
    subscriber.end_queue(FanOutEnd::kHard);
    let_go(subscriber);
    return false;
  }
  if (!lag.is_beyond(policy.soft_limit)) {
    subscriber.beyond_soft_since_.reset();
    return true;
  }
  if (!subscriber.beyond_soft_since_) {
    subscriber.beyond_soft_since_ = now;
  }
  const TimePoint until = later(*subscriber.beyond_soft_since_, policy.soft_for);
  if (now >= until) {
    subscriber.end_queue(FanOutEnd::kSoft);
    let_go(subscriber);
    return false;
  }
  next_look_ = (std::min)(next_look_, until);
  next_look_so_far_ = (std::min)(next_look_so_far_, until);
  return true;
}

// ---- Letting go.

template <class Sync>
void BasicFanOutLane<Sync>::take_out(Subscriber& subscriber) noexcept {
  switch (subscriber.where_) {
    case Where::kNowhere:
      return;
    case Where::kServed:
      (subscriber.current_since_ == round_ ? current_ : ready_).remove(subscriber);
      break;
    case Where::kWaiting:
      waiting_.remove(subscriber);
      break;
    case Where::kWatched:
      watched_.remove(subscriber);
      break;
  }
  subscriber.where_ = Where::kNowhere;
}

template <class Sync>
void BasicFanOutLane<Sync>::let_go(Subscriber& subscriber) noexcept {
  const bool was_listed = subscriber.where_ != Where::kNowhere;
  take_out(subscriber);
  subscriber.is_over_ = true;
  subscriber.release_room();
  if (subscriber.has_waits_) {
    core_->tell_waits(subscriber, nullptr);
  }
  ++gone_;
  if (was_listed) {
    subscriber.drop_reference();
  }
}

template <class Sync>
void BasicFanOutLane<Sync>::end_all(const void* destroyed_context) noexcept {
  core_->retire(*this, destroyed_context);
  Subscriber* gone = nullptr;  // linked as mail is, which there is none of any more
  for (SubscriberList* list : {&ready_, &current_, &waiting_, &watched_}) {
    while (Subscriber* const subscriber = list->pop_front()) {
      subscriber->where_ = Where::kNowhere;
      subscriber->is_over_ = true;
      subscriber->next_mail_ = std::exchange(gone, subscriber);
    }
  }
  while (gone != nullptr) {
    const auto last = BasicSubscriberPointer<Sync>::adopt(std::exchange(gone, gone->next_mail_));
    core_->tell_waits(*last, destroyed_context);
  }
  taken_.slices.clear();
  taken_.shared.clear();
}

}  // namespace bytes_handoff::detail
