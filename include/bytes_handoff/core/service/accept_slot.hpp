#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "bytes_handoff/core/service/accept_pause.hpp"
#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff {

class AcceptSlot;

namespace detail {

/// The connections of one operation that are open, and what their ends interrupt.
class OpenConnections {
 public:
  /// `max_open` 0: no limit.
  explicit OpenConnections(std::size_t max_open) noexcept : max_open_(max_open) {}

  /// If it is still full behind the begin of a pause, the next place that comes back ends that.
  [[nodiscard]] bool is_full() const noexcept {
    return max_open_ != 0 && count_.load(std::memory_order_seq_cst) >= max_open_;
  }
  /// For its pauses.
  [[nodiscard]] AcceptPause& pause() noexcept { return pause_; }

  void add() noexcept { count_.fetch_add(1, std::memory_order_relaxed); }
  /// The pause may be for what comes back with the connection.
  void remove() noexcept {
    count_.fetch_sub(1, std::memory_order_seq_cst);
    pause_.end();
  }

 private:
  const std::size_t max_open_;
  std::atomic<std::size_t> count_{0};
  AcceptPause pause_;
};

/// Lets the operation make slots.
struct AcceptSlotAccess {
  [[nodiscard]] static AcceptSlot make(std::shared_ptr<OpenConnections> open) noexcept;
};

}  // namespace detail

/// The place of an open connection in `AcceptOptions::max_open`. `on_accept` gets it with the
/// socket. Keep it beside that: the end of its life is the end of the connection. A pause of
/// accepting then ends at once, whatever it is for.
///
/// One that was moved from, or made by default, holds no place. It may outlive the accepting.
///
/// Threads: distinct objects, on any thread. It must not be destroyed while another thread destroys
/// the acceptor's context.
class AcceptSlot {
 public:
  AcceptSlot() noexcept = default;
  AcceptSlot(AcceptSlot&&) noexcept = default;
  AcceptSlot& operator=(AcceptSlot&& other) noexcept {
    AcceptSlot old(std::move(*this));
    open_ = std::move(other.open_);
    return *this;
  }
  ~AcceptSlot() {
    if (open_) {
      open_->remove();
    }
  }

  /// Whether it holds a place.
  [[nodiscard]] bool valid() const noexcept { return open_ != nullptr; }

 private:
  friend detail::AcceptSlotAccess;
  explicit AcceptSlot(std::shared_ptr<detail::OpenConnections> open) noexcept
      : open_(std::move(open)) {
    open_->add();
  }

  std::shared_ptr<detail::OpenConnections> open_;
};

inline AcceptSlot detail::AcceptSlotAccess::make(std::shared_ptr<OpenConnections> open) noexcept {
  return AcceptSlot(std::move(open));
}

}  // namespace bytes_handoff
