#pragma once

// The part of a writer that holds its stream: it looks at the time for the queue, ends the stream
// when the queue has ended, and lets go of it.

#include <algorithm>
#include <chrono>
#include <memory>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/ending/stream_end.hpp"
#include "bytes_handoff/asio/support/handler_memory.hpp"
#include "bytes_handoff/asio/support/lazy_timer.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/support/stream_traits.hpp"
#include "bytes_handoff/asio/support/time_of.hpp"
#include "bytes_handoff/asio/writing/stream_executor.hpp"
#include "bytes_handoff/asio/writing/writer_base.hpp"
#include "bytes_handoff/core/queue/queue_check.hpp"
#include "bytes_handoff/core/queue/sole_writer.hpp"
#include "bytes_handoff/core/support/later.hpp"
#include "bytes_handoff/core/support/one_thread.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// `kAtEnd`: whether the stream is ended with the queue, or left as it is.
template <class Stream, AtEnd kAtEnd>
class StreamHolder : public WriterBase {
 public:
  StreamHolder(std::shared_ptr<Stream> stream, StreamOwnership ownership,
               const WriteHandoffConfig& config)
      : WriterBase(config, MessageStream<Stream> ? Entries::kMessages : Entries::kBytes),
        stream_(std::move(stream)),
        stream_executor_(stream_->get_executor()),
        sole_writer_(ownership == StreamOwnership::kShared ? stream_.get() : nullptr, queue()),
        end_(ownership) {
    net::execution_context& of_stream = context_of(*stream_executor_);
    if (!enter_context(of_stream)) {
      orphan(&of_stream);
    }
  }

 protected:
  using Executor = std::remove_cvref_t<decltype(std::declval<Stream&>().get_executor())>;
  static constexpr const char* kName = "WriteHandoff (writer)";  // for handler tracking

  // The last before it is destroyed, but for `leave_context`. Nobody waits: what waits keeps the
  // writer. Where the queue has not ended, the context is destroying the operation that kept it.
  void leave() noexcept {
    this->leave_seats();
    forget_context();
  }

  // There was no memory to post what the queue needs. It cannot run here, off the stream's
  // executor.
  void fail_to_start() noexcept {
    abort(to_error_value(net::error::no_memory), EndedBy::no_memory);
  }

  // ---- On the stream's executor, as all that follows.

  // To be held by every handler that runs there.
  OneThread::Visit enter_handler() noexcept {
    BYTES_HANDOFF_CHECK_QUEUE(queue(), !stream_executor_ || may_run_here(*stream_executor_),
                              "WriteHandoff: the stream called a handler off its executor");
    return OneThread::Visit(one_thread_,
                            [this](const char* wrong) { queue_check_failed(queue(), wrong); });
  }

  // What a turn, or a step of the stream, leaves to be done.
  void leave_turn() noexcept {
    if (std::exchange(must_watch_, false) && !has_ended_) {
      check_time();
    }
    end_stream();
  }

  void finish_shutdown(const net_error_code& error) noexcept {
    Effects effects;
    queue().finish_shutdown(to_error_value(error), effects);
    carry_out(effects, TurnStart::kFromTurn);
  }

  // The stream makes a write wait: the queue may become old.
  void note_time() noexcept { queue().note_time(now()); }

  std::shared_ptr<Stream> stream_;            // until the queue has ended
  StreamExecutor<Executor> stream_executor_;  // none once its context is gone
  net::cancellation_signal cancellation_;     // of the stream's operation
  bool is_in_turn_ = false;
  bool is_with_stream_ = false;  // an operation of the stream is under way
  bool must_watch_ = false;      // the queue has asked for the time
  bool is_acknowledging_ = false;
  bool has_ended_ = false;  // the queue

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] auto hold() noexcept { return CountedPointer<StreamHolder, WriterReference>(this); }

  void watch_time(TurnStart turn) noexcept final {
    if (turn == TurnStart::kFromTurn) {
      must_watch_ = true;
      return;
    }
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      post_on(*stream_executor_, PoolAllocator<void>(), [self = hold()] { self->check_time(); });
    } catch (...) {
      fail_to_start();
    }
  }

  [[nodiscard]] net::any_io_executor stream_executor() const noexcept final {
    return stream_executor_.any();
  }
  [[nodiscard]] Clock::time_point now() const noexcept final {
    return TimeOf<Executor>::now(*stream_executor_);
  }
  bool post_errands() noexcept final {
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      post_on(*stream_executor_, PostAllocator(this->seat()->memory()), [self = hold()] {
        const auto visit = self->enter_handler();
        self->run_errands();
      });
      return true;
    } catch (...) {
      return false;
    }
  }
  void watch_memory_later(std::chrono::nanoseconds pause) noexcept final {
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      memory_timer_.wait_until(later(now(), pause), *stream_executor_, [self = hold()] {
        const auto visit = self->enter_handler();
        self->watch_memory();
      });
    } catch (...) {
      this->stop_watching_memory();
    }
  }

  void forget_stream() noexcept final {
    timer_.stop();
    stop_looking_at_memory();
    if (stream_ != nullptr && !was_ended_) {
      end_.end_with_context(*stream_, queue());
    }
    stream_.reset();
    stream_executor_.reset();
  }

  // For as long as the queue wants it.
  void check_time() noexcept {
    const auto visit = enter_handler();
    if (stream_ == nullptr) {
      return;
    }
    // Mostly the stream has taken everything by now: the system is not asked at each write.
    const Clock::time_point next =
        queue().needs_tick() ? look_at_time() : (Clock::time_point::max)();
    has_ended_ = has_ended_ || queue().has_ended();  // also where its end could not be posted
    if (has_ended_) {
      end_stream();
    } else if (next != (Clock::time_point::max)()) {
      wait_until(next);
    }
  }

  // And at what the peer's system has. Returns when to look again.
  [[nodiscard]] Clock::time_point look_at_time() noexcept {
    const Clock::time_point now = this->now();
    Effects effects;
    const Clock::time_point next = queue().tick(now, end_.has_acknowledged_more(*stream_), effects);
    carry_out(effects, TurnStart::kFromTurn);
    return is_acknowledging_ && !queue().has_ended() ? (std::min)(next, check_acknowledged(now))
                                                     : next;
  }

  void wait_until(Clock::time_point time) noexcept {
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      timer_.wait_until(time, *stream_executor_, [self = hold()] { self->check_time(); });
    } catch (...) {
      fail_to_start();
    }
  }

  // Ends the queue when there is nothing to wait for any more; returns when to look again.
  [[nodiscard]] Clock::time_point check_acknowledged(Clock::time_point now) noexcept {
    if (const auto next = end_.next_look(now)) {
      return *next;
    }
    is_acknowledging_ = false;
    finish_shutdown({});
    return (Clock::time_point::max)();
  }

  // Once the queue has ended: ends the stream as the queue was ended. What it was doing for the
  // queue is over then, too, or is asked to be; then it is let go of.
  void end_stream() noexcept {
    if (!has_ended_ || stream_ == nullptr || is_in_turn_) {
      return;
    }
    if (!std::exchange(was_ended_, true)) {
      timer_.stop();
      stop_looking_at_memory();
      end_.end(*stream_, queue());
      cancel_operation();
    }
    if (!is_with_stream_ && stream_ != nullptr) {
      let_go_of_stream();
    }
  }

  void stop_looking_at_memory() noexcept {
    memory_timer_.stop();
    this->stop_watching_memory();
  }

  void cancel_operation() noexcept {
    if (is_with_stream_) {
      try {
        cancellation_.emit(net::cancellation_type::terminal);
      } catch (...) {  // NOLINT: a stream that cannot cancel returns by itself
      }
    }
  }

  void let_go_of_stream() noexcept {
    const std::shared_ptr<Stream> stream = std::move(stream_);
    end_.let_go(stream, queue());
    discard_without_handles();
  }

  [[no_unique_address]] SoleWriter sole_writer_;
  [[no_unique_address]] OneThread one_thread_{
      "WriteHandoff: two handlers of a stream at once: its executor is not serial"};
  bool was_ended_ = false;  // the stream
  StreamEnd<Stream, kAtEnd> end_;
  LazyTimer<Executor> timer_;
  LazyTimer<Executor> memory_timer_;  // while this queue watches its memory budget
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
