#pragma once

// Definitions of BasicWriteQueue: included where it is instantiated.

#include <algorithm>
#include <mutex>

#include "bytes_handoff/detail/write_queue.hpp"

namespace bytes_handoff::detail {

namespace {

inline std::size_t saturating_sum(std::size_t a, std::size_t b) noexcept {
  return b > SIZE_MAX - a ? SIZE_MAX : a + b;
}

// Saturates: SIZE_MAX bytes can never fit.
inline std::size_t total_size(std::span<const Bytes> slices) noexcept {
  std::size_t total = 0;
  for (const Bytes& slice : slices) {
    total = saturating_sum(total, slice.size());
  }
  return total;
}

inline std::size_t item_count(std::span<const Bytes> slices) noexcept {
  return std::max<std::size_t>(slices.size(), 1);
}

}  // namespace

// ---- submission

template <class Sync>
std::optional<Refusal> BasicWriteQueue<Sync>::held_up_by(std::size_t bytes,
                                                         std::size_t items) const noexcept {
  if (bytes > config_.max_pending_bytes - pending_bytes_) {
    return Refusal{WriteRefusalReason::byte_budget_exceeded,
                   saturating_sum(pending_bytes_, bytes),
                   config_.max_pending_bytes,
                   {}};
  }
  if (items > config_.max_items - pending_items_) {
    return Refusal{WriteRefusalReason::queue_full,
                   saturating_sum(pending_items_, items),
                   config_.max_items,
                   {}};
  }
  return std::nullopt;
}

// The usual case, without the reasons; where it is false, `refusal_of` tells why.
template <class Sync>
bool BasicWriteQueue<Sync>::has_room(std::size_t bytes, std::size_t items) const noexcept {
  return state_ == State::kOpen && write_waiters_.empty() && bytes != SIZE_MAX &&
         bytes <= config_.max_pending_bytes - pending_bytes_ &&
         items <= config_.max_items - pending_items_;
}

template <class Sync>
Refusal BasicWriteQueue<Sync>::closed_refusal() const noexcept {
  return Refusal{WriteRefusalReason::closed, 0, 0, first_error_};
}

// The order of these is the order of precedence.
template <class Sync>
std::optional<Refusal> BasicWriteQueue<Sync>::refusal_of(std::size_t bytes,
                                                         std::size_t items) noexcept {
  if (state_ != State::kOpen) {
    return closed_refusal();
  }
  if (bytes > config_.max_pending_bytes || bytes == SIZE_MAX) {
    return Refusal{WriteRefusalReason::can_never_fit, bytes, config_.max_pending_bytes, {}};
  }
  if (items > config_.max_items) {
    return Refusal{WriteRefusalReason::can_never_fit, items, config_.max_items, {}};
  }
  if (auto* first = static_cast<WriteWaiter*>(write_waiters_.front())) {
    return held_up_by(first->bytes, first->items);
  }
  return held_up_by(bytes, items);
}

template <class Sync>
void BasicWriteQueue<Sync>::count_refusal(const Refusal& refusal) noexcept {
  ++stats_.refusals[static_cast<std::size_t>(refusal.reason)];
}

template <class Sync>
expected<void, Refusal> BasicWriteQueue<Sync>::try_write(std::span<Bytes> slices, Ticket* ticket,
                                                         Effects& effects) {
  const std::size_t bytes = total_size(slices);
  const std::size_t items = item_count(slices);
  const Lock lock(mutex_);
  if (!has_room(bytes, items)) {
    const Refusal refusal = *refusal_of(bytes, items);
    count_refusal(refusal);
    return unexpected(refusal);
  }
  items_.reserve(items);
  push(slices, bytes, ticket, effects);
  return {};
}

template <class Sync>
auto BasicWriteQueue<Sync>::wait_write(WriteWaiter& waiter, Effects& effects) -> Wait {
  waiter.bytes = total_size(waiter.slices);
  waiter.items = item_count(waiter.slices);
  const Lock lock(mutex_);
  auto refusal = refusal_of(waiter.bytes, waiter.items);
  if (!refusal) {
    items_.reserve(waiter.items);
    waiter.refusal.reset();
    push(waiter.slices, waiter.bytes, waiter.ticket, effects);
    return Wait::kAdmitted;
  }
  const bool room_may_come = refusal->reason == WriteRefusalReason::byte_budget_exceeded ||
                             refusal->reason == WriteRefusalReason::queue_full;
  if (room_may_come && write_waiters_.size() < config_.max_waiters) {
    items_.reserve(waiting_items_ + waiter.items);
    waiting_items_ += waiter.items;
    waiter.linked = true;
    write_waiters_.push_back(waiter);
    ++stats_.waits;
    stats_.high_water_waiters = std::max(stats_.high_water_waiters, write_waiters_.size());
    return Wait::kWaiting;
  }
  if (room_may_come) {
    refusal = Refusal{
        WriteRefusalReason::too_many_waiters, write_waiters_.size() + 1, config_.max_waiters, {}};
  }
  count_refusal(*refusal);
  waiter.refusal = refusal;
  return Wait::kRefused;
}

template <class Sync>
void BasicWriteQueue<Sync>::cancel(WriteWaiter& waiter, Effects& effects) noexcept {
  const Lock lock(mutex_);
  if (waiter.linked) {
    refuse(waiter, Refusal{WriteRefusalReason::cancelled, 0, 0, {}}, effects);
    admit_waiters(effects);
  }
}

template <class Sync>
void BasicWriteQueue<Sync>::refuse(WriteWaiter& waiter, const Refusal& refusal,
                                   Effects& effects) noexcept {
  write_waiters_.remove(waiter);
  waiter.linked = false;
  waiting_items_ -= waiter.items;
  waiter.refusal = refusal;
  count_refusal(refusal);
  effects.resumed.push_back(waiter);
}

template <class Sync>
void BasicWriteQueue<Sync>::refuse_all_waiters(const Refusal& refusal, Effects& effects) noexcept {
  while (auto* waiter = static_cast<WriteWaiter*>(write_waiters_.front())) {
    refuse(*waiter, refusal, effects);
  }
}

// Only the first in line is asked, so nobody barges past a large write.
template <class Sync>
bool BasicWriteQueue<Sync>::admit_waiters(Effects& effects) noexcept {
  bool admitted = false;
  while (auto* waiter = static_cast<WriteWaiter*>(write_waiters_.front())) {
    if (held_up_by(waiter->bytes, waiter->items)) {
      break;
    }
    write_waiters_.remove(*waiter);
    waiter->linked = false;
    waiting_items_ -= waiter->items;
    waiter->refusal.reset();
    push(waiter->slices, waiter->bytes, waiter->ticket, effects);
    effects.resumed.push_back(*waiter);
    admitted = true;
  }
  return admitted;
}

template <class Sync>
void BasicWriteQueue<Sync>::push(std::span<Bytes> slices, std::size_t bytes, Ticket* ticket,
                                 Effects& effects) noexcept {
  if (ticket != nullptr) {
    ticket->total_bytes = bytes;
  }
  if (pending_bytes_ == 0) {
    ++progress_;
  }
  if (slices.empty()) {
    push_item(WriteItem{nullptr, 0, nullptr, TicketLink(ticket, true)}, effects);
  }
  for (Bytes& slice : slices) {
    push_item(WriteItem::take(slice, TicketLink(ticket, &slice == &slices.back())), effects);
  }
  pending_bytes_ += bytes;
  stats_.admitted_bytes += bytes;
  stats_.high_water_bytes = std::max(stats_.high_water_bytes, pending_bytes_);
  stats_.high_water_items = std::max(stats_.high_water_items, pending_items_);
  if (writer_ == Writer::kIdle) {
    schedule(effects);
  }
}

template <class Sync>
void BasicWriteQueue<Sync>::push_item(const WriteItem& item, Effects& effects) noexcept {
  if (last_run_.ends_at(item.owner)) {
    last_run_.end_run(written_items() + in_flight_items_, effects.releases);
  }
  last_run_.note(item, items_.push_back(item), stats_.admitted_items);
  ++stats_.admitted_items;
  ++pending_items_;
}

template <class Sync>
void BasicWriteQueue<Sync>::schedule(Effects& effects) noexcept {
  writer_ = Writer::kScheduled;
  effects.start_turn = true;
}

// ---- flush and close

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
    effects.resumed.push_back(waiter);
  }
}

template <class Sync>
void BasicWriteQueue<Sync>::complete_flushes(Effects& effects) noexcept {
  while (auto* waiter = static_cast<FlushWaiter*>(flush_waiters_.front())) {
    const bool is_written = waiter->target <= written_items();
    if (!is_written && state_ != State::kEnded) {
      break;
    }
    flush_waiters_.remove(*waiter);
    waiter->linked = false;
    waiter->error = is_written ? ErrorValue{} : first_error_;
    effects.resumed.push_back(*waiter);
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
    effects.resumed.push_back(waiter);
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

template <class Sync>
void BasicWriteQueue<Sync>::end(ErrorValue error, Effects& effects) noexcept {
  state_ = State::kEnded;
  first_error_ = error;
  effects.ended = true;
  effects.cancel_stream = is_with_stream();
  fail_tickets(error, effects);
  pending_bytes_ = pending_items_ = 0;
  refuse_all_waiters(closed_refusal(), effects);
  complete_flushes(effects);
  while (auto* waiter = static_cast<CloseWaiter*>(close_waiters_.pop_front())) {
    waiter->linked = false;
    waiter->error = error;
    effects.resumed.push_back(*waiter);
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
        effects.resumed.push_back(*waiter);
      }
      ticket->release();
      unwritten = 0;
    }
    at->ticket = TicketLink();
  }
}

// ---- the writer

template <class Sync>
auto BasicWriteQueue<Sync>::begin_turn(WriteBatch& batch, Effects& effects) noexcept -> Turn {
  const Lock lock(mutex_);
  return next(false, batch, effects);
}

template <class Sync>
auto BasicWriteQueue<Sync>::finish_write(ErrorValue error, std::size_t written, bool yield,
                                         WriteBatch& batch, Effects& effects) noexcept -> Turn {
  const Lock lock(mutex_);
  written = std::min(written, batch.bytes);
  in_flight_items_ = 0;
  writer_ = Writer::kScheduled;
  ++stats_.stream_writes;
  stats_.short_stream_writes += written < batch.bytes ? 1U : 0U;
  stats_.written_bytes += written;
  if (state_ == State::kEnded) {
    front_offset_ += written;  // written after all
    return next(yield, batch, effects);
  }
  pop_written(written, effects);
  zero_writes_ = written == 0 ? zero_writes_ + 1 : 0;
  if (written != 0) {
    ++progress_;
  }
  if (error) {
    end(error, effects);
  } else if (zero_writes_ == kMaxZeroWrites) {
    end(ErrorValue::of(Errc::no_progress), effects);
  }
  return next(yield, batch, effects);
}

template <class Sync>
void BasicWriteQueue<Sync>::finish_shutdown(ErrorValue error, Effects& effects) noexcept {
  const Lock lock(mutex_);
  writer_ = Writer::kIdle;
  if (state_ != State::kEnded) {
    end(error, effects);
  }
}

template <class Sync>
auto BasicWriteQueue<Sync>::next(bool yield, WriteBatch& batch, Effects& effects) noexcept -> Turn {
  if (state_ == State::kEnded) {
    writer_ = Writer::kIdle;
    return Turn::kEnded;
  }
  settle(effects);
  if (items_.empty()) {
    items_.release_segments();
    last_run_.reset();
    writer_ = state_ == State::kClosing ? Writer::kShuttingDown : Writer::kIdle;
    return state_ == State::kClosing ? Turn::kShutdown : Turn::kIdle;
  }
  if (yield) {
    return Turn::kYield;
  }
  last_run_.retry(items_, written_items(), effects.releases);
  batch.gather(items_, front_offset_);
  if (batch.must_join()) {
    last_run_.forget_first(written_items() + batch.items);
  }
  in_flight_items_ = batch.items;
  writer_ = Writer::kWriting;
  return Turn::kWrite;
}

// Admits who fits now and completes what needs no stream call, until neither changes anything.
template <class Sync>
void BasicWriteQueue<Sync>::settle(Effects& effects) noexcept {
  do {
    pop_written(0, effects);
  } while (admit_waiters(effects));
  complete_flushes(effects);
}

template <class Sync>
void BasicWriteQueue<Sync>::pop_written(std::size_t written, Effects& effects) noexcept {
  std::size_t offset = front_offset_ + written;
  std::size_t bytes = 0;
  const std::size_t items = items_.pop_front_while([&](const WriteItem& item) {
    if (offset < item.size) {
      return false;
    }
    offset -= item.size;
    bytes += item.size;
    effects.releases.add(item.owner);
    if (item.ticket.is_last()) {
      finish_ticket(*item.ticket.template get<Ticket>(), effects);
    }
    return true;
  });
  front_offset_ = offset;
  pending_bytes_ -= bytes;
  pending_items_ -= items;
  last_run_.forget_first(written_items());
}

template <class Sync>
void BasicWriteQueue<Sync>::finish_ticket(Ticket& ticket, Effects& effects) noexcept {
  if (TicketWaiter* waiter = ticket.finish(WriteResult{{}, ticket.total_bytes})) {
    effects.resumed.push_back(*waiter);
  }
  ticket.release();
}

// ---- after the end

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
BasicWriteQueue<Sync>::~BasicWriteQueue() {
  Effects unused;
  fail_tickets(ErrorValue::of(Errc::closed), unused);
  for (; !items_.empty(); items_.pop_front()) {
    if (Owner* owner = items_.front().owner) {
      owner->release(1);
    }
  }
}

// ---- observers

template <class Sync>
std::size_t BasicWriteQueue<Sync>::pending_bytes() const noexcept {
  const Lock lock(mutex_);
  return pending_bytes_;
}

template <class Sync>
std::size_t BasicWriteQueue<Sync>::pending_items() const noexcept {
  const Lock lock(mutex_);
  return pending_items_;
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
void BasicWriteQueue<Sync>::add_time_blocked(std::chrono::nanoseconds time) noexcept {
  const Lock lock(mutex_);
  stats_.time_blocked += time;
}

template <class Sync>
WriteStatistics BasicWriteQueue<Sync>::statistics() const noexcept {
  const Lock lock(mutex_);
  return stats_;
}

}  // namespace bytes_handoff::detail
