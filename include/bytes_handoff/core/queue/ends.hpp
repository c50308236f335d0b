#pragma once

// How a write queue comes to its end, and who is told what: flush, close, abort, time limits,
// failure.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "bytes_handoff/core/queue/tickets.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"
#include "bytes_handoff/core/support/later.hpp"

namespace bytes_handoff::detail {

template <class Sync>
bool BasicWriteQueue<Sync>::wait_flush(FlushWaiter& waiter) noexcept {
  const Lock lock(mutex_);
  waiter.target = stats_.admitted_items;
  if (state_ == State::kEnded) {
    waiter.error = error_;
    return true;
  }
  if (items_.empty()) {
    return true;
  }
  waiter.linked = true;
  flush_waiters_.push_back(waiter);
  return false;
}

template <class Sync>
void BasicWriteQueue<Sync>::cancel(FlushWaiter& waiter, ErrorValue cancelled,
                                   Effects& effects) noexcept {
  const Lock lock(mutex_);
  if (std::exchange(waiter.linked, false)) {
    flush_waiters_.remove(waiter);
    waiter.error = cancelled;
    effects.resume(waiter);
  }
}

template <class Sync>
void BasicWriteQueue<Sync>::complete_flushes(std::size_t& left, Effects& effects) noexcept {
  for (; left != 0 && !flush_waiters_.empty(); --left) {
    auto* waiter = static_cast<FlushWaiter*>(flush_waiters_.front());
    const bool is_written = waiter->target <= written_items();
    if (!is_written && state_ != State::kEnded) {
      break;
    }
    flush_waiters_.remove(*waiter);
    waiter->linked = false;
    waiter->error = is_written ? ErrorValue{} : error_;
    effects.resume(*waiter);
  }
}

template <class Sync>
bool BasicWriteQueue<Sync>::wait_closed(CloseWaiter& waiter) noexcept {
  const Lock lock(mutex_);
  if (state_ == State::kEnded) {
    waiter.error = error_;
    return true;
  }
  waiter.linked = true;
  close_waiters_.push_back(waiter);
  return false;
}

template <class Sync>
void BasicWriteQueue<Sync>::cancel(CloseWaiter& waiter, ErrorValue cancelled,
                                   Effects& effects) noexcept {
  const Lock lock(mutex_);
  if (std::exchange(waiter.linked, false)) {
    close_waiters_.remove(waiter);
    waiter.error = cancelled;
    effects.resume(waiter);
  }
}

template <class Sync>
bool BasicWriteQueue<Sync>::wait_unwritten(UnwrittenWaiter& waiter) noexcept {
  std::size_t credit = 0;
  {
    const Lock lock(mutex_);
    if (state_ != State::kEnded || is_with_stream()) {
      waiter.linked = true;
      unwritten_waiters_.push_back(waiter);
      return false;
    }
    waiter.items.swap(items_, front_offset_);
    credit = forget_charges();
  }
  give_back_credit(credit);
  return true;
}

template <class Sync>
void BasicWriteQueue<Sync>::cancel(UnwrittenWaiter& waiter, ErrorValue cancelled,
                                   Effects& effects) noexcept {
  const Lock lock(mutex_);
  if (std::exchange(waiter.linked, false)) {
    unwritten_waiters_.remove(waiter);
    waiter.error = cancelled;
    effects.resume(waiter);
  }
}

template <class Sync>
void BasicWriteQueue<Sync>::close(Waiters waiters, Effects& effects) noexcept {
  bool is_settled = true;
  {
    const Lock lock(mutex_);
    if (state_ != State::kOpen) {
      return;
    }
    start_closing(effects);
    is_settled = end_waiting(waiters, effects);
  }
  admit_the_rest(is_settled, effects);
}

template <class Sync>
void BasicWriteQueue<Sync>::abort_after_written(Effects& effects, ErrorValue error, Waiters waiters,
                                                EndedBy by) noexcept {
  bool is_settled = true;
  {
    const Lock lock(mutex_);
    if (state_ == State::kEnded || writer_ == Writer::kShuttingDown) {
      return;
    }
    if (state_ == State::kOpen) {
      start_closing(effects);
    }
    if (std::exchange(ends_in_order_, false)) {
      error_ = error;
      cut_by_ = by;
    }
    is_settled = end_waiting(waiters, effects);
  }
  admit_the_rest(is_settled, effects);
}

// Returns as `admit_a_step`.
template <class Sync>
bool BasicWriteQueue<Sync>::end_waiting(Waiters waiters, Effects& effects) noexcept {
  if (waiters == Waiters::refuse) {
    refuse_all_waiters(closed_refusal(), effects);
    return true;
  }
  refuse_reservations(effects);
  return admit_a_step(effects);
}

template <class Sync>
void BasicWriteQueue<Sync>::start_closing(Effects& effects) noexcept {
  state_ = State::kClosing;
  take_back_all(effects);
  note_progress();
  is_watched_ = false;  // for a stall perhaps, which may allow more time
  if (writer_ == Writer::kIdle) {
    writer_ = Writer::kScheduled;
    effects.ask_for_turn();
  } else if (writer_ == Writer::kWriting) {
    watch_time(effects);  // the stream may be stuck
  }
}

template <class Sync>
void BasicWriteQueue<Sync>::abort(ErrorValue error, Effects& effects, EndedBy by) noexcept {
  const Lock lock(mutex_);
  if (state_ != State::kEnded) {
    end(error, by, effects);
  }
}

template <class Sync>
void BasicWriteQueue<Sync>::orphan(const void* context, Effects& effects) noexcept {
  effects.destroyed_context = context;
  const Lock lock(mutex_);
  if (state_ != State::kEnded) {
    end(ErrorValue::of(Errc::closed), EndedBy::context, effects);
  }
  // Nobody will call the writer any more.
  writer_ = Writer::kIdle;
  in_flight_items_ = 0;
  effects.cancel_stream = effects.start_turn = effects.watch_time = false;
  give_unwritten(effects);
}

template <class Sync>
void BasicWriteQueue<Sync>::watch_time(Effects& effects) noexcept {
  const bool has_limit =
      state_ == State::kClosing || config_.stall_timeout.count() != 0 || looks_for_stall();
  if (has_limit && !std::exchange(is_watched_, true)) {
    effects.ask_for_time();
  }
}

// Of the stream, before the queue is ended.
template <class Sync>
std::chrono::nanoseconds BasicWriteQueue<Sync>::longest_silence() const noexcept {
  auto longest = (std::chrono::nanoseconds::max)();
  if (state_ == State::kClosing) {
    longest = config_.close_timeout;
  }
  if (config_.stall_timeout.count() != 0 && pending_bytes_ != 0) {
    longest = (std::min)(longest, config_.stall_timeout);
  }
  return longest;
}

// False once there is nothing to be watched.
template <class Sync>
bool BasicWriteQueue<Sync>::update_watch() noexcept {
  is_watched_ =
      state_ == State::kClosing || (state_ == State::kOpen && pending_bytes_ != 0 &&
                                    (config_.stall_timeout.count() != 0 || looks_for_stall()));
  return is_watched_;
}

template <class Sync>
bool BasicWriteQueue<Sync>::needs_tick() noexcept {
  const Lock lock(mutex_);
  return update_watch();
}

template <class Sync>
auto BasicWriteQueue<Sync>::tick(TimePoint now, bool acknowledged, Effects& effects) noexcept
    -> TimePoint {
  const Lock lock(mutex_);
  note_age(now);
  if (!update_watch()) {
    return (TimePoint::max)();
  }
  if (acknowledged) {
    note_progress();
  }
  const bool is_silent = !std::exchange(has_progressed_, false);
  if (!is_silent) {
    progress_at_ = now;
  }
  const TimePoint silent_until = later(progress_at_, longest_silence());
  TimePoint end_at = silent_until;
  // What makes progress goes on, also where it may not be silent at all.
  bool is_over = is_silent && now >= silent_until;
  if (state_ == State::kClosing) {
    closing_since_ = closing_since_ == kNever ? now : closing_since_;
    const TimePoint limit = later(closing_since_, config_.close_limit);
    end_at = (std::min)(end_at, limit);
    is_over = is_over || now >= limit;
  }
  if (is_over && end_at != (TimePoint::max)()) {
    is_watched_ = false;
    const bool tells_more = error_ && error_ != ErrorValue::of(Errc::aborted);
    tells_more ? end(error_, cut_by_, effects)
               : end(ErrorValue::of(Errc::timed_out), EndedBy::time_limit, effects);
    return (TimePoint::max)();
  }
  TimePoint next = (std::min)(end_at, later(now, look_pause(longest_silence())));
  if (looks_for_stall() && pending_bytes_ != 0) {
    next = (std::min)(next, look_for_stall(now, effects));
  }
  return update_watch() ? next : (TimePoint::max)();
}

// Returns when to look for it again.
template <class Sync>
auto BasicWriteQueue<Sync>::look_for_stall(TimePoint now, Effects& effects) noexcept -> TimePoint {
  const TimePoint stalled_at = later(progress_at_, events_->stalled_after());
  if (now < stalled_at) {
    return (std::min)(stalled_at, later(now, look_pause(events_->stalled_after())));
  }
  events_->note_stall(now - progress_at_, stats_.written_bytes);
  ask_to_tell(effects);
  return (TimePoint::max)();
}

// Goes through all that is queued and all who wait, under the lock, once: an end in steps would
// have a state between, in which some know of it and some do not.
template <class Sync>
void BasicWriteQueue<Sync>::end(ErrorValue error, EndedBy by, Effects& effects) noexcept {
  if (events_ != nullptr) {
    QueueNow unwritten = now();
    unwritten.bytes -= front_offset_;
    events_->note_end(by, error, unwritten);
    ask_to_tell(effects);
  }
  if (state_ == State::kOpen) {
    take_back_all(effects);
  }
  state_ = State::kEnded;
  error_ = error;
  effects.note_end(is_with_stream(), writer_ == Writer::kScheduled);
  ended_items_ = written_items();
  ended_bytes_ = stats_.admitted_bytes - pending_bytes_ + front_offset_;
  fail_tickets(effects);
  pending_bytes_ = 0;
  compactor_.reset(effects.releases);
  refuse_all_waiters(closed_refusal(), effects);
  std::size_t all = SIZE_MAX;
  complete_flushes(all, effects);
  while (auto* waiter = static_cast<CloseWaiter*>(close_waiters_.pop_front())) {
    waiter->linked = false;
    waiter->error = error;
    effects.resume(*waiter);
  }
  if (!is_with_stream()) {
    give_unwritten(effects);
  }
}

// To the first who waits for it; the others get nothing. Once the stream has nothing more to do.
template <class Sync>
void BasicWriteQueue<Sync>::give_unwritten(Effects& effects) noexcept {
  while (auto* waiter = static_cast<UnwrittenWaiter*>(unwritten_waiters_.pop_front())) {
    waiter->linked = false;
    waiter->items.swap(items_, front_offset_);
    discharge_all(effects);
    effects.resume(*waiter);
  }
}

// What is given back to a caller is the caller's.
template <class Sync>
void BasicWriteQueue<Sync>::discharge_all(Effects& effects) noexcept {
  discharge(account_.charged(), effects);
}

// Of a write that came back after the end. They fit into what one gather releases.
template <class Sync>
void BasicWriteQueue<Sync>::drop_written(std::size_t written, Effects& effects) noexcept {
  front_offset_ += written;
  std::size_t charge = 0;
  items_.pop_front_while(items_.size(), false, [&](const WriteItem& item) {
    if (front_offset_ == 0 || front_offset_ < item.size) {
      return false;
    }
    front_offset_ -= item.size;
    charge += account_ ? account_.charge_of(item.owner, item.size) : 0;
    effects.releases.add(item.owner);
    return true;
  });
  discharge(charge, effects);
}

template <class Sync>
void BasicWriteQueue<Sync>::fail_tickets(Effects& effects) noexcept {
  if (items_.empty()) {
    return;
  }
  auto at = items_.front_cursor();
  for (std::size_t left = items_.size(); left != 0; --left, ++at) {
    if (TicketWaiter* const waiter = std::exchange(at->waiter, nullptr)) {
      complete_ticket(*waiter, result_of(waiter->write), effects);
    }
  }
}

template <class Sync>
void BasicWriteQueue<Sync>::discard_unwritten() noexcept {
  std::size_t credit = 0;
  DeferredReleases releases;
  {
    UnwrittenItems items;
    const Lock lock(mutex_);
    if (state_ == State::kEnded && !is_with_stream()) {
      items.swap(items_, front_offset_);
      compactor_.reset(releases);
      credit = forget_charges();
    }
  }
  releases.run();
  give_back_credit(credit);
}

template <class Sync>
std::size_t BasicWriteQueue<Sync>::forget_charges() noexcept {
  return account_ ? account_.forget_all() : 0;
}

// Without the lock.
template <class Sync>
void BasicWriteQueue<Sync>::give_back_credit(std::size_t credit) noexcept {
  if (credit != 0) {
    WaitingList woken;
    account_.pot().give_back(credit, woken);
    resume_all(woken);
  }
}

template <class Sync>
void BasicWriteQueue<Sync>::put_back(UnwrittenItems& items) noexcept {
  const Lock lock(mutex_);
  if (items_.empty()) {
    items.swap(items_, front_offset_);  // not charged again: they are no more than they were
  }
}

template <class Sync>
BasicWriteQueue<Sync>::~BasicWriteQueue() {
  {
    UnwrittenItems items;
    items.swap(items_, front_offset_);
  }
  give_back_credit(forget_charges());
}

}  // namespace bytes_handoff::detail
