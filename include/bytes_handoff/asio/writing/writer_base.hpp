#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "bytes_handoff/asio/support/context_registry.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/stream_context.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What handles, tickets and waiting operations see of a writer, whatever its stream: the queue,
/// and how to carry out what the queue asks for.
class WriterBase : public ContextMember, public std::enable_shared_from_this<WriterBase> {
 public:
  WriterBase(const WriterBase&) = delete;
  WriterBase& operator=(const WriterBase&) = delete;
  ~WriterBase() override = default;

  [[nodiscard]] WriteQueue& queue() noexcept { return queue_; }
  [[nodiscard]] const std::shared_ptr<StreamContext>& context() const noexcept { return context_; }

  /// Carries out what a step of the queue asked for, made on any thread with `guard()`. Outside the
  /// queue's lock. What the caller needs afterwards it must keep alive itself.
  void carry_out(Effects& effects) noexcept {
    if (!effects.asks_for_something()) {
      return;
    }
    effects.resume_all();
    if (effects.start_turn) {
      start_turn(effects.may_dispatch);
    }
    if (effects.watch_time) {
      post_watch();
    }
    if (effects.ended) {
      post_end();
    }
  }

  void close(Waiters waiters) noexcept {
    Effects effects(guard());
    queue_.close(waiters, effects);
    carry_out(effects);
  }
  void abort_after_written() noexcept {
    Effects effects(guard());
    queue_.abort_after_written(effects);
    carry_out(effects);
  }
  void abort(const ErrorValue& error) noexcept {
    Effects effects(guard());
    queue_.abort(error, effects);
    carry_out(effects);
  }
  /// The last handle has gone. Where nobody has closed the queue, its message is not whole.
  void end_without_handles() noexcept {
    if (queue_.is_open()) {
      abort_after_written();
    }
    has_handles_ = false;
    queue_.discard_unwritten();
  }

 protected:
  WriterBase(const WriteHandoffConfig& config, net::any_io_executor executor)
      : queue_(config), context_(StreamContext::make(std::move(executor))) {}

  [[nodiscard]] bool has_handles() const noexcept { return has_handles_; }

  /// Posts a turn of the writer to the stream's executor, or dispatches it there. The queue sees to
  /// it that at most one is posted or running.
  virtual void start_turn(bool may_dispatch) noexcept = 0;
  /// Sees to it that the time is looked at.
  virtual void post_watch() noexcept = 0;
  /// Once: sees to it that the stream is ended as the queue was, and let go of.
  virtual void post_end() noexcept = 0;
  virtual void forget_stream() noexcept = 0;

  void end_with_context(const void* context) noexcept final {
    Effects effects;
    queue_.orphan(context, effects);
    guard().wait_until_left();
    effects.resume_all();
    forget_stream();
  }

 private:
  std::shared_ptr<void> keep_alive() noexcept final { return weak_from_this().lock(); }

  WriteQueue queue_;
  const std::shared_ptr<StreamContext> context_;
  std::atomic<bool> has_handles_{true};
};

using WriterPointer = std::shared_ptr<WriterBase>;

/// What a read of the same stream wants to know of a queue. It keeps the queue not open.
class EndForReads {
 public:
  explicit EndForReads(WriterPointer writer) noexcept : writer_(std::move(writer)) {}

  /// The queue's first error where that is why the stream was closed under the read.
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
