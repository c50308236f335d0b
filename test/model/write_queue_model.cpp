#include "model/write_queue_model.hpp"

#include <algorithm>
#include <utility>

namespace bytes_handoff::test {

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

void QueueModel::abort_after_written(Waiters waiters) {
  const bool is_too_late = is_closing() && ends_in_order_ && is_with_stream && items_.empty();
  if (state_ == State::kEnded || is_too_late) {
    return;
  }
  if (state_ == State::kOpen) {
    start_closing();
  }
  ends_in_order_ = false;
  refuse_waiters(waiters == Waiters::admit);
  admit_waiters();
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
  is_stalled_ = is_stalled_ && bytes == 0;
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
  const bool has_limit = longest != std::chrono::nanoseconds::max();
  if (state_ == State::kEnded || (!has_limit && !looks_for_stall())) {
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
  TimePoint next =
      has_limit ? std::min(progress_at_ + longest, now + longest / 4) : TimePoint::max();
  next = is_closing() ? std::min(next, *closing_since_ + config_.close_limit) : next;
  if (looks_for_stall()) {
    const auto after = config_.stalled_after;
    is_stalled_ = now - progress_at_ >= after;
    next = is_stalled_ ? next : std::min({next, progress_at_ + after, now + after / 4});
  }
  return next;
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
