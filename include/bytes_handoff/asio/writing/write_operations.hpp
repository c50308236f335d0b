#pragma once

// What waits on a write queue behind the asynchronous operations of a WriteHandoff.

#include <chrono>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/waiting_op.hpp"
#include "bytes_handoff/asio/writing/write_ticket.hpp"
#include "bytes_handoff/asio/writing/writer_base.hpp"
#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/core/queue/unwritten.hpp"
#include "bytes_handoff/ends.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Why an asynchronous write was refused, as a code.
inline net_error_code error_of(const Refusal& refusal) noexcept {
  switch (refusal.reason) {
    case WriteRefusalReason::cancelled:
      return net::error::operation_aborted;
    case WriteRefusalReason::can_never_fit:
      return to_net_error(Errc::can_never_fit);
    case WriteRefusalReason::too_many_waiters:
      return to_net_error(Errc::too_many_waiters);
    case WriteRefusalReason::too_many_waiting_bytes:
      return to_net_error(Errc::too_many_waiting_bytes);
    case WriteRefusalReason::closed:
    case WriteRefusalReason::byte_budget_exceeded:  // these two wait instead
    case WriteRefusalReason::queue_full:
    case WriteRefusalReason::exceeds_permit:  // not of what waits
      break;
  }
  return to_net_error(Errc::closed);
}

/// A write that stands in line. The slices are the caller's until it is admitted.
class WriteWait : public RoomWaiter {
 public:
  static constexpr const char* kName = "WriteHandoff::async_write";

  WriteWait(WriterPointer writer, std::span<Bytes> of)
      : writer_(std::move(writer)), since_(std::chrono::steady_clock::now()) {
    slices = of;
    refusal.emplace();  // until it is admitted
  }

  std::tuple<net_error_code, WriteTicket> results() {
    if (waited) {
      writer_->queue().add_time_blocked(std::chrono::steady_clock::now() - since_);
    }
    if (refusal) {
      return {error_of(*refusal), WriteTicket()};
    }
    return {net_error_code(), TicketAccess::make(std::move(writer_), write)};
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
  const std::chrono::steady_clock::time_point since_;
};

// The initiations below hold what they use in locals: once an operation's handler may run, it may
// run on another thread, and destroy the initiation itself.

class StartWrite {
 public:
  using executor_type = net::any_io_executor;

  StartWrite(WriterPointer writer, std::span<Bytes> slices, TurnStart turn) noexcept
      : writer_(std::move(writer)), slices_(slices), turn_(turn) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return writer_->executor(); }

  template <class Handler>
  void operator()(Handler&& handler) const {
    using Op = WaitingOp<WriteWait, std::decay_t<Handler>, executor_type>;
    const WriterPointer writer = writer_;
    const PostLease lease(writer->guard());
    const executor_type executor = writer->executor(lease);
    if (has_nowhere_to_run(handler, executor)) {
      return;
    }
    const TurnStart turn = turn_;
    auto op = Op::make(std::forward<Handler>(handler), executor, writer, slices_);
    Effects effects(writer->guard());
    if (writer->queue().wait_room(*op, effects) == WriteQueue::Wait::kWaiting) {
      op.release();
    } else {
      op->waited = false;
      op.release()->post();  // first: an admitted burst goes on before the writer's turn
    }
    writer->carry_out(effects, turn);
  }

 private:
  WriterPointer writer_;
  std::span<Bytes> slices_;
  TurnStart turn_;
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

  [[nodiscard]] executor_type get_executor() const noexcept { return writer_->executor(); }

  template <class Handler>
  void operator()(Handler&& handler) const {
    using Op = WaitingOp<LifeWait<Waiter, kCloses>, std::decay_t<Handler>, executor_type>;
    const WriterPointer writer = writer_;
    const Waiters waiters = waiters_;
    const PostLease lease(writer->guard());
    const executor_type executor = writer->executor(lease);
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
      writer_->put_back(items);
    }
  }

  WriterPointer writer_;
};

class StartUnwrittenWait {
 public:
  using executor_type = net::any_io_executor;

  explicit StartUnwrittenWait(WriterPointer writer) noexcept : writer_(std::move(writer)) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return writer_->executor(); }

  template <class Handler>
  void operator()(Handler&& handler) const {
    using Op = WaitingOp<UnwrittenWait, std::decay_t<Handler>, executor_type>;
    const WriterPointer writer = writer_;
    const PostLease lease(writer->guard());
    const executor_type executor = writer->executor(lease);
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
