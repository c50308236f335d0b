#pragma once

// How a write queue comes to its end, and who is told what: flush, close, abort, deadlines,
// failure.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "bytes_handoff/detail/write_queue.hpp"

namespace bytes_handoff::detail {

template <class Sync>
bool BasicWriteQueue<Sync>::wait_flush(FlushWaiter& waiter) noexcept {
  const Lock lock(mutex_);
  waiter.target = stats_.admitted_items;
  if (state_ == State::kEnded) {
    waiter.error = first_error_;
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
    waiter->error = is_written ? ErrorValue{} : first_error_;
    effects.resume(*waiter);
  }
}

template <class Sync>
bool BasicWriteQueue<Sync>::wait_closed(CloseWaiter& waiter) noexcept {
  const Lock lock(mutex_);
  if (state_ == State::kEnded) {
    waiter.error = first_error_;
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
void BasicWriteQueue<Sync>::close(Effects& effects) noexcept {
  const Lock lock(mutex_);
  if (state_ != State::kOpen) {
    return;
  }
  state_ = State::kClosing;
  refuse_all_waiters(closed_refusal(), effects);
  if (writer_ == Writer::kIdle) {
    schedule(effects);
  }
}

template <class Sync>
void BasicWriteQueue<Sync>::abort(ErrorValue error, Effects& effects) noexcept {
  const Lock lock(mutex_);
  if (state_ != State::kEnded) {
    end(error, effects);
  }
}

template <class Sync>
void BasicWriteQueue<Sync>::orphan(const void* context, Effects& effects) noexcept {
  effects.destroyed_context = context;
  const Lock lock(mutex_);
  if (state_ != State::kEnded) {
    end(ErrorValue::of(Errc::closed), effects);
  }
  // Nobody will call the writer any more.
  writer_ = Writer::kIdle;
  in_flight_items_ = 0;
  effects.cancel_stream = effects.start_turn = false;
}

template <class Sync>
bool BasicWriteQueue<Sync>::tick(std::chrono::steady_clock::time_point now,
                                 Effects& effects) noexcept {
  const Lock lock(mutex_);
  if (state_ == State::kEnded || config_.stall_timeout.count() == 0 || pending_bytes_ == 0) {
    return false;
  }
  if (progress_ != progress_seen_) {
    progress_seen_ = progress_;
    progress_at_ = now;
  } else if (now - progress_at_ >= config_.stall_timeout) {
    end(ErrorValue::of(Errc::timed_out), effects);
    return false;
  }
  return true;
}

// Goes through all that is queued and all who wait, under the lock, once: an end in steps would
// have a state between, in which some know of it and some do not.
template <class Sync>
void BasicWriteQueue<Sync>::end(ErrorValue error, Effects& effects) noexcept {
  state_ = State::kEnded;
  first_error_ = error;
  effects.note_end(is_with_stream());
  fail_tickets(error, effects);
  pending_bytes_ = pending_items_ = 0;
  last_run_.reset();
  refuse_all_waiters(closed_refusal(), effects);
  std::size_t all = SIZE_MAX;
  complete_flushes(all, effects);
  while (auto* waiter = static_cast<CloseWaiter*>(close_waiters_.pop_front())) {
    waiter->linked = false;
    waiter->error = error;
    effects.resume(*waiter);
  }
}

// The write at the front failed with `error`; those behind it were never started.
template <class Sync>
void BasicWriteQueue<Sync>::fail_tickets(ErrorValue error, Effects& effects) noexcept {
  std::size_t unwritten = 0;
  std::size_t offset = front_offset_;
  Ticket* failed = items_.empty() ? nullptr : items_.front().ticket.template get<Ticket>();
  auto at = items_.empty() ? WriteItems::Cursor() : items_.front_cursor();
  for (std::size_t left = items_.size(); left != 0; --left, ++at, offset = 0) {
    Ticket* const ticket = at->ticket.template get<Ticket>();
    unwritten = ticket == nullptr ? 0 : unwritten + at->size - offset;
    if (ticket != nullptr && at->ticket.is_last()) {
      const WriteResult result{ticket == failed ? error : ErrorValue::of(Errc::closed),
                               ticket->total_bytes - unwritten};
      if (TicketWaiter* waiter = ticket->finish(result)) {
        effects.resume(*waiter);
      }
      ticket->release();
      unwritten = 0;
    }
    at->ticket = TicketLink();
  }
}

template <class Sync>
std::optional<std::vector<Bytes>> BasicWriteQueue<Sync>::take_unwritten() {
  WriteItems items;
  std::size_t offset = 0;
  std::vector<Bytes> unwritten;
  {
    const Lock lock(mutex_);
    if (state_ != State::kEnded || is_with_stream()) {
      return std::nullopt;
    }
    unwritten.reserve(items_.size());
    items.swap(items_);
    offset = std::exchange(front_offset_, 0);
  }
  for (; !items.empty(); items.pop_front()) {
    const WriteItem& item = items.front();
    Bytes bytes = BytesAccess::adopt(item.data, item.size, item.owner);
    if (offset >= item.size && offset != 0) {
      offset -= item.size;
      continue;
    }
    static_cast<void>(bytes.advance(std::exchange(offset, 0)));
    unwritten.push_back(std::move(bytes));
  }
  return unwritten;
}

template <class Sync>
void BasicWriteQueue<Sync>::discard_unwritten() noexcept {
  WriteItems items;
  {
    const Lock lock(mutex_);
    if (state_ != State::kEnded || is_with_stream()) {
      return;
    }
    items.swap(items_);
    front_offset_ = 0;
    last_run_.reset();
  }
  release_owners(items);
}

// Outside the lock: dropping an owner may run a user's destructor.
template <class Sync>
void BasicWriteQueue<Sync>::release_owners(WriteItems& items) noexcept {
  for (; !items.empty(); items.pop_front()) {
    if (Owner* owner = items.front().owner) {
      owner->release(1);
    }
  }
}

template <class Sync>
BasicWriteQueue<Sync>::~BasicWriteQueue() {
  Effects unused;
  fail_tickets(ErrorValue::of(Errc::closed), unused);
  release_owners(items_);
}

}  // namespace bytes_handoff::detail
