#include "model/write_queue_model.hpp"

#include <algorithm>
#include <utility>

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
  if (waiters_.size() >= config_.max_waiters) {
    return refuse(
        {WriteRefusalReason::too_many_waiters, waiters_.size() + 1, config_.max_waiters, {}});
  }
  const std::size_t waiting_bytes = write.bytes_of_slices() + bytes_in_line();
  if (!waiters_.empty() && write.bytes_of_slices() != 0 &&
      waiting_bytes > config_.max_waiting_bytes) {
    return refuse(
        {WriteRefusalReason::too_many_waiting_bytes, waiting_bytes, config_.max_waiting_bytes, {}});
  }
  waiters_.push_back(write);
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

bool QueueModel::flush(int id) {
  if (state_ == State::kEnded || items_.empty()) {
    return true;
  }
  flushes_.push_back({id, statistics.admitted_items});
  return false;
}

bool QueueModel::wait_closed(int id) {
  if (state_ == State::kEnded) {
    return true;
  }
  closers_.push_back(id);
  return false;
}

void QueueModel::cancel_flush(int id) {
  if (std::erase_if(flushes_, [&](const Flush& flush) { return flush.id == id; }) != 0) {
    say("flush", id, "cancelled");
  }
}

void QueueModel::cancel_closed(int id) {
  if (std::erase(closers_, id) != 0) {
    say("closed", id, "cancelled");
  }
}

bool QueueModel::wait_unwritten(int id) {
  if (state_ == State::kEnded && !is_with_stream) {
    return true;
  }
  unwritten_waiters_.push_back(id);
  return false;
}

void QueueModel::cancel_unwritten(int id) {
  if (std::erase(unwritten_waiters_, id) != 0) {
    say("unwritten", id, "cancelled");
  }
}

void QueueModel::start_closing() {
  state_ = State::kClosing;
  progressed_ = true;
  permits_.clear();
}

void QueueModel::close(Waiters waiters) {
  if (state_ == State::kOpen) {
    start_closing();
    refuse_waiters(waiters == Waiters::admit);
    admit_waiters();
  }
}

void QueueModel::abort_after_written() {
  const bool is_too_late = is_closing() && ends_in_order_ && is_with_stream && items_.empty();
  if (state_ == State::kEnded || is_too_late) {
    return;
  }
  if (state_ == State::kOpen) {
    start_closing();
  }
  ends_in_order_ = false;
  refuse_waiters(false);
}

void QueueModel::end(detail::ErrorValue error) {
  if (state_ == State::kEnded) {
    return;
  }
  state_ = State::kEnded;
  first_error_ = error;
  permits_.clear();
  refuse_waiters(false);
  fail_tickets(error);
  for (const Flush& flush : std::exchange(flushes_, {})) {
    say("flush", flush.id, name(error));
  }
  for (const int id : std::exchange(closers_, {})) {
    say("closed", id, name(error));
  }
  if (!is_with_stream) {
    tell_unwritten();
  }
}

void QueueModel::orphan() {
  is_with_stream = false;
  end(detail::ErrorValue::of(Errc::closed));
  tell_unwritten();
}

void QueueModel::shut_down(detail::ErrorValue error) {
  was_ended_by_stream_ = was_ended_by_stream_ || (!has_ended() && error);
  end(error);
  tell_unwritten();
}

void QueueModel::acknowledged() { end(detail::ErrorValue::of(Errc::aborted)); }

void QueueModel::tell_unwritten() {
  for (const int id : std::exchange(unwritten_waiters_, {})) {
    say("unwritten", id, give_unwritten());
  }
}

std::string QueueModel::give_unwritten() {
  std::vector<std::string> entries;
  for (const Item& item : std::exchange(items_, {})) {
    entries.push_back(item.text);
  }
  return text_of(entries, std::exchange(offset_, 0));
}

std::string QueueModel::text_of(const std::vector<std::string>& entries,
                                std::size_t first_written) {
  return std::to_string(first_written) + " of" + text_of_slices(entries);
}

std::string QueueModel::text_of_slices(const std::vector<std::string>& slices) {
  std::string text;
  for (const std::string& slice : slices) {
    text += " [" + slice + "]";
  }
  return text;
}

// A write came back after the end: what it took is not left, and empty ones that it passed.
void QueueModel::drop_written() {
  while (offset_ != 0 && offset_ >= items_.front().text.size()) {
    offset_ -= items_.front().text.size();
    items_.pop_front();
  }
}

void QueueModel::turn() {
  if (state_ != State::kEnded) {
    settle();
  }
}

void QueueModel::written(std::size_t bytes, std::size_t offered, detail::ErrorValue error) {
  ++statistics.stream_writes;
  statistics.short_stream_writes += bytes < offered ? 1U : 0U;
  statistics.written_bytes += bytes;
  offset_ += bytes;
  if (state_ == State::kEnded) {
    drop_written();
    tell_unwritten();
    return;
  }
  zero_writes_ = bytes == 0 ? zero_writes_ + 1 : 0;
  progressed_ = progressed_ || bytes != 0;
  pop();
  complete_flushes();
  if (error) {
    was_ended_by_stream_ = true;
    end(error);
  } else if (zero_writes_ == 16) {
    end(detail::ErrorValue::of(Errc::no_progress));
  } else {
    settle();
  }
}

std::chrono::nanoseconds QueueModel::longest_silence() const {
  auto longest = is_closing() ? config_.close_timeout : std::chrono::nanoseconds::max();
  if (config_.stall_timeout.count() != 0 && pending_bytes() != 0) {
    longest = std::min(longest, config_.stall_timeout);
  }
  return longest;
}

QueueModel::TimePoint QueueModel::tick(TimePoint now, bool acknowledged) {
  const auto longest = longest_silence();
  if (state_ == State::kEnded || longest == std::chrono::nanoseconds::max()) {
    return TimePoint::max();
  }
  progressed_ = progressed_ || acknowledged;
  const bool is_silent = !std::exchange(progressed_, false);
  if (!is_silent) {
    progress_at_ = now;
  }
  if (is_closing() && !closing_since_) {
    closing_since_ = now;
  }
  const bool is_too_long = is_closing() && now - *closing_since_ >= config_.close_limit;
  if (is_too_long || (is_silent && now - progress_at_ >= longest)) {
    end(detail::ErrorValue::of(Errc::timed_out));
    return TimePoint::max();
  }
  const TimePoint next = std::min(progress_at_ + longest, now + longest / 4);
  return is_closing() ? std::min(next, *closing_since_ + config_.close_limit) : next;
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
  items_.push_back({slice, ticket, is_last});
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

void QueueModel::pop() {
  while (!items_.empty() && offset_ >= items_.front().text.size()) {
    const Item item = items_.front();
    items_.pop_front();
    item_bytes_ -= item.text.size();
    offset_ -= item.text.size();
    ticket_bytes_ += item.text.size();
    if (item.is_last) {
      if (item.ticket >= 0) {
        say("ticket", item.ticket, "done " + std::to_string(ticket_bytes_));
      }
      ticket_bytes_ = 0;
    }
  }
}

void QueueModel::settle() {
  for (std::uint64_t before = UINT64_MAX; before != statistics.admitted_items;) {
    before = statistics.admitted_items;
    pop();
    admit_waiters();
  }
  pop();
  complete_flushes();
}

void QueueModel::complete_flushes() {
  while (!flushes_.empty() &&
         flushes_.front().target + items_.size() <= statistics.admitted_items) {
    say("flush", flushes_.front().id, "done");
    flushes_.pop_front();
  }
}

void QueueModel::fail_tickets(detail::ErrorValue error) {
  std::size_t written = ticket_bytes_ + offset_;
  bool is_first = true;
  for (const Item& item : items_) {
    if (item.is_last && item.ticket >= 0) {
      say("ticket", item.ticket,
          name(is_first ? error : detail::ErrorValue::of(Errc::closed)) + " after " +
              std::to_string(written));
    }
    if (item.is_last) {
      is_first = false;
      written = 0;
    }
  }
}

}  // namespace bytes_handoff::test
