#pragma once

// The write queue once more, as plain data and in the words of docs/lifecycle.md: what must happen,
// without locks, links, batches or memory.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bytes_handoff/config.hpp"
#include "bytes_handoff/core/queue/outcome.hpp"
#include "bytes_handoff/ends.hpp"
#include "bytes_handoff/statistics.hpp"

namespace bytes_handoff::test {

class QueueModel {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  enum class Outcome { kAdmitted, kRefused, kWaiting };

  explicit QueueModel(const WriteHandoffConfig& config) : config_(config) {}

  /// Room that a permit holds.
  struct Room {
    std::size_t bytes = 0;
    std::size_t items = 0;
  };

  enum class Kind { kWrite, kBurst, kCutBurst, kRoom };

  /// What is asked for: its slices' texts, and its ticket's number or -1; or room alone.
  struct Write {
    int waiter = -1;
    int ticket = -1;
    std::vector<std::string> slices;
    Kind kind = Kind::kWrite;
    Room room{};
    bool is_counted = true;  // for max_waiters
    TimePoint since{};       // when it came

    [[nodiscard]] bool is_burst() const { return kind == Kind::kBurst || kind == Kind::kCutBurst; }
    [[nodiscard]] std::size_t items() const;
    [[nodiscard]] std::size_t bytes() const;
    [[nodiscard]] std::size_t bytes_of_slices() const;
  };

  /// Of room that is granted, the waiter's number is the permit's.
  Outcome submit(const Write& write, bool may_wait);
  void cancel_write(int waiter);
  /// Whether it was admitted, in the room of a permit.
  bool commit(int permit, const Write& write);
  void give_back(int permit);
  /// Whether the result is there at once.
  bool flush(int id);
  bool wait_closed(int id);
  void cancel_flush(int id);
  void cancel_closed(int id);
  bool wait_unwritten(int id);
  void cancel_unwritten(int id);

  void close(Waiters waiters);
  void abort_after_written(Waiters waiters);
  void end(detail::ErrorValue error);
  void orphan();
  /// A turn starts: what needs no stream call is done.
  void turn();
  /// The stream took `bytes` of the `offered` ones and reported `error`.
  void written(std::size_t bytes, std::size_t offered, detail::ErrorValue error);
  /// The stream has ended its write side, or could not.
  void shut_down(detail::ErrorValue error);
  /// The peer has everything, or nobody waits for that any more.
  void acknowledged();
  /// When to look again.
  TimePoint tick(TimePoint now, bool acknowledged);

  [[nodiscard]] std::size_t pending_bytes() const { return has_ended() ? 0 : item_bytes_; }
  [[nodiscard]] std::size_t pending_items() const { return has_ended() ? 0 : items_.size(); }
  [[nodiscard]] bool is_open() const { return state_ == State::kOpen; }
  [[nodiscard]] bool is_closing() const { return state_ == State::kClosing; }
  [[nodiscard]] bool ends_in_order() const { return ends_in_order_; }
  [[nodiscard]] bool has_ended() const { return state_ == State::kEnded; }
  [[nodiscard]] bool was_ended_by_stream() const { return was_ended_by_stream_; }
  [[nodiscard]] detail::ErrorValue first_error() const { return first_error_; }
  [[nodiscard]] std::optional<TimePoint> closing_since() const { return closing_since_; }
  [[nodiscard]] bool is_drained() const { return items_.empty(); }
  [[nodiscard]] bool is_stalled() const { return is_stalled_; }
  [[nodiscard]] bool looks_for_stall() const {
    return config_.stalled_after.count() != 0 && !is_stalled_ && pending_bytes() != 0;
  }
  [[nodiscard]] std::size_t waiters() const { return waiters_.size(); }
  [[nodiscard]] std::size_t bytes_in_line() const;
  /// 0: there is none.
  [[nodiscard]] std::chrono::nanoseconds oldest_item_age() const;
  [[nodiscard]] std::chrono::nanoseconds oldest_waiter_age() const;
  /// What all permits hold.
  [[nodiscard]] Room reserved() const;

  /// What who asks for the unwritten entries must be given now: the next gets nothing.
  [[nodiscard]] std::string give_unwritten();

  TimePoint time{};  // it is
  /// A write or the shutdown of the stream is under way.
  bool is_with_stream = false;
  /// All bytes that were ever admitted, in order.
  std::string stream;
  /// Of the last submission.
  std::optional<detail::Refusal> refusal;
  /// Who must have been resumed, and how, since this was last emptied.
  std::vector<std::string> events;
  WriteStatistics statistics;

  [[nodiscard]] static std::string text_of(const std::vector<std::string>& entries,
                                           std::size_t first_written);
  [[nodiscard]] static std::string text_of_slices(const std::vector<std::string>& slices);
  [[nodiscard]] static std::string name(detail::ErrorValue error) {
    return error ? "error " + std::to_string(error.value) : "done";
  }

 private:
  enum class State { kOpen, kClosing, kEnded };
  struct Item {
    std::string text;
    int ticket;
    bool is_last;
    TimePoint since;
  };
  struct Flush {
    int id;
    std::uint64_t target;
  };

  void say(const char* what, int id, const std::string& how) {
    events.push_back(std::string(what) + " " + std::to_string(id) + ": " + how);
  }
  Outcome refuse(const detail::Refusal& why);
  void count(WriteRefusalReason reason) { ++statistics.refusals[static_cast<std::size_t>(reason)]; }
  [[nodiscard]] std::optional<detail::Refusal> can_never_fit(const Write& write) const;
  [[nodiscard]] std::optional<detail::Refusal> held_up(std::size_t bytes, std::size_t items) const;
  [[nodiscard]] std::optional<detail::Refusal> first_held_up() const;
  void admit_slice(const std::string& slice, int ticket, bool is_last);
  void admit(const Write& write);
  void admit_part(Write& burst);
  void admit_waiters();
  void refuse_waiter(const Write& waiter, const std::string& how);
  void refuse_waiters(bool reservations_only);
  void pop();
  void settle();
  void complete_flushes();
  void start_closing();
  void drop_written();
  void tell_unwritten();
  [[nodiscard]] std::chrono::nanoseconds longest_silence() const;
  void fail_tickets(detail::ErrorValue error);

  WriteHandoffConfig config_;
  State state_ = State::kOpen;
  bool ends_in_order_ = true;
  bool was_ended_by_stream_ = false;
  detail::ErrorValue first_error_;
  std::deque<Item> items_;
  std::size_t item_bytes_ = 0;    // of all items_
  std::size_t offset_ = 0;        // bytes of the first item that are written
  std::size_t ticket_bytes_ = 0;  // of the first write, in items that are gone
  std::map<int, Room> permits_;
  std::deque<Write> waiters_;
  std::deque<Flush> flushes_;
  std::vector<int> closers_;
  std::vector<int> unwritten_waiters_;
  unsigned zero_writes_ = 0;
  bool progressed_ = true;
  bool is_stalled_ = false;
  TimePoint progress_at_{};
  std::optional<TimePoint> closing_since_;
};

}  // namespace bytes_handoff::test
