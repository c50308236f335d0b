#include "model/write_queue_model.hpp"

#include <algorithm>
#include <utility>

namespace bytes_handoff::test {

std::size_t QueueModel::Write::bytes() const {
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
  if (write.bytes() > config_.max_pending_bytes) {
    return refuse(
        {WriteRefusalReason::can_never_fit, write.bytes(), config_.max_pending_bytes, {}});
  }
  if (write.items() > config_.max_items) {
    return refuse({WriteRefusalReason::can_never_fit, write.items(), config_.max_items, {}, true});
  }
  const auto obstacle = held_up(waiters_.empty() ? write : waiters_.front());
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
  const std::size_t waiting_bytes = write.bytes() + bytes_in_line();
  if (!waiters_.empty() && write.bytes() != 0 && waiting_bytes > config_.max_waiting_bytes) {
    return refuse(
        {WriteRefusalReason::too_many_waiting_bytes, waiting_bytes, config_.max_waiting_bytes, {}});
  }
  waiters_.push_back(write);
  ++statistics.waits;
  statistics.high_water_waiters = std::max(statistics.high_water_waiters, waiters_.size());
  statistics.high_water_waiting_bytes =
      std::max(statistics.high_water_waiting_bytes, waiting_bytes);
  return Outcome::kWaiting;
}

std::size_t QueueModel::bytes_in_line() const {
  std::size_t sum = 0;
  for (const Write& waiter : waiters_) {
    sum += waiter.bytes();
  }
  return sum;
}

void QueueModel::cancel_write(int waiter) {
  for (auto at = waiters_.begin(); at != waiters_.end(); ++at) {
    if (at->waiter == waiter) {
      waiters_.erase(at);
      count(WriteRefusalReason::cancelled);
      say("write", waiter, "cancelled");
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

void QueueModel::close() {
  if (state_ == State::kOpen) {
    state_ = State::kClosing;
    refuse_waiters();
  }
}

void QueueModel::end(detail::ErrorValue error) {
  if (state_ == State::kEnded) {
    return;
  }
  state_ = State::kEnded;
  first_error_ = error;
  refuse_waiters();
  fail_tickets(error);
  for (const Flush& flush : std::exchange(flushes_, {})) {
    say("flush", flush.id, name(error));
  }
  for (const int id : std::exchange(closers_, {})) {
    say("closed", id, name(error));
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
    return;
  }
  zero_writes_ = bytes == 0 ? zero_writes_ + 1 : 0;
  progressed_ = progressed_ || bytes != 0;
  pop();
  complete_flushes();
  if (error) {
    end(error);
  } else if (zero_writes_ == 16) {
    end(detail::ErrorValue::of(Errc::no_progress));
  } else {
    settle();
  }
}

bool QueueModel::tick(std::chrono::steady_clock::time_point now) {
  if (state_ == State::kEnded || config_.stall_timeout.count() == 0 || pending_bytes() == 0) {
    return false;
  }
  if (std::exchange(progressed_, false)) {
    progress_at_ = now;
    return true;
  }
  if (now - progress_at_ >= config_.stall_timeout) {
    end(detail::ErrorValue::of(Errc::timed_out));
    return false;
  }
  return true;
}

std::vector<std::string> QueueModel::unwritten() const {
  std::vector<std::string> rest;
  std::size_t skip = offset_;
  for (const Item& item : items_) {
    if (skip != 0 && skip >= item.text.size()) {
      skip -= item.text.size();
      continue;
    }
    rest.push_back(item.text.substr(std::exchange(skip, 0)));
  }
  return rest;
}

QueueModel::Outcome QueueModel::refuse(const detail::Refusal& why) {
  refusal = why;
  count(why.reason);
  return Outcome::kRefused;
}

std::optional<detail::Refusal> QueueModel::held_up(const Write& write) const {
  const std::size_t bytes = item_bytes_ + write.bytes();
  if (bytes > config_.max_pending_bytes) {
    return detail::Refusal{
        WriteRefusalReason::byte_budget_exceeded, bytes, config_.max_pending_bytes, {}};
  }
  const std::size_t items = items_.size() + write.items();
  if (items > config_.max_items) {
    return detail::Refusal{WriteRefusalReason::queue_full, items, config_.max_items, {}};
  }
  return std::nullopt;
}

void QueueModel::admit(const Write& write) {
  progressed_ = progressed_ || item_bytes_ == 0;
  for (const std::string& slice : write.slices) {
    items_.push_back({slice, write.ticket, &slice == &write.slices.back()});
    stream += slice;
    item_bytes_ += slice.size();
  }
  if (write.slices.empty()) {
    items_.push_back({"", write.ticket, true});
  }
  statistics.admitted_items += write.items();
  statistics.admitted_bytes += write.bytes();
  statistics.high_water_items = std::max(statistics.high_water_items, items_.size());
  statistics.high_water_bytes = std::max(statistics.high_water_bytes, item_bytes_);
}

void QueueModel::admit_waiters() {
  while (!waiters_.empty() && !held_up(waiters_.front())) {
    admit(waiters_.front());
    say("write", waiters_.front().waiter, "admitted");
    waiters_.pop_front();
  }
}

void QueueModel::refuse_waiters() {
  for (const Write& waiter : std::exchange(waiters_, {})) {
    count(WriteRefusalReason::closed);
    say("write", waiter.waiter, "closed, " + name(first_error_));
  }
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
  for (std::size_t before = SIZE_MAX; before != waiters_.size();) {
    before = waiters_.size();
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
