#pragma once

// The write queue's side towards who submits: admission, refusal, and room that is set aside.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "bytes_handoff/core/queue/write_queue.hpp"
#include "bytes_handoff/core/support/saturating_sum.hpp"

namespace bytes_handoff::detail {

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
  if (bytes > unreserved_bytes_ - pending_bytes_) {
    return Refusal{WriteRefusalReason::byte_budget_exceeded,
                   saturating_sum(pending_bytes_ + reserved_bytes(), bytes),
                   config_.max_pending_bytes,
                   {}};
  }
  if (items > unreserved_items() - items_.size()) {
    return Refusal{WriteRefusalReason::queue_full,
                   saturating_sum(items_.size() + reserved_items(), items),
                   config_.max_items,
                   {}};
  }
  return std::nullopt;
}

// Of a charge that memory is too short for.
template <class Sync>
Refusal BasicWriteQueue<Sync>::memory_refusal(std::size_t charge) const noexcept {
  return Refusal{WriteRefusalReason::memory_exhausted, charge, account_.pot().limit(), {}};
}

template <class Sync>
std::size_t BasicWriteQueue<Sync>::charge_of(std::span<const Bytes> slices) const noexcept {
  return account_ ? account_.charge_of(slices) : 0;
}

// The next five: precondition: there is a budget. What is seldom, or takes long, is apart.

// Without a call, where there is one slice as in most writes, of a block or a copy, and memory is
// not short.
template <class Sync>
inline bool BasicWriteQueue<Sync>::try_charge_slices(std::span<const Bytes> slices,
                                                     std::size_t bytes, Effects& effects) noexcept {
  if (slices.size() == 1) {
    Owner* const owner = BytesAccess::owner(slices.front());
    if (owner == nullptr) {
      return true;
    }
    if (TightCopy::of(owner) != nullptr) {
      if (account_.try_charge_here(bytes)) {
        return true;
      }
    } else if (const Block* const block = Block::of(owner);
               block != nullptr && block->budget == account_.budget()) {
      return true;
    }
  }
  return try_charge_burst(slices, effects);
}

// Without a call, unless there are others than blocks and copies. Those of one read are looked at
// once.
template <class Sync>
bool BasicWriteQueue<Sync>::try_charge_burst(std::span<const Bytes> slices,
                                             Effects& effects) noexcept {
  if (are_of_paid_block(slices, account_.budget())) {
    return true;
  }
  const std::size_t charge = charge_at_a_glance(slices, account_.budget());
  return charge == 0 || (charge != kNotAtAGlance && account_.try_charge_here(charge)) ||
         try_charge_slowly(slices, effects);
}

template <class Sync>
bool BasicWriteQueue<Sync>::try_charge_slowly(std::span<const Bytes> slices,
                                              Effects& effects) noexcept {
  return try_charge_budget(charge_of(slices), effects);
}

template <class Sync>
expected<ReservedRoom, Refusal> BasicWriteQueue<Sync>::try_reserve_charged(
    std::size_t bytes, std::size_t items) noexcept {
  if (!account_.try_charge(bytes)) {
    return refused(memory_refusal(bytes));
  }
  return set_aside(bytes, items);
}

// What a permit holds and its slices do not need.
template <class Sync>
void BasicWriteQueue<Sync>::discharge_rest(std::size_t bytes, std::span<const Bytes> slices,
                                           Effects& effects) noexcept {
  discharge(bytes - charge_of(slices), effects);
}

template <class Sync>
bool BasicWriteQueue<Sync>::try_charge_budget(std::size_t charge, Effects& effects) noexcept {
  if (charge == 0) {
    return true;
  }
  const bool is_charged = account_.try_charge(charge);
  if (account_.pot().is_tight()) {
    effects.ask_for_look();
  }
  return is_charged;
}

// Of the first in line.
template <class Sync>
Draw BasicWriteQueue<Sync>::charge_or_wait(std::size_t charge, Effects& effects) noexcept {
  if (!account_ || charge == 0) {
    return Draw::kDrawn;
  }
  const Draw draw = account_.charge_or_wait(charge);
  if (draw == Draw::kWaits) {
    effects.ask_for_look();
  }
  return draw;
}

template <class Sync>
void BasicWriteQueue<Sync>::discharge_over_floor(std::size_t charge, Effects& effects) noexcept {
  WaitingList woken;
  account_.discharge(charge, woken);
  effects.resume_others(woken);
}

template <class Sync>
void BasicWriteQueue<Sync>::stop_waiting_for_memory(Effects& effects) noexcept {
  WaitingList woken;
  account_.stop_waiting(woken);
  effects.resume_others(woken);
}

// What was copied into a block that has been paid for.
template <class Sync>
void BasicWriteQueue<Sync>::discharge_copied(Effects& effects) noexcept {
  discharge(compactor_.take_discharged(), effects);
}

template <class Sync>
void BasicWriteQueue<Sync>::admit_with_credit(Effects& effects) noexcept {
  bool is_settled = true;
  {
    const Lock lock(mutex_);
    account_.take_grant();
    is_settled = line_.empty() || admit_a_step(effects);
    if (line_.empty()) {
      stop_waiting_for_memory(effects);
    }
  }
  admit_the_rest(is_settled, effects);
}

template <class Sync>
std::size_t BasicWriteQueue<Sync>::retained() noexcept {
  const Lock lock(mutex_);
  return held_bytes();
}

// The owners of what is being joined are left out: somebody else is at them.
template <class Sync>
std::size_t BasicWriteQueue<Sync>::held_bytes() noexcept {
  std::size_t bytes = 0;
  if (items_.empty()) {
    return bytes;
  }
  const Owner* previous = nullptr;
  auto at = items_.front_cursor();
  std::size_t left = items_.size();
  for (std::size_t i = joins_in_flight_ ? in_flight_items_ : 0; i != 0; --i, --left, ++at) {
  }
  for (; left != 0; --left, ++at) {
    if (at->owner != previous && at->owner != nullptr) {
      bytes += (std::max)(retained_by(at->owner), at->size);  // of a foreign one little is known
      previous = at->owner;
    }
  }
  return bytes;
}

template <class Sync>
std::uint64_t BasicWriteQueue<Sync>::progress() const noexcept {
  const Lock lock(mutex_);
  return progress_;
}

// The usual case, without the reasons; where it is false, `refusal_of` tells why.
template <class Sync>
bool BasicWriteQueue<Sync>::has_room(std::size_t bytes, std::size_t items) const noexcept {
  return state_ == State::kOpen && line_.empty() && bytes != SIZE_MAX &&
         bytes <= unreserved_bytes_ - pending_bytes_ && items <= unreserved_items() - items_.size();
}

template <class Sync>
Refusal BasicWriteQueue<Sync>::closed_refusal() const noexcept {
  return Refusal{WriteRefusalReason::closed, 0, 0, ended_with()};
}

// The order of these, and those below, is the order of precedence.
template <class Sync>
std::optional<Refusal> BasicWriteQueue<Sync>::lasting_refusal_of(std::size_t bytes,
                                                                 std::size_t items) const noexcept {
  if (state_ != State::kOpen) {
    return closed_refusal();
  }
  if (bytes > config_.max_pending_bytes || bytes == SIZE_MAX) {
    return Refusal{WriteRefusalReason::can_never_fit, bytes, config_.max_pending_bytes, {}};
  }
  if (items > config_.max_items) {
    return Refusal{WriteRefusalReason::can_never_fit, items, config_.max_items, {}, true};
  }
  return std::nullopt;
}

// Precondition: no room.
template <class Sync>
Refusal BasicWriteQueue<Sync>::refusal_of(std::size_t bytes, std::size_t items) const noexcept {
  if (const auto refusal = lasting_refusal_of(bytes, items)) {
    return *refusal;
  }
  const auto* first = static_cast<const RoomWaiter*>(line_.front());
  if (const auto refusal = first == nullptr ? held_up_by(bytes, items) : first_held_up_by(*first)) {
    return *refusal;
  }
  // The line is being let in, a step at a time, and this one would stand behind all of it.
  return Refusal{WriteRefusalReason::queue_full,
                 saturating_sum(items_.size() + reserved_items() + line_totals().items, items),
                 config_.max_items,
                 {}};
}

template <class Sync>
void BasicWriteQueue<Sync>::count_refusal(const Refusal& refusal) noexcept {
  ++stats_.refusals[static_cast<std::size_t>(refusal.reason)];
  if (events_ != nullptr) {
    events_->note_refusal(refusal.reason, stats_.admitted_items);
  }
}

template <class Sync>
unexpected<Refusal> BasicWriteQueue<Sync>::refused(const Refusal& refusal) noexcept {
  count_refusal(refusal);
  return unexpected<Refusal>(refusal);
}

template <class Sync>
unexpected<Refusal> BasicWriteQueue<Sync>::refused(const Refusal& refusal,
                                                   Effects& effects) noexcept {
  count_refusal(refusal);
  ask_to_tell(effects);
  return unexpected<Refusal>(refusal);
}

template <class Sync>
unexpected<Refusal> BasicWriteQueue<Sync>::refused_memory(std::span<const Bytes> slices,
                                                          Effects& effects) noexcept {
  return refused(memory_refusal(charge_of(slices)), effects);
}

template <class Sync>
expected<AdmittedWrite, Refusal> BasicWriteQueue<Sync>::try_write(std::span<Bytes> slices,
                                                                  Effects& effects) {
  const std::size_t bytes = total_size(slices);
  const std::size_t items = item_count(slices);
  const Lock lock(mutex_);
  if (!has_room(bytes, items)) {
    return refused(refusal_of(bytes, items), effects);
  }
  reserve_places(items);
  if (account_ && !try_charge_slices(slices, bytes, effects)) [[unlikely]] {
    return refused_memory(slices, effects);
  }
  return push(slices, bytes, effects);
}

template <class Sync>
expected<ReservedRoom, Refusal> BasicWriteQueue<Sync>::try_reserve(std::size_t bytes,
                                                                   std::size_t items) {
  items = std::max<std::size_t>(items, 1);
  const Lock lock(mutex_);
  if (!has_room(bytes, items)) {
    return refused(refusal_of(bytes, items));
  }
  reserve_places(items);
  if (account_) [[unlikely]] {
    return try_reserve_charged(bytes, items);
  }
  return set_aside(bytes, items);
}

// There must be room for both, and places in `items_`.
template <class Sync>
ReservedRoom BasicWriteQueue<Sync>::set_aside(std::size_t bytes, std::size_t items) noexcept {
  items_.set_aside(items);
  unreserved_bytes_ -= bytes;
  return {bytes, items};
}

template <class Sync>
void BasicWriteQueue<Sync>::take_back(ReservedRoom& room) noexcept {
  if (state_ == State::kOpen) {
    items_.take_back(room.items);
    unreserved_bytes_ += room.bytes;
  }
  room = {};
}

// With the end of admission. Permits hold nothing from then on.
template <class Sync>
void BasicWriteQueue<Sync>::take_back_all(Effects& effects) noexcept {
  if (account_) {
    discharge(reserved_bytes(), effects);
  }
  items_.take_back(items_.aside());
  unreserved_bytes_ = config_.max_pending_bytes;
}

// Places that nobody needs any more. The queue is empty, and so who waits does so for memory, or
// for what permits hold.
template <class Sync>
void BasicWriteQueue<Sync>::release_places() noexcept {
  if (items_.aside() == 0 && line_.empty()) {
    items_.release_segments();
  }
}

template <class Sync>
expected<AdmittedWrite, Refusal> BasicWriteQueue<Sync>::commit(ReservedRoom& room,
                                                               std::span<Bytes> slices,
                                                               Effects& effects) noexcept {
  const std::size_t bytes = total_size(slices);
  const std::size_t items = item_count(slices);
  AdmittedWrite write;
  bool is_settled = true;
  {
    const Lock lock(mutex_);
    if (state_ != State::kOpen) {
      return refused(closed_refusal(), effects);
    }
    if (bytes > room.bytes) {
      return refused({WriteRefusalReason::exceeds_permit, bytes, room.bytes, {}}, effects);
    }
    if (items > room.items) {
      return refused({WriteRefusalReason::exceeds_permit, items, room.items, {}, true}, effects);
    }
    if (account_) [[unlikely]] {
      discharge_rest(room.bytes, slices, effects);
    }
    take_back(room);
    write = push(slices, bytes, effects);
    // Some may have been given back; and what may be cut waits for the last permit to be gone.
    is_settled = line_.empty() || admit_a_step(effects);
  }
  admit_the_rest(is_settled, effects);
  return write;
}

template <class Sync>
void BasicWriteQueue<Sync>::give_back(ReservedRoom& room, Effects& effects) noexcept {
  bool is_settled = true;
  {
    const Lock lock(mutex_);
    if (account_ && state_ == State::kOpen) {
      discharge(room.bytes, effects);
    }
    take_back(room);
    is_settled = line_.empty() || admit_a_step(effects);
    if (items_.empty()) {
      release_places();
    }
  }
  admit_the_rest(is_settled, effects);
}

template <class Sync>
AdmittedWrite BasicWriteQueue<Sync>::push(std::span<Bytes> slices, std::size_t bytes,
                                          Effects& effects) noexcept {
  const std::uint64_t first = stats_.admitted_items;
  const std::uint64_t offset = stats_.admitted_bytes;
  if (pending_bytes_ == 0) {
    note_progress();
  }
  Bytes empty;
  if (slices.empty()) {
    slices = {&empty, 1};
  }
  WriteItems::Cursor last;
  LastRun& run = items_.head().run;
  for (Bytes& slice : slices) {
    const bool is_empty_message = slice.empty() && entries_ == Entries::kMessages;
    const WriteItem item =
        is_empty_message ? WriteItem::take_empty_message(slice) : WriteItem::take(slice);
    if (run.ends_at(item.owner)) {
      compactor_.end_run(run, written_items() + in_flight_items_, effects.releases);
      if (compactor_.has_discharged()) [[unlikely]] {
        discharge_copied(effects);
      }
    }
    last = items_.push_back(item);
    run.note(item, last, stats_.admitted_items);
    ++stats_.admitted_items;
  }
  if (times_ != nullptr) [[unlikely]] {
    times_->note_admitted(stats_.admitted_items);
  }
  pending_bytes_ += bytes;
  stats_.admitted_bytes += bytes;
  stats_.high_water_bytes = (std::max)(stats_.high_water_bytes, pending_bytes_);
  stats_.high_water_items = (std::max)(stats_.high_water_items, items_.size());
  if (writer_ == Writer::kIdle) {
    writer_ = Writer::kScheduled;
    effects.ask_for_turn();
  }
  return {&*last, first, stats_.admitted_items - 1, offset, bytes};
}

}  // namespace bytes_handoff::detail
