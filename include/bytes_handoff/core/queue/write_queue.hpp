#pragma once

// The write queue as one state machine: who is admitted, what goes into the next gather, who is
// resumed with which result, what close, abort, failure and cancellation do. It knows no stream, no
// executor and no clock; `docs/lifecycle.md` has its tables.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/config.hpp"
#include "bytes_handoff/core/budget/queue_account.hpp"
#include "bytes_handoff/core/queue/busy_queue.hpp"
#include "bytes_handoff/core/queue/effects.hpp"
#include "bytes_handoff/core/queue/event_watch.hpp"
#include "bytes_handoff/core/queue/outcome.hpp"
#include "bytes_handoff/core/queue/queue_config.hpp"
#include "bytes_handoff/core/queue/queue_name.hpp"
#include "bytes_handoff/core/queue/unwritten.hpp"
#include "bytes_handoff/core/queue/waiting.hpp"
#include "bytes_handoff/core/queue/write_item.hpp"
#include "bytes_handoff/core/queue/write_timer.hpp"
#include "bytes_handoff/core/support/sync.hpp"
#include "bytes_handoff/ends.hpp"
#include "bytes_handoff/expected.hpp"
#include "bytes_handoff/statistics.hpp"

namespace bytes_handoff::detail {

/// A stream that reports success without taking a byte this many times in a row makes no progress.
inline constexpr std::uint8_t kMaxZeroWrites = 16;

/// Limit of what one step does under the lock. It counts items that leave, items that come in from
/// the line, and flushes that complete. Then the writer yields, and goes on in another turn. One
/// write comes in whole, however many items it has, and one gather leaves whole. The steps that end
/// the queue or close it have no limit; each happens once.
inline constexpr std::size_t kMaxStepItems = 1024;

/// What one entry is to the stream: bytes that may be cut and joined, or a message. An empty
/// message reaches the stream; an empty slice of bytes does not.
enum class Entries : bool { kBytes, kMessages };

class WriteBatch;

/// What a waiter in line asks for.
enum class AsksFor : std::uint8_t {
  kWrite,     ///< the slices, all at once
  kBurst,     ///< the slices, in order, as room comes
  kCutBurst,  ///< the same, and a slice may be cut
  kRoom,      ///< room alone
};

/// Waits in line for room. A slice is the caller's until it is admitted, and is not touched once
/// the waiter has been resumed.
struct RoomWaiter : Waiting {
  using TimePoint = std::chrono::steady_clock::time_point;

  /// Under the queue's lock, when it begins to wait. Whoever does not override it has waited since
  /// ever.
  [[nodiscard]] virtual TimePoint time() noexcept { return {}; }

  AsksFor asks_for = AsksFor::kWrite;
  /// Whether it counts for `max_waiters`: not if it is in memory that its owner has anyway.
  bool is_counted = true;
  /// Of a burst: those that are not admitted, of which the first one may be cut.
  std::span<Bytes> slices;
  /// What it asks for. The caller's for `kRoom`; otherwise the queue's.
  std::size_t bytes = 0;
  std::size_t items = 0;
  /// Set before `resume`: nothing when all was admitted.
  std::optional<Refusal> refusal;
  AdmittedWrite write;  // of `kWrite`: where it was admitted
  ReservedRoom room;    // of `kRoom`: what was granted

  // The queue's alone.
  std::size_t largest = 0;  // bytes that must come in at once
  std::size_t charge = 0;   // of a write or of room: what its budget is charged
  TimePoint since{};        // when it began to wait
  bool linked = false;

  [[nodiscard]] bool is_burst() const noexcept {
    return asks_for == AsksFor::kBurst || asks_for == AsksFor::kCutBurst;
  }
  /// Bytes that it makes its caller keep.
  [[nodiscard]] std::size_t waiting_bytes() const noexcept {
    return asks_for == AsksFor::kRoom ? 0 : bytes;
  }
};

/// The whole state of a queue at one moment, for a person to read.
struct QueueFigures {
  const char* state;
  const char* writer;
  std::size_t pending_items;
  std::size_t pending_bytes;
  std::size_t items_with_stream;
  std::size_t waiting_writes;  // in line, and what they ask for
  std::size_t waiting_items;
  std::size_t waiting_bytes;
  std::size_t reserved_items;
  std::size_t reserved_bytes;
  std::size_t flush_waiters;
  std::size_t close_waiters;
  ErrorValue first_error;
  std::string_view name;
};

template <class Sync>
class BasicWriteQueue {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  enum class Wait { kAdmitted, kRefused, kWaiting };
  /// What the writer is to do next. `kYield`: post another turn. `kIdle`, `kEnded`: nothing.
  /// `kShutdown`: end the write side of the stream. `kAcknowledge`: wait until the peer's system
  /// has everything. Both are over with `finish_shutdown`.
  enum class Turn { kIdle, kWrite, kShutdown, kAcknowledge, kYield, kEnded };

  using Account = BasicQueueAccount<Sync>;
  using Credit = BasicQueueCredit<Sync>;

  /// `credit`: what it has in its memory budget; it outlives the queue. Null: there is none.
  /// `times`: takes the times of its writes. Null: nobody does.
  /// Throws std::bad_alloc, if `config` has a name or a hook.
  /// Preconditions: `throw_if_invalid(config)` does not, and `max_step_items` is at least 1, and a
  /// 32-bit number.
  explicit BasicWriteQueue(const WriteHandoffConfig& config,
                           std::size_t max_step_items = kMaxStepItems,
                           Entries entries = Entries::kBytes, Credit* credit = nullptr,
                           std::unique_ptr<WriteTimer> times = nullptr)
      : config_(config),
        max_step_items_(static_cast<std::uint32_t>(max_step_items)),
        entries_(entries),
        account_(credit),
        unreserved_bytes_(config.max_pending_bytes),
        compactor_(config.block_source, credit == nullptr ? nullptr : credit->joins()),
        name_(config.name),
        events_(config.on_event
                    ? std::make_unique<EventWatch>(config.on_event, config.stalled_after)
                    : nullptr),
        times_(std::move(times)) {}
  BasicWriteQueue(const BasicWriteQueue&) = delete;
  BasicWriteQueue& operator=(const BasicWriteQueue&) = delete;
  /// Nothing may be waiting, and the writer must not be writing.
  ~BasicWriteQueue();

  // Submission, from any thread. All slices are admitted as one, contiguous, or none is; admitted
  // slices are left empty. No slices count as one empty one. Throws std::bad_alloc with nothing
  // changed.
  [[nodiscard]] expected<AdmittedWrite, Refusal> try_write(std::span<Bytes> slices,
                                                           Effects& effects);
  /// Once it waits, another thread may resume it.
  [[nodiscard]] Wait wait_room(RoomWaiter& waiter, Effects& effects);
  void cancel(RoomWaiter& waiter, Effects& effects) noexcept;

  // Room that is set aside for a permit. It counts as pending does, and keeps no queue open.
  /// No items count as one.
  /// Behind a refusal `look_for_events` is to be called.
  [[nodiscard]] expected<ReservedRoom, Refusal> try_reserve(std::size_t bytes, std::size_t items);
  /// As `try_write`, in the room of a permit; what is not needed is given back. Refused, the permit
  /// keeps its room. Precondition: the room is this queue's.
  [[nodiscard]] expected<AdmittedWrite, Refusal> commit(ReservedRoom& room, std::span<Bytes> slices,
                                                        Effects& effects) noexcept;
  void give_back(ReservedRoom& room, Effects& effects) noexcept;

  // Memory, of a queue with a budget.
  /// Its `QueueCreditWaiter` has been resumed: who waits for memory comes in.
  void admit_with_credit(Effects& effects) noexcept;
  /// Bytes that its items keep from being freed, whoever took them.
  [[nodiscard]] std::size_t retained() noexcept;
  /// Changes whenever bytes leave, or begin to wait.
  [[nodiscard]] std::uint64_t progress() const noexcept;

  // Tickets.
  enum class TicketWait { kDone, kWaiting, kAnotherWaits };
  /// `kDone`: the result is there. `kAnotherWaits`: for the same write.
  [[nodiscard]] TicketWait wait_written(TicketWaiter& waiter) noexcept;
  void cancel(TicketWaiter& waiter, ErrorValue cancelled, Effects& effects) noexcept;
  /// None while the write is queued.
  /// `durations`: where those go that are known; null: nobody wants them.
  [[nodiscard]] std::optional<WriteResult> result(
      const AdmittedWrite& write,
      std::optional<WriteDurations>* durations = nullptr) const noexcept;

  // Waits. True when the result is there at once; then nothing was linked.
  [[nodiscard]] bool wait_flush(FlushWaiter& waiter) noexcept;
  void cancel(FlushWaiter& waiter, ErrorValue cancelled, Effects& effects) noexcept;
  [[nodiscard]] bool wait_closed(CloseWaiter& waiter) noexcept;
  void cancel(CloseWaiter& waiter, ErrorValue cancelled, Effects& effects) noexcept;
  [[nodiscard]] bool wait_unwritten(UnwrittenWaiter& waiter) noexcept;
  void cancel(UnwrittenWaiter& waiter, ErrorValue cancelled, Effects& effects) noexcept;

  // The ends.
  void close(Waiters waiters, Effects& effects) noexcept;
  /// As `close`, but everything is acknowledged, and then the queue ends with `aborted`. A queue
  /// that is closing already takes it too, unless its stream is being shut down.
  /// The first one that cuts it says with which error it ends. One other than `aborted` is kept
  /// where the time for the end is over, too.
  void abort_after_written(Effects& effects, ErrorValue error = ErrorValue::of(Errc::aborted),
                           Waiters waiters = Waiters::refuse, EndedBy by = EndedBy::abort) noexcept;
  /// `error` is kept as the first one, unless the queue has ended already.
  void abort(ErrorValue error, Effects& effects, EndedBy by = EndedBy::abort) noexcept;
  /// The context of the stream is being destroyed: everything is dropped, nothing will be written.
  void orphan(const void* context, Effects& effects) noexcept;
  /// Whether `tick` has anything to look at, where a step asked for it. If not, one will ask again.
  [[nodiscard]] bool needs_tick() noexcept;
  /// Looks at the time, if a step asked for that. `acknowledged`: the peer's system has more than
  /// the last time. Returns when to call it again; the latest time that there is: not before a step
  /// asks.
  [[nodiscard]] TimePoint tick(TimePoint now, bool acknowledged, Effects& effects) noexcept;

  // The writer, on the stream's executor, one turn at a time.
  /// A batch that must be joined is joined before it is offered to the stream. If the queue has
  /// ended, a turn may come while a write is with the stream.
  [[nodiscard]] Turn begin_turn(WriteBatch& batch, Effects& effects) noexcept;
  /// The stream took `written` bytes of the last batch and reported `error`. With `yield` the
  /// writer does not write on, but asks for a turn of its own.
  [[nodiscard]] Turn finish_write(ErrorValue error, std::size_t written, bool yield,
                                  WriteBatch& batch, Effects& effects) noexcept;
  void finish_shutdown(ErrorValue error, Effects& effects) noexcept;
  /// Joins a batch that is with the writer. Precondition: `batch.must_join()`.
  void join(WriteBatch& batch) noexcept;

  /// Nobody will take what was not written: it goes. Does nothing while the queue has not ended, or
  /// its last write or shutdown is still with the stream.
  void discard_unwritten() noexcept;
  /// Takes back what a waiter for it was given and could not pass on.
  void put_back(UnwrittenItems& items) noexcept;

  [[nodiscard]] std::size_t pending_bytes() const noexcept;
  [[nodiscard]] std::size_t pending_items() const noexcept;
  [[nodiscard]] bool is_open() const noexcept;
  [[nodiscard]] bool has_ended() const noexcept;
  /// ... closed, with everything written and the write side shut down.
  [[nodiscard]] bool has_ended_in_order() const noexcept;
  /// ... by an error that the stream reported.
  [[nodiscard]] bool was_ended_by_stream() const noexcept;
  /// The error that ended it, or none.
  [[nodiscard]] ErrorValue first_error() const noexcept;
  /// When the first `tick` of a close was, if there was one.
  [[nodiscard]] std::optional<TimePoint> closing_since() const noexcept;
  /// Without `now`, which is the time, ages are not known. O(items).
  [[nodiscard]] WriteStatistics statistics(std::optional<TimePoint> now) noexcept;
  [[nodiscard]] std::uint64_t written_bytes() const noexcept;
  /// It is `now`: ages are known from then on. Not needed in front of a `tick` or `statistics`.
  void note_time(TimePoint now) noexcept;
  [[nodiscard]] QueueFigures figures() const noexcept;
  /// A write that waited for room waited for this long.
  void add_time_blocked(std::chrono::nanoseconds time) noexcept;
  [[nodiscard]] const QueueConfig& config() const noexcept { return config_; }
  [[nodiscard]] std::pmr::memory_resource* block_source() const noexcept {
    return compactor_.block_source();
  }
  /// Empty: it has none. For as long as the queue is there.
  [[nodiscard]] std::string_view name() const noexcept { return name_.view(); }

  /// Asks for `tell_events`, if there is anything to tell. Only behind a step without effects.
  void look_for_events(Effects& effects) noexcept;
  /// Calls the hook with all that is to be told. Without the lock, where a step has asked for it,
  /// before anything else that the step asks for.
  void tell_events() noexcept;

 protected:  // for tests that compare whole states
  enum class State : std::uint8_t { kOpen, kClosing, kEnded };
  enum class Writer : std::uint8_t { kIdle, kScheduled, kWriting, kShuttingDown, kAcknowledging };
  using Lock = std::lock_guard<typename Sync::Mutex>;
  static constexpr TimePoint kNever = (TimePoint::max)();

  // Everything below runs under the lock.
  [[nodiscard]] bool has_room(std::size_t bytes, std::size_t items) const noexcept;
  [[nodiscard]] std::optional<Refusal> held_up_by(std::size_t bytes,
                                                  std::size_t items) const noexcept;
  [[nodiscard]] Refusal closed_refusal() const noexcept;
  [[nodiscard]] std::optional<Refusal> lasting_refusal_of(std::size_t bytes,
                                                          std::size_t items) const noexcept;
  [[nodiscard]] Refusal refusal_of(std::size_t bytes, std::size_t items) const noexcept;
  [[nodiscard]] Refusal memory_refusal(std::size_t charge) const noexcept;
  // 0 without a budget.
  [[nodiscard]] std::size_t charge_of(std::span<const Bytes> slices) const noexcept;
  [[nodiscard]] std::size_t largest_charge_of(const RoomWaiter& waiter) const noexcept;
  [[nodiscard]] bool try_charge(std::size_t charge, Effects& effects) noexcept {
    return !account_ || try_charge_budget(charge, effects);
  }
  [[nodiscard]] bool try_charge_slices(std::span<const Bytes> slices, std::size_t bytes,
                                       Effects& effects) noexcept;
  [[nodiscard, gnu::noinline]] bool try_charge_burst(std::span<const Bytes> slices,
                                                     Effects& effects) noexcept;
  [[nodiscard, gnu::noinline]] bool try_charge_slowly(std::span<const Bytes> slices,
                                                      Effects& effects) noexcept;
  [[nodiscard, gnu::noinline]] expected<ReservedRoom, Refusal> try_reserve_charged(
      std::size_t bytes, std::size_t items) noexcept;
  [[gnu::noinline]] void discharge_rest(std::size_t bytes, std::span<const Bytes> slices,
                                        Effects& effects) noexcept;
  [[nodiscard]] bool try_charge_budget(std::size_t charge, Effects& effects) noexcept;
  [[nodiscard]] Draw charge_or_wait(std::size_t charge, Effects& effects) noexcept;
  void discharge(std::size_t charge, Effects& effects) noexcept {
    if (charge != 0 && !account_.try_discharge_here(charge)) {
      discharge_over_floor(charge, effects);
    }
  }
  [[gnu::noinline]] void discharge_over_floor(std::size_t charge, Effects& effects) noexcept;
  void stop_waiting_for_memory(Effects& effects) noexcept;
  [[gnu::noinline]] void discharge_copied(Effects& effects) noexcept;
  void discharge_all(Effects& effects) noexcept;
  [[nodiscard]] std::size_t forget_charges() noexcept;
  void give_back_credit(std::size_t credit) noexcept;
  void count_refusal(const Refusal& refusal) noexcept;
  [[nodiscard]] unexpected<Refusal> refused(const Refusal& refusal) noexcept;
  [[nodiscard, gnu::cold, gnu::noinline]] unexpected<Refusal> refused(const Refusal& refusal,
                                                                      Effects& effects) noexcept;
  [[nodiscard, gnu::cold, gnu::noinline]] unexpected<Refusal> refused_memory(
      std::span<const Bytes> slices, Effects& effects) noexcept;
  [[nodiscard]] QueueNow now() const noexcept;
  // Asks for it, if there is anything to tell.
  void ask_to_tell(Effects& effects) noexcept {
    if (events_ != nullptr) [[unlikely]] {
      compare_events(effects);
    }
  }
  [[gnu::cold, gnu::noinline]] void compare_events(Effects& effects) noexcept;
  [[nodiscard]] TimePoint look_for_stall(TimePoint now, Effects& effects) noexcept;
  [[nodiscard]] bool looks_for_stall() const noexcept {
    return events_ != nullptr && events_->looks_for_stall(stats_.written_bytes);
  }
  void reserve_places(std::size_t items) {
    items_.reserve(items);
    if (times_ != nullptr) [[unlikely]] {
      times_->reserve(items_.size() + items_.aside() + items);  // a write has at least one
    }
  }
  [[nodiscard]] AdmittedWrite push(std::span<Bytes> slices, std::size_t bytes,
                                   Effects& effects) noexcept;
  [[nodiscard]] ReservedRoom set_aside(std::size_t bytes, std::size_t items) noexcept;
  void take_back(ReservedRoom& room) noexcept;
  void take_back_all(Effects& effects) noexcept;
  void release_places() noexcept;

  [[nodiscard]] std::optional<Refusal> line_refusal_of(const RoomWaiter& waiter) const noexcept;
  void enter_line(RoomWaiter& waiter);
  void leave_line(RoomWaiter& waiter, Effects& effects) noexcept;
  void refuse(RoomWaiter& waiter, const Refusal& refusal, Effects& effects) noexcept;
  void refuse_all_waiters(const Refusal& refusal, Effects& effects) noexcept;
  void refuse_reservations(Effects& effects) noexcept;
  [[nodiscard]] bool first_waiter_fits() const noexcept;
  [[nodiscard]] std::optional<Refusal> first_held_up_by(const RoomWaiter& first) const noexcept;
  [[nodiscard]] std::size_t least_piece() const noexcept;
  bool admit_waiters(std::size_t& left, Effects& effects) noexcept;
  [[nodiscard]] Draw charge_part(const RoomWaiter& burst, std::size_t piece, std::size_t& items,
                                 std::size_t& bytes, Effects& effects) noexcept;
  void admit_whole(RoomWaiter& waiter, Effects& effects) noexcept;
  [[nodiscard]] Draw admit_part(RoomWaiter& burst, std::size_t most, std::size_t& items,
                                Effects& effects) noexcept;
  [[nodiscard]] bool admit_a_step(Effects& effects) noexcept;
  void admit_the_rest(bool is_settled, Effects& effects) noexcept;

  void complete_flushes(std::size_t& left, Effects& effects) noexcept;
  [[nodiscard]] std::size_t pop_written(std::size_t written, std::size_t most,
                                        Effects& effects) noexcept;
  [[nodiscard, gnu::noinline]] std::size_t pop_free(std::size_t written, std::size_t most,
                                                    Effects& effects) noexcept;
  [[nodiscard, gnu::noinline]] std::size_t pop_timed(std::size_t written, std::size_t most,
                                                     Effects& effects) noexcept;
  [[nodiscard, gnu::noinline]] std::size_t pop_charged(std::size_t written, std::size_t most,
                                                       Effects& effects) noexcept;
  [[nodiscard, gnu::noinline]] std::size_t pop_mixed(std::size_t written, std::size_t most,
                                                     Effects& effects) noexcept;
  void look_for_times() noexcept {
    if (times_ != nullptr) [[unlikely]] {
      times_->look();
    }
  }
  void note_offered() noexcept {
    if (times_ != nullptr) [[unlikely]] {
      times_->note_offered(written_items() + in_flight_items_);
    }
  }
  // What is seen to of each item that leaves: nothing; its charge; its charge and times.
  enum class Leaving : std::uint8_t { kFree, kCharged, kTimed };
  template <Leaving kLeaving>
  [[nodiscard, gnu::always_inline]] std::size_t pop_items(std::size_t written, std::size_t most,
                                                          Effects& effects) noexcept;
  [[nodiscard]] bool settle(std::size_t left, Effects& effects) noexcept;
  [[nodiscard]] bool is_settled() noexcept;
  [[nodiscard]] bool starts_empty() noexcept {
    return !items_.empty() && items_.front().size == 0 && entries_ == Entries::kBytes;
  }
  [[nodiscard]] Turn next(bool yield, std::size_t left, WriteBatch& batch,
                          Effects& effects) noexcept;
  void start_closing(Effects& effects) noexcept;
  [[nodiscard]] bool end_waiting(Waiters waiters, Effects& effects) noexcept;
  void watch_time(Effects& effects) noexcept;
  bool update_watch() noexcept;
  [[nodiscard]] std::chrono::nanoseconds longest_silence() const noexcept;
  [[nodiscard]] Turn next_when_written(Effects& effects) noexcept;
  [[nodiscard]] Turn next_message(WriteBatch& batch, Effects& effects) noexcept;
  [[nodiscard]] Turn finish_message(ErrorValue error, std::size_t written, bool yield,
                                    WriteBatch& batch, Effects& effects) noexcept;
  void end(ErrorValue error, EndedBy by, Effects& effects) noexcept;
  void give_unwritten(Effects& effects) noexcept;
  void drop_written(std::size_t written, Effects& effects) noexcept;
  void fail_tickets(Effects& effects) noexcept;
  [[nodiscard]] bool has_left(const AdmittedWrite& write) const noexcept;
  void find_durations(const AdmittedWrite& write,
                      std::optional<WriteDurations>* durations) const noexcept;
  [[nodiscard]] WriteResult result_of(const AdmittedWrite& write) const noexcept;
  [[nodiscard]] std::uint64_t written_items() const noexcept {
    return stats_.admitted_items - items_.size();
  }
  [[nodiscard]] std::size_t held_bytes() noexcept;
  // Of all in line. While somebody is, there are places for them.
  [[nodiscard]] LineTotals line_totals() const noexcept {
    return line_.empty() ? LineTotals() : items_.head().line;
  }
  void note_progress() noexcept {
    ++progress_;
    has_progressed_ = true;
  }
  void note_age(TimePoint now) noexcept {
    if (!items_.empty()) {
      items_.head().ages.note(stats_.admitted_items, written_items(), now);
    }
  }
  [[nodiscard]] std::size_t reserved_bytes() const noexcept {
    return config_.max_pending_bytes - unreserved_bytes_;
  }
  [[nodiscard]] std::size_t reserved_items() const noexcept { return items_.aside(); }
  [[nodiscard]] std::size_t unreserved_items() const noexcept {
    return config_.max_items - items_.aside();
  }
  // Behind an end they are the unwritten ones.
  [[nodiscard]] std::size_t count_pending() const noexcept {
    return state_ == State::kEnded ? 0 : items_.size();
  }
  // The error that has ended it, or none.
  [[nodiscard]] ErrorValue ended_with() const noexcept {
    return state_ == State::kEnded ? error_ : ErrorValue{};
  }
  [[nodiscard]] bool is_with_stream() const noexcept {
    return writer_ == Writer::kWriting || writer_ == Writer::kShuttingDown;
  }

  const QueueConfig config_;
  const std::uint32_t max_step_items_;
  const Entries entries_;
  bool has_progressed_ = true;    // since the last `tick`
  bool line_has_pieces_ = false;  // a slice of somebody who is or was in `line_` may be cut
  Account account_;
  mutable typename Sync::Mutex mutex_;
  State state_ = State::kOpen;
  Writer writer_ = Writer::kIdle;
  bool ends_in_order_ = true;  // unless it is aborted; while it is closing
  bool was_ended_by_stream_ = false;
  bool is_watched_ = false;          // whether `tick` is being called
  bool joins_in_flight_ = false;     // the owners of what is with the stream are being exchanged
  EndedBy cut_by_ = EndedBy::abort;  // who has set `error_` before the end
  std::uint8_t zero_writes_ = 0;
  // With which it has ended. Before: with which it ends, once everything is written; none if that
  // is an end in order.
  ErrorValue error_;
  // At the end: items that were wholly written, and all bytes that were.
  std::uint64_t ended_items_ = 0;
  std::uint64_t ended_bytes_ = 0;

  WriteItems items_;  // admitted and not wholly written; after an end, the unwritten ones
  std::size_t front_offset_ = 0;     // bytes of the first item that are written
  std::size_t in_flight_items_ = 0;  // items of the batch that is with the stream
  std::size_t pending_bytes_ = 0;
  // What the limit leaves beside the room of permits; what is pending is within this.
  std::size_t unreserved_bytes_;
  RunCompactor compactor_;

  WaitingList line_;
  WaitingList flush_waiters_;
  WaitingList close_waiters_;
  WaitingList unwritten_waiters_;

  std::uint64_t progress_ = 1;  // grows whenever bytes leave or start to wait, and with a close
  TimePoint progress_at_{};
  TimePoint closing_since_ = kNever;
  WriteCounts stats_;

  const QueueName name_;
  const std::unique_ptr<EventWatch> events_;  // null: nobody is told
  const std::unique_ptr<WriteTimer> times_;   // null: nobody wants them
};

using WriteQueue = BasicWriteQueue<StdSync>;

extern template class BasicWriteQueue<StdSync>;

}  // namespace bytes_handoff::detail
