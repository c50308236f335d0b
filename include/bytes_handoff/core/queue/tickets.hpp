#pragma once

// What becomes of one admitted write: a ticket's side of the queue. A ticket remembers where its
// write is, and the queue what has left it, so that a write that nobody waits for costs nothing.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "bytes_handoff/core/queue/write_queue.hpp"

namespace bytes_handoff::detail {

inline void complete_ticket(TicketWaiter& waiter, const WriteResult& result,
                            Effects& effects) noexcept {
  waiter.linked = false;
  waiter.result = result;
  effects.resume(waiter);
}

template <class Sync>
auto BasicWriteQueue<Sync>::wait_written(TicketWaiter& waiter) noexcept -> TicketWait {
  const Lock lock(mutex_);
  if (state_ == State::kEnded || has_left(waiter.write)) {
    waiter.result = result_of(waiter.write);
    find_durations(waiter.write, waiter.durations);
    return TicketWait::kDone;
  }
  TicketWaiter*& place = waiter.write.last_item->waiter;
  if (place != nullptr) {
    return TicketWait::kAnotherWaits;
  }
  place = &waiter;
  waiter.linked = true;
  return TicketWait::kWaiting;
}

template <class Sync>
void BasicWriteQueue<Sync>::cancel(TicketWaiter& waiter, ErrorValue cancelled,
                                   Effects& effects) noexcept {
  const Lock lock(mutex_);
  if (waiter.linked) {
    waiter.write.last_item->waiter = nullptr;
    complete_ticket(waiter, {cancelled, 0}, effects);
  }
}

template <class Sync>
std::optional<WriteResult> BasicWriteQueue<Sync>::result(
    const AdmittedWrite& write, std::optional<WriteDurations>* durations) const noexcept {
  const Lock lock(mutex_);
  if (state_ != State::kEnded && !has_left(write)) {
    return std::nullopt;
  }
  find_durations(write, durations);
  return result_of(write);
}

template <class Sync>
bool BasicWriteQueue<Sync>::has_left(const AdmittedWrite& write) const noexcept {
  return write.last < (state_ == State::kEnded ? ended_items_ : written_items());
}

// What is known of those of a write that has left.
template <class Sync>
void BasicWriteQueue<Sync>::find_durations(
    const AdmittedWrite& write, std::optional<WriteDurations>* durations) const noexcept {
  if (times_ != nullptr && durations != nullptr) {
    *durations = times_->durations(write.last);
  }
}

// Of a write that has left, or whose queue has ended. The first one that was not wholly written
// gets the error of the end; those behind it were never started.
template <class Sync>
WriteResult BasicWriteQueue<Sync>::result_of(const AdmittedWrite& write) const noexcept {
  if (has_left(write)) {
    return {{}, write.size};
  }
  const std::uint64_t written = ended_bytes_ - (std::min)(ended_bytes_, write.offset);
  const bool is_first = write.first <= ended_items_;
  return {is_first ? error_ : ErrorValue::of(Errc::closed),
          static_cast<std::size_t>(std::min<std::uint64_t>(written, write.size))};
}

}  // namespace bytes_handoff::detail
