#pragma once

// The members of BasicFanOutCore, for who instantiates it.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "bytes_handoff/core/budget/paid_entry.hpp"
#include "bytes_handoff/core/fan_out/fan_out_core.hpp"
#include "bytes_handoff/core/fan_out/lane.hpp"
#include "bytes_handoff/core/support/saturating_sum.hpp"

namespace bytes_handoff::detail {

inline bool is_beyond(const LagLimit& limit, const Place& place, const Place& end) noexcept {
  return end.entries - place.entries > limit.entries || end.bytes - place.bytes > limit.bytes;
}

// ---- Publishers.

template <class Sync>
expected<void, Errc> BasicFanOutCore<Sync>::publish(std::span<Bytes> slices,
                                                    const PublicationKey& key,
                                                    LaneList& woken) noexcept {
  std::size_t bytes = 0;
  for (const Bytes& slice : slices) {
    bytes = saturating_sum(bytes, slice.size());
  }
  std::shared_ptr<const BasicFanOutCore> kept;
  DroppedBytes dropped;
  for (bool is_done = false; !is_done; dropped.release()) {
    const Lock lock(mutex_);
    if (is_closed_) {
      return unexpected(Errc::closed);
    }
    if (!log_.can_hold(slices.size(), bytes)) {
      return unexpected(Errc::can_never_fit);
    }
    is_done = slices.empty() || log_.make_room(slices.size(), bytes, dropped);
    if (!is_done) {
      kept = this->shared_from_this();  // what is dropped may have had the last handle
    } else if (!slices.empty()) {
      log_.push(slices, bytes, key, dropped);
      schedule_all(woken);
    }
  }
  return {};
}

template <class Sync>
void BasicFanOutCore<Sync>::close(bool closes_queues, LaneList& woken) noexcept {
  const Lock lock(mutex_);
  if (!std::exchange(is_closed_, true)) {
    closes_queues_ = closes_queues;
    schedule_all(woken);
  }
}

template <class Sync>
bool BasicFanOutCore<Sync>::is_closed() const noexcept {
  const Lock lock(mutex_);
  return is_closed_;
}

template <class Sync>
bool BasicFanOutCore<Sync>::closes_queues() const noexcept {
  const Lock lock(mutex_);
  return closes_queues_;
}

// ---- Subscribers.

template <class Sync>
bool BasicFanOutCore<Sync>::join(Subscriber& subscriber, LaneList& woken) noexcept {
  const Lock lock(mutex_);
  Lane& lane = subscriber.lane();
  if (is_closed_ || lane.is_retired_) {
    return false;
  }
  subscriber.place_ = log_.end();
  ++lane.members_;
  mail(subscriber, true, woken);
  return true;
}

template <class Sync>
void BasicFanOutCore<Sync>::leave(Subscriber& subscriber, LaneList& woken) noexcept {
  const Lock lock(mutex_);
  subscriber.has_left_.store(true, std::memory_order_release);
  if (!subscriber.is_over_) {
    mail(subscriber, true, woken);
  }
}

template <class Sync>
void BasicFanOutCore<Sync>::answer(Subscriber& subscriber, LaneList& woken) noexcept {
  const Lock lock(mutex_);
  if (!subscriber.is_over_) {
    mail(subscriber, true, woken);
  }
}

template <class Sync>
void BasicFanOutCore<Sync>::mail(Subscriber& subscriber, bool is_news, LaneList& woken) noexcept {
  Lane& lane = subscriber.lane();
  if (lane.is_retired_) {
    return;
  }
  subscriber.is_news_ = subscriber.is_news_ || is_news;
  if (!std::exchange(subscriber.has_mail_, true)) {
    subscriber.add_reference();
    subscriber.next_mail_ = nullptr;
    (lane.first_mail_ == nullptr ? lane.first_mail_ : lane.last_mail_->next_mail_) = &subscriber;
    lane.last_mail_ = &subscriber;
  }
  schedule(lane, woken);
}

// ---- Who waits until a subscriber has caught up.

// Only the lane knows how far a subscriber is. So it is told, even if that is far enough.
template <class Sync>
bool BasicFanOutCore<Sync>::wait_caught_up(Subscriber& subscriber, CaughtUpWaiter& waiter,
                                           LaneList& woken) noexcept {
  const Lock lock(mutex_);
  if (subscriber.lane().is_retired_ || subscriber.has_left() || subscriber.is_over()) {
    waiter.outcome = CaughtUpWaiter::Outcome::kLeft;
    return true;
  }
  waiter.target = log_.end().publications;
  waiter.linked = true;
  subscriber.waits_.push_back(waiter);
  mail(subscriber, false, woken);
  return false;
}

template <class Sync>
void BasicFanOutCore<Sync>::cancel_wait(Subscriber& subscriber, CaughtUpWaiter& waiter) noexcept {
  {
    const Lock lock(mutex_);
    if (!std::exchange(waiter.linked, false)) {
      return;
    }
    subscriber.waits_.remove(waiter);
    waiter.outcome = CaughtUpWaiter::Outcome::kCancelled;
  }
  waiter.resume(nullptr);
}

template <class Sync>
void BasicFanOutCore<Sync>::tell_waits(Subscriber& subscriber,
                                       const void* destroyed_context) noexcept {
  CaughtUpList over;
  {
    const Lock lock(mutex_);
    const std::uint64_t place = subscriber.place_.publications;
    CaughtUpWaiter* waiter = subscriber.waits_.front();
    while (waiter != nullptr && (waiter->target <= place || subscriber.is_over_)) {
      using Outcome = CaughtUpWaiter::Outcome;
      waiter->outcome = waiter->target <= place ? Outcome::kCaughtUp : Outcome::kLeft;
      waiter->linked = false;
      over.push_back(*subscriber.waits_.pop_front());
      waiter = subscriber.waits_.front();
    }
    subscriber.has_waits_ = waiter != nullptr;
  }
  while (CaughtUpWaiter* const waiter = over.pop_front()) {
    waiter->resume(destroyed_context);
  }
}

// ---- Lanes.

template <class Sync>
void BasicFanOutCore<Sync>::add(Lane& lane) {
  lanes_.push_back(&lane);
  make_idle(lane);
}

template <class Sync>
void BasicFanOutCore<Sync>::call(Lane& lane, LaneList& woken) noexcept {
  const Lock lock(mutex_);
  schedule(lane, woken);
}

template <class Sync>
void BasicFanOutCore<Sync>::put_to_sleep(Lane& lane) noexcept {
  const Lock lock(mutex_);
  if (!lane.is_retired_) {
    make_idle(lane);
  }
}

template <class Sync>
void BasicFanOutCore<Sync>::schedule(Lane& lane, LaneList& woken) noexcept {
  if (lane.idle_since_ == wakes_) {
    idle_.remove(lane);
    lane.idle_since_ = 0;
    woken.push_back(lane);
  }
}

// However many there are: they need not be told one by one that they are idle no more.
template <class Sync>
void BasicFanOutCore<Sync>::schedule_all(LaneList& woken) noexcept {
  woken.splice_back(idle_);
  ++wakes_;
}

template <class Sync>
void BasicFanOutCore<Sync>::make_idle(Lane& lane) noexcept {
  lane.add_reference();
  lane.idle_since_ = wakes_;
  idle_.push_back(lane);
}

template <class Sync>
void BasicFanOutCore<Sync>::forget(Lane& lane) noexcept {
  lane.is_retired_ = true;
  std::erase(lanes_, &lane);
}

template <class Sync>
void BasicFanOutCore<Sync>::retire(Lane& lane, const void* destroyed_context) noexcept {
  Subscriber* mail = nullptr;
  bool was_idle = false;
  {
    const Lock lock(mutex_);
    forget(lane);
    mail = std::exchange(lane.first_mail_, nullptr);
    was_idle = lane.idle_since_ == wakes_;
    if (was_idle) {
      idle_.remove(lane);
      lane.idle_since_ = 0;
    }
  }
  while (mail != nullptr) {
    const auto subscriber =
        BasicSubscriberPointer<Sync>::adopt(std::exchange(mail, mail->next_mail_));
    subscriber->is_over_ = true;
    tell_waits(*subscriber, destroyed_context);
  }
  if (was_idle) {
    lane.drop_reference();
  }
}

template <class Sync>
Glance BasicFanOutCore<Sync>::begin_turn(Lane& lane, MailBatch& mail) noexcept {
  const Lock lock(mutex_);
  for (BasicSubscriberPointer<Sync>& each : mail) {
    Subscriber* const first = lane.first_mail_;
    if (first == nullptr) {
      break;
    }
    lane.first_mail_ = first->next_mail_;
    first->has_mail_ = false;
    first->has_news_ = std::exchange(first->is_news_, false);
    first->has_waits_ = !first->waits_.empty();
    each = BasicSubscriberPointer<Sync>::adopt(first);
  }
  return {log_.end(), is_closed_};
}

template <class Sync>
bool BasicFanOutCore<Sync>::end_turn(Lane& lane, const Glance& seen, bool has_more,
                                     std::size_t gone) noexcept {
  const Lock lock(mutex_);
  lane.members_ -= gone;
  if (lane.first_mail_ != nullptr) {
    return true;
  }
  if (lane.members_ == 0) {
    forget(lane);
    return false;
  }
  if (has_more || seen != Glance{log_.end(), is_closed_}) {
    return true;
  }
  make_idle(lane);
  return false;
}

// ---- What a subscriber is given.

template <class Sync>
Take BasicFanOutCore<Sync>::take(Subscriber& subscriber, bool only_one, Taken& taken) noexcept {
  const Lock lock(mutex_);
  if (subscriber.has_left()) {
    return Take::kLeft;
  }
  if (subscriber.place_.publications < log_.first().publications) {
    subscriber.miss(log_.first());
  }
  for (int passed = 0;; ++passed) {
    if (subscriber.place_ == log_.end()) {
      return is_closed_ ? Take::kNoneAndClosed : Take::kNone;
    }
    const Publication& next = log_.publication(subscriber.place_.publications);
    if (!passes_over(subscriber, next)) {
      break;
    }
    if (passed == kMaxPassed) {
      return Take::kAgain;
    }
  }
  return copy_from(subscriber, only_one, taken);
}

template <class Sync>
Take BasicFanOutCore<Sync>::copy_from(const Subscriber& subscriber, bool only_one,
                                      Taken& taken) noexcept {
  const Publication* next = &log_.publication(subscriber.place_.publications);
  if (next->entries + 1 > taken.slices.capacity()) {
    taken.needed = next->entries + 1;
    taken.after_first = next->end();
    return Take::kGrow;
  }
  taken.has_note = subscriber.gap_ != 0 && subscriber.policy_.gap_note;
  if (taken.has_note) {
    taken.slices.emplace_back();
  }
  const bool is_shared = !only_one && !taken.has_note && !subscriber.lags_ &&
                         subscriber.budget_ == nullptr &&
                         taken.shared.has(subscriber.place_, log_.end());
  if (is_shared) {
    taken.shared.give(taken.slices);
    taken.first_slices = next->entries;
    taken.after_first = next->end();
    taken.after_all = log_.end();
  } else {
    copy(*next, subscriber.budget_, taken);
    taken.first_slices = taken.slices.size();
    taken.after_first = taken.after_all;
  }
  taken.first_bytes = next->bytes;
  while (!only_one && taken.after_all != log_.end()) {
    next = &log_.publication(taken.after_all.publications);
    const bool is_passed_over =
        subscriber.lags_ && subscriber.policy_.conflate && next->is_superseded;
    if (is_passed_over || next->entries + taken.slices.size() > Taken::kUsualSlices) {
      break;
    }
    copy(*next, subscriber.budget_, taken);
  }
  taken.is_all = taken.after_all == log_.end() && !is_closed_;
  return Take::kTaken;
}

// Of who lags, by policy; then its place is behind `next`. The newest is never passed over.
template <class Sync>
bool BasicFanOutCore<Sync>::passes_over(Subscriber& subscriber,
                                        const Publication& next) const noexcept {
  const LagPolicy& policy = subscriber.policy_;
  if (!subscriber.lags_ || next.end() == log_.end()) {
    return false;
  }
  if (is_beyond(policy.skip_beyond, subscriber.place_, log_.end())) {
    subscriber.miss(next.end());
    return true;
  }
  if (policy.conflate && next.is_superseded) {
    subscriber.conflated_ += next.entries;
    subscriber.place_ = next.end();
    return true;
  }
  return false;
}

// The first queue of a budget that is given an entry has it charged there, for all of them.
template <class Sync>
void BasicFanOutCore<Sync>::copy(const Publication& publication, BudgetState* budget,
                                 Taken& taken) noexcept {
  if (budget != nullptr) [[unlikely]] {
    for (auto entry = publication.at.entries; entry != publication.end().entries; ++entry) {
      PaidEntry::pay_for(log_.slice(entry), *budget);
    }
  }
  for (std::size_t i = 0; i != publication.entries; ++i) {
    taken.slices.push_back(log_.slice(publication.at.entries + i));
  }
  taken.after_all = publication.end();
}

}  // namespace bytes_handoff::detail
