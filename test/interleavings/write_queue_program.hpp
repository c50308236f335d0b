#pragma once

// Small concurrent programs on a write queue, for every order of their steps.

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/core/queue/departure.hpp"
#include "bytes_handoff/core/queue/write_queue_members.hpp"
#include "support/queue/queue_probes.hpp"
#include "support/stepping/stepping_sync.hpp"

namespace bytes_handoff::test {

/// What becomes of a permit.
enum class PermitUse { kNone, kCommits, kCommitsOneByte, kDrops };

/// What a program is made of.
struct ProgramShape {
  WriteHandoffConfig config;
  std::size_t producers = 2;
  std::size_t writes = 1;  // of each producer, waiting for room
  std::size_t bytes_a_write = 1;
  std::size_t bytes_a_first_write = 0;  // of the first producer, where they differ
  std::size_t bytes_a_step = SIZE_MAX;  // that the stream takes at most
  bool with_tickets = false;            // looked at and waited for by their producer
  bool cancels_ticket = false;          // the wait for the first write, which then waits again
  bool has_rival = false;               // who waits for the first write too
  bool closes = true;
  bool admits = false;  // the close lets in who waits
  bool aborts = false;
  bool aborts_after_written = false;
  std::size_t takers = 0;      // that wait for what is not written; the first two
  bool cancels_taker = false;  // the first of them
  bool cancels = false;        // the first write of the first producer
  bool flushes = false;
  bool last_tries = false;      // the last producer does not wait for room
  bool stream_varies = false;   // it takes one byte or all, as may be
  bool stream_fails = false;    // any of its writes may fail
  bool first_is_empty = false;  // the writes of the first producer have no bytes
  PermitUse permit = PermitUse::kNone;
  std::size_t permit_bytes = 1;
  std::size_t permit_items = 1;
  bool permit_tries = false;     // its holder does not wait for room
  bool cancels_permit = false;   // the wait for it
  std::size_t burst_slices = 0;  // 0: there is no burst
  std::size_t bytes_a_burst_slice = 1;
  bool burst_is_cut = false;  // where a slice does not fit
  bool cancels_burst = false;
  std::size_t max_step_items = detail::kMaxStepItems;
};

/// The queue, with its state as a number, and what must hold of it whenever its lock is open.
class InspectedQueue : public detail::BasicWriteQueue<SteppingSync> {
 public:
  using BasicWriteQueue::BasicWriteQueue;

  [[nodiscard]] std::uint64_t state() {
    std::uint64_t all = 0;
    for (const std::uint64_t each : {static_cast<std::uint64_t>(state_),
                                     static_cast<std::uint64_t>(writer_),
                                     static_cast<std::uint64_t>(zero_writes_),
                                     static_cast<std::uint64_t>(error_.value),
                                     std::uint64_t{front_offset_},
                                     std::uint64_t{in_flight_items_},
                                     std::uint64_t{pending_bytes_},
                                     std::uint64_t{count_pending()},
                                     std::uint64_t{unreserved_bytes_},
                                     std::uint64_t{unreserved_items()},
                                     std::uint64_t{items_.aside()},
                                     std::uint64_t{items_.room()},
                                     std::uint64_t{line_has_pieces_},
                                     std::uint64_t{line_totals().items},
                                     std::uint64_t{line_totals().bytes},
                                     std::uint64_t{line_.size()},
                                     std::uint64_t{flush_waiters_.size()},
                                     std::uint64_t{close_waiters_.size()},
                                     std::uint64_t{unwritten_waiters_.size()},
                                     std::uint64_t{ends_in_order_},
                                     ended_items_,
                                     ended_bytes_,
                                     stats_.admitted_items}) {
      all = mixed(all, each);
    }
    each_item([&](const detail::WriteItem& item) {
      all = mixed(all, item.waiter != nullptr ? 1 : 0);
      all = mixed(all, std::string_view(reinterpret_cast<const char*>(item.data), item.size));
    });
    return all;
  }

  /// Empty, or what does not hold. With `goes_on` somebody is letting the line in, in steps; with
  /// `admits` a close lets it in.
  [[nodiscard]] std::string violation(bool goes_on, bool admits) {
    std::size_t bytes = 0;
    each_item([&](const detail::WriteItem& item) { bytes += item.size; });
    if (std::string wrong = wrong_with_room(); !wrong.empty()) {
      return wrong;
    }
    if (state_ == State::kEnded) {
      const bool told = line_.empty() && flush_waiters_.empty() && close_waiters_.empty();
      const bool given = unwritten_waiters_.empty() || is_with_stream();
      return !told                 ? "somebody waits after the end"
             : !given              ? "somebody waits for what is there"
             : pending_bytes_ != 0 ? "pending after the end"
                                   : "";
    }
    if (pending_bytes_ != bytes) {
      return "the budget is not what is in the queue";
    }
    if (state_ == State::kClosing && !line_.empty() && (!admits || !ends_in_order_)) {
      return "somebody waits for room after the close";
    }
    if (writer_ == Writer::kIdle && (state_ != State::kOpen || !items_.empty())) {
      return "the writer sleeps, and has something to do";
    }
    const auto* first = static_cast<const detail::RoomWaiter*>(line_.front());
    if (line_.size() - line_totals().uncounted > config_.max_waiters ||
        line_totals().bytes >
            std::max(config_.max_waiting_bytes, first == nullptr ? 0 : first->bytes)) {
      return "the line is longer than it may be";
    }
    goes_on =
        max_step_items_ != detail::kMaxStepItems && (goes_on || writer_ == Writer::kScheduled);
    return first_waiter_fits() && !goes_on ? "the first in line waits, and would fit" : "";
  }

  [[nodiscard]] std::size_t waiting_bytes() const { return line_totals().bytes; }
  [[nodiscard]] std::size_t waiting_items() const { return line_totals().items; }
  [[nodiscard]] bool has_stream() const { return is_with_stream(); }

 private:
  // What permits hold and what is pending are within the limits; each of those items has a place in
  // the queue's memory, and so has whoever can be let in.
  [[nodiscard]] std::string wrong_with_room() const {
    if (items_.aside() + items_.size() > config_.max_items || pending_bytes_ > unreserved_bytes_ ||
        unreserved_bytes_ > config_.max_pending_bytes) {
      return "a bound was passed";
    }
    if (state_ != State::kOpen && reserved_items() + reserved_bytes() != 0) {
      return "a permit holds room after the close";
    }
    if (!line_.empty() &&
        items_.room() < std::min(line_totals().items, unreserved_items() - items_.size())) {
      return "who waits has no places";
    }
    return {};
  }

  template <class Do>
  void each_item(Do each) {
    auto at = items_.empty() ? detail::WriteItems::Cursor() : items_.front_cursor();
    for (std::size_t left = items_.size(); left != 0; --left, ++at) {
      each(*at);
    }
  }
};

/// Producers, a writer, and who else the shape asks for. The test itself is the front end.
class WriteQueueProgram {
 public:
  using Sync = SteppingSync;
  using Queue = InspectedQueue;
  using Turn = Queue::Turn;

  explicit WriteQueueProgram(const ProgramShape& shape)
      : shape_(shape),
        burst_texts_(texts_of_burst(shape)),
        burst_(slices_of(burst_texts_),
               shape.burst_is_cut ? detail::AsksFor::kCutBurst : detail::AsksFor::kBurst),
        reservation_(shape.permit_bytes, shape.permit_items),
        queue_(shape.config, shape.max_step_items) {
    for (std::size_t i = 0; i < shape.producers * shape.writes; ++i) {
      const auto letter = static_cast<char>('a' + i);
      const bool differs = shape.bytes_a_first_write != 0 && i < shape.writes;
      const bool is_empty = shape.first_is_empty && i < shape.writes;
      writes_.emplace_back(std::string(is_empty  ? 0
                                       : differs ? shape.bytes_a_first_write
                                                 : shape.bytes_a_write,
                                       letter));
    }
    at_write_.resize(shape.producers);
    static_cast<void>(queue_.wait_closed(closed_));
  }

  [[nodiscard]] std::vector<std::function<void()>> bodies();
  [[nodiscard]] std::string verdict();
  /// What `Stepper::State` asks for.
  [[nodiscard]] std::uint64_t state();

 private:
  struct Write {
    explicit Write(std::string_view bytes)
        : text(bytes), probe(std::vector<Bytes>{Bytes::borrow_static(text)}) {}
    std::string text;
    WriteProbe probe;
    std::optional<TicketProbe> done;  // once it is admitted
    std::optional<detail::WriteResult> seen;
    std::optional<Queue::Wait> outcome;
    bool is_admitted = false;
    bool began_after_close = false;
  };

  /// What the last step of a thread asked for, and has still to come.
  struct Pending {
    std::vector<detail::Waiting*> resumed;
    bool start_turn = false;
    bool ended = false;
  };

  /// What `call(effects)` decides about must be in a member before it returns: from then on another
  /// thread may run between the step and what it asks for.
  template <class Step>
  void step(Step&& call);
  void add_cancellers_and_flush(std::vector<std::function<void()>>& all);
  void add_permit_and_burst(std::vector<std::function<void()>>& all);
  void add_ends(std::vector<std::function<void()>>& all);
  void produce(std::size_t producer);
  /// The first write that has bytes: of the first producer, where none is empty.
  [[nodiscard]] std::size_t cancelled() const { return shape_.first_is_empty ? shape_.writes : 0; }
  [[nodiscard]] bool tries(std::size_t producer) const {
    return shape_.last_tries && producer + 1 == shape_.producers;
  }
  void submit(Write& write, bool waits);
  void use_ticket(Write& write);
  void look(Write& write);
  void use_first_ticket();
  [[nodiscard]] bool has_rival_waiting() const { return rival_ && rival_->linked; }
  /// Whether the first write has been admitted, or never will be.
  [[nodiscard]] bool is_first_settled() const {
    return writes_[0].done || writes_[0].probe.refusal;
  }
  [[nodiscard]] static std::uint64_t state_of(const std::optional<TicketProbe>& waits);
  void write();
  void finish_write();
  void take(std::size_t left);
  void take_unwritten(UnwrittenProbe& taker);
  [[nodiscard]] static std::deque<std::string> texts_of_burst(const ProgramShape& shape);
  [[nodiscard]] static std::vector<Bytes> slices_of(const std::deque<std::string>& texts);
  void send_burst();
  void use_permit();
  [[nodiscard]] bool is_granted();
  void commit();
  [[nodiscard]] std::size_t committed_size() const {
    return shape_.permit == PermitUse::kCommitsOneByte ? 1 : shape_.permit_bytes;
  }
  template <class Cancel>
  void let_in(Cancel&& call);
  void note_burst();
  void check_line(const detail::RoomWaiter* admitted_at_once);
  [[nodiscard]] std::string verdict_of(const Write& write) const;
  [[nodiscard]] std::string verdict_of_each() const;
  [[nodiscard]] std::string admitted() const;
  [[nodiscard]] std::string verdict_of_burst() const;
  [[nodiscard]] std::string verdict_of_permit() const;
  [[nodiscard]] std::string admitted_of_burst(std::size_t slice) const;
  [[nodiscard]] bool is_burst_in_order(std::string outcome) const;
  [[nodiscard]] std::uint64_t state_of_burst_and_permit() const;
  [[nodiscard]] bool adds_up() const;
  [[nodiscard]] bool is_in_order(const std::string& outcome, const std::string& admitted) const;
  [[nodiscard]] std::uint64_t state_of_writes() const;
  [[nodiscard]] std::uint64_t name_of(const detail::Waiting* waiting) const;
  void violate(const std::string& what) { violation_ = violation_.empty() ? what : violation_; }

  ProgramShape shape_;
  std::deque<Write> writes_;
  std::vector<std::size_t> at_write_;  // of each producer
  // Those that had to wait, in the order in which they came.
  std::vector<const detail::RoomWaiter*> line_;
  const std::deque<std::string> burst_texts_;
  BurstProbe burst_;
  std::optional<Queue::Wait> burst_outcome_;
  RoomProbe reservation_;
  std::optional<Queue::Wait> reservation_outcome_;
  detail::ReservedRoom permit_;
  Bytes committed_slice_;
  std::optional<bool> is_committed_;  // or was refused
  bool commit_began_after_close_ = false;
  static constexpr std::size_t kMostThreads = 8;
  std::array<Pending, kMostThreads> pending_;  // by thread
  std::optional<TicketProbe> rival_;
  CloseProbe closed_;
  FlushProbe flush_;
  std::array<UnwrittenProbe, 2> takers_;
  std::string left_;  // what the takers got, from the first byte that is not written
  detail::WriteBatch batch_{};
  Turn turn_ = Turn::kIdle;
  std::string peer_;
  std::string violation_;
  bool is_turn_posted_ = false;
  std::size_t letting_in_ = 0;  // steps that may let in who waits, and are under way
  bool has_ended_ = false;
  bool is_closed_ = false;
  bool has_failed_ = false;  // the stream
  Queue queue_;
};

}  // namespace bytes_handoff::test
