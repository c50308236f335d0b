#pragma once

// A write queue and its model side by side: every operation is done to both, and every difference
// is a failure.

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes_mut.hpp"
#include "model/write_queue_model.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/queue/queue_probes.hpp"
#include "support/queue/test_timer.hpp"
#include "support/stepping/random_runs.hpp"
#include "support/streams/scripted_stream.hpp"

namespace bytes_handoff::test {

/// What to do, and with what: `a` and `b` are random, and mean what `QueueWorld` makes of them.
struct QueueOperation {
  enum class Kind {
    kTry,
    kWait,
    kBurst,
    kReserve,
    kWaitReserve,
    kCommit,
    kGiveBack,
    kCancelWrite,
    kTurn,
    kReply,
    kNoProgress,
    kFlush,
    kCancelFlush,
    kWaitClosed,
    kCancelClosed,
    kTicketWait,
    kTicketCancel,
    kTicketDrop,
    kTick,
    kTimeBlocked,
    kUnwritten,
    kCancelUnwritten,
    kClose,
    kAbortAfterWritten,
    kAbort,
    kOrphan,
  };
  static constexpr const char* kNames[] = {"try",           "wait",
                                           "burst",         "reserve",
                                           "wait_reserve",  "commit",
                                           "give_back",     "cancel_write",
                                           "turn",          "reply",
                                           "no_progress",   "flush",
                                           "cancel_flush",  "wait_closed",
                                           "cancel_closed", "ticket_wait",
                                           "ticket_cancel", "ticket_drop",
                                           "tick",          "time_blocked",
                                           "unwritten",     "cancel_unwritten",
                                           "close",         "abort_after_written",
                                           "abort",         "orphan"};

  [[nodiscard]] std::string text() const {
    return kNames[static_cast<std::size_t>(kind)] + ("(" + std::to_string(a)) + "," +
           std::to_string(b) + ")";
  }

  Kind kind;
  std::uint64_t a;
  std::uint64_t b;
};

struct QueueWorldShape {
  WriteHandoffConfig config;
  std::size_t join_at_most = 0;  // what the writer joins slices to; 0: nothing
  // Where it is small, the turns that a step leaves to do follow it at once: the model knows none.
  // Then no stream fails, and none is asked to yield.
  std::size_t max_step_items = detail::kMaxStepItems;
  bool ends_cleanly = true;
  bool hears = true;         // what the queue tells
  bool takes_times = false;  // of its writes
};

class QueueWorld : public Expectations {
 public:
  using Queue = detail::WriteQueue;
  using Turn = Queue::Turn;
  using Kind = QueueOperation::Kind;

  explicit QueueWorld(const QueueWorldShape& shape)
      : shape_(shape),
        model_(config_of_model(shape)),
        queue_(config_of_queue(shape), shape.max_step_items, detail::Entries::kBytes, nullptr,
               shape.takes_times ? std::make_unique<TestTimer>(all_times(), now_) : nullptr),
        stream_(queue_, shape.join_at_most) {
    model_.time = now_;
  }

  void apply(const QueueOperation& op) {
    act(op);
    check();
  }
  [[nodiscard]] bool is_lively() const { return model_.is_open(); }
  /// Ends everything and checks what is left.
  void finish();

 private:
  struct TicketEntry {
    int id;
    const WriteProbe* of;
    detail::AdmittedWrite place{};
    std::unique_ptr<TicketProbe> probe{};  // once it is admitted
  };
  struct WaitingText {
    int waiter;
    std::vector<std::string> texts;
    std::vector<const std::byte*> places;
  };
  struct Permit {
    int id;
    detail::ReservedRoom room;
  };

  [[nodiscard]] WriteHandoffConfig config_of_queue(const QueueWorldShape& shape) {
    WriteHandoffConfig config = shape.config;
    config.block_source = &copies_;
    if (shape.hears) {
      config.on_event = [this](const QueueEvent& event) { hear(event); };
    }
    return config;
  }
  [[nodiscard]] static WriteHandoffConfig config_of_model(const QueueWorldShape& shape) {
    WriteHandoffConfig config = shape.config;
    config.stalled_after = shape.hears ? config.stalled_after : std::chrono::nanoseconds(0);
    return config;
  }
  template <class Step>
  auto step(Step&& call) {
    return stream_.step(std::forward<Step>(call));
  }
  [[nodiscard]] bool is_outstanding() const {
    return stream_.is_writing() || stream_.is_shutting_down();
  }

  // The operations, in write_queue_world.cpp.
  void act(const QueueOperation& op);
  void wait_or_end(const QueueOperation& op);
  void add_time_blocked(const QueueOperation& op);

  // Those that ask for room, in write_queue_world_line.cpp.
  [[nodiscard]] std::vector<Bytes> make_slices(const QueueOperation& op);
  [[nodiscard]] Bytes slice_of_block(const std::string& text);
  void ask_for_room(const QueueOperation& op);
  void submit(const QueueOperation& op, bool may_wait);
  void submit_burst(const QueueOperation& op);
  void reserve(const QueueOperation& op, bool may_wait);
  void use_permit(const QueueOperation& op);
  void commit(Permit& permit, std::vector<Bytes> slices, bool with_ticket);
  void give_back(Permit& permit);
  [[nodiscard]] std::vector<Bytes> slices_filling(const detail::ReservedRoom& room);
  [[nodiscard]] QueueModel::Write as_write(WriteProbe& probe, QueueModel::Kind kind);
  void wait_in_line(WriteProbe& probe, const QueueModel::Write& write, bool may_wait);
  void tell(WriteProbe& probe, const QueueModel::Write& write, QueueModel::Outcome outcome);

  template <class Probe>
  void start(Probe& probe, const char* what, std::size_t id, bool expected, bool at_once) {
    expect(at_once == expected, "a wait was over at once, or was not");
    if (!at_once) {
      probe.name = std::string(what) + " " + std::to_string(id);
    }
  }
  template <class Probes>
  void cancel(Probes& probes, std::uint64_t which);
  void use_ticket(const QueueOperation& op);
  void cancel_ticket(TicketProbe& probe);
  void turn();
  [[nodiscard]] bool has_small_steps() const {
    return shape_.max_step_items != detail::kMaxStepItems;
  }
  template <class Step>
  Turn bounded(std::size_t most_items, Step step);
  [[nodiscard]] Turn follow_up(Turn turn);
  void reply(Reply with, bool yield);
  [[nodiscard]] Reply reply_of(const QueueOperation& op) const;
  [[nodiscard]] Turn turn_when_drained() const;
  void tick(const QueueOperation& op);
  void wait_unwritten(bool puts_back);
  [[nodiscard]] std::string left_in(std::size_t index);
  void close(Waiters waiters);
  void end_by(Errc why);
  void orphan();

  // What is compared after each of them, in write_queue_world_checks.cpp.
  void compare(const std::optional<detail::Refusal>& real,
               const std::optional<detail::Refusal>& expected);
  [[nodiscard]] std::string take_back(WriteProbe& probe, const std::vector<std::string>& texts,
                                      const std::vector<const std::byte*>& places);
  void mark_admitted(WriteProbe& probe, int id);
  void check();
  void check_resumed();
  void check_tickets();
  void check_ticket(TicketEntry& entry, const std::string& expected);
  static constexpr std::size_t kMostDone = 4;
  void check_done_tickets();
  void expect_outcome(const detail::WriteResult& result, const std::string& expected);
  void check_received();
  void check_statistics();
  void check_gauges(const WriteStatistics& seen);
  void check_retention();

  // Where the time goes, in write_queue_world_times.cpp.
  // What those of all worlds go to.
  [[nodiscard]] static const std::shared_ptr<detail::WriteTimesState>& all_times();
  void note_times();
  void check_times(const TicketProbe& probe, bool is_written, bool has_waited);

  // What it tells, in write_queue_world_events.cpp.
  void hear(const QueueEvent& event);
  void check_end_event(const QueueEvent& event);
  void check_events();
  void check_end();
  void check_watch();
  [[nodiscard]] std::string describe(const std::string& name);
  template <class Probes>
  void expect_resumed_once(const Probes& probes, const char* what);

  struct ItemTimes {
    Queue::TimePoint admitted;
    std::optional<Queue::TimePoint> offered{};
  };

  QueueWorldShape shape_;
  CountingResource source_;
  CountingResource copies_;                                 // what the queue's own blocks come from
  std::size_t largest_footprint_ = 0;                       // of a block of source_
  std::shared_ptr<int> foreign_ = std::make_shared<int>();  // one more reference a foreign owner
  std::deque<std::string> literals_;
  BytesMut block_;
  std::size_t made_ = 0;

  std::deque<WriteProbe> writes_;
  std::deque<FlushProbe> flushes_;
  std::deque<CloseProbe> closers_;
  std::deque<UnwrittenProbe> unwritten_;
  std::vector<bool> puts_back_;  // of each of these, whether it gives back what it got
  std::deque<TicketEntry> tickets_;
  std::vector<std::pair<detail::AdmittedWrite, std::string>> done_;  // some, and how they ended
  std::vector<WaitingText> waiting_texts_;
  std::vector<const std::byte*> places_;  // of the slices that were made last
  std::deque<Permit> permits_;
  int next_ticket_ = 0;
  ResumeLog log_;
  std::size_t received_ = 0;  // bytes of the peer's that were compared
  bool is_destroyed_ = false;
  // Time, as a front end looks at it.
  Queue::TimePoint now_{std::chrono::seconds(1)};
  int watch_requests_ = 0;
  bool is_watched_ = false;
  Queue::TimePoint next_tick_{};
  std::chrono::nanoseconds longest_age_{0};  // of an item since the queue was empty
  // What was told.
  bool told_refusing_ = false;
  bool told_waiting_ = false;
  bool told_stalled_ = false;
  bool told_end_ = false;
  std::uint64_t refusals_ = 0;  // for lack of room, in all
  std::uint64_t admitted_at_refusal_ = 0;

  std::vector<ItemTimes> item_times_;  // of all that ever came

  QueueModel model_;
  Queue queue_;
  ScriptedStream<Queue> stream_;
};

}  // namespace bytes_handoff::test
