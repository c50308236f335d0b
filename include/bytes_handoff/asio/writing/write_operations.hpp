#pragma once

// What waits on a write queue behind the asynchronous operations of a WriteHandoff. `StartWait`
// starts each of them.

#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/writing/start_wait.hpp"
#include "bytes_handoff/asio/writing/write_permit.hpp"
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
    case WriteRefusalReason::memory_exhausted:
      return to_net_error(Errc::memory_exhausted);
    case WriteRefusalReason::closed:
    case WriteRefusalReason::byte_budget_exceeded:  // these two wait instead
    case WriteRefusalReason::queue_full:
    case WriteRefusalReason::exceeds_permit:  // not of what waits
      break;
  }
  return to_net_error(Errc::closed);
}

/// Stands in line for room.
class RoomWait : public TimedRoomWaiter {
 public:
  RoomWait(WriterPointer writer, AsksFor what) : TimedRoomWaiter(std::move(writer)) {
    asks_for = what;
    refusal.emplace();  // until it is admitted
  }

  [[nodiscard]] bool begin(Effects& effects) {
    if (writer_->queue().wait_room(*this, effects) == WriteQueue::Wait::kWaiting) {
      return false;
    }
    has_waited_ = false;
    return true;
  }

  void cancel() noexcept {
    const WriterPointer writer = writer_;  // this may be gone at the end
    Effects effects(writer->guard());
    writer->queue().cancel(*this, effects);
    writer->carry_out(effects);
  }

 protected:
  /// Counts the time that it has waited. Once, at the end.
  [[nodiscard]] net_error_code error() noexcept {
    if (has_waited_) {
      if (const auto now = writer_->time()) {
        writer_->queue().add_time_blocked(*now - since);
      }
    }
    return refusal ? error_of(*refusal) : net_error_code();
  }

  bool has_waited_ = true;
};

class WriteWait : public RoomWait {
 public:
  static constexpr const char* kName = "WriteHandoff::async_write";
  using Parameters = std::span<Bytes>;

  WriteWait(WriterPointer writer, Parameters of) : RoomWait(std::move(writer), AsksFor::kWrite) {
    slices = of;
  }

  [[nodiscard]] std::tuple<net_error_code, WriteTicket> results() noexcept {
    if (const net_error_code why = error()) {
      return {why, WriteTicket()};
    }
    return {net_error_code(), TicketAccess::make(std::move(writer_), write)};
  }
};

class SendWait : public RoomWait {
 public:
  static constexpr const char* kName = "WriteHandoff::async_send";
  struct Parameters {
    std::span<Bytes> slices;
    AsksFor what;
  };

  SendWait(WriterPointer writer, const Parameters& of)
      : RoomWait(std::move(writer), of.what), count_(of.slices.size()) {
    slices = of.slices;
  }

  [[nodiscard]] std::tuple<net_error_code, std::size_t> results() noexcept {
    return {error(), count_ - slices.size()};
  }

 private:
  const std::size_t count_;
};

class ReserveWait : public RoomWait {
 public:
  static constexpr const char* kName = "WriteHandoff::async_reserve";
  using Parameters = ReservedRoom;

  ReserveWait(WriterPointer writer, const Parameters& of)
      : RoomWait(std::move(writer), AsksFor::kRoom) {
    bytes = of.bytes;
    items = of.items;
  }
  ~ReserveWait() override {  // where the handler was not called
    if (room.items != 0) {
      writer_->give_back(room);
    }
  }

  [[nodiscard]] std::tuple<net_error_code, WritePermit> results() noexcept {
    if (const net_error_code why = error()) {
      return {why, WritePermit()};
    }
    return {net_error_code(), PermitAccess::make(writer_, std::exchange(room, {}))};
  }
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
  using Parameters = Waiters;

  LifeWait(WriterPointer writer, Parameters waiters) noexcept
      : writer_(std::move(writer)), waiters_(waiters) {}

  [[nodiscard]] bool begin(Effects& effects) noexcept {
    WriteQueue& queue = writer_->queue();
    const Waiters waiters = waiters_;
    const bool is_over = is_there(queue);
    if constexpr (kCloses) {
      queue.close(waiters, effects);
    }
    return is_over;
  }
  [[nodiscard]] std::tuple<net_error_code> results() const noexcept {
    return {to_net_error(this->error)};
  }
  void cancel() noexcept {
    const WriterPointer writer = writer_;  // this may be gone at the end
    Effects effects(writer->guard());
    writer->queue().cancel(*this, to_error_value(net::error::operation_aborted), effects);
    writer->carry_out(effects);
  }

 private:
  [[nodiscard]] bool is_there(WriteQueue& queue) noexcept {
    if constexpr (std::is_same_v<Waiter, FlushWaiter>) {
      return queue.wait_flush(*this);
    } else {
      return queue.wait_closed(*this);
    }
  }

  WriterPointer writer_;
  Waiters waiters_;
};

using FlushWait = LifeWait<FlushWaiter, false>;
using ClosedWait = LifeWait<CloseWaiter, false>;
using CloseWait = LifeWait<CloseWaiter, true>;

/// What an ended queue has not written, until a handler is called with it. If none is, it goes back
/// to the queue.
class UnwrittenResults {
 public:
  UnwrittenResults(WriterPointer writer, UnwrittenWaiter& of) noexcept
      : writer_(std::move(writer)), error_(of.error), items_(std::move(of.items)) {}
  UnwrittenResults(UnwrittenResults&&) noexcept = default;
  UnwrittenResults& operator=(UnwrittenResults&&) = delete;
  ~UnwrittenResults() { put_back(); }

  [[nodiscard]] std::tuple<net_error_code, UnwrittenEntries> results() noexcept {
    try {
      return {to_net_error(error_), items_.take()};
    } catch (...) {  // std::bad_alloc
      put_back();
      return {net::error::no_memory, {}};
    }
  }

 private:
  void put_back() noexcept {
    if (!items_.empty()) {
      writer_->put_back(items_);
    }
  }

  WriterPointer writer_;
  ErrorValue error_;
  UnwrittenItems items_;
};

/// Waits for what an ended queue has not written.
class UnwrittenWait : public UnwrittenWaiter {
 public:
  static constexpr const char* kName = "WriteHandoff::async_unwritten";
  struct Parameters {};

  UnwrittenWait(WriterPointer writer, const Parameters& /*none*/) noexcept
      : writer_(std::move(writer)) {}
  ~UnwrittenWait() override { static_cast<void>(keep_results()); }

  [[nodiscard]] bool begin(Effects& /*none*/) noexcept {
    return writer_->queue().wait_unwritten(*this);
  }
  [[nodiscard]] UnwrittenResults keep_results() noexcept { return {writer_, *this}; }
  [[nodiscard]] std::tuple<net_error_code, UnwrittenEntries> results() noexcept {
    return keep_results().results();
  }
  void cancel() noexcept {
    const WriterPointer writer = writer_;  // this may be gone at the end
    Effects effects(writer->guard());
    writer->queue().cancel(*this, to_error_value(net::error::operation_aborted), effects);
    writer->carry_out(effects);
  }

 private:
  WriterPointer writer_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
