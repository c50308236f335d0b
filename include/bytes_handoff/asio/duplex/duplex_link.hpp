#pragma once

// The duplex behind a lock: its ends, and the operations that are parked there.

#include <algorithm>
#include <array>
#include <chrono>
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
#include "bytes_handoff/asio/support/time_of.hpp"
#include "bytes_handoff/asio/support/waiting_op.hpp"
#include "bytes_handoff/core/pipe/duplex_pipe.hpp"
#include "bytes_handoff/core/support/later.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What happens at the end of a path, to the end that sends and to the one that receives.
struct PathFault {
  PipeEnd of_sender = PipeEnd::kNone;
  PipeEnd of_receiver = PipeEnd::kNone;
  bool fails = false;  // the path itself does
};

struct DuplexLink;

/// Waits where the receiving end is, until bytes have arrived.
class PathDelay {
 public:
  PathDelay() = default;
  PathDelay(const PathDelay&) = delete;
  PathDelay& operator=(const PathDelay&) = delete;
  virtual ~PathDelay() = default;
  /// Then `link` is told that `bytes` of the pipe have arrived. Throws where memory is short.
  virtual void wait(std::shared_ptr<DuplexLink> link, std::size_t pipe, std::size_t bytes) = 0;
};

/// What the two ends of a duplex share: two pipes behind one lock. End `i` writes pipe `i`.
struct DuplexLink : std::enable_shared_from_this<DuplexLink> {
  /// What the test wants of the path through a pipe, besides what the pipe does by itself.
  struct Path {
    PathFault fault;
    bool is_fault_to_come = false;
    std::unique_ptr<PathDelay> delay;
    std::size_t delayed_bytes = 0;  // that a wait is under way for
  };

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
      leave_context(*this);
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
        if (how != PipeEnd::kShut) link_.paths[1 - index_].delay.reset();  // with its executor
        if (!is_open_locked()) return false;
        for (const PipeSide side : kPipeSides) {
          const bool is_named = side == PipeSide::kReader ? reader : writer;
          if (is_named) pipe(side).end(side, how, settled.of(side));
        }
        return true;
      };
      return in_one_step(step, destroyed_context);
    }

    /// The path to this end, from now on. `delay` may be null.
    void set_path(const PipePath& of_pipe, const PathFault& fault,
                  std::unique_ptr<PathDelay> delay) noexcept {
      in_one_step([&](Settled& /*settled*/) {
        Path& path = link_.paths[1 - index_];
        path.fault = fault;
        path.is_fault_to_come = true;
        path.delay = std::move(delay);
        pipe(PipeSide::kReader).set_path(of_pipe);
        link_.has_paths = true;
        return true;
      });
    }
    /// Bytes that were on their way to this end.
    void arrive(std::size_t n) noexcept {
      in_one_step([&](Settled& settled) {
        std::size_t& delayed = link_.paths[1 - index_].delayed_bytes;
        delayed -= (std::min)(delayed, n);
        pipe(PipeSide::kReader).arrive(n, settled.of(PipeSide::kReader));
        return true;
      });
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
      if (link_.has_paths) follow_paths(settled);
      lock.unlock();
      resume(settled.peer, destroyed_context);
      resume(settled.own, destroyed_context);
      return result;
    }
    static void resume(WaitingList& settled, const void* destroyed_context) noexcept {
      while (Waiting* const request = settled.pop_front()) request->resume(destroyed_context);
    }

    // Locked: what the paths make of the step.
    void follow_paths(Settled& settled) noexcept {
      for (std::size_t i = 0; i != link_.pipes.size(); ++i) {
        Path& path = link_.paths[i];
        if (path.is_fault_to_come && link_.pipes[i].has_met_fault()) {
          path.is_fault_to_come = false;
          end_path(i, path, settled);
        }
        delay_arrivals(i, path, settled);
      }
    }
    void end_path(std::size_t i, Path& path, Settled& settled) noexcept {
      const auto end = [&](std::size_t which, PipeEnd how) {
        if (how == PipeEnd::kNone) return;
        link_.pipes[which].end(PipeSide::kWriter, how, of_pipe(which, settled));
        link_.pipes[1 - which].end(PipeSide::kReader, how, of_pipe(1 - which, settled));
      };
      end(i, path.fault.of_sender);
      end(1 - i, path.fault.of_receiver);
      if (path.fault.fails) link_.pipes[i].fail(of_pipe(i, settled));
    }
    void delay_arrivals(std::size_t i, Path& path, Settled& settled) noexcept {
      const std::size_t on_the_way = link_.pipes[i].on_the_way();
      if (on_the_way <= path.delayed_bytes) return;
      const std::size_t more = on_the_way - path.delayed_bytes;
      try {
        if (path.delay != nullptr) {
          path.delay->wait(link_.shared_from_this(), i, more);
          path.delayed_bytes += more;
          return;
        }
      } catch (...) {  // NOLINT: without memory for a wait they arrive at once
      }
      link_.pipes[i].arrive(more, of_pipe(i, settled));
    }
    [[nodiscard]] PipeSettled of_pipe(std::size_t i, Settled& settled) const noexcept {
      return settled.of(i == index_ ? PipeSide::kWriter : PipeSide::kReader);
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
  std::array<Path, 2> paths;
  bool has_paths = false;  // a test has set one
  std::array<End, 2> ends;
};

/// On the executor of the end that receives, in its time. Each wait owns its timer.
template <class Executor>
class PathDelayOn final : public PathDelay {
 public:
  PathDelayOn(const Executor& executor, std::chrono::nanoseconds time)
      : executor_(executor), time_(time) {}

  void wait(std::shared_ptr<DuplexLink> link, std::size_t pipe, std::size_t bytes) override {
    using Time = TimeOf<Executor>;
    const auto timer = std::make_shared<typename Time::Timer>(executor_);
    timer->expires_at(later(Time::now(executor_), time_));
    timer->async_wait([timer, link = std::move(link), pipe, bytes](
                          const net_error_code& /*error*/) { link->ends[1 - pipe].arrive(bytes); });
  }

 private:
  const Executor executor_;
  const std::chrono::nanoseconds time_;
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
  if (status == PipeStatus::kFailed) return net::error::network_down;
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
