#pragma once

// The writer: carries batches from the queue to one stream, on the stream's executor. It decides
// nothing but how long a turn may be.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "bytes_handoff/asio/ending/stream_end.hpp"
#include "bytes_handoff/asio/support/handler_memory.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/support/stream_exception.hpp"
#include "bytes_handoff/asio/support/stream_traits.hpp"
#include "bytes_handoff/asio/writing/batch_buffers.hpp"
#include "bytes_handoff/asio/writing/initiation.hpp"
#include "bytes_handoff/asio/writing/writer_base.hpp"
#include "bytes_handoff/asio/writing/writer_timer.hpp"
#include "bytes_handoff/core/support/later.hpp"
#include "bytes_handoff/end_write.hpp"
#include "bytes_handoff/joined_writes.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// A turn lets others on the executor run after this many writes, or bytes, that completed at once.
/// More bytes than a peer on the same thread reads at once were measured to cost loopback TCP up to
/// half as much again (docs/design/0001).
inline constexpr unsigned kMaxInlineWrites = 16;
inline constexpr std::size_t kMaxInlineBytes = 64 * 1024;

/// `kAtEnd`: whether the stream is ended with the queue, or left as it is.
template <class Stream, AtEnd kAtEnd>
class Writer final : public WriterBase {
  using Executor = std::remove_cvref_t<decltype(std::declval<Stream&>().get_executor())>;
  using Turn = WriteQueue::Turn;
  using Clock = std::chrono::steady_clock;
  using TurnMemory = HandlerMemory<320>;
  using TurnAllocator = HandlerAllocator<void, TurnMemory>;
  using EndMemory = HandlerMemory<96>;
  using EndAllocator = HandlerAllocator<void, EndMemory>;
  using Self = CountedPointer<Writer, WriterReference>;
  static constexpr const char* kName = "WriteHandoff (writer)";  // for handler tracking

 public:
  Writer(std::shared_ptr<Stream> stream, StreamOwnership ownership,
         const WriteHandoffConfig& config)
      : WriterBase(config, stream->get_executor()),
        stream_(std::move(stream)),
        stream_executor_(stream_->get_executor()),
        end_(ownership) {
    net::execution_context& of_stream = context_of(*stream_executor_);
    if (!enter_context(of_stream)) {
      orphan(&of_stream);
    }
  }

  // Where the queue has not ended, the context is destroying the operation that kept the writer.
  ~Writer() override {
    Effects effects;
    if (stream_executor_) {
      queue().orphan(&context_of(*stream_executor_), effects);
    }
    forget_context();
    leave_context();
    effects.resume_all();
    effects.finish();
  }

 protected:
  void start_turn(TurnStart turn) noexcept override {
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      if (turn == TurnStart::kDispatch) {
        net::dispatch(*stream_executor_, TurnHandler{self()});
      } else {
        net::post(*stream_executor_, TurnHandler{self()});
      }
    } catch (...) {
      fail_to_start();
    }
  }

  void post_watch() noexcept override {
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      post_on(*stream_executor_, PoolAllocator<void>(), [self = self()] { self->check_time(); });
    } catch (...) {
      fail_to_start();
    }
  }

  void post_end() noexcept override {
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      post_on(*stream_executor_, EndAllocator(end_memory_), [self = self()] { self->run_end(); });
    } catch (...) {  // NOLINT: without memory the stream is not asked, and goes with the writer
    }
  }

  void forget_stream() noexcept override {
    timer_.stop();
    if (stream_ != nullptr && !was_ended_) {
      end_.end_with_context(*stream_, queue());
    }
    stream_.reset();
    stream_executor_.reset();
  }

 private:
  // It has no associated executor: it runs on the one that it is given to, and on no other.
  struct TurnHandler {
    using allocator_type = TurnAllocator;

    Self writer;

    [[nodiscard]] allocator_type get_allocator() const noexcept {
      return TurnAllocator(writer->turn_memory_);
    }
    void operator()() {
      Writer& self = *writer;
      if (self.is_in_turn_) {  // an owner that it let go of has submitted: no recursion
        self.start_turn(TurnStart::kPost);
      } else {
        self.run_turn(std::move(writer));
      }
    }
  };

  // Completes one write of the stream, its flush, or the end of its write side.
  struct StreamHandler {
    using executor_type = Executor;
    using allocator_type = TurnAllocator;
    using cancellation_slot_type = net::cancellation_slot;

    Self writer;
    net::cancellation_slot slot;

    [[nodiscard]] executor_type get_executor() const noexcept { return *writer->stream_executor_; }
    [[nodiscard]] allocator_type get_allocator() const noexcept {
      return TurnAllocator(writer->turn_memory_);
    }
    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
    void operator()(const net_error_code& error, std::size_t written) {
      Writer& self = *writer;
      self.finish_async_write(std::move(writer), error, written);
    }
    void operator()(const net_error_code& error) {
      Writer& self = *writer;
      self.finish_async_shutdown(std::move(writer), error);
    }
  };

  [[nodiscard]] Self self() noexcept { return Self(this); }
  [[nodiscard]] StreamHandler stream_handler(Self self) {
    return {std::move(self), cancellation_.slot()};
  }

  // There was no memory to post a turn. It cannot run here, off the stream's executor.
  void fail_to_start() noexcept { abort(to_error_value(net::error::no_memory)); }

  // ---- On the stream's executor, from here on.

  // As `carry_out`, within a turn, which lets go of the stream at its end.
  void carry_out_in_turn(Effects& effects) noexcept {
    effects.resume_all();
    if (effects.start_turn) {
      start_turn(TurnStart::kPost);
    }
    must_watch_ |= effects.watch_time;
    has_ended_ |= effects.ended;
    effects.finish();
  }

  // What a turn, or a step of the stream, leaves to be done.
  void leave_turn() noexcept {
    if (std::exchange(must_watch_, false) && !has_ended_) {
      check_time();
    }
    end_stream();
  }

  void run_end() noexcept {
    has_ended_ = true;
    end_stream();
  }

  void run_turn(Self self) noexcept {
    is_in_turn_ = true;
    WriteBatch batch(kJoinedWriteBytes<Stream>);
    Effects effects;
    const Turn turn = queue().begin_turn(batch, effects);
    carry_out_in_turn(effects);
    drive(self, turn, batch);
    is_in_turn_ = false;
    leave_turn();
  }

  // Writes on until the stream makes it wait, nothing is left, or others must have their turn.
  void drive(const Self& self, Turn turn, WriteBatch& batch) noexcept {
    std::size_t inline_bytes = 0;
    for (unsigned writes = 1;; ++writes) {
      if (turn == Turn::kYield) {
        start_turn(TurnStart::kPost);
        return;
      }
      if (turn == Turn::kShutdown) {
        start_shutdown(self);
        return;
      }
      if (turn == Turn::kAcknowledge) {
        is_acknowledging_ = must_watch_ = true;
        return;
      }
      if (turn != Turn::kWrite) {
        return;
      }
      if (batch.must_join()) {
        batch.join();
      }
      net_error_code error;
      std::size_t written = 0;
      if (!write_now(batch, error, written) && start_async_write(self, batch, error, written)) {
        return;
      }
      if (start_flush_behind(self, error, written)) {
        return;
      }
      inline_bytes += written;
      const bool yield = writes >= kMaxInlineWrites || inline_bytes >= kMaxInlineBytes;
      turn = finish_write(error, written, yield, batch);
    }
  }

  [[nodiscard]] Turn finish_write(const net_error_code& error, std::size_t written, bool yield,
                                  WriteBatch& batch) noexcept {
    Effects effects;
    const Turn turn = queue().finish_write(to_error_value(error), written, yield, batch, effects);
    carry_out_in_turn(effects);
    return turn;
  }

  // False when the stream would make us wait, or cannot be written to without waiting.
  [[nodiscard]] bool write_now(const WriteBatch& batch, net_error_code& error,
                               std::size_t& written) noexcept {
    if constexpr (NonBlockingWriteStream<Stream>) {
      try {
        ensure_non_blocking(*stream_, error);
        if (!error) {
          written = stream_->write_some(BatchBuffers(batch.buffers.data(), batch.count), error);
        }
      } catch (...) {
        error = error_of_current_exception();
        return true;
      }
      return !is_to_try_again(error);
    } else {
      return false;
    }
  }

  // False, with the outcome, when it is over already: it could not be started, or the stream has
  // completed it from inside of the initiating function.
  [[nodiscard]] bool start_async_write(const Self& self, const WriteBatch& batch,
                                       net_error_code& error, std::size_t& written) noexcept {
    const InitiationResult inside = initiate([&] {
      held_.hold(batch);
      stream_->async_write_some(held_.sequence(), stream_handler(self));
    });
    if (inside.outcome != InitiationOutcome::kCompleted) {
      return true;
    }
    held_.release();
    error = inside.error;
    written = inside.n;
    return false;
  }

  void finish_async_write(Self self, const net_error_code& error, std::size_t written) noexcept {
    if (Initiation* const inside = Initiation::of(this)) {
      inside->complete(error, written);
      return;
    }
    is_with_stream_ = false;
    held_.release();
    net_error_code of_write = error;
    if (!has_come_from_flush(of_write, written) && start_flush_behind(self, of_write, written)) {
      return;
    }
    WriteBatch batch(kJoinedWriteBytes<Stream>);
    batch.bytes = held_.bytes();
    const Turn turn = finish_write(of_write, written, false, batch);
    drive(self, turn, batch);
    leave_turn();
  }

  // Behind a write to a stream that buffers: the write is over when its bytes have gone on. False,
  // with the outcome, where they have, or nothing is to be flushed.
  [[nodiscard]] bool start_flush_behind(const Self& self, net_error_code& error,
                                        std::size_t& written) noexcept {
    if constexpr (StreamEnd<Stream, kAtEnd>::kBuffersWrites) {
      if (error || written == 0) {
        return false;
      }
      buffered_ = written;
      const InitiationResult inside =
          initiate([&] { start_flush(*stream_, stream_handler(self)); });
      if (inside.outcome != InitiationOutcome::kCompleted) {
        return true;
      }
      error = inside.error;
      written = inside.n;
      static_cast<void>(has_come_from_flush(error, written));
    }
    return false;
  }

  // Whether this was the flush of a write: then `written` becomes what of the write has gone on.
  [[nodiscard]] bool has_come_from_flush(const net_error_code& error,
                                         std::size_t& written) noexcept {
    const std::size_t buffered = std::exchange(buffered_, 0U);
    if (buffered == 0) {
      return false;
    }
    written = error ? std::min(written, buffered) : buffered;
    return true;
  }

  void start_shutdown(const Self& self) noexcept {
    if constexpr (kAtEnd == AtEnd::kEnd) {
      const InitiationResult inside =
          initiate([&] { start_end_write(*stream_, stream_handler(self)); });
      if (inside.outcome == InitiationOutcome::kCompleted) {
        finish_shutdown(inside.error);
      }
    } else {
      finish_shutdown({});
    }
  }

  void finish_async_shutdown(Self /*keeps_this*/, const net_error_code& error) noexcept {
    if (Initiation* const inside = Initiation::of(this)) {
      inside->complete(error, 0);
      return;
    }
    is_with_stream_ = false;
    finish_shutdown(error);
    leave_turn();
  }

  void finish_shutdown(const net_error_code& error) noexcept {
    Effects effects;
    queue().finish_shutdown(to_error_value(error), effects);
    carry_out_in_turn(effects);
  }

  // Starts an operation of the stream. What that throws is the operation's outcome.
  template <class Start>
  [[nodiscard]] InitiationResult initiate(Start start) noexcept {
    Initiation inside(this);
    is_with_stream_ = true;
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      start();
    } catch (...) {
      if (inside.result().outcome != InitiationOutcome::kCompleted) {
        inside.complete(error_of_current_exception(), 0);
      }
    }
    is_with_stream_ = inside.result().outcome != InitiationOutcome::kCompleted;
    return inside.result();
  }

  // Looks at the time, and at what the peer's system has, for as long as the queue wants it.
  void check_time() noexcept {
    if (stream_ == nullptr) {
      return;
    }
    const Clock::time_point now = Clock::now();
    Effects effects;
    Clock::time_point next = queue().tick(now, end_.has_acknowledged_more(*stream_), effects);
    carry_out_in_turn(effects);
    has_ended_ = has_ended_ || queue().has_ended();  // also where its end could not be posted
    if (is_acknowledging_ && !has_ended_) {
      next = std::min(next, check_acknowledged(now));
    }
    if (has_ended_) {
      end_stream();
    } else if (next != Clock::time_point::max()) {
      wait_until(next);
    }
  }

  void wait_until(Clock::time_point time) noexcept {
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      timer_.wait_until(time, *stream_executor_, [self = self()] { self->check_time(); });
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
    return Clock::time_point::max();
  }

  // Once the queue has ended: ends the stream as the queue was ended. What it was doing for the
  // queue is over then, too, or is asked to be; then it is let go of.
  void end_stream() noexcept {
    if (!has_ended_ || stream_ == nullptr || is_in_turn_) {
      return;
    }
    if (!std::exchange(was_ended_, true)) {
      timer_.stop();
      end_.end(*stream_, queue());
      cancel_operation();
    }
    if (!is_with_stream_ && stream_ != nullptr) {
      let_go_of_stream();
    }
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

  std::shared_ptr<Stream> stream_;           // until the queue has ended
  std::optional<Executor> stream_executor_;  // none once its context is gone
  TurnMemory turn_memory_;                   // of the posted turn, or of the stream's operation
  EndMemory end_memory_;                     // of the posted end, which may find the other in use
  HeldBuffers held_;
  net::cancellation_signal cancellation_;
  bool is_in_turn_ = false;      // on the executor alone, as all of these
  bool is_with_stream_ = false;  // an asynchronous operation of the stream is under way
  bool must_watch_ = false;      // the queue has asked for the time
  bool has_ended_ = false;       // the queue
  bool was_ended_ = false;       // the stream
  bool is_acknowledging_ = false;
  std::size_t buffered_ = 0;  // bytes of a write that are being flushed
  StreamEnd<Stream, kAtEnd> end_;
  WriterTimer<Executor> timer_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
