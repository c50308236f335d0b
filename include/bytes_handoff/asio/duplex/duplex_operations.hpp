#pragma once

// The asynchronous operations of a duplex stream.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/duplex/duplex_link.hpp"
#include "bytes_handoff/asio/support/waiting_op.hpp"
#include "bytes_handoff/testing/duplex.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

struct DuplexAccess {
  template <class Executor>
  [[nodiscard]] static BasicDuplexStream<Executor> make_end(const std::shared_ptr<DuplexLink>& link,
                                                            DuplexSide side,
                                                            const Executor& executor) {
    return {link, side, executor};
  }
  template <class Executor>
  [[nodiscard]] static const std::shared_ptr<DuplexLink>& link(
      const BasicDuplexStream<Executor>& stream) noexcept {
    return stream.link_;
  }
  template <class Executor>
  [[nodiscard]] static DuplexSide side(const BasicDuplexStream<Executor>& stream) noexcept {
    return stream.side_;
  }
  template <class Executor>
  [[nodiscard]] static const Executor& executor(
      const BasicDuplexStream<Executor>& stream) noexcept {
    return stream.executor_;
  }
};

inline net_error_code duplex_error(PipeStatus status) noexcept {
  switch (status) {
    case PipeStatus::kDone:
      break;
    case PipeStatus::kWouldBlock:
      return net::error::would_block;
    case PipeStatus::kEndOfStream:
      return net::error::eof;
    case PipeStatus::kReset:
      return net::error::connection_reset;
    case PipeStatus::kBroken:
      return net::error::broken_pipe;
    case PipeStatus::kClosed:
      return net::error::bad_descriptor;
    case PipeStatus::kAborted:
      return net::error::operation_aborted;
    case PipeStatus::kNoMemory:
      return net::error::no_memory;
    case PipeStatus::kBusy:
      return net::error::already_started;
  }
  return {};
}

inline constexpr std::size_t kMostDuplexSegments = 64;

/// The first 64 non-empty buffers of a sequence, as segments that the core understands. `Segment`
/// is MutableSegment or ConstSegment.
template <class Segment, std::size_t kMost = kMostDuplexSegments>
class DuplexSegments {
 public:
  using Byte = typename Segment::element_type;
  using Buffer = std::conditional_t<std::is_const_v<Byte>, net::const_buffer, net::mutable_buffer>;

  template <class BufferSequence>
  explicit DuplexSegments(const BufferSequence& buffers) {
    const auto end = net::buffer_sequence_end(buffers);
    for (auto it = net::buffer_sequence_begin(buffers); it != end && count_ != kMost; ++it) {
      const Buffer buffer(*it);
      if (buffer.size() == 0) continue;
      using Pointer = std::conditional_t<std::is_const_v<Byte>, const Byte*, Byte*>;
      std::construct_at(&items_[count_], static_cast<Pointer>(buffer.data()), buffer.size());
      ++count_;
    }
  }
  /// Precondition: at most `kMost`.
  explicit DuplexSegments(std::span<const Segment> segments) : count_(segments.size()) {
    std::uninitialized_copy(segments.begin(), segments.end(), items_);
  }
  DuplexSegments(const DuplexSegments&) = delete;
  DuplexSegments& operator=(const DuplexSegments&) = delete;

  [[nodiscard]] std::span<const Segment> all() const noexcept { return {items_, count_}; }

 private:
  static_assert(std::is_trivially_destructible_v<Segment>);
  union {
    Segment items_[kMost];  ///< The first `count_` are alive.
  };
  std::size_t count_ = 0;
};

/// The operation that a `Request` is of, for handler tracking.
template <class Request>
inline constexpr const char* kDuplexName =
    std::is_same_v<Request, PipeRead>    ? "DuplexStream::async_read_some"
    : std::is_same_v<Request, PipeWrite> ? "DuplexStream::async_write_some"
                                         : "DuplexStream::async_wait";

/// A read, a write or a wait that is parked at an end. `Request` is PipeRead, PipeWrite or
/// PipeWait.
template <class Request, class Executor>
class DuplexRequest : public Request {
 public:
  static constexpr const char* kName = kDuplexName<Request>;
  /// Keeps the stream's executor busy, where the handler's is another one.
  using StreamWork = std::optional<net::executor_work_guard<Executor>>;

  /// `link` may be null where nothing cancels it through a slot.
  DuplexRequest(std::shared_ptr<DuplexLink> link, DuplexSide side, StreamWork work) noexcept
      : link_(std::move(link)), side_(side), work_(std::move(work)) {}

  [[nodiscard]] auto results() const noexcept {
    if constexpr (std::is_same_v<Request, PipeWait>) {
      return std::tuple(duplex_error(this->status));
    } else {
      return std::tuple(duplex_error(this->status), this->bytes);
    }
  }
  void cancel() noexcept {
    const std::shared_ptr<DuplexLink> link = link_;  // this may be gone at the end
    link->cancel(side_, static_cast<Request&>(*this));
  }
  [[nodiscard]] auto take_hold() noexcept {
    struct Hold {
      HeldPostGuard guard;  // last
      StreamWork work;
    };
    return Hold{std::move(this->held), std::exchange(work_, std::nullopt)};
  }

 private:
  std::shared_ptr<DuplexLink> link_;
  DuplexSide side_;
  StreamWork work_;
};

/// One that moves bytes, with its segments.
template <class Request, class Executor, class Segment, std::size_t kMost>
class DuplexTransfer : public DuplexRequest<Request, Executor> {
  using Base = DuplexRequest<Request, Executor>;

 public:
  DuplexTransfer(std::shared_ptr<DuplexLink> link, DuplexSide side, typename Base::StreamWork work,
                 std::span<const Segment> segments) noexcept
      : Base(std::move(link), side, std::move(work)), segments_(segments) {
    if constexpr (std::is_same_v<Request, PipeRead>) {
      this->into = segments_.all();
    } else {
      this->from = segments_.all();
    }
  }

 private:
  DuplexSegments<Segment, kMost> segments_;
};

/// What the initiations of a stream have in common. Once an operation's handler may run, it may run
/// on another thread, and destroy the stream: from there on they use locals only.
template <class Executor>
class DuplexStart {
 public:
  using executor_type = Executor;

  explicit DuplexStart(const BasicDuplexStream<Executor>& stream) noexcept : stream_(&stream) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return executor(); }

 protected:
  [[nodiscard]] const std::shared_ptr<DuplexLink>& link() const noexcept {
    return DuplexAccess::link(*stream_);
  }
  [[nodiscard]] DuplexSide side() const noexcept { return DuplexAccess::side(*stream_); }
  [[nodiscard]] const Executor& executor() const noexcept {
    return DuplexAccess::executor(*stream_);
  }

  template <class Handler>
  [[nodiscard]] bool runs_on_stream_executor(const Handler& handler) const noexcept {
    if constexpr (std::is_same_v<net::associated_executor_t<Handler, Executor>, Executor>) {
      return net::get_associated_executor(handler, executor()) == executor();
    } else {
      return false;
    }
  }

  /// Whether nothing is left to do but to destroy the handler: the end was closed with its context,
  /// and the handler would run there.
  template <class Handler>
  [[nodiscard]] bool has_nowhere_to_run(const Handler& handler, PipeStatus status) const noexcept {
    return status == PipeStatus::kClosed && link() != nullptr &&
           !PostLease(link()->end(side()).guard()) && runs_on_stream_executor(handler);
  }

  /// Parks a new operation; `further` are its own arguments.
  template <class Operation, class Handler, class... Further>
  void park(Handler&& handler, const Further&... further) const {
    using Op = WaitingOp<Operation, std::decay_t<Handler>, Executor>;
    const std::shared_ptr<DuplexLink> link = this->link();
    const DuplexSide side = this->side();
    typename Operation::StreamWork work;
    if (!runs_on_stream_executor(handler)) {
      work.emplace(executor());
    }
    const bool has_slot = net::get_associated_cancellation_slot(handler).is_connected();
    auto op = Op::make(std::forward<Handler>(handler), executor(),
                       has_slot ? link : std::shared_ptr<DuplexLink>(), side, std::move(work),
                       further...);
    link->start(side, *op.release());
  }

 private:
  const BasicDuplexStream<Executor>* stream_;
};

/// `Segment` says whether it reads or writes.
template <class Executor, class Segment>
class StartDuplexTransfer : public DuplexStart<Executor> {
  using Request = std::conditional_t<std::is_same_v<Segment, MutableSegment>, PipeRead, PipeWrite>;
  template <std::size_t kMost>
  using Operation = DuplexTransfer<Request, Executor, Segment, kMost>;
  static constexpr std::size_t kFew = 4;

 public:
  using DuplexStart<Executor>::DuplexStart;

  template <class Handler, class Buffers>
  void operator()(Handler&& handler, const Buffers& buffers) const {
    using Segments = DuplexSegments<Segment>;
    const Segments segments(buffers);
    PipeResult result{PipeStatus::kClosed, 0};
    if (DuplexLink* const link = this->link().get()) {
      result = link->transfer(this->side(), segments.all());
    }
    if (result.status != PipeStatus::kWouldBlock) {
      if (!this->has_nowhere_to_run(handler, result.status)) {
        BYTES_HANDOFF_HANDLER_LOCATION(kDuplexName<Request>);
        post_results(std::forward<Handler>(handler), this->executor(), duplex_error(result.status),
                     result.bytes);
      }
    } else if constexpr (std::is_convertible_v<const Buffers&, typename Segments::Buffer>) {
      this->template park<Operation<1>>(std::forward<Handler>(handler), segments.all());
    } else if (segments.all().size() <= kFew) {
      this->template park<Operation<kFew>>(std::forward<Handler>(handler), segments.all());
    } else {
      this->template park<Operation<kMostDuplexSegments>>(std::forward<Handler>(handler),
                                                          segments.all());
    }
  }
};

template <class Executor>
class StartDuplexWait : public DuplexStart<Executor> {
  class Operation : public DuplexRequest<PipeWait, Executor> {
    using Base = DuplexRequest<PipeWait, Executor>;

   public:
    Operation(std::shared_ptr<DuplexLink> link, DuplexSide side, typename Base::StreamWork work,
              PipeCondition what) noexcept
        : Base(std::move(link), side, std::move(work)) {
      this->condition = what;
    }
  };

 public:
  using DuplexStart<Executor>::DuplexStart;

  template <class Handler>
  void operator()(Handler&& handler, PipeCondition condition) const {
    PipeStatus status = PipeStatus::kClosed;
    if (DuplexLink* const link = this->link().get()) {
      status = link->poll(this->side(), condition);
    }
    if (status == PipeStatus::kWouldBlock) {
      this->template park<Operation>(std::forward<Handler>(handler), condition);
    } else if (!this->has_nowhere_to_run(handler, status)) {
      BYTES_HANDOFF_HANDLER_LOCATION(kDuplexName<PipeWait>);
      post_results(std::forward<Handler>(handler), this->executor(), duplex_error(status));
    }
  }
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
