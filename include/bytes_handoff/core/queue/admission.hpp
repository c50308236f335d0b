#pragma once

// The write queue's side towards who submits: admission, refusal, and the line of waiting writes.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "bytes_handoff/core/queue/write_queue.hpp"

namespace bytes_handoff::detail {

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
    return Refusal{WriteRefusalReason::can_never_fit, items, config_.max_items, {}, true};
  }
  auto* first = static_cast<WriteWaiter*>(write_waiters_.front());
  if (first == nullptr) {
    return held_up_by(bytes, items);
  }
  if (auto refusal = held_up_by(first->bytes, first->items)) {
    return refusal;
  }
  // The line is being let in, a step at a time, and this write stands behind all of it.
  return Refusal{WriteRefusalReason::queue_full,
                 saturating_sum(pending_items_ + waiting_items_, items),
                 config_.max_items,
                 {}};
}

// Of a write that has to wait. The first in line may have any size.
template <class Sync>
std::optional<Refusal> BasicWriteQueue<Sync>::line_refusal_of(std::size_t bytes) const noexcept {
  if (write_waiters_.size() >= config_.max_waiters) {
    return Refusal{
        WriteRefusalReason::too_many_waiters, write_waiters_.size() + 1, config_.max_waiters, {}};
  }
  const std::size_t limit = config_.max_waiting_bytes;
  if (!write_waiters_.empty() && bytes > limit - std::min(limit, waiting_bytes_)) {
    return Refusal{WriteRefusalReason::too_many_waiting_bytes,
                   saturating_sum(waiting_bytes_, bytes),
                   limit,
                   {}};
  }
  return std::nullopt;
}

template <class Sync>
void BasicWriteQueue<Sync>::count_refusal(const Refusal& refusal) noexcept {
  ++stats_.refusals[static_cast<std::size_t>(refusal.reason)];
}

template <class Sync>
expected<AdmittedWrite, Refusal> BasicWriteQueue<Sync>::try_write(std::span<Bytes> slices,
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
  return push(slices, bytes, effects);
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
    waiter.write = push(waiter.slices, waiter.bytes, effects);
    return Wait::kAdmitted;
  }
  const bool room_may_come = refusal->reason == WriteRefusalReason::byte_budget_exceeded ||
                             refusal->reason == WriteRefusalReason::queue_full;
  if (room_may_come) {
    refusal = line_refusal_of(waiter.bytes);
    if (!refusal) {
      enter_line(waiter);
      return Wait::kWaiting;
    }
  }
  count_refusal(*refusal);
  waiter.refusal = refusal;
  return Wait::kRefused;
}

template <class Sync>
void BasicWriteQueue<Sync>::enter_line(WriteWaiter& waiter) {
  items_.reserve(waiting_items_ + waiter.items);
  waiting_items_ += waiter.items;
  waiting_bytes_ += waiter.bytes;
  waiter.linked = true;
  write_waiters_.push_back(waiter);
  ++stats_.waits;
  stats_.high_water_waiters = std::max(stats_.high_water_waiters, write_waiters_.size());
  stats_.high_water_waiting_bytes = std::max(stats_.high_water_waiting_bytes, waiting_bytes_);
}

template <class Sync>
void BasicWriteQueue<Sync>::leave_line(WriteWaiter& waiter) noexcept {
  write_waiters_.remove(waiter);
  waiter.linked = false;
  waiting_items_ -= waiter.items;
  waiting_bytes_ -= waiter.bytes;
}

template <class Sync>
void BasicWriteQueue<Sync>::cancel(WriteWaiter& waiter, Effects& effects) noexcept {
  bool is_settled = true;
  {
    const Lock lock(mutex_);
    if (waiter.linked) {
      refuse(waiter, Refusal{WriteRefusalReason::cancelled, 0, 0, {}}, effects);
      is_settled = admit_a_step(effects);
    }
  }
  // The writer may be waiting for a stream that is stuck, so this goes on by itself.
  while (!is_settled) {
    const Lock lock(mutex_);
    is_settled = admit_a_step(effects);
  }
}

template <class Sync>
bool BasicWriteQueue<Sync>::admit_a_step(Effects& effects) noexcept {
  std::size_t left = max_step_items_;
  admit_waiters(left, effects);
  return left != 0 || !first_waiter_fits();
}

template <class Sync>
void BasicWriteQueue<Sync>::refuse(WriteWaiter& waiter, const Refusal& refusal,
                                   Effects& effects) noexcept {
  leave_line(waiter);
  waiter.refusal = refusal;
  count_refusal(refusal);
  effects.resume(waiter);
}

template <class Sync>
void BasicWriteQueue<Sync>::refuse_all_waiters(const Refusal& refusal, Effects& effects) noexcept {
  while (auto* waiter = static_cast<WriteWaiter*>(write_waiters_.front())) {
    refuse(*waiter, refusal, effects);
  }
}

// Only the first in line is asked, so nobody barges past a large write.
template <class Sync>
bool BasicWriteQueue<Sync>::first_waiter_fits() const noexcept {
  const auto* first = static_cast<const WriteWaiter*>(write_waiters_.front());
  return first != nullptr && !held_up_by(first->bytes, first->items);
}

template <class Sync>
bool BasicWriteQueue<Sync>::admit_waiters(std::size_t& left, Effects& effects) noexcept {
  bool admitted = false;
  while (left != 0 && first_waiter_fits()) {
    auto* waiter = static_cast<WriteWaiter*>(write_waiters_.front());
    left -= std::min(left, waiter->items);
    leave_line(*waiter);
    waiter->refusal.reset();
    waiter->write = push(waiter->slices, waiter->bytes, effects);
    effects.resume(*waiter);
    admitted = true;
  }
  return admitted;
}

template <class Sync>
AdmittedWrite BasicWriteQueue<Sync>::push(std::span<Bytes> slices, std::size_t bytes,
                                          Effects& effects) noexcept {
  const std::uint64_t first = stats_.admitted_items;
  const std::uint64_t offset = stats_.admitted_bytes;
  if (pending_bytes_ == 0) {
    ++progress_;
  }
  Bytes empty;
  if (slices.empty()) {
    slices = {&empty, 1};
  }
  WriteItem* last_item = nullptr;
  for (Bytes& slice : slices) {
    last_item = push_item(WriteItem::take(slice), effects);
  }
  pending_bytes_ += bytes;
  stats_.admitted_bytes += bytes;
  stats_.high_water_bytes = std::max(stats_.high_water_bytes, pending_bytes_);
  stats_.high_water_items = std::max(stats_.high_water_items, pending_items_);
  if (writer_ == Writer::kIdle) {
    schedule(effects);
  }
  return {last_item, first, stats_.admitted_items - 1, offset, bytes};
}

template <class Sync>
inline WriteItem* BasicWriteQueue<Sync>::push_item(const WriteItem& item,
                                                   Effects& effects) noexcept {
  if (last_run_.ends_at(item.owner)) {
    last_run_.end_run(written_items() + in_flight_items_, effects.releases);
  }
  const WriteItems::Cursor at = items_.push_back(item);
  last_run_.note(item, at, stats_.admitted_items);
  ++stats_.admitted_items;
  ++pending_items_;
  return &*at;
}

template <class Sync>
void BasicWriteQueue<Sync>::schedule(Effects& effects) noexcept {
  writer_ = Writer::kScheduled;
  effects.ask_for_turn();
}

}  // namespace bytes_handoff::detail
