#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/context_registry.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/support/writer_pointer.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// How a turn of the writer starts: after the handler that submits has returned, or at once if that
/// handler runs on the stream's executor. `kFromTurn`: as `kPost`, for a step that the writer makes
/// on the stream's executor. The writer then sees to the time and to the end when it leaves.
enum class TurnStart : unsigned char { kPost, kDispatch, kFromTurn };

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
    return lease ? executor_ : net::any_io_executor();
  }

  /// Carries out what a step of the queue asked for, outside the queue's lock. The step was made on
  /// any thread with `guard()`, or by the writer without it. What the caller needs afterwards it
  /// must keep alive itself. Inlined, since most steps ask for nothing.
  [[gnu::always_inline]] void carry_out(Effects& effects,
                                        TurnStart turn = TurnStart::kPost) noexcept {
    if (effects.asks_for_something() || turn == TurnStart::kFromTurn) {
      effects.resume_all();
      if (effects.start_turn) {
        start_turn(turn);
      }
      if (effects.watch_time) {
        watch_time(turn);
      }
      if (effects.ended) {
        take_end(turn);
      }
    }
    effects.finish();
  }

  /// Whether the queue may be given pieces whose bytes are in pipes. On any thread.
  [[nodiscard]] virtual bool takes_pieces() const noexcept = 0;

  void close(Waiters waiters) noexcept {
    Effects effects(guard());
    queue_.close(waiters, effects);
    carry_out(effects);
  }
  void abort_after_written(ErrorValue error = ErrorValue::of(Errc::aborted),
                           Waiters waiters = Waiters::refuse) noexcept {
    Effects effects(guard());
    queue_.abort_after_written(effects, error, waiters);
    carry_out(effects);
  }
  void abort(const ErrorValue& error) noexcept {
    Effects effects(guard());
    queue_.abort(error, effects);
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

  /// Another handle, unless there is none any more.
  [[nodiscard]] bool try_add_handle() noexcept { return add_unless_zero(handles_); }

 protected:
  /// With one reference and one handle. The handles have one reference together.
  WriterBase(const WriteHandoffConfig& config, Entries entries, net::any_io_executor executor)
      : queue_(config, kMaxStepItems, entries), executor_(std::move(executor)) {}
  virtual ~WriterBase() = default;

  /// Once the stream has returned: tickets and weak handles do not keep what was not written.
  void discard_without_handles() noexcept {
    if (handles_.load() == 0) {
      queue_.discard_unwritten();
    }
  }

  /// Posts a turn of the writer to the stream's executor, or dispatches it there. The queue sees to
  /// it that at most one is posted or running.
  virtual void start_turn(TurnStart turn) noexcept = 0;
  /// Sees to it that the time is looked at.
  virtual void watch_time(TurnStart turn) noexcept = 0;
  /// Once: sees to it that the stream is ended as the queue was, and let go of.
  virtual void take_end(TurnStart turn) noexcept = 0;
  virtual void forget_stream() noexcept = 0;

  void end_with_context(const void* context) noexcept final {
    orphan(context);
    WriterReference::drop(this);  // keep_alive's
  }
  void orphan(const void* context) noexcept {
    Effects effects;
    queue_.orphan(context, effects);
    guard().wait_until_left();
    effects.resume_all();
    forget_context();
    effects.finish();
    discard_without_handles();
  }
  void forget_context() noexcept {
    forget_stream();
    executor_ = nullptr;
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

  // The last handle has gone. Where nobody has closed the queue, its message is not whole.
  void end_without_handles() noexcept {
    if (queue_.is_open()) {
      abort_after_written();
    }
    queue_.discard_unwritten();
  }

  WriteQueue queue_;
  net::any_io_executor executor_;  // until its context is destroyed
  Counter references_{1};
  Counter handles_{1};
};

inline void WriterReference::add(WriterBase* writer) noexcept {
  writer->references_.fetch_add(1, std::memory_order_relaxed);
}

inline void WriterReference::drop(WriterBase* writer) noexcept {
  if (writer->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    delete writer;
  }
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

 private:
  WriterPointer writer_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
