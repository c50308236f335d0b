#pragma once

// The members of BasicWriteQueue, for who instantiates it.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "bytes_handoff/core/queue/admission.hpp"
#include "bytes_handoff/core/queue/departure.hpp"
#include "bytes_handoff/core/queue/ends.hpp"
#include "bytes_handoff/core/queue/line.hpp"
#include "bytes_handoff/core/queue/tickets.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"

namespace bytes_handoff::detail {

template <class Sync>
std::size_t BasicWriteQueue<Sync>::pending_bytes() const noexcept {
  const Lock lock(mutex_);
  return pending_bytes_;
}

template <class Sync>
std::size_t BasicWriteQueue<Sync>::pending_items() const noexcept {
  const Lock lock(mutex_);
  return count_pending();
}

template <class Sync>
bool BasicWriteQueue<Sync>::is_open() const noexcept {
  const Lock lock(mutex_);
  return state_ == State::kOpen;
}

template <class Sync>
bool BasicWriteQueue<Sync>::has_ended() const noexcept {
  const Lock lock(mutex_);
  return state_ == State::kEnded;
}

template <class Sync>
bool BasicWriteQueue<Sync>::has_ended_in_order() const noexcept {
  const Lock lock(mutex_);
  return state_ == State::kEnded && !error_;
}

template <class Sync>
bool BasicWriteQueue<Sync>::was_ended_by_stream() const noexcept {
  const Lock lock(mutex_);
  return state_ == State::kEnded && was_ended_by_stream_;
}

template <class Sync>
ErrorValue BasicWriteQueue<Sync>::first_error() const noexcept {
  const Lock lock(mutex_);
  return ended_with();
}

template <class Sync>
auto BasicWriteQueue<Sync>::closing_since() const noexcept -> std::optional<TimePoint> {
  const Lock lock(mutex_);
  return closing_since_ == kNever ? std::nullopt : std::optional(closing_since_);
}

template <class Sync>
void BasicWriteQueue<Sync>::add_time_blocked(std::chrono::nanoseconds time) noexcept {
  const Lock lock(mutex_);
  stats_.time_blocked += time;
}

template <class Sync>
QueueNow BasicWriteQueue<Sync>::now() const noexcept {
  return {count_pending(), pending_bytes_,      config_.max_items,     config_.max_pending_bytes,
          line_.size(),    line_totals().bytes, stats_.admitted_items, stats_.written_bytes};
}

template <class Sync>
void BasicWriteQueue<Sync>::look_for_events(Effects& effects) noexcept {
  const Lock lock(mutex_);
  ask_to_tell(effects);
}

template <class Sync>
void BasicWriteQueue<Sync>::compare_events(Effects& effects) noexcept {
  if (events_->next(now())) {
    effects.ask_to_tell();
  }
}

template <class Sync>
void BasicWriteQueue<Sync>::tell_events() noexcept {
  {
    const Lock lock(mutex_);
    if (!events_->begin_telling()) {
      return;
    }
  }
  for (;;) {
    std::optional<QueueEvent> event;
    {
      const Lock lock(mutex_);
      event = events_->take(now());
    }
    if (!event) {
      return;
    }
    event->name = name_.view();
    events_->hook()(*event);
  }
}

template <class Sync>
void BasicWriteQueue<Sync>::note_time(TimePoint now) noexcept {
  const Lock lock(mutex_);
  note_age(now);
}

template <class Sync>
std::uint64_t BasicWriteQueue<Sync>::written_bytes() const noexcept {
  const Lock lock(mutex_);
  return stats_.written_bytes;
}

template <class Sync>
WriteStatistics BasicWriteQueue<Sync>::statistics(std::optional<TimePoint> now) noexcept {
  const Lock lock(mutex_);
  WriteStatistics statistics{stats_};
  statistics.pending_items = count_pending();
  statistics.pending_bytes = pending_bytes_;
  statistics.held_bytes = held_bytes();
  statistics.waiters = line_.size();
  statistics.waiting_bytes = line_totals().bytes;
  statistics.reserved_bytes = reserved_bytes();
  statistics.reserved_items = reserved_items();
  if (now) {
    note_age(*now);
    // It may have been read before the lock was there.
    const auto age = [&](TimePoint since) { return *now - (std::min)(since, *now); };
    if (statistics.pending_items != 0) {
      statistics.oldest_pending_age =
          age(items_.head().ages.oldest(written_items()).value_or(*now));
    }
    if (const auto* first = static_cast<const RoomWaiter*>(line_.front())) {
      statistics.oldest_waiter_age = age(first->since);
    }
  }
  return statistics;
}

template <class Sync>
QueueFigures BasicWriteQueue<Sync>::figures() const noexcept {
  static constexpr std::array kStates{"open", "closing", "ended"};
  static constexpr std::array kWriters{"idle", "scheduled", "writing", "shutting_down",
                                       "acknowledging"};
  const Lock lock(mutex_);
  return {kStates[static_cast<std::size_t>(state_)],
          kWriters[static_cast<std::size_t>(writer_)],
          count_pending(),
          pending_bytes_,
          in_flight_items_,
          line_.size(),
          line_totals().items,
          line_totals().bytes,
          reserved_items(),
          reserved_bytes(),
          flush_waiters_.size(),
          close_waiters_.size(),
          ended_with(),
          name_.view()};
}

}  // namespace bytes_handoff::detail
