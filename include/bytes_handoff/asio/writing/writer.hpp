#pragma once

// The writer: carries batches from the queue to one stream, on the stream's executor. It decides
// nothing but how long a turn may be.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "bytes_handoff/asio/support/handler_memory.hpp"
#include "bytes_handoff/asio/support/stream_exception.hpp"
#include "bytes_handoff/asio/support/stream_traits.hpp"
#include "bytes_handoff/asio/writing/batch_buffers.hpp"
#include "bytes_handoff/asio/writing/initiation.hpp"
#include "bytes_handoff/asio/writing/piped_writes.hpp"
#include "bytes_handoff/asio/writing/stream_holder.hpp"
#include "bytes_handoff/end_write.hpp"
#include "bytes_handoff/joined_writes.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// A turn lets others on the executor run after this many writes, or bytes, that completed at once.
/// The bytes are what a peer on the same thread reads at once (docs/design/0011).
inline constexpr unsigned kMaxInlineWrites = 16;
inline constexpr std::size_t kMaxInlineBytes = 64 * 1024;

/// `kAtEnd`: whether the stream is ended with the queue, or left as it is.
template <class Stream, AtEnd kAtEnd>
class Writer final : public StreamHolder<Stream, kAtEnd> {
  using Base = StreamHolder<Stream, kAtEnd>;
  using typename Base::Executor;
  using Turn = WriteQueue::Turn;
  // For a pointer that is posted, on a context or a strand.
  using TurnMemory = HandlerMemory<40>;
  using TurnAllocator = HandlerAllocator<void, TurnMemory>;
  using Self = CountedPointer<Writer, WriterReference>;
  using Pieces = PipedWrites<Stream>;

  using Base::cancellation_;
  using Base::carry_out;
  using Base::enter_handler;
  using Base::fail_to_start;
  using Base::finish_shutdown;
  using Base::has_ended_;
  using Base::is_acknowledging_;
  using Base::is_in_turn_;
  using Base::is_with_stream_;
  using Base::kName;
  using Base::leave_turn;
  using Base::must_watch_;
  using Base::note_time;
  using Base::queue;
  using Base::stream_;
  using Base::stream_executor_;

 public:
  using Base::Base;
  ~Writer() override {
    this->leave();
    this->leave_context(*this);
  }

  [[nodiscard]] bool takes_pieces() const noexcept override { return pieces_.takes_pieces(); }

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
      if (turn != TurnStart::kEnd) {  // else the stream is not asked, and goes with the writer
        fail_to_start();
        start_turn(TurnStart::kEnd);  // the queue relies on this turn
      }
    }
  }
  void take_end(TurnStart turn, bool turn_comes) noexcept override {
    if (turn == TurnStart::kFromTurn) {
      has_ended_ = true;
    } else if (!turn_comes) {
      start_turn(TurnStart::kEnd);
    }
  }

 private:
  // It has no associated executor: it runs on the one that it is given to, and on no other.
  struct TurnHandler {
    using allocator_type = TurnAllocator;

    Self writer;

    [[nodiscard]] allocator_type get_allocator() const noexcept {
      return TurnAllocator(writer->turn_memory_);
    }
    void operator()() noexcept {
      const Self self = std::move(writer);
      const auto visit = self->enter_handler();
      if (self->is_in_turn_) {  // an owner that it let go of has submitted: no recursion
        self->start_turn(TurnStart::kPost);
        return;
      }
      self->is_in_turn_ = true;
      WriteBatch batch(kJoinedWriteBytes<Stream>);
      Effects effects;
      const Turn turn = self->queue().begin_turn(batch, effects);
      self->has_ended_ = self->has_ended_ || turn == Turn::kEnded;
      self->carry_out(effects, TurnStart::kFromTurn);
      self->drive(self, turn, batch);
      self->is_in_turn_ = false;
      self->leave_turn();
    }
  };

  // Completes one write of the stream, its flush, or the end of its write side.
  struct StreamHandler {
    using executor_type = Executor;
    using allocator_type = PoolAllocator<void>;
    using cancellation_slot_type = net::cancellation_slot;

    Self writer;
    net::cancellation_slot slot;

    [[nodiscard]] executor_type get_executor() const noexcept { return *writer->stream_executor_; }
    [[nodiscard]] allocator_type get_allocator() const noexcept { return {}; }
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

  // ---- On the stream's executor, from here on.

  // Writes on until the stream makes it wait, nothing is left, or others must have their turn.
  void drive(const Self& self, Turn turn, WriteBatch& batch) noexcept {
    std::size_t inline_bytes = 0;
    typename Pieces::Turn of_pieces;
    for (unsigned writes = 1; turn == Turn::kWrite; ++writes) {
      if (batch.must_join()) {
        queue().join(batch);
      }
      net_error_code error;
      std::size_t written = 0;
      if (start_write(self, batch, of_pieces, error, written) ||
          start_flush_behind(self, error, written)) {
        return;
      }
      inline_bytes += Pieces::kTakesPieces && batch.piped != nullptr ? 0 : written;
      const bool yield = writes >= kMaxInlineWrites || inline_bytes >= kMaxInlineBytes;
      turn = finish_write(error, written, yield, batch);
    }
    if (turn == Turn::kYield) {
      start_turn(TurnStart::kPost);
    } else if (turn == Turn::kShutdown) {
      start_shutdown(self);
    } else if (turn == Turn::kAcknowledge) {
      is_acknowledging_ = must_watch_ = true;
    }
  }

  [[nodiscard]] Turn finish_write(const net_error_code& error, std::size_t written, bool yield,
                                  WriteBatch& batch) noexcept {
    Effects effects;
    const Turn turn = queue().finish_write(to_error_value(error), written, yield, batch, effects);
    carry_out(effects, TurnStart::kFromTurn);
    return turn;
  }

  // Without waiting where the stream can do that. False, with the outcome, when it is over already:
  // it has not made us wait, it could not be started, or the stream has completed it from inside of
  // the initiating function.
  [[nodiscard]] bool start_write(const Self& self, WriteBatch& batch,
                                 [[maybe_unused]] typename Pieces::Turn& of_pieces,
                                 net_error_code& error, std::size_t& written) noexcept {
    if constexpr (Pieces::kTakesPieces) {
      if (batch.piped != nullptr) {
        const AfterMove after = pieces_.write(*stream_, batch, of_pieces, error, written);
        if (after != AfterMove::kCopy) {
          return after == AfterMove::kWait && start_wait(self, batch, error);
        }
      }
    }
    if constexpr (NonBlockingWriteStream<Stream> && !MessageStream<Stream>) {
      try {
        ensure_non_blocking(*stream_, error);
        if (!error) {
          written = write_now(batch, error);
        }
      } catch (...) {
        error = error_of_current_exception();
        return false;
      }
      if (!is_to_try_again(error)) {
        return false;
      }
    }
    const InitiationResult inside = initiate([&] {
      if constexpr (MessageStream<Stream>) {
        detail::start_message(*stream_, batch.message(), stream_handler(self));
      } else {
        held_.hold(batch);
        offered_ = batch.bytes;
        stream_->async_write_some(held_.sequence(), stream_handler(self));
      }
    });
    if (inside.outcome != InitiationOutcome::kCompleted) {
      return true;
    }
    held_.release();
    error = inside.error;
    written = inside.n;
    return false;
  }

  // For one buffer the system has a call that costs less.
  [[nodiscard]] std::size_t write_now(const WriteBatch& batch, net_error_code& error) {
    if (batch.count == 1) {
      return stream_->write_some(net::const_buffer(batch.buffers[0].data, batch.buffers[0].size),
                                 error);
    }
    return stream_->write_some(BatchBuffers(batch.buffers.data(), batch.count), error);
  }

  // Until the socket takes more of a piece that is in a pipe. As `start_write`.
  [[nodiscard]] bool start_wait(const Self& self, WriteBatch& batch,
                                net_error_code& error) noexcept {
    pieces_.begin_wait(batch);
    offered_ = batch.bytes;
    const InitiationResult inside =
        initiate([&] { stream_->async_wait(Stream::wait_write, stream_handler(self)); });
    if (inside.outcome != InitiationOutcome::kCompleted) {
      return true;
    }
    pieces_.end_wait(batch);
    error = inside.error;
    return false;
  }

  void finish_async_wait(const Self& self, const net_error_code& error) noexcept {
    const auto visit = enter_handler();
    is_with_stream_ = false;
    WriteBatch batch(kJoinedWriteBytes<Stream>);
    pieces_.end_wait(batch);
    batch.bytes = offered_;
    net_error_code of_write = error;
    std::size_t written = 0;
    if (typename Pieces::Turn of_pieces;
        !error && start_write(self, batch, of_pieces, of_write, written)) {
      return;
    }
    const Turn turn = finish_write(of_write, written, false, batch);
    drive(self, turn, batch);
    leave_turn();
  }

  void finish_async_write(Self self, const net_error_code& error, std::size_t written) noexcept {
    if (Initiation* const inside = Initiation::of(this)) {
      inside->complete(error, written);
      return;
    }
    const auto visit = enter_handler();
    is_with_stream_ = false;
    held_.release();
    net_error_code of_write = error;
    if (!has_come_from_flush(of_write, written) && start_flush_behind(self, of_write, written)) {
      return;
    }
    WriteBatch batch(kJoinedWriteBytes<Stream>);
    batch.bytes = offered_;
    const Turn turn = finish_write(of_write, written, false, batch);
    drive(self, turn, batch);
    leave_turn();
  }

  // Behind a write to a stream that buffers: the write is over when its bytes have gone on. False,
  // with the outcome, where they have, or nothing is to be flushed.
  [[nodiscard]] bool start_flush_behind(const Self& self, net_error_code& error,
                                        std::size_t& written) noexcept {
    if constexpr (kBuffersWrites) {
      if (error || written == 0) {
        return false;
      }
      buffered_.bytes = written;
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
  [[nodiscard]] bool has_come_from_flush([[maybe_unused]] const net_error_code& error,
                                         [[maybe_unused]] std::size_t& written) noexcept {
    if constexpr (kBuffersWrites) {
      if (const std::size_t buffered = std::exchange(buffered_.bytes, 0U); buffered != 0) {
        written = error ? (std::min)(written, buffered) : buffered;
        return true;
      }
    }
    return false;
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

  // Of the end, or of a wait.
  void finish_async_shutdown(Self self, const net_error_code& error) noexcept {
    if (Initiation* const inside = Initiation::of(this)) {
      inside->complete(error, 0);
      return;
    }
    if constexpr (Pieces::kTakesPieces) {
      if (pieces_.is_waiting()) {
        return finish_async_wait(self, error);
      }
    }
    const auto visit = enter_handler();
    is_with_stream_ = false;
    finish_shutdown(error);
    leave_turn();
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
    if (inside.result().outcome == InitiationOutcome::kUnderWay) {
      note_time();
    }
    return inside.result();
  }

  static constexpr bool kBuffersWrites = StreamEnd<Stream, kAtEnd>::kBuffersWrites;
  struct Buffered {
    std::size_t bytes = 0;
  };
  struct NeverBuffered {};

  // Once the base is there, nothing may fail: this leaves its context by its destructor.
  static_assert(std::is_nothrow_default_constructible_v<TurnMemory> &&
                std::is_nothrow_default_constructible_v<HeldBuffers> &&
                std::is_nothrow_default_constructible_v<Pieces>);
  TurnMemory turn_memory_;  // of the posted turn, which also ends the stream
  HeldBuffers held_;
  std::size_t offered_ = 0;  // bytes of the write that is with the stream
  // Those that are being flushed.
  [[no_unique_address]] std::conditional_t<kBuffersWrites, Buffered, NeverBuffered> buffered_;
  [[no_unique_address]] Pieces pieces_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
