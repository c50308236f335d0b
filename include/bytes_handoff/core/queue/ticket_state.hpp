#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "bytes_handoff/core/memory/pool.hpp"
#include "bytes_handoff/core/memory/reference_count.hpp"
#include "bytes_handoff/core/queue/waiting.hpp"
#include "bytes_handoff/core/support/sync.hpp"

namespace bytes_handoff::detail {

/// What the queue and the holder of a ticket share: the result of one write, and who waits for it.
///
/// One atomic word says which: `kPending`, `kDone`, or the address of the waiter. The result is
/// written before `kDone` is published. Pooled; two references, one for each side.
template <class Sync>
class TicketState {
 public:
  enum class WaitStart { kWaiting, kDone, kBusy };

  /// With two references. Throws std::bad_alloc.
  [[nodiscard]] static TicketState* make() {
    return ::new (pool_allocate(sizeof(TicketState))) TicketState;
  }

  void add_reference() noexcept { references_.add(1); }

  void release(std::uint32_t count = 1) noexcept {
    if (references_.release(count)) {
      this->~TicketState();
      pool_deallocate(this, sizeof(TicketState));
    }
  }

  /// The queue's side, once: publishes the result. Returns whom to resume, its result filled in.
  [[nodiscard]] TicketWaiter* finish(const WriteResult& result) noexcept {
    if (references_.is_unique(1)) {
      return nullptr;  // the ticket was dropped: nobody waits, nor ever will
    }
    result_ = result;
    const std::uintptr_t before = word_.exchange(kDone, std::memory_order_acq_rel);
    if (before == kPending) {
      return nullptr;
    }
    auto* waiter = reinterpret_cast<TicketWaiter*>(before);
    waiter->result = result;
    return waiter;
  }

  /// The holder's side. `kDone`: `result()` is there, the waiter was not taken. `kBusy`: another
  /// waiter is in place.
  [[nodiscard]] WaitStart start_wait(TicketWaiter& waiter) noexcept {
    std::uintptr_t expected = kPending;
    if (word_.compare_exchange_strong(expected, reinterpret_cast<std::uintptr_t>(&waiter),
                                      std::memory_order_acq_rel, std::memory_order_acquire)) {
      return WaitStart::kWaiting;
    }
    return expected == kDone ? WaitStart::kDone : WaitStart::kBusy;
  }

  /// Takes the waiter back. False when its result has come, or is just coming.
  [[nodiscard]] bool cancel_wait(TicketWaiter& waiter) noexcept {
    auto expected = reinterpret_cast<std::uintptr_t>(&waiter);
    return word_.compare_exchange_strong(expected, kPending, std::memory_order_acq_rel,
                                         std::memory_order_acquire);
  }

  [[nodiscard]] bool is_done() const noexcept {
    return word_.load(std::memory_order_acquire) == kDone;
  }
  /// Precondition: `is_done()`.
  [[nodiscard]] const WriteResult& result() const noexcept { return result_; }

  /// Bytes of the write, set when it is admitted; the queue's alone.
  std::size_t total_bytes = 0;

 private:
  static constexpr std::uintptr_t kPending = 0;
  static constexpr std::uintptr_t kDone = 1;

  TicketState() noexcept = default;

  typename Sync::template Atomic<std::uintptr_t> word_{kPending};
  ReferenceCount<Sync, std::uint32_t> references_{2};
  typename Sync::template Plain<WriteResult> result_;
};

using Ticket = TicketState<StdSync>;

}  // namespace bytes_handoff::detail
