#pragma once

// The duplex behind a lock: its ends, and the operations that are parked there.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/context_registry.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/waiting_op.hpp"
#include "bytes_handoff/core/pipe/duplex_pipe.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What the two ends of a duplex share: two pipes behind one lock. End `i` writes pipe `i`.
struct DuplexLink : std::enable_shared_from_this<DuplexLink> {
  /// One end. Each call is one step under the lock. What the step settles is resumed without it,
  /// the peer's requests first. A resumed handler may destroy both streams on another thread:
  /// a caller that touches the end afterwards keeps it alive.
  class End final : public ContextMember {
   public:
    End(DuplexLink& link, std::uint8_t index) noexcept : index_(index), link_(link) {}

    /// Called once, before the end is used. It ends with the context, as by a reset.
    void enter(net::execution_context& context) {
      if (!enter_context(context)) end_with_context(&context);
    }
    /// The stream is being destroyed. The context still waits for what the close posts.
    void leave() noexcept {
      end(PipeEnd::kClosed);
      leave_context();
    }

    [[nodiscard]] std::size_t capacity() const noexcept { return link_.pipes[0].capacity(); }
    [[nodiscard]] std::size_t available() noexcept {
      return in_one_step([this](Settled&) { return pipe(PipeSide::kReader).size(); });
    }
    [[nodiscard]] bool is_open() noexcept {
      return in_one_step([this](Settled&) { return is_open_locked(); });
    }

    PipeResult attempt(PipeAct act, PipeSegments segments) noexcept {
      return in_one_step([&, side = side_of(act)](Settled& settled) {
        return pipe(side).attempt(act, segments, settled.of(side));
      });
    }
    /// From here on the request belongs to the end.
    void start(PipeRequest& request) noexcept {
      in_one_step([&, side = side_of(request.act)](Settled& settled) {
        return pipe(side).start(request, settled.of(side));
      });
    }
    void cancel(PipeRequest& request) noexcept {
      in_one_step([&](Settled& settled) {
        return pipe(side_of(request.act)).cancel(request, settled.own);
      });
    }
    void cancel_all() noexcept {
      in_one_step([&](Settled& settled) {
        for (const PipeSide side : kPipeSides) pipe(side).cancel_all(side, settled.own);
        return true;
      });
    }
    /// Ends the sides that are named. False if the end was closed before.
    bool end(PipeEnd how, bool reader = true, bool writer = true,
             const void* destroyed_context = nullptr) noexcept {
      const auto step = [&](Settled& settled) {
        if (!is_open_locked()) return false;
        for (const PipeSide side : kPipeSides) {
          const bool is_named = side == PipeSide::kReader ? reader : writer;
          if (is_named) pipe(side).end(side, how, settled.of(side));
        }
        return true;
      };
      return in_one_step(step, destroyed_context);
    }

   private:
    struct Settled {
      [[nodiscard]] PipeSettled of(PipeSide own_side) noexcept {
        return own_side == PipeSide::kReader ? PipeSettled{own, peer} : PipeSettled{peer, own};
      }

      WaitingList own;
      WaitingList peer;
    };

    template <class Step>
    std::invoke_result_t<Step, Settled&> in_one_step(
        Step step, const void* destroyed_context = nullptr) noexcept {
      Settled settled;
      std::unique_lock lock(link_.mutex);
      const auto result = step(settled);
      lock.unlock();
      resume(settled.peer, destroyed_context);
      resume(settled.own, destroyed_context);
      return result;
    }
    static void resume(WaitingList& settled, const void* destroyed_context) noexcept {
      while (Waiting* const request = settled.pop_front()) request->resume(destroyed_context);
    }

    /// The pipe whose `side` this end is.
    [[nodiscard]] DuplexPipe& pipe(PipeSide side) const noexcept {
      return link_.pipes[side == PipeSide::kWriter ? index_ : 1 - index_];
    }
    [[nodiscard]] bool is_open_locked() const noexcept {
      return !pipe(PipeSide::kWriter).is_closed(PipeSide::kWriter);
    }

    std::shared_ptr<void> keep_alive() noexcept override { return link_.weak_from_this().lock(); }
    /// Each request of this end holds the guard until its handler is posted.
    void end_with_context(const void* context) noexcept override {
      end(PipeEnd::kReset, true, true, context);
      guard().wait_until_left();
    }

    const std::uint8_t index_;
    DuplexLink& link_;
  };

  DuplexLink(std::size_t capacity, std::pmr::memory_resource* block_source) noexcept
      : pipes{DuplexPipe(capacity, block_source), DuplexPipe(capacity, block_source)},
        ends{End(*this, 0), End(*this, 1)} {}

  std::mutex mutex;
  std::array<DuplexPipe, 2> pipes;
  std::array<End, 2> ends;
};

using DuplexEnd = DuplexLink::End;

template <class T>
concept DuplexExecutor = net::is_executor<T>::value || net::execution::is_executor<T>::value;

/// The executor of a context, or the given one.
template <class Place>
[[nodiscard]] auto executor_at(Place& place) {
  if constexpr (requires { place.get_executor(); }) {
    return place.get_executor();
  } else {
    return place;
  }
}

[[nodiscard]] inline net_error_code duplex_error(PipeStatus status) noexcept {
  if (status == PipeStatus::kDone) return {};
  if (status == PipeStatus::kWouldBlock) return net::error::would_block;
  if (status == PipeStatus::kEndOfStream) return net::error::eof;
  if (status == PipeStatus::kReset) return net::error::connection_reset;
  if (status == PipeStatus::kBroken) return net::error::broken_pipe;
  if (status == PipeStatus::kClosed) return net::error::bad_descriptor;
  if (status == PipeStatus::kAborted) return net::error::operation_aborted;
  return status == PipeStatus::kNoMemory ? net::error::no_memory : net::error::already_started;
}

/// The first 64 non-empty buffers of a sequence, as the core sees them. A wait has none.
class DuplexSegments {
 public:
  static constexpr std::size_t kMost = 64;

  explicit DuplexSegments(PipeAct /*wait*/) noexcept {}
  template <class BufferSequence>
  explicit DuplexSegments(const BufferSequence& buffers) {
    const auto end = net::buffer_sequence_end(buffers);
    for (auto it = net::buffer_sequence_begin(buffers); it != end && count_ != kMost; ++it) {
      const net::const_buffer buffer(*it);
      void* const data = const_cast<void*>(buffer.data());  // NOLINT: a write only reads it
      if (buffer.size() != 0) segments_[count_++] = {static_cast<std::byte*>(data), buffer.size()};
    }
  }

  [[nodiscard]] PipeSegments all() const noexcept { return {segments_.data(), count_}; }

 private:
  std::array<PipeSegment, kMost> segments_;  // the first `count_` are set
  std::size_t count_ = 0;
};

/// A read, a write or a wait that is parked at an end. A wait has room for no segments.
template <class Executor, PipeAct kNamed, std::size_t kMost>
class DuplexOperation : public PipeRequest {
 public:
  static constexpr const char* kName = kNamed == PipeAct::kRead ? "DuplexStream::async_read_some"
                                       : kNamed == PipeAct::kWrite
                                           ? "DuplexStream::async_write_some"
                                           : "DuplexStream::async_wait";
  /// Keeps the stream's executor busy, if the handler's is another one.
  using StreamWork = std::optional<net::executor_work_guard<Executor>>;

  /// `in_slot` keeps the end for a cancellation through the handler's slot, or is null.
  DuplexOperation(DuplexEnd& end, std::shared_ptr<DuplexEnd> in_slot, StreamWork work, PipeAct what,
                  PipeSegments from) noexcept
      : PipeRequest(what), in_slot_(std::move(in_slot)), work_(std::move(work)) {
    end.guard().enter();
    held_.reset(&end.guard());
    std::ranges::copy(from, segments_.begin());
    this->segments = {segments_.data(), from.size()};
  }

  [[nodiscard]] auto results() const noexcept {
    if constexpr (kMost == 0) {
      return std::tuple(duplex_error(this->status));
    } else {
      return std::tuple(duplex_error(this->status), this->bytes);
    }
  }
  void cancel() noexcept {
    const std::shared_ptr<DuplexEnd> end = in_slot_;  // this may be gone at the end
    end->cancel(*this);
  }
  [[nodiscard]] auto take_hold() noexcept {
    struct Hold {
      HeldPostGuard guard;  // last
      StreamWork work;
    };
    return Hold{std::move(held_), std::exchange(work_, std::nullopt)};
  }

 private:
  HeldPostGuard held_;
  std::shared_ptr<DuplexEnd> in_slot_;
  StreamWork work_;
  [[no_unique_address]] std::array<PipeSegment, kMost> segments_;
};

/// The initiation of an operation on a `Stream`. Once the handler may run, it may run on another
/// thread and destroy the stream: from there on only locals are used.
template <class Stream, PipeAct kNamed>
class StartDuplex {
 public:
  using executor_type = typename Stream::executor_type;

  explicit StartDuplex(const Stream& stream) noexcept : stream_(&stream) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return stream_->executor_; }

  /// `what` is the buffers, or for a wait which one.
  template <class Handler, class What>
  void operator()(Handler&& handler, const What& what) const {
    constexpr bool kIsOneBuffer = std::is_convertible_v<const What&, net::const_buffer>;
    const DuplexSegments segments(what);
    if constexpr (std::is_same_v<What, PipeAct>) {
      const PipeResult result = stream_->attempt(what, {});
      start<0>(std::forward<Handler>(handler), what, {}, result.status,
               duplex_error(result.status));
    } else {
      const PipeResult result = stream_->attempt(kNamed, segments.all());
      start<kIsOneBuffer ? 1 : DuplexSegments::kMost>(std::forward<Handler>(handler), kNamed,
                                                      segments.all(), result.status,
                                                      duplex_error(result.status), result.bytes);
    }
  }

 private:
  /// Parks what would block; the results are those of anything else.
  template <std::size_t kMost, class Handler, class... Results>
  void start(Handler&& handler, PipeAct act, PipeSegments segments, PipeStatus status,
             const Results&... results) const {
    using Operation = DuplexOperation<executor_type, kNamed, kMost>;
    using Op = WaitingOp<Operation, std::decay_t<Handler>, executor_type>;
    if (status != PipeStatus::kWouldBlock) {
      // Closed with its context, and the handler would run there: it is only destroyed.
      const bool is_gone = status == PipeStatus::kClosed && stream_->end_ != nullptr &&
                           !PostLease(stream_->end_->guard()) && runs_on_stream_executor(handler);
      BYTES_HANDOFF_HANDLER_LOCATION(Operation::kName);
      if (!is_gone) post_results(std::forward<Handler>(handler), stream_->executor_, results...);
      return;
    }
    const std::shared_ptr<DuplexEnd> end = stream_->end_;
    const bool has_slot = net::get_associated_cancellation_slot(handler).is_connected();
    typename Operation::StreamWork work;
    if (!runs_on_stream_executor(handler)) work.emplace(stream_->executor_);
    auto op = Op::make(std::forward<Handler>(handler), stream_->executor_, *end,
                       has_slot ? end : nullptr, std::move(work), act, segments);
    end->start(*op.release());
  }

  template <class Handler>
  [[nodiscard]] bool runs_on_stream_executor(const Handler& handler) const noexcept {
    if constexpr (std::is_same_v<net::associated_executor_t<Handler, executor_type>,
                                 executor_type>) {
      return net::get_associated_executor(handler, stream_->executor_) == stream_->executor_;
    } else {
      return false;
    }
  }

  const Stream* stream_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
