#pragma once

// What waits on a write queue behind the asynchronous operations of a WriteHandoff.

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "bytes_handoff/asio/support/waiting_op.hpp"
#include "bytes_handoff/asio/writing/write_ticket.hpp"
#include "bytes_handoff/asio/writing/writer_base.hpp"
#include "bytes_handoff/backpressure.hpp"
#include "bytes_handoff/core/queue/unwritten.hpp"
#include "bytes_handoff/ends.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Drops a ticket that was never admitted: the queue's reference goes too.
struct DiscardTicket {
  void operator()(Ticket* state) const noexcept { state->release(2); }
};
/// A ticket made for a write that is not admitted yet.
using NewTicket = std::unique_ptr<Ticket, DiscardTicket>;

// One slice, or several: how they are seen as a span, and how they go home.
inline std::span<Bytes> slices_of(Bytes& bytes) noexcept { return {&bytes, 1}; }
inline std::span<Bytes> slices_of(std::vector<Bytes>& bytes) noexcept { return bytes; }
inline WriteBackpressure go_home(const Refusal& refusal, Bytes&& bytes) {
  return {to_refusal(refusal), std::move(bytes)};
}
inline WriteAllBackpressure go_home(const Refusal& refusal, std::vector<Bytes>&& bytes) {
  return {to_refusal(refusal), std::move(bytes)};
}

template <class Payload>
using BackpressureOf = decltype(go_home(std::declval<Refusal>(), std::declval<Payload>()));
template <class Payload, bool kTicket>
using WriteOutcome =
    expected<std::conditional_t<kTicket, WriteTicket, void>, BackpressureOf<Payload>>;

template <class Payload, bool kTicket>
WriteOutcome<Payload, kTicket> admitted(NewTicket ticket, WriterBase& writer) noexcept {
  if constexpr (kTicket) {
    return TicketAccess::make(TicketReference(ticket.release()), writer.context());
  } else {
    return {};
  }
}

template <class Payload, bool kTicket>
inline constexpr const char* kWriteName =
    kTicket ? "WriteHandoff::async_write" : "WriteHandoff::async_write_detached";
template <bool kTicket>
inline constexpr const char* kWriteName<std::vector<Bytes>, kTicket> =
    kTicket ? "WriteHandoff::async_write_all" : "WriteHandoff::async_write_all_detached";

/// A write that stands in line.
template <class Payload, bool kTicket>
class WriteWait : public WriteWaiter {
 public:
  static constexpr const char* kName = kWriteName<Payload, kTicket>;

  WriteWait(WriterPointer writer, Payload payload, NewTicket state)
      : writer_(std::move(writer)),
        payload_(std::move(payload)),
        state_(std::move(state)),
        since_(std::chrono::steady_clock::now()) {
    slices = slices_of(payload_);
    ticket = state_.get();
    refusal.emplace();  // until it is admitted
  }
  ~WriteWait() override {
    if (!refusal && state_ != nullptr) {
      state_.release()->release();  // the queue has its own
    }
  }

  std::tuple<WriteOutcome<Payload, kTicket>> results() {
    if (waited) {
      writer_->queue().add_time_blocked(std::chrono::steady_clock::now() - since_);
    }
    if (refusal) {
      return {unexpected(go_home(*refusal, std::move(payload_)))};
    }
    return {admitted<Payload, kTicket>(std::move(state_), *writer_)};
  }

  void cancel() noexcept {
    const WriterPointer writer = writer_;  // this may be gone at the end
    Effects effects(writer->guard());
    writer->queue().cancel(*this, effects);
    writer->carry_out(effects);
  }

  bool waited = true;

 private:
  WriterPointer writer_;
  Payload payload_;
  NewTicket state_;
  const std::chrono::steady_clock::time_point since_;
};

// The initiations below hold what they use in locals: once an operation's handler may run, it may
// run on another thread, and destroy the initiation itself.

template <class Payload, bool kTicket>
class StartWrite {
 public:
  using executor_type = net::any_io_executor;

  StartWrite(WriterPointer writer, Payload payload) noexcept
      : writer_(std::move(writer)), payload_(std::move(payload)) {}

  [[nodiscard]] executor_type get_executor() const noexcept {
    return writer_->context()->executor();
  }

  template <class Handler>
  void operator()(Handler&& handler) {
    using Op = WaitingOp<WriteWait<Payload, kTicket>, std::decay_t<Handler>, executor_type>;
    const WriterPointer writer = writer_;
    const PostLease lease(writer->context()->guard());
    const executor_type executor = writer->context()->executor(lease);
    if (has_nowhere_to_run(handler, executor)) {
      return;
    }
    NewTicket ticket(kTicket ? Ticket::make() : nullptr);
    auto op = Op::make(std::forward<Handler>(handler), executor, writer, std::move(payload_),
                       std::move(ticket));
    Effects effects(writer->guard());
    if (writer->queue().wait_write(*op, effects) == WriteQueue::Wait::kWaiting) {
      op.release();
    } else {
      op->waited = false;
      op.release()->post();  // first: an admitted burst goes on before the writer's turn
    }
    writer->carry_out(effects);
  }

 private:
  WriterPointer writer_;
  Payload payload_;
};

/// Waits for a point in the life of the queue: `Waiter` is FlushWaiter or CloseWaiter. `kCloses`:
/// the operation closes it, too.
template <class Waiter, bool kCloses>
class LifeWait : public Waiter {
 public:
  static constexpr const char* kName = std::is_same_v<Waiter, FlushWaiter>
                                           ? "WriteHandoff::async_flush"
                                       : kCloses ? "WriteHandoff::async_close"
                                                 : "WriteHandoff::async_closed";

  explicit LifeWait(WriterPointer writer) noexcept : writer_(std::move(writer)) {}

  [[nodiscard]] std::tuple<net_error_code> results() const noexcept {
    return {to_net_error(this->error)};
  }
  void cancel() noexcept {
    const WriterPointer writer = writer_;  // this may be gone at the end
    Effects effects(writer->guard());
    writer->queue().cancel(*this, to_error_value(net::error::operation_aborted), effects);
    writer->carry_out(effects);
  }
  [[nodiscard]] bool is_over() noexcept {
    if constexpr (std::is_same_v<Waiter, FlushWaiter>) {
      return writer_->queue().wait_flush(*this);
    } else {
      return writer_->queue().wait_closed(*this);
    }
  }

 private:
  WriterPointer writer_;
};

template <class Waiter, bool kCloses>
class StartLifeWait {
 public:
  using executor_type = net::any_io_executor;

  explicit StartLifeWait(WriterPointer writer, Waiters waiters = Waiters::refuse) noexcept
      : writer_(std::move(writer)), waiters_(waiters) {}

  [[nodiscard]] executor_type get_executor() const noexcept {
    return writer_->context()->executor();
  }

  template <class Handler>
  void operator()(Handler&& handler) const {
    using Op = WaitingOp<LifeWait<Waiter, kCloses>, std::decay_t<Handler>, executor_type>;
    const WriterPointer writer = writer_;
    const Waiters waiters = waiters_;
    const PostLease lease(writer->context()->guard());
    const executor_type executor = writer->context()->executor(lease);
    if (has_nowhere_to_run(handler, executor)) {
      return;
    }
    auto op = Op::make(std::forward<Handler>(handler), executor, writer);
    Op* const waiting = op.release();
    if (waiting->is_over()) {
      waiting->post();
    }
    if constexpr (kCloses) {
      writer->close(waiters);
    }
  }

 private:
  WriterPointer writer_;
  Waiters waiters_;
};

/// Waits for what an ended queue has not written.
class UnwrittenWait : public UnwrittenWaiter {
 public:
  static constexpr const char* kName = "WriteHandoff::async_unwritten";

  explicit UnwrittenWait(WriterPointer writer) noexcept : writer_(std::move(writer)) {}
  ~UnwrittenWait() override { put_back(); }  // where the handler was not called

  [[nodiscard]] std::tuple<net_error_code, UnwrittenEntries> results() noexcept {
    try {
      return {to_net_error(error), items.take()};
    } catch (...) {  // std::bad_alloc
      put_back();
      return {net::error::no_memory, {}};
    }
  }
  void cancel() noexcept {
    const WriterPointer writer = writer_;  // this may be gone at the end
    Effects effects(writer->guard());
    writer->queue().cancel(*this, to_error_value(net::error::operation_aborted), effects);
    writer->carry_out(effects);
  }

 private:
  void put_back() noexcept {
    if (!items.empty()) {
      writer_->queue().put_back(items);
    }
  }

  WriterPointer writer_;
};

class StartUnwrittenWait {
 public:
  using executor_type = net::any_io_executor;

  explicit StartUnwrittenWait(WriterPointer writer) noexcept : writer_(std::move(writer)) {}

  [[nodiscard]] executor_type get_executor() const noexcept {
    return writer_->context()->executor();
  }

  template <class Handler>
  void operator()(Handler&& handler) const {
    using Op = WaitingOp<UnwrittenWait, std::decay_t<Handler>, executor_type>;
    const WriterPointer writer = writer_;
    const PostLease lease(writer->context()->guard());
    const executor_type executor = writer->context()->executor(lease);
    if (has_nowhere_to_run(handler, executor)) {
      return;
    }
    Op* const waiting = Op::make(std::forward<Handler>(handler), executor, writer).release();
    if (writer->queue().wait_unwritten(*waiting)) {
      waiting->post();
    }
  }

 private:
  WriterPointer writer_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
