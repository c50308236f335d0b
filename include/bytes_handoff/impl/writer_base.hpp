#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <utility>

#include "bytes_handoff/detail/net.hpp"
#include "bytes_handoff/detail/write_queue.hpp"
#include "bytes_handoff/impl/context_registry.hpp"
#include "bytes_handoff/impl/net_error.hpp"
#include "bytes_handoff/impl/stream_context.hpp"

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
    effects.resume_all();
    if (effects.start_turn) {
      start_turn(effects.may_dispatch);
    }
    if (effects.ended) {
      post_end();
    }
  }

  void close() noexcept {
    Effects effects(guard());
    queue_.close(effects);
    carry_out(effects);
  }
  void abort(const ErrorValue& error) noexcept {
    Effects effects(guard());
    queue_.abort(error, effects);
    carry_out(effects);
  }
  /// The last handle has gone.
  void close_without_handles() noexcept {
    close();
    has_handles_ = false;
    queue_.discard_unwritten();
  }

  /// Ends the queue with `timed_out` unless it has ended by then. Any thread.
  virtual void set_deadline(std::chrono::steady_clock::time_point deadline) = 0;

 protected:
  WriterBase(const WriteHandoffConfig& config, net::any_io_executor executor)
      : queue_(config), context_(StreamContext::make(std::move(executor))) {}

  [[nodiscard]] bool has_handles() const noexcept { return has_handles_; }

  /// Posts a turn of the writer to the stream's executor, or dispatches it there. The queue sees to
  /// it that at most one is posted or running.
  virtual void start_turn(bool may_dispatch) noexcept = 0;
  /// Once: sees to it that the stream is asked to cancel what it is doing, and let go of.
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

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
