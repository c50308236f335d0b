#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/core/queue/ticket_state.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

struct TicketAccess;
class StreamContext;
}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// The receipt for one admitted write: tells when its bytes have been written, or why they were
/// not.
///
/// Dropping it changes nothing about the write. Use the `detached` forms of the writes where nobody
/// will ask.
///
/// Ownership: a reference on a small pooled state; not on the bytes, nor on the queue. Move-only.
/// Thread safety: distinct tickets on any threads at once; one ticket by one thread at a time.
class WriteTicket {
 public:
  using executor_type = net::any_io_executor;

  /// Refers to no write: `is_valid()` is false, and nothing but assignment may be done.
  WriteTicket() noexcept = default;
  WriteTicket(WriteTicket&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)), context_(std::move(other.context_)) {}
  WriteTicket& operator=(WriteTicket&& other) noexcept {
    std::swap(state_, other.state_);
    std::swap(context_, other.context_);
    return *this;
  }
  ~WriteTicket() {
    if (state_ != nullptr) {
      state_->release();
    }
  }

  [[nodiscard]] bool is_valid() const noexcept { return state_ != nullptr; }

  /// Whether the write has ended, in success or not; then `async_wait` completes without waiting.
  [[nodiscard]] bool is_done() const noexcept { return state_->is_done(); }

  /// The stream's executor, where handlers run that are bound to none; an empty one once its
  /// context is being destroyed. A copy must not outlive the context where the executor's own type
  /// says so.
  [[nodiscard]] executor_type get_executor() const noexcept;

  /// Completes with `(error_code, std::size_t)` once the write has ended: how many of its bytes the
  /// stream took. No error: all, as soon as they were, whatever else left with them. Where the
  /// queue ended first: the first write that was not wholly written gets the error of the end (the
  /// stream's, `Errc::aborted`, `Errc::timed_out`), those behind it `Errc::closed`.
  ///
  /// May be called again once it has completed. `Errc::wait_in_progress` while another wait on this
  /// ticket runs.
  ///
  /// The handler runs on its associated executor, by default the stream's, and is never called from
  /// inside this function. The ticket may be dropped or moved meanwhile. When the stream's context
  /// has gone, the result is there; a handler that is bound to no executor is destroyed uninvoked.
  ///
  /// Cancellation (terminal, partial, total): the wait completes with `operation_aborted`. Nothing
  /// is lost: the write goes on, and can be waited for again.
  ///
  /// Cost: nothing but a post when the write has ended; else one allocation by the handler's
  /// associated allocator, from the library's pool where that is the default.
  template <class CompletionToken>
  auto async_wait(CompletionToken&& token);

 private:
  friend struct detail::TicketAccess;
  WriteTicket(detail::Ticket* state, std::shared_ptr<detail::StreamContext> context) noexcept
      : state_(state), context_(std::move(context)) {}

  detail::Ticket* state_ = nullptr;
  std::shared_ptr<detail::StreamContext> context_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff

#include "bytes_handoff/asio/writing/write_ticket.hpp"
