#pragma once

// The write queue once more, as plain data and in the words of docs/lifecycle.md: what must happen,
// without locks, links, batches or memory.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/config.hpp"
#include "bytes_handoff/detail/outcome.hpp"

namespace bytes_handoff::test {

class QueueModel {
 public:
  enum class Outcome { kAdmitted, kRefused, kWaiting };

  explicit QueueModel(const WriteHandoffConfig& config) : config_(config) {}

  /// One write: its slices' texts, and its ticket's number or -1.
  struct Write {
    int waiter = -1;
    int ticket = -1;
    std::vector<std::string> slices;

    [[nodiscard]] std::size_t items() const { return slices.empty() ? 1 : slices.size(); }
    [[nodiscard]] std::size_t bytes() const {
      std::size_t sum = 0;
      for (const std::string& slice : slices) {
        sum += slice.size();
      }
      return sum;
    }
  };

  Outcome submit(const Write& write, bool may_wait) {
    refusal.reset();
    if (state_ != State::kOpen) {
      return refuse({WriteRefusalReason::closed, 0, 0, first_error_});
    }
    if (write.bytes() > config_.max_pending_bytes) {
      return refuse(
          {WriteRefusalReason::can_never_fit, write.bytes(), config_.max_pending_bytes, {}});
    }
    if (write.items() > config_.max_items) {
      return refuse({WriteRefusalReason::can_never_fit, write.items(), config_.max_items, {}});
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
    waiters_.push_back(write);
    return Outcome::kWaiting;
  }

  void cancel_write(int waiter) {
    for (auto at = waiters_.begin(); at != waiters_.end(); ++at) {
      if (at->waiter == waiter) {
        waiters_.erase(at);
        say("write", waiter, "cancelled");
        admit_waiters();
        return;
      }
    }
  }

  /// Whether the result is there at once.
  bool flush(int id) {
    if (state_ == State::kEnded || items_.empty()) {
      return true;
    }
    flushes_.push_back({id, admitted_});
    return false;
  }
  bool wait_closed(int id) {
    if (state_ == State::kEnded) {
      return true;
    }
    closers_.push_back(id);
    return false;
  }
  void cancel_flush(int id) {
    if (std::erase_if(flushes_, [&](const Flush& flush) { return flush.id == id; }) != 0) {
      say("flush", id, "cancelled");
    }
  }
  void cancel_closed(int id) {
    if (std::erase(closers_, id) != 0) {
      say("closed", id, "cancelled");
    }
  }

  void close() {
    if (state_ == State::kOpen) {
      state_ = State::kClosing;
      refuse_waiters();
    }
  }

  void end(detail::ErrorValue error) {
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

  /// A turn starts: what needs no stream call is done.
  void turn() {
    if (state_ != State::kEnded) {
      settle();
    }
  }

  /// The stream took `bytes` and reported `error`.
  void written(std::size_t bytes, detail::ErrorValue error) {
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

  bool tick(std::chrono::steady_clock::time_point now) {
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

  [[nodiscard]] std::size_t pending_bytes() const {
    return state_ == State::kEnded ? 0 : item_bytes();
  }
  [[nodiscard]] std::size_t pending_items() const {
    return state_ == State::kEnded ? 0 : items_.size();
  }
  [[nodiscard]] bool is_open() const { return state_ == State::kOpen; }
  [[nodiscard]] bool has_ended() const { return state_ == State::kEnded; }
  [[nodiscard]] bool is_drained() const { return items_.empty(); }
  [[nodiscard]] std::size_t waiters() const { return waiters_.size(); }

  /// What `take_unwritten` must give.
  [[nodiscard]] std::vector<std::string> unwritten() const {
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

  /// All bytes that were ever admitted, in order.
  std::string stream;
  /// Of the last submission.
  std::optional<detail::Refusal> refusal;
  /// Who must have been resumed, and how, since this was last emptied.
  std::vector<std::string> events;

  [[nodiscard]] static std::string name(detail::ErrorValue error) {
    return error ? "error " + std::to_string(error.value) : "done";
  }

 private:
  enum class State { kOpen, kClosing, kEnded };
  struct Item {
    std::string text;
    int ticket;
    bool is_last;
  };
  struct Flush {
    int id;
    std::uint64_t target;
  };

  void say(const char* what, int id, const std::string& how) {
    events.push_back(std::string(what) + " " + std::to_string(id) + ": " + how);
  }

  Outcome refuse(const detail::Refusal& why) {
    refusal = why;
    return Outcome::kRefused;
  }

  [[nodiscard]] std::size_t item_bytes() const {
    std::size_t sum = 0;
    for (const Item& item : items_) {
      sum += item.text.size();
    }
    return sum;
  }

  [[nodiscard]] std::optional<detail::Refusal> held_up(const Write& write) const {
    const std::size_t bytes = item_bytes() + write.bytes();
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

  void admit(const Write& write) {
    progressed_ = progressed_ || item_bytes() == 0;
    for (const std::string& slice : write.slices) {
      items_.push_back({slice, write.ticket, &slice == &write.slices.back()});
      stream += slice;
    }
    if (write.slices.empty()) {
      items_.push_back({"", write.ticket, true});
    }
    admitted_ += write.items();
  }

  void admit_waiters() {
    while (!waiters_.empty() && !held_up(waiters_.front())) {
      admit(waiters_.front());
      say("write", waiters_.front().waiter, "admitted");
      waiters_.pop_front();
    }
  }

  void refuse_waiters() {
    for (const Write& waiter : std::exchange(waiters_, {})) {
      say("write", waiter.waiter, "closed, " + name(first_error_));
    }
  }

  void pop() {
    while (!items_.empty() && offset_ >= items_.front().text.size()) {
      const Item item = items_.front();
      items_.pop_front();
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

  void settle() {
    for (std::size_t before = SIZE_MAX; before != waiters_.size();) {
      before = waiters_.size();
      pop();
      admit_waiters();
    }
    pop();
    complete_flushes();
  }

  void complete_flushes() {
    while (!flushes_.empty() && flushes_.front().target + items_.size() <= admitted_) {
      say("flush", flushes_.front().id, "done");
      flushes_.pop_front();
    }
  }

  void fail_tickets(detail::ErrorValue error) {
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

  WriteHandoffConfig config_;
  State state_ = State::kOpen;
  detail::ErrorValue first_error_;
  std::deque<Item> items_;
  std::size_t offset_ = 0;        // bytes of the first item that are written
  std::size_t ticket_bytes_ = 0;  // of the first write, in items that are gone
  std::uint64_t admitted_ = 0;
  std::deque<Write> waiters_;
  std::deque<Flush> flushes_;
  std::vector<int> closers_;
  unsigned zero_writes_ = 0;
  bool progressed_ = false;
  std::chrono::steady_clock::time_point progress_at_{};
};

}  // namespace bytes_handoff::test
