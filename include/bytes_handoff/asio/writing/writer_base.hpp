#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/context_registry.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/support/writer_pointer.hpp"
#include "bytes_handoff/asio/writing/budget_seat.hpp"
#include "bytes_handoff/asio/writing/registry_seat.hpp"
#include "bytes_handoff/asio/writing/writer_timer.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"
#include "bytes_handoff/write_refusal.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// How a turn of the writer starts: after the handler that submits has returned, or at once if that
/// handler runs on the stream's executor. `kFromTurn`: as `kPost`, for a step that the writer makes
/// on the stream's executor. The writer then sees to the time and to the end when it leaves.
/// `kEnd`: as `kPost`, for a turn in which the stream of a queue that has ended is ended.
enum class TurnStart : unsigned char { kPost, kDispatch, kFromTurn, kEnd };

/// What handles, tickets and waiting operations see of a writer, whatever its stream. It has the
/// queue, carries out what the queue asks for, and knows where handlers run by default.
class WriterBase : public ContextMember {
 public:
  WriterBase(const WriterBase&) = delete;
  WriterBase& operator=(const WriterBase&) = delete;

  [[nodiscard]] WriteQueue& queue() noexcept { return queue_; }

  /// The stream's executor; none once its context is being destroyed, which some executors must not
  /// outlive.
  [[nodiscard]] net::any_io_executor executor() noexcept {
    const PostLease lease(guard());
    return executor(lease);
  }
  /// The same with a lease that the caller has taken; none if that was refused.
  [[nodiscard]] net::any_io_executor executor(const PostLease& lease) const noexcept {
    return lease ? stream_executor() : net::any_io_executor();
  }

  /// The time of that executor; none once its context is being destroyed. On any thread.
  [[nodiscard]] std::optional<WriteQueue::TimePoint> time() noexcept {
    const PostLease lease(guard());
    return lease ? std::optional(now()) : std::nullopt;
  }
  [[nodiscard]] WriteStatistics statistics() noexcept { return queue_.statistics(time()); }

  /// Carries out what a step of the queue asked for, outside the queue's lock. The step was made on
  /// any thread with `guard()`, or by the writer without it. What the caller needs afterwards it
  /// must keep alive itself. Inlined, since most steps ask for nothing.
  [[gnu::always_inline]] void carry_out(Effects& effects,
                                        TurnStart turn = TurnStart::kPost) noexcept {
    if (effects.asks_for_something() || turn == TurnStart::kFromTurn) {
      if (effects.asks_for_rare()) [[unlikely]] {
        carry_out_rare(effects, turn);
      } else {
        carry_out_usual(effects, turn);
      }
    }
    effects.finish();
  }

  /// Whether the queue may be given pieces whose bytes are in pipes. On any thread.
  [[nodiscard]] virtual bool takes_pieces() const noexcept = 0;

  // Of the next three a hook may drop the last handle.
  void close(Waiters waiters) noexcept {
    const WriterPointer self(*this);
    Effects effects(guard());
    queue_.close(waiters, effects);
    carry_out(effects);
  }
  void abort_after_written(ErrorValue error = ErrorValue::of(Errc::aborted),
                           Waiters waiters = Waiters::refuse,
                           EndedBy by = EndedBy::abort) noexcept {
    const WriterPointer self(*this);
    Effects effects(guard());
    queue_.abort_after_written(effects, error, waiters, by);
    carry_out(effects);
  }
  void abort(const ErrorValue& error, EndedBy by = EndedBy::abort) noexcept {
    const WriterPointer self(*this);
    Effects effects(guard());
    queue_.abort(error, effects, by);
    carry_out(effects);
  }

  void give_back(ReservedRoom& room) noexcept {
    Effects effects(guard());
    queue_.give_back(room, effects);
    carry_out(effects);
  }

  /// What was not written, from who did not take it. Without handles nobody can ask for it again.
  void put_back(UnwrittenItems& items) noexcept {
    queue_.put_back(items);
    discard_without_handles();
  }

  /// Behind a step of the queue that had no effects.
  [[gnu::cold, gnu::noinline]] void tell_events() noexcept {
    Effects effects(guard());
    queue_.look_for_events(effects);
    carry_out(effects);
  }
  /// A refusal as the caller is told it, and in events.
  [[nodiscard, gnu::cold, gnu::noinline]] WriteRefusal to_refusal(const Refusal& refusal) const {
    return {refusal.reason,       refusal.attempted,
            refusal.limit,        to_net_error(refusal.first_error),
            refusal.counts_items, queue_.name()};
  }

  // ---- For its memory budget.

  /// Null without one.
  [[nodiscard]] BudgetState* budget() const noexcept {
    return seat_ == nullptr ? nullptr : &seat_->state();
  }
  /// The writer is whole now: it can be ended for the memory that it holds, and be reported.
  void enter_seats() noexcept {
    if (seat_ != nullptr) {
      seat_->enter();
    }
    if (registry_seat_ != nullptr) {
      registry_seat_->enter();
    }
  }
  /// Has an errand run on the stream's executor. On any thread, outside of locks. False if the
  /// context is gone, or there is no memory: then it is not run.
  bool send(BudgetErrand errand) noexcept {
    const WriterPointer self(*this);  // who waited may be let go of
    const PostLease lease(guard());
    if (!lease) {
      return false;
    }
    if (!seat_->add(errand) || post_errands()) {  // with those that are on the way, or alone
      return true;
    }
    const unsigned of_others = seat_->take_errands() & ~static_cast<unsigned>(errand);
    drop_errands(of_others);
    return false;
  }
  /// The same, with a reference that goes with it.
  [[gnu::noinline]] void let_go_of_seat() noexcept { WriterReference::drop(this); }
  [[gnu::noinline]] bool send_held(BudgetErrand errand) noexcept {
    const auto held = WriterPointer::adopt(this);
    return send(errand);
  }
  /// Behind a grant: who waits for memory comes in, and the seat lets go of this.
  void admit_with_credit() noexcept {
    Effects effects(guard());
    queue_.admit_with_credit(effects);
    carry_out(effects);
    seat_->let_go();
  }
  [[nodiscard]] bool try_add_reference() noexcept { return add_unless_zero(references_); }

  /// Another handle, unless there is none any more.
  [[nodiscard]] bool try_add_handle() noexcept { return add_unless_zero(handles_); }

 protected:
  /// With one reference and one handle. The handles have one reference together.
  WriterBase(const WriteHandoffConfig& config, Entries entries)
      : seat_(BudgetSeat::make(*this, config)),
        registry_seat_(RegistrySeat::make(*this, config)),
        queue_(config, kMaxStepItems, entries, seat_ == nullptr ? nullptr : &seat_->credit(),
               WriterTimer::make(*this, config)) {}
  virtual ~WriterBase() = default;

  /// Once the stream has returned: tickets and weak handles do not keep what was not written. A
  /// queue that was shed keeps nothing.
  void discard_without_handles() noexcept {
    if (handles_.load() == 0 || (seat_ != nullptr && seat_->is_shed())) {
      queue_.discard_unwritten();
    }
  }

  [[nodiscard]] BudgetSeat* seat() noexcept { return seat_.get(); }
  /// On any thread that keeps the context's shutdown waiting.
  [[nodiscard]] virtual net::any_io_executor stream_executor() const noexcept = 0;
  /// The time of the stream's executor. On any thread that keeps the context's shutdown waiting.
  [[nodiscard]] virtual BudgetState::Clock::time_point now() const noexcept = 0;
  /// Posts `run_errands` to the stream's executor. Whether that could be done.
  [[nodiscard]] virtual bool post_errands() noexcept = 0;
  /// Calls `watch_memory` there in a while.
  virtual void watch_memory_later(std::chrono::nanoseconds pause) noexcept = 0;

  void run_errands() noexcept {
    const unsigned errands = seat_->take_errands();
    if ((errands & static_cast<unsigned>(BudgetErrand::kAdmit)) != 0) {
      admit_with_credit();
    }
    if ((errands & static_cast<unsigned>(BudgetErrand::kShed)) != 0) {
      abort(ErrorValue::of(Errc::shed), EndedBy::memory_budget);
      if (queue_.first_error() == ErrorValue::of(Errc::shed)) {  // unless it had ended
        seat_->set_shed();
      }
      discard_without_handles();
    }
    if ((errands & static_cast<unsigned>(BudgetErrand::kLook)) != 0) {
      look_at_memory();
    }
    if ((errands & static_cast<unsigned>(BudgetErrand::kWatch)) != 0) {
      watch_memory();
    }
  }
  void watch_memory() noexcept {
    BudgetState& state = seat_->state();
    state.look(now());
    seat_->set_watching(false);
    if (state.keeps_watching(queue_.pending_bytes() != 0)) {
      seat_->set_watching(true);
      watch_memory_later(state.shedder().pause());
    }
  }
  /// Where the stream is let go of.
  void stop_watching_memory() noexcept {
    if (seat_ != nullptr && seat_->set_watching(false)) {
      seat_->state().stop_watching();
    }
  }
  void leave_seats() noexcept {
    if (seat_ != nullptr) {
      seat_->leave();
    }
    if (registry_seat_ != nullptr) {
      registry_seat_->leave();
    }
  }

  /// Posts a turn of the writer to the stream's executor, or dispatches it there. The queue sees to
  /// it that at most one is posted or running.
  virtual void start_turn(TurnStart turn) noexcept = 0;
  /// Sees to it that the time is looked at.
  virtual void watch_time(TurnStart turn) noexcept = 0;
  /// Once: sees to it that the stream is ended as the queue was, and let go of. `turn_comes`: a
  /// turn that was asked for before will do that.
  virtual void take_end(TurnStart turn, bool turn_comes) noexcept = 0;
  virtual void forget_stream() noexcept = 0;

  void end_with_context(const void* context) noexcept final {
    orphan(context);
    WriterReference::drop(this);  // keep_alive's
  }
  void orphan(const void* context) noexcept {
    Effects effects;
    queue_.orphan(context, effects);
    guard().wait_until_left();
    if (effects.tell_events) {
      queue_.tell_events();
    }
    effects.resume_all();
    forget_context();
    effects.finish();
    discard_without_handles();
  }
  void forget_context() noexcept {
    forget_stream();
    if (seat_ != nullptr) {
      drop_errands(seat_->take_errands());  // which were posted, and will not be run
    }
  }

 private:
  friend WriterReference;
  friend WriterHandle;

  using Counter = std::atomic<std::uint32_t>;

  [[nodiscard]] static bool add_unless_zero(Counter& counter) noexcept {
    std::uint32_t count = counter.load(std::memory_order_relaxed);
    while (count != 0) {
      if (counter.compare_exchange_weak(count, count + 1, std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  std::shared_ptr<void> keep_alive() noexcept final {
    return std::shared_ptr<void>(std::shared_ptr<void>(),
                                 add_unless_zero(references_) ? this : nullptr);
  }

  [[gnu::always_inline]] void carry_out_usual(Effects& effects, TurnStart turn) noexcept {
    effects.resume_all();
    if (effects.start_turn) {
      start_turn(turn);
    }
    if (effects.watch_time) {
      watch_time(turn);
    }
  }
  [[gnu::cold, gnu::noinline]] void carry_out_rare(Effects& effects, TurnStart turn) noexcept {
    if (effects.tell_events) {
      queue_.tell_events();
    }
    carry_out_usual(effects, turn);
    if (effects.ended) {
      take_end(turn, effects.turn_comes);
    }
    if (effects.look_at_memory) {
      look_at_memory();
    }
  }

  // Which will not be run. Another queue watches, or looks. Who waits comes in from here, if the
  // queue has not ended.
  [[gnu::cold]] void drop_errands(unsigned errands) noexcept {
    if ((errands & static_cast<unsigned>(BudgetErrand::kWatch)) != 0) {
      seat_->state().stop_watching();
    }
    if ((errands & static_cast<unsigned>(BudgetErrand::kLook)) != 0) {
      seat_->state().shedder().pass_look();
    }
    if ((errands & static_cast<unsigned>(BudgetErrand::kAdmit)) != 0) {
      admit_with_credit();
    }
  }
  [[gnu::cold, gnu::noinline]] void look_at_memory() noexcept {
    seat_->state().look_and_watch(now());
  }

  // The last handle has gone. Where nobody has closed the queue, its message is not whole.
  void end_without_handles() noexcept {
    if (queue_.is_open()) {
      abort_after_written(ErrorValue::of(Errc::aborted), Waiters::refuse, EndedBy::last_handle);
    }
    queue_.discard_unwritten();
  }

  std::unique_ptr<BudgetSeat> seat_;             // none without a memory budget
  std::unique_ptr<RegistrySeat> registry_seat_;  // none without a registry
  WriteQueue queue_;
  Counter references_{1};
  Counter handles_{1};
};

inline void WriterReference::add(WriterBase* writer) noexcept {
  writer->references_.fetch_add(1, std::memory_order_relaxed);
}

inline void WriterReference::drop(WriterBase* writer) noexcept {
  if (writer->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) [[unlikely]] {
    destroy(writer);
  }
}
[[gnu::cold, gnu::noinline]] inline void WriterReference::destroy(WriterBase* writer) noexcept {
  delete writer;
}

// What cannot be posted is done here: who waits comes in, if the queue has not ended.
inline void BudgetSeat::resume(const void* /*of another queue*/) noexcept {
  if (!writer_->send(BudgetErrand::kAdmit)) {
    writer_->admit_with_credit();
  }
}
inline void BudgetSeat::hold() noexcept { WriterReference::add(writer_); }
inline void BudgetSeat::let_go() noexcept { writer_->let_go_of_seat(); }
inline ShedMember::Look BudgetSeat::look() const noexcept {
  return {writer_->queue().progress(), writer_->queue().pending_bytes() != 0};
}
inline std::size_t BudgetSeat::retained() noexcept { return writer_->queue().retained(); }
inline bool BudgetSeat::try_hold() noexcept { return writer_->try_add_reference(); }
inline void BudgetSeat::shed() noexcept { writer_->send_held(BudgetErrand::kShed); }
inline bool BudgetSeat::look_once() noexcept { return writer_->send_held(BudgetErrand::kLook); }
inline bool BudgetSeat::watch() noexcept { return writer_->send_held(BudgetErrand::kWatch); }

inline bool RegistrySeat::try_hold() noexcept { return writer_->try_add_reference(); }
inline void RegistrySeat::let_go() noexcept { writer_->let_go_of_seat(); }
inline WriteStatistics RegistrySeat::last_statistics() noexcept {
  return writer_->queue().statistics(std::nullopt);
}
inline WriteStatistics RegistrySeat::statistics() noexcept { return writer_->statistics(); }
inline bool RegistrySeat::has_ended() const noexcept { return writer_->queue().has_ended(); }
inline std::string_view RegistrySeat::name() const noexcept { return writer_->queue().name(); }

inline WriteTimer::TimePoint WriterTimer::time() noexcept {
  return writer_->time().value_or(TimePoint());  // nothing is written any more
}

inline void WriterHandle::add(WriterBase* writer) noexcept {
  writer->handles_.fetch_add(1, std::memory_order_relaxed);
}

inline void WriterHandle::drop(WriterBase* writer) noexcept {
  if (writer->handles_.fetch_sub(1) == 1) {
    writer->end_without_handles();
    WriterReference::drop(writer);
  }
}

/// A waiter for room that knows what time it is for the stream.
struct TimedRoomWaiter : RoomWaiter {
  explicit TimedRoomWaiter(WriterPointer of) noexcept : writer_(std::move(of)) {}

  [[nodiscard]] TimePoint time() noexcept final {
    return writer_->time().value_or(TimePoint());  // nobody asks then
  }
  [[nodiscard]] WriterBase& writer() const noexcept { return *writer_; }

 protected:
  WriterPointer writer_;
};

/// Whether a handler has nowhere to run: it is bound to no executor, and the context of the default
/// one is gone.
template <class Handler>
[[nodiscard]] bool has_nowhere_to_run(const Handler& handler,
                                      const net::any_io_executor& default_executor) noexcept {
  using Executor = net::associated_executor_t<Handler, net::any_io_executor>;
  if constexpr (std::is_same_v<Executor, net::any_io_executor>) {
    return !net::get_associated_executor(handler, default_executor);
  } else {
    return false;
  }
}

/// What a read of the same stream wants to know of a queue. It keeps the queue not open.
class EndForReads {
 public:
  explicit EndForReads(WriterPointer writer) noexcept : writer_(std::move(writer)) {}

  /// `error`, or the queue's first error if the queue has closed the stream under the read.
  [[nodiscard]] net_error_code explain(const net_error_code& error) const noexcept {
    const bool was_closed =
        error == net::error::operation_aborted || error == net::error::bad_descriptor;
    if (was_closed && !writer_->queue().was_ended_by_stream()) {
      if (const ErrorValue first = writer_->queue().first_error()) {
        return to_net_error(first);
      }
    }
    return error;
  }
  /// The same for a read of `n` bytes. The end of a lost connection is none in order.
  [[nodiscard]] net_error_code explain(const net_error_code& error, std::size_t n) const noexcept {
    const ErrorValue cut = !error && n == 0 ? lost_by() : ErrorValue();
    return cut ? to_net_error(cut) : explain(error);
  }
  /// What a write was told of a connection that is lost; none if it was told nothing of that.
  [[nodiscard]] ErrorValue lost_by() const noexcept {
    const ErrorValue first = writer_->queue().first_error();
    return is_of_lost_connection(first) ? first : ErrorValue();
  }

 private:
  WriterPointer writer_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
