#pragma once

// The writer: carries batches from the queue to one stream, on the stream's executor. It decides
// nothing but how long a turn may be.

#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "bytes_handoff/impl/batch_buffers.hpp"
#include "bytes_handoff/impl/handler_memory.hpp"
#include "bytes_handoff/impl/post.hpp"
#include "bytes_handoff/impl/stream_traits.hpp"
#include "bytes_handoff/impl/writer_base.hpp"
#include "bytes_handoff/impl/writer_timer.hpp"
#include "bytes_handoff/joined_writes.hpp"
#include "bytes_handoff/shutdown_write.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// A turn lets others on the executor run after this many writes, or bytes, that completed at once.
/// More bytes than a peer on the same thread reads at once were measured to cost loopback TCP up to
/// half as much again (docs/design/0001).
inline constexpr unsigned kMaxInlineWrites = 16;
inline constexpr std::size_t kMaxInlineBytes = 64 * 1024;

template <class Stream>
class Writer final : public WriterBase {
  using Executor = std::remove_cvref_t<decltype(std::declval<Stream&>().get_executor())>;
  using Turn = WriteQueue::Turn;
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kHandlerBytes = 320;
  using Allocator = HandlerAllocator<void, kHandlerBytes>;
  static constexpr std::size_t kEndBytes = 96;
  using EndAllocator = HandlerAllocator<void, kEndBytes>;
  using Self = std::shared_ptr<Writer>;

 public:
  Writer(std::shared_ptr<Stream> stream, const WriteHandoffConfig& config)
      : WriterBase(config, stream->get_executor()),
        stream_(std::move(stream)),
        stream_executor_(stream_->get_executor()),
        registry_(net::use_service<WriterRegistry>(context_of(*stream_executor_)).list()) {
    home()->enter(net::use_service<WriterRegistry>(context_of(*stream_executor_)).homes());
    registry_->add(*this);
  }
  ~Writer() override { registry_->remove(*this); }

  void set_deadline(Clock::time_point deadline) override {
    post_function([self = self(), deadline] {
      self->timer_.add_deadline(deadline);
      self->check_time();
    });
  }

 protected:
  void start_turn(bool may_dispatch) noexcept override {
    try {
      if (may_dispatch) {
        dispatch_on(*stream_executor_, Allocator(memory_), TurnHandler{self()});
      } else {
        post_on(*stream_executor_, Allocator(memory_), TurnHandler{self()});
      }
    } catch (...) {
      fail_to_start();
    }
  }

  void post_end(bool is_with_stream) noexcept override {
    if (!is_with_stream && !timer_.may_run(queue().config())) {
      return;
    }
    try {
      post_on(*stream_executor_, EndAllocator(end_memory_), [self = self()] { self->run_end(); });
    } catch (...) {  // NOLINT: without memory the stream is not asked, and the timer runs out
    }
  }

  void forget_stream() noexcept override {
    timer_.stop();
    stream_.reset();
    stream_executor_.reset();
  }

 private:
  struct TurnHandler {
    Self writer;
    void operator()() {
      Writer& self = *writer;
      if (self.is_in_turn_) {  // an owner that it let go of has submitted: no recursion
        self.start_turn(false);
      } else {
        self.run_turn(std::move(writer));
      }
    }
  };

  // Completes one write of the stream, or its shutdown.
  struct StreamHandler {
    using executor_type = Executor;
    using allocator_type = Allocator;
    using cancellation_slot_type = net::cancellation_slot;

    Self writer;
    net::cancellation_slot slot;

    [[nodiscard]] executor_type get_executor() const noexcept { return *writer->stream_executor_; }
    [[nodiscard]] allocator_type get_allocator() const noexcept {
      return Allocator(writer->memory_);
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

  struct OutcomeInside {
    net_error_code error;
    std::size_t written = 0;
  };

  [[nodiscard]] Self self() { return std::static_pointer_cast<Writer>(shared_from_this()); }
  [[nodiscard]] StreamHandler stream_handler(Self self) {
    return {std::move(self), cancellation_.slot()};
  }

  template <class Function>
  void post_function(Function&& function) {
    post_on(*stream_executor_, std::allocator<void>(), std::forward<Function>(function));
  }

  // There was no memory to post a turn. It cannot run here, off the stream's executor.
  void fail_to_start() noexcept {
    WriterStep step(*this);
    queue().abort(to_error_value(net::error::no_memory), step.effects);
  }

  void run_end() {
    timer_.stop();
    if (is_with_stream_) {
      cancellation_.emit(net::cancellation_type::terminal);
    }
  }

  void run_turn(Self self) noexcept {
    const Self keep = self;
    is_in_turn_ = true;
    WriteBatch batch(kJoinedWriteBytes<Stream>);
    if (timer_.must_watch(queue().config())) {
      check_time();
    }
    const Turn turn = begin_turn(batch);
    drive(std::move(self), turn, batch);
    is_in_turn_ = false;
  }

  // Writes on until the stream makes it wait, nothing is left, or others must have their turn.
  void drive(Self self, Turn turn, WriteBatch& batch) noexcept {
    std::size_t inline_bytes = 0;
    for (unsigned writes = 1;; ++writes) {
      if (turn == Turn::kYield) {
        start_turn(false);
        return;
      }
      if (turn == Turn::kShutdown) {
        start_shutdown(std::move(self));
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
      inline_bytes += written;
      const bool yield = writes >= kMaxInlineWrites || inline_bytes >= kMaxInlineBytes;
      turn = finish_write(error, written, yield, batch);
    }
  }

  // Steps of the queue, and what they ask for.
  [[nodiscard]] Turn begin_turn(WriteBatch& batch) noexcept {
    WriterStep step(*this);
    return queue().begin_turn(batch, step.effects);
  }
  [[nodiscard]] Turn finish_write(const net_error_code& error, std::size_t written, bool yield,
                                  WriteBatch& batch) noexcept {
    WriterStep step(*this);
    return queue().finish_write(to_error_value(error), written, yield, batch, step.effects);
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
        error = net::error::no_memory;
      }
      return !is_to_try_again(error);
    } else {
      return false;
    }
  }

  // False, with the outcome, when it is over already: it could not be started, or the stream has
  // called its handler from inside of the initiating function, which must not lead to recursion.
  [[nodiscard]] bool start_async_write(const Self& self, const WriteBatch& batch,
                                       net_error_code& error, std::size_t& written) noexcept {
    OutcomeInside inside;
    outcome_inside_ = &inside;
    is_with_stream_ = true;
    try {
      held_.hold(batch);
      stream_->async_write_some(held_.sequence(), stream_handler(self));
    } catch (...) {
      if (std::exchange(is_with_stream_, false)) {  // else it has completed before it threw
        inside = {net::error::no_memory, 0};
      }
    }
    outcome_inside_ = nullptr;
    if (is_with_stream_) {
      return true;
    }
    held_.release();
    error = inside.error;
    written = inside.written;
    return false;
  }

  void finish_async_write(Self self, const net_error_code& error, std::size_t written) noexcept {
    is_with_stream_ = false;
    if (outcome_inside_ != nullptr) {
      *outcome_inside_ = {error, written};
      return;
    }
    WriteBatch batch(kJoinedWriteBytes<Stream>);
    batch.bytes = held_.bytes();
    held_.release();
    const Turn turn = finish_write(error, written, false, batch);
    drive(std::move(self), turn, batch);
  }

  void start_shutdown(Self self) noexcept {
    is_with_stream_ = true;
    try {
      start_shutdown_write(*stream_, stream_handler(self));
    } catch (...) {
      finish_shutdown(net::error::no_memory);
    }
  }

  // Asio's ssl::stream says of a shutdown that had to wait for somebody's read that it was aborted,
  // even where it has succeeded. Asked once more, it says how it is.
  void finish_async_shutdown(Self self, const net_error_code& error) noexcept {
    if constexpr (ShutsDownByHandshake<Stream>) {
      if (error == net::error::operation_aborted && !queue().has_ended() &&
          !std::exchange(shutdown_was_repeated_, true)) {
        start_shutdown(std::move(self));
        return;
      }
    }
    finish_shutdown(error);
  }

  void finish_shutdown(const net_error_code& error) noexcept {
    is_with_stream_ = false;
    WriterStep step(*this);
    queue().finish_shutdown(to_error_value(error), step.effects);
  }

  void check_time() noexcept {
    Clock::time_point next;
    {
      WriterStep step(*this);
      next = timer_.check(queue(), step.effects);
    }
    if (next == Clock::time_point::max() || queue().has_ended()) {
      return;
    }
    try {
      timer_.wait_until(next, *stream_executor_, [self = self()] { self->check_time(); });
    } catch (...) {
      fail_to_start();
    }
  }

  std::shared_ptr<Stream> stream_;
  std::optional<Executor> stream_executor_;  // none once its context is gone
  const std::shared_ptr<WriterRegistry::List> registry_;
  HandlerMemory<kHandlerBytes> memory_;  // of the posted turn, or of the stream's operation
  HandlerMemory<kEndBytes> end_memory_;  // of the posted end, which may find the other in use
  HeldBuffers held_;
  net::cancellation_signal cancellation_;
  bool is_in_turn_ = false;                  // on the executor alone, as all of these
  bool is_with_stream_ = false;              // an asynchronous operation of the stream is under way
  OutcomeInside* outcome_inside_ = nullptr;  // set while such an operation is being started
  bool shutdown_was_repeated_ = false;
  WriterTimer<Executor> timer_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
