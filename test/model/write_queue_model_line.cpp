// The model's line: who is admitted, who waits, and who is refused.
#include <algorithm>
#include <utility>

#include "model/write_queue_model.hpp"

namespace bytes_handoff::test {

std::size_t QueueModel::Write::items() const {
  if (kind == Kind::kRoom) {
    return std::max<std::size_t>(room.items, 1);
  }
  return slices.empty() && !is_burst() ? 1 : slices.size();
}

std::size_t QueueModel::Write::bytes() const {
  return kind == Kind::kRoom ? room.bytes : bytes_of_slices();
}

std::size_t QueueModel::Write::bytes_of_slices() const {
  std::size_t sum = 0;
  for (const std::string& slice : slices) {
    sum += slice.size();
  }
  return sum;
}

QueueModel::Outcome QueueModel::submit(const Write& write, bool may_wait) {
  refusal.reset();
  if (state_ != State::kOpen) {
    return refuse({WriteRefusalReason::closed, 0, 0, first_error_});
  }
  if (write.is_burst() && write.slices.empty()) {
    return Outcome::kAdmitted;
  }
  if (const auto never = can_never_fit(write)) {
    return refuse(*never);
  }
  const auto obstacle = waiters_.empty() ? held_up(write.bytes(), write.items()) : first_held_up();
  if (!obstacle) {
    admit(write);
    return Outcome::kAdmitted;
  }
  if (!may_wait) {
    return refuse(*obstacle);
  }
  const auto counted = static_cast<std::size_t>(
      std::count_if(waiters_.begin(), waiters_.end(), [](const Write& w) { return w.is_counted; }));
  if (write.is_counted && counted >= config_.max_waiters) {
    return refuse({WriteRefusalReason::too_many_waiters, counted + 1, config_.max_waiters, {}});
  }
  const std::size_t waiting_bytes = write.bytes_of_slices() + bytes_in_line();
  if (!waiters_.empty() && write.bytes_of_slices() != 0 &&
      waiting_bytes > config_.max_waiting_bytes) {
    return refuse(
        {WriteRefusalReason::too_many_waiting_bytes, waiting_bytes, config_.max_waiting_bytes, {}});
  }
  waiters_.push_back(write);
  waiters_.back().since = time;
  ++statistics.waits;
  statistics.high_water_waiters = std::max(statistics.high_water_waiters, waiters_.size());
  statistics.high_water_waiting_bytes =
      std::max(statistics.high_water_waiting_bytes, waiting_bytes);
  admit_waiters();  // what fits of a burst that is the first
  return Outcome::kWaiting;
}

// Of a burst, each slice must fit, or a part of it where it may be cut.
std::optional<detail::Refusal> QueueModel::can_never_fit(const Write& write) const {
  std::size_t bytes = write.bytes();
  if (write.is_burst()) {
    bytes = 0;
    for (const std::string& slice : write.slices) {
      bytes = std::max(bytes, write.kind == Kind::kCutBurst ? 0 : slice.size());
    }
  }
  if (bytes > config_.max_pending_bytes) {
    return detail::Refusal{WriteRefusalReason::can_never_fit, bytes, config_.max_pending_bytes, {}};
  }
  if (!write.is_burst() && write.items() > config_.max_items) {
    return detail::Refusal{
        WriteRefusalReason::can_never_fit, write.items(), config_.max_items, {}, true};
  }
  return std::nullopt;
}

std::size_t QueueModel::bytes_in_line() const {
  std::size_t sum = 0;
  for (const Write& waiter : waiters_) {
    sum += waiter.bytes_of_slices();
  }
  return sum;
}

std::chrono::nanoseconds QueueModel::oldest_item_age() const {
  return pending_items() == 0 ? std::chrono::nanoseconds(0) : time - items_.front().since;
}

std::chrono::nanoseconds QueueModel::oldest_waiter_age() const {
  return waiters_.empty() ? std::chrono::nanoseconds(0) : time - waiters_.front().since;
}

bool QueueModel::commit(int permit, const Write& write) {
  refusal.reset();
  const auto found = permits_.find(permit);
  const Room room = found == permits_.end() ? Room() : found->second;
  if (state_ != State::kOpen) {
    refuse({WriteRefusalReason::closed, 0, 0, first_error_});
  } else if (write.bytes() > room.bytes) {
    refuse({WriteRefusalReason::exceeds_permit, write.bytes(), room.bytes, {}});
  } else if (write.items() > room.items) {
    refuse({WriteRefusalReason::exceeds_permit, write.items(), room.items, {}, true});
  } else {
    permits_.erase(found);
    admit(write);
    admit_waiters();
  }
  return !refusal;
}

void QueueModel::give_back(int permit) {
  permits_.erase(permit);
  admit_waiters();
}

QueueModel::Room QueueModel::reserved() const {
  Room sum;
  for (const auto& [permit, room] : permits_) {
    sum.bytes += room.bytes;
    sum.items += room.items;
  }
  return sum;
}

void QueueModel::cancel_write(int waiter) {
  for (auto at = waiters_.begin(); at != waiters_.end(); ++at) {
    if (at->waiter == waiter) {
      const Write cancelled = *at;
      waiters_.erase(at);
      count(WriteRefusalReason::cancelled);
      refuse_waiter(cancelled, "cancelled");
      admit_waiters();
      return;
    }
  }
}

QueueModel::Outcome QueueModel::refuse(const detail::Refusal& why) {
  refusal = why;
  count(why.reason);
  return Outcome::kRefused;
}

std::optional<detail::Refusal> QueueModel::held_up(std::size_t more_bytes,
                                                   std::size_t more_items) const {
  const std::size_t bytes = item_bytes_ + reserved().bytes + more_bytes;
  if (bytes > config_.max_pending_bytes) {
    return detail::Refusal{
        WriteRefusalReason::byte_budget_exceeded, bytes, config_.max_pending_bytes, {}};
  }
  const std::size_t items = items_.size() + reserved().items + more_items;
  if (items > config_.max_items) {
    return detail::Refusal{WriteRefusalReason::queue_full, items, config_.max_items, {}};
  }
  return std::nullopt;
}

// A burst needs room for its next slice. That is cut, where it may be, once half of the budget is
// free, and while no permit could be committed into it.
std::optional<detail::Refusal> QueueModel::first_held_up() const {
  const Write& first = waiters_.front();
  if (!first.is_burst()) {
    return held_up(first.bytes(), first.items());
  }
  const std::size_t size = first.slices.front().size();
  const bool is_cut = first.kind == Kind::kCutBurst && permits_.empty();
  const std::size_t half = std::max<std::size_t>(config_.max_pending_bytes / 2, 1);
  return held_up(is_cut ? std::min(size, half) : size, 1);
}

void QueueModel::admit_slice(const std::string& slice, int ticket, bool is_last) {
  progressed_ = progressed_ || item_bytes_ == 0;
  items_.push_back({slice, ticket, is_last, time});
  stream += slice;
  item_bytes_ += slice.size();
  ++statistics.admitted_items;
  statistics.admitted_bytes += slice.size();
  statistics.high_water_items = std::max(statistics.high_water_items, items_.size());
  statistics.high_water_bytes = std::max(statistics.high_water_bytes, item_bytes_);
}

// All of it.
void QueueModel::admit(const Write& write) {
  if (write.kind == Kind::kRoom) {
    permits_[write.waiter] = {write.bytes(), write.items()};
    return;
  }
  for (const std::string& slice : write.slices) {
    admit_slice(slice, write.ticket, write.is_burst() || &slice == &write.slices.back());
  }
  if (write.slices.empty()) {
    admit_slice("", write.ticket, true);
  }
}

// The next slice of a burst, or as much of it as there is room for.
void QueueModel::admit_part(Write& burst) {
  std::string& next = burst.slices.front();
  const std::size_t free = config_.max_pending_bytes - item_bytes_ - reserved().bytes;
  if (next.size() <= free) {
    admit_slice(next, -1, true);
    burst.slices.erase(burst.slices.begin());
  } else {
    admit_slice(next.substr(0, free), -1, true);
    next.erase(0, free);
  }
}

void QueueModel::admit_waiters() {
  while (!waiters_.empty() && !first_held_up()) {
    Write& first = waiters_.front();
    if (first.is_burst()) {
      admit_part(first);
      if (!first.slices.empty()) {
        continue;
      }
    } else {
      admit(first);
    }
    say("write", first.waiter, "admitted");
    waiters_.pop_front();
  }
}

// With `reservations_only` the others go on waiting.
void QueueModel::refuse_waiters(bool reservations_only) {
  for (const Write& waiter : std::exchange(waiters_, {})) {
    if (reservations_only && waiter.kind != Kind::kRoom) {
      waiters_.push_back(waiter);
      continue;
    }
    count(WriteRefusalReason::closed);
    refuse_waiter(waiter, "closed, " + name(first_error_));
  }
}

// What is left of it stays with its caller.
void QueueModel::refuse_waiter(const Write& waiter, const std::string& how) {
  say("write", waiter.waiter, how + text_of_slices(waiter.slices));
}

}  // namespace bytes_handoff::test
