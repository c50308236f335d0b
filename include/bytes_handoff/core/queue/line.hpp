#pragma once

// The line of those who wait for room: writes, bursts and reservations, first come, first served.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>

#include "bytes_handoff/core/queue/admission.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"
#include "bytes_handoff/core/support/saturating_sum.hpp"

namespace bytes_handoff::detail {

/// What the waiter asks for in all, and the largest part that must come in whole.
inline void measure(RoomWaiter& waiter) noexcept {
  if (waiter.asks_for == AsksFor::kRoom) {
    waiter.items = std::max<std::size_t>(waiter.items, 1);
    waiter.largest = waiter.bytes;
    return;
  }
  waiter.bytes = total_size(waiter.slices);
  if (waiter.asks_for == AsksFor::kWrite) {
    waiter.items = item_count(waiter.slices);
    waiter.largest = waiter.bytes;
    return;
  }
  waiter.items = waiter.slices.size();
  waiter.largest = waiter.bytes == SIZE_MAX ? SIZE_MAX : 0;
  if (waiter.asks_for == AsksFor::kBurst) {
    for (const Bytes& slice : waiter.slices) {
      waiter.largest = (std::max)(waiter.largest, slice.size());
    }
  }
}

template <class Sync>
auto BasicWriteQueue<Sync>::wait_room(RoomWaiter& waiter, Effects& effects) -> Wait {
  measure(waiter);
  bool is_settled = true;
  {
    const Lock lock(mutex_);
    const bool is_nothing = waiter.items == 0 && state_ == State::kOpen;  // a burst of no slices
    waiter.charge = waiter.asks_for == AsksFor::kRoom ? waiter.bytes : charge_of(waiter.slices);
    if (is_nothing || has_room(waiter.bytes, waiter.items)) {
      reserve_places(waiter.items);
      if (try_charge(waiter.charge, effects)) {
        admit_whole(waiter, effects);
        return Wait::kAdmitted;
      }
    }
    if (const auto refusal = line_refusal_of(waiter)) {
      count_refusal(*refusal);
      ask_to_tell(effects);
      waiter.refusal = refusal;
      return Wait::kRefused;
    }
    enter_line(waiter);
    // The first part of a burst that finds the line empty.
    is_settled = line_.front() != &waiter || admit_a_step(effects);
    ask_to_tell(effects);
  }
  admit_the_rest(is_settled, effects);
  return Wait::kWaiting;
}

// Of who does not fit now. The first in line may ask for any size.
template <class Sync>
std::optional<Refusal> BasicWriteQueue<Sync>::line_refusal_of(
    const RoomWaiter& waiter) const noexcept {
  const std::size_t largest_items = waiter.is_burst() ? 1 : waiter.items;
  if (auto refusal = lasting_refusal_of(waiter.largest, largest_items)) {
    return refusal;
  }
  if (account_) {
    if (const std::size_t charge = largest_charge_of(waiter); !account_.could_ever_charge(charge)) {
      return memory_refusal(charge);
    }
  }
  const std::size_t waiters = line_.size() - line_totals().uncounted;
  if (waiter.is_counted && waiters >= config_.max_waiters) {
    return Refusal{WriteRefusalReason::too_many_waiters, waiters + 1, config_.max_waiters, {}};
  }
  const std::size_t limit = config_.max_waiting_bytes;
  const std::size_t bytes = waiter.waiting_bytes();
  const std::size_t waiting = line_totals().bytes;
  if (!line_.empty() && bytes > limit - (std::min)(limit, waiting)) {
    return Refusal{
        WriteRefusalReason::too_many_waiting_bytes, saturating_sum(waiting, bytes), limit, {}};
  }
  return std::nullopt;
}

// What must be charged at once.
template <class Sync>
std::size_t BasicWriteQueue<Sync>::largest_charge_of(const RoomWaiter& waiter) const noexcept {
  if (!waiter.is_burst()) {
    return waiter.charge;
  }
  std::size_t largest = 0;
  for (const Bytes& slice : waiter.slices) {
    largest = (std::max)(largest, charge_of({&slice, 1}));
  }
  return waiter.asks_for == AsksFor::kCutBurst ? (std::min)(largest, least_piece()) : largest;
}

// There are places then for all who wait, or for all that may ever be pending, and for the segment
// at the front, of which a part has left. They stay until nobody waits, so that who is let in needs
// no memory. Pieces of cut slices need places too. At most three are pending, since each has half
// of the budget; more have left with a part of the segment at the front.
template <class Sync>
void BasicWriteQueue<Sync>::enter_line(RoomWaiter& waiter) {
  constexpr std::size_t kForPieces = WriteItems::kSegmentItems + 3;
  const bool has_pieces = line_has_pieces_ || waiter.asks_for == AsksFor::kCutBurst;
  const std::size_t places = saturating_sum(line_totals().items, waiter.items);
  reserve_places((std::min)(saturating_sum(places, has_pieces ? kForPieces : 0),
                            saturating_sum(config_.max_items, WriteItems::kSegmentItems)));
  line_has_pieces_ = has_pieces;
  LineTotals& totals = items_.head().line;
  totals = line_totals();
  totals.items += waiter.items;
  totals.bytes += waiter.waiting_bytes();
  totals.uncounted += waiter.is_counted ? 0 : 1;
  waiter.since = waiter.time();
  waiter.linked = true;
  line_.push_back(waiter);
  ++stats_.waits;
  stats_.high_water_waiters = (std::max)(stats_.high_water_waiters, line_.size());
  stats_.high_water_waiting_bytes = (std::max)(stats_.high_water_waiting_bytes, totals.bytes);
}

template <class Sync>
void BasicWriteQueue<Sync>::leave_line(RoomWaiter& waiter, Effects& effects) noexcept {
  const bool was_first = line_.front() == &waiter;
  line_.remove(waiter);
  waiter.linked = false;
  LineTotals& totals = items_.head().line;
  totals.uncounted -= waiter.is_counted ? 0 : 1;
  totals.items -= waiter.items;
  totals.bytes -= waiter.waiting_bytes();
  line_has_pieces_ = line_has_pieces_ && !line_.empty();
  ask_to_tell(effects);
  // What was asked for was this one's. Another one asks anew.
  if (account_ && was_first) {
    stop_waiting_for_memory(effects);
  }
}

template <class Sync>
void BasicWriteQueue<Sync>::cancel(RoomWaiter& waiter, Effects& effects) noexcept {
  bool is_settled = true;
  {
    const Lock lock(mutex_);
    if (waiter.linked) {
      refuse(waiter, Refusal{WriteRefusalReason::cancelled, 0, 0, {}}, effects);
      is_settled = admit_a_step(effects);
      if (items_.empty()) {
        release_places();
      }
    }
  }
  admit_the_rest(is_settled, effects);
}

template <class Sync>
void BasicWriteQueue<Sync>::refuse(RoomWaiter& waiter, const Refusal& refusal,
                                   Effects& effects) noexcept {
  leave_line(waiter, effects);
  waiter.refusal = refusal;
  count_refusal(refusal);
  effects.resume(waiter);
}

template <class Sync>
void BasicWriteQueue<Sync>::refuse_all_waiters(const Refusal& refusal, Effects& effects) noexcept {
  while (auto* waiter = static_cast<RoomWaiter*>(line_.front())) {
    refuse(*waiter, refusal, effects);
  }
}

// A permit is of no use in a queue that is closing.
template <class Sync>
void BasicWriteQueue<Sync>::refuse_reservations(Effects& effects) noexcept {
  for (std::size_t left = line_.size(); left != 0; --left) {
    auto& waiter = *static_cast<RoomWaiter*>(line_.front());
    if (waiter.asks_for == AsksFor::kRoom) {
      refuse(waiter, closed_refusal(), effects);
    } else {
      line_.remove(waiter);
      line_.push_back(waiter);
    }
  }
}

// ---- Letting in.

// Only the first in line is asked, so nobody barges past who asks for much.
template <class Sync>
bool BasicWriteQueue<Sync>::first_waiter_fits() const noexcept {
  const auto* first = static_cast<const RoomWaiter*>(line_.front());
  return first != nullptr && !first_held_up_by(*first);
}

template <class Sync>
std::optional<Refusal> BasicWriteQueue<Sync>::first_held_up_by(
    const RoomWaiter& first) const noexcept {
  if (account_ && account_.is_waiting()) {
    return memory_refusal(first.charge);
  }
  if (!first.is_burst()) {
    return held_up_by(first.bytes, first.items);
  }
  const std::size_t size = first.slices.front().size();
  // No permit that was granted before can be committed into a slice that is cut.
  const bool may_cut = first.asks_for == AsksFor::kCutBurst && reserved_items() == 0;
  return held_up_by(may_cut ? (std::min)(size, least_piece()) : size, 1);
}

// Pieces of a cut slice have at least half of the budget, so that a queue that drains slowly is not
// refilled by small ones.
template <class Sync>
std::size_t BasicWriteQueue<Sync>::least_piece() const noexcept {
  return std::max<std::size_t>(config_.max_pending_bytes / 2, 1);
}

template <class Sync>
bool BasicWriteQueue<Sync>::admit_waiters(std::size_t& left, Effects& effects) noexcept {
  bool admitted = false;
  while (left != 0 && first_waiter_fits()) {
    auto& waiter = *static_cast<RoomWaiter*>(line_.front());
    std::size_t items = waiter.items;
    const Draw charged = waiter.is_burst() ? admit_part(waiter, left, items, effects)
                                           : charge_or_wait(waiter.charge, effects);
    if (charged == Draw::kWaits) {
      break;
    }
    left -= (std::min)(left, items);
    if (charged == Draw::kNever) {  // there are more members than when it came
      refuse(waiter, memory_refusal(largest_charge_of(waiter)), effects);
      continue;
    }
    admitted = true;
    if (waiter.is_burst() && !waiter.slices.empty()) {
      continue;
    }
    leave_line(waiter, effects);
    admit_whole(waiter, effects);
    effects.resume(waiter);
  }
  return admitted;
}

// All that it asks for, which fits; of a burst what is left of it, if anything.
template <class Sync>
void BasicWriteQueue<Sync>::admit_whole(RoomWaiter& waiter, Effects& effects) noexcept {
  waiter.refusal.reset();
  if (waiter.asks_for == AsksFor::kRoom) {
    waiter.room = set_aside(waiter.bytes, waiter.items);
  } else if (!waiter.is_burst()) {
    waiter.write = push(waiter.slices, waiter.bytes, effects);
  } else if (!waiter.slices.empty()) {
    static_cast<void>(push(waiter.slices, waiter.bytes, effects));
    waiter.slices = {};
  }
}

// The leading slices of a burst that fit, at most `most`; or a piece of the first one, if that is
// cut. Tells how many items this makes. `kDrawn`: there was memory for them, or none was needed.
// Precondition: `first_waiter_fits()`.
template <class Sync>
Draw BasicWriteQueue<Sync>::admit_part(RoomWaiter& burst, std::size_t most, std::size_t& items,
                                       Effects& effects) noexcept {
  const std::size_t free_bytes = unreserved_bytes_ - pending_bytes_;
  most = (std::min)({most, unreserved_items() - items_.size(), burst.slices.size()});
  std::size_t bytes = 0;
  items = 0;
  while (items != most && burst.slices[items].size() <= free_bytes - bytes) {
    bytes += burst.slices[items++].size();
  }
  if (account_) {
    if (const Draw draw = charge_part(burst, free_bytes, items, bytes, effects);
        draw != Draw::kDrawn) {
      return draw;
    }
  }
  if (items != 0) {
    static_cast<void>(push(burst.slices.first(items), bytes, effects));
    burst.slices = burst.slices.subspan(items);
    burst.items -= items;
    items_.head().line.items -= items;
  } else {
    Bytes piece = *burst.slices.front().split_to(free_bytes);
    bytes = piece.size();
    items = 1;
    static_cast<void>(push({&piece, 1}, bytes, effects));
  }
  burst.bytes -= bytes;
  items_.head().line.bytes -= bytes;
  return Draw::kDrawn;
}

// Charges the leading `items` slices of a burst, or fewer of them; or a piece of the first one, if
// there are none.
template <class Sync>
Draw BasicWriteQueue<Sync>::charge_part(const RoomWaiter& burst, std::size_t piece,
                                        std::size_t& items, std::size_t& bytes,
                                        Effects& effects) noexcept {
  const Bytes& first = burst.slices.front();
  if (items > 1 && try_charge(charge_of(burst.slices.first(items)), effects)) {
    return Draw::kDrawn;
  }
  if (items != 0) {
    items = 1;
    bytes = piece = first.size();
  }
  return charge_or_wait(account_.charge_of(BytesAccess::owner(first), piece), effects);
}

// Returns whether nobody who fits waits.
template <class Sync>
bool BasicWriteQueue<Sync>::admit_a_step(Effects& effects) noexcept {
  std::size_t left = max_step_items_;
  admit_waiters(left, effects);
  return left != 0 || !first_waiter_fits();
}

// Without the lock. The writer may be waiting for a stream that is stuck, so this goes on by
// itself.
template <class Sync>
void BasicWriteQueue<Sync>::admit_the_rest(bool is_settled, Effects& effects) noexcept {
  while (!is_settled) {
    const Lock lock(mutex_);
    is_settled = admit_a_step(effects);
  }
}

}  // namespace bytes_handoff::detail
