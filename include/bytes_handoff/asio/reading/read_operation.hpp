#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/reading/frame_reading.hpp"
#include "bytes_handoff/asio/reading/gathering.hpp"
#include "bytes_handoff/asio/reading/memory_wait.hpp"
#include "bytes_handoff/asio/reading/read_step_handler.hpp"
#include "bytes_handoff/asio/reading/reading.hpp"
#include "bytes_handoff/asio/support/cancellation_link.hpp"
#include "bytes_handoff/asio/support/handler_memory.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/support/stream_exception.hpp"
#include "bytes_handoff/asio/support/unstarted.hpp"
#include "bytes_handoff/asio/writing/initiation.hpp"
#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/core/reading/read_claim.hpp"
#include "bytes_handoff/core/support/check.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// A read that was told of no write queue.
struct NoWriteQueue {
  [[nodiscard]] static const net_error_code& explain(const net_error_code& error,
                                                     std::size_t /*n*/) noexcept {
    return error;
  }
};

/// The goal of `async_read_available`: what one read brings.
struct AnyBytes {
  template <class Stream>
  [[nodiscard]] Reading<Stream> reading(HandoffBuffer& buffer, Stream& stream) const noexcept {
    return {buffer, stream};
  }
};

/// The goal of `async_wait_frame`.
template <class F>
struct WholeFrame {
  template <class Stream>
  [[nodiscard]] FrameReading<Stream, F> reading(HandoffBuffer& buffer,
                                                Stream& stream) const noexcept {
    return {buffer, stream, *framer};
  }
  F* framer;
};

/// A read that has to wait: one step of the stream after the other, until `Reading`, or
/// `FrameReading`, is done.
///
/// It stays in place, in memory from the handler's associated allocator (the library's pool where
/// that is the default); the stream only gets a pointer to it. So a stream that throws leaves the
/// handler to be told, and one that completes from inside of an initiating function leads to a
/// loop. A cancellation that arrives between two steps is remembered. Where it is destroyed without
/// an end, its handler is destroyed uninvoked, and the buffer is usable again. `Told` explains an
/// error that somebody else's end of the stream has caused.
template <
    class Stream, class Reading, class Told, class Handler,
    class StreamExecutor = std::remove_cvref_t<decltype(std::declval<Stream&>().get_executor())>,
    class Target = ReadStepTarget<net::associated_executor_t<Handler, StreamExecutor>,
                                  net::associated_allocator_t<Handler>, ReadCancellation<Handler>>>
class ReadOperation final : private Target {
  using OfHandler = net::associated_allocator_t<Handler>;
  using HandlerExecutor = net::associated_executor_t<Handler, StreamExecutor>;
  using StepHandler = typename Target::StepHandler;
  using Target::cancellation_;
  using Memory = OperationMemory<OfHandler, ReadOperation>;

 public:
  /// From the initiating function.
  template <class Goal>
  static void start(HandoffBuffer& buffer, Stream& stream, Goal goal, Told told, Handler handler) {
    Reading reading = goal.reading(buffer, stream);
    const ReadStep step = reading.begin();
    if (step == ReadStep::kDone) {
      BYTES_HANDOFF_HANDLER_LOCATION(Reading::kName);
      post_results(std::move(handler), stream.get_executor(),
                   told.explain(reading.error(), reading.bytes()), reading.bytes());
      return;
    }
    go_on(reading, step, std::move(told), std::move(handler));
  }

  /// Behind `begin()` of `reading`, if there is a step that waits.
  static void go_on(const Reading& reading, ReadStep step, Told told, Handler handler) {
    ReadOperation* op = nullptr;
    try {
      op = make(reading, std::move(told), std::move(handler)).release();
    } catch (...) {
      front_end::end_read(reading.buffer(), 0);
      throw;
    }
    op->run(step, true);
  }

 private:
  friend Unstarted<ReadOperation>;

  [[nodiscard]] static Unstarted<ReadOperation> make(const Reading& reading, Told&& told,
                                                     Handler&& handler) {
    void* const memory = Memory::allocate(net::get_associated_allocator(handler));
    Unstarted<ReadOperation> op(::new (memory)
                                    ReadOperation(reading, std::move(told), std::move(handler)));
    auto slot = net::get_associated_cancellation_slot(op->handler_);
    if (slot.is_connected()) {
      op->cancellation_.connect(*op, slot);
    }
    return op;
  }

  ReadOperation(const Reading& reading, Told&& told, Handler&& handler)
      : reading_(reading),
        claim_(reading.buffer()),
        told_(std::move(told)),
        handler_(std::move(handler)) {}

  // Takes steps from `step` on until one is under way. It is touched no more then. `is_starting`:
  // in the initiating function, from which the handler is not called.
  void run(ReadStep step, bool is_starting) {
    while (step != ReadStep::kDone) {
      const InitiationResult started = initiate(step);
      if (started.outcome == InitiationOutcome::kUnderWay) {
        return;
      }
      if (started.outcome == InitiationOutcome::kDropped) {
        discard();
        return;
      }
      step = after(step, started.error, started.n);
    }
    finish(is_starting);
  }

  [[nodiscard]] InitiationResult initiate(ReadStep step) noexcept {
    step_ = step;
    Initiation inside(this);
    try {
      start_on_stream(step);
    } catch (...) {
      if (inside.result().outcome != InitiationOutcome::kCompleted) {
        inside.complete(error_of_current_exception(), 0);
      }
    }
    return inside.result();
  }

  void start_on_stream(ReadStep step) {
    BYTES_HANDOFF_HANDLER_LOCATION(Reading::kName);
    StepHandler handler(this);
    Stream& stream = reading_.stream();
    switch (step) {
      case ReadStep::kGather:
        front_end::pause_read(reading_.buffer());
        gathering_ = std::make_unique<Gathering<Stream>>(
            stream, BufferAccess::next_read_at(reading_.buffer()));
        gathering_->async_wait(std::move(handler));
        return;
      case ReadStep::kWait:
        if constexpr (ReadinessReadStream<Stream>) {
          front_end::pause_read(reading_.buffer());
          stream.async_wait(Stream::wait_read, std::move(handler));
        }
        return;
      case ReadStep::kMemory:
        front_end::pause_read(reading_.buffer());
        cancellation_.clear();
        async_wait_memory(*BufferAccess::account(reading_.buffer()), reading_.memory_needed(),
                          stream.get_executor(), std::move(handler));
        return;
      case ReadStep::kRead:
        stream.async_read_some(reading_.room(), std::move(handler));
        return;
      case ReadStep::kYield:
        if constexpr (!Reading::kReadsOnce) {
          yield(std::move(handler));
        }
        return;
      case ReadStep::kDone:
        return;
    }
  }

  // Nothing of the stream is under way meanwhile that a cancellation could be passed on to.
  void yield(StepHandler handler) {
    BufferAccess::set_reading(reading_.buffer(), true);
    cancellation_.clear();
    const auto executor = handler.get_executor();
    const auto allocator = handler.get_allocator();
    post_on(executor, allocator,
            [handler = std::move(handler)]() mutable { handler(net_error_code()); });
  }

  [[nodiscard]] ReadStep after(ReadStep step, const net_error_code& error, std::size_t n) {
    if (step == ReadStep::kRead) {
      return reading_.after_read(error, n, is_cancelled());
    }
    if constexpr (!Reading::kReadsOnce) {
      if (step == ReadStep::kYield) {
        return reading_.after_yield(error, is_cancelled());
      }
    }
    if (gathering_ != nullptr) {
      cancellation_.clear();  // it still leads to the timer
      gathering_->end();
      gathering_.reset();
    }
    return reading_.after_wait(error, is_cancelled());
  }

  [[nodiscard]] bool is_cancelled() const noexcept {
    if constexpr (KnowsCancellation<Handler>) {
      return handler_.is_cancelled();
    } else {
      return is_cancelled_;
    }
  }

  friend class CancellationLink;
  // Remembered, and passed on to the step under way, if it still can be cancelled.
  void cancel(net::cancellation_type_t type) {
    is_cancelled_ = true;
    cancellation_.emit(type);
  }

  [[nodiscard]] HandlerExecutor executor() const noexcept override {
    return net::get_associated_executor(handler_, reading_.stream().get_executor());
  }
  [[nodiscard]] OfHandler allocator() const noexcept override {
    return net::get_associated_allocator(handler_);
  }

  void complete(const net_error_code& error, std::size_t n) override {
    if (Initiation* const inside = Initiation::of(this)) {
      inside->complete(error, n);
    } else {
      BYTES_HANDOFF_CHECK(claim_.has_buffer(), "HandoffBuffer: destroyed while a read ran");
      if constexpr (!Reading::kReadsOnce) {
        reading_.note_suspended();
      }
      run(after(step_, error, n), false);
    }
  }

  void drop() noexcept override {
    if (Initiation* const inside = Initiation::of(this)) {
      inside->drop();
    } else {
      discard();
    }
  }

  void finish(bool is_starting) {
    Handler handler(std::move(handler_));
    const std::size_t n = reading_.bytes();
    const net_error_code error = told_.explain(reading_.error(), n);
    if (is_starting) {
      const StreamExecutor executor = reading_.stream().get_executor();
      free(net::get_associated_allocator(handler));
      BYTES_HANDOFF_HANDLER_LOCATION(Reading::kName);
      post_results(std::move(handler), executor, error, n);
    } else {
      free(net::get_associated_allocator(handler));
      std::move(handler)(error, n);
    }
  }

  void discard() noexcept {
    const Handler handler(std::move(handler_));
    free(net::get_associated_allocator(handler));
  }

  void free(const OfHandler& of_handler) noexcept {
    this->~ReadOperation();
    Memory::deallocate(of_handler, this);
  }

  Reading reading_;
  ReadClaim claim_;
  [[no_unique_address]] Told told_;
  Handler handler_;
  std::unique_ptr<Gathering<Stream>> gathering_;
  bool is_cancelled_ = false;
  ReadStep step_ = ReadStep::kDone;
};

template <class Stream, class Goal, class Told>
class StartRead {
 public:
  using executor_type = std::remove_cvref_t<decltype(std::declval<Stream&>().get_executor())>;

  StartRead(HandoffBuffer& buffer, Stream& stream, Goal goal, Told told) noexcept
      : buffer_(&buffer), stream_(&stream), goal_(goal), told_(std::move(told)) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return stream_->get_executor(); }

  template <class Handler>
  void operator()(Handler&& handler) const {
    using Reading = decltype(goal_.reading(*buffer_, *stream_));
    ReadOperation<Stream, Reading, Told, std::decay_t<Handler>>::start(
        *buffer_, *stream_, goal_, told_, std::forward<Handler>(handler));
  }

 private:
  HandoffBuffer* buffer_;
  Stream* stream_;
  [[no_unique_address]] Goal goal_;
  [[no_unique_address]] Told told_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
