#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "bytes_handoff/asio/support/default_token.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/writer_pointer.hpp"
#include "bytes_handoff/core/queue/waiting.hpp"
#include "bytes_handoff/observing/write_times.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// How a write ended.
struct WriteOutcome {
  /// How many of its bytes the stream took, as `WriteTicket::async_wait` tells.
  std::size_t written = 0;
  /// Where its time went. None if the write was not wholly written, or if its queue has no
  /// `WriteHandoffConfig::times`. Who waits before the write has ended gets them. Who waits later
  /// gets them only if the write is one of the last 64 that the queue has admitted.
  std::optional<WriteDurations> durations{};
};

/// The receipt of one admitted write: tells when its bytes have been written, or why they were not.
///
/// Dropping it changes nothing about the write, and costs next to nothing: a write whose ticket is
/// dropped is fire and forget.
///
/// Ownership: it keeps the memory of the queue alive. It does not keep the queue open, nor the
///     stream alive. Move-only.
/// Threads: distinct tickets on any threads at once; one ticket by one thread at a time.
class WriteTicket {
 public:
  using executor_type = net::any_io_executor;

  /// No write: `valid()` is false.
  WriteTicket() noexcept = default;
  WriteTicket(WriteTicket&&) noexcept = default;
  WriteTicket& operator=(WriteTicket&&) noexcept = default;

  /// Whether it belongs to a write. If not, only `valid`, assignment and destruction are allowed.
  [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(writer_); }

  /// Whether the write has ended, in success or not. Then `async_wait` completes without waiting.
  [[nodiscard]] bool is_done() const noexcept;

  /// How many items the queue had admitted before this write. The stream is given the bytes in this
  /// order. A slice is an item, and a write without slices is one. So the slices of this write have
  /// the numbers from this one on.
  ///
  /// Threads that write to one queue can match answers to requests by it. They need no lock around
  /// a write to know its place. An answer may come before its writer has read this number.
  ///
  /// A slice that `async_send` cuts is an item for each piece. Cost: a load.
  [[nodiscard]] std::uint64_t number() const noexcept { return write_.first; }

  /// The stream's executor, where a handler runs that is bound to none. Empty once the stream's
  /// context is being destroyed. Some executors must not outlive their context: keep no copy.
  [[nodiscard]] executor_type get_executor() const noexcept;

  /// Waits for the end of the write.
  ///
  /// Completes: `void(error_code, std::size_t)`, with how many of its bytes the stream took.
  ///     Without an error: all of them, as soon as they were taken. With an error: as far as was
  ///     known when the queue ended; `async_unwritten` has the final figure. May be called again
  ///     once it has completed.
  /// Errors: if the queue ended first, its error goes to the first write that was not wholly
  ///     written. Those behind get `Errc::closed`. `Errc::wait_in_progress` while another wait on
  ///     this ticket runs.
  /// Cancellation: all types. The write goes on, and can be waited for again.
  /// Threads: the ticket may be dropped or moved while the wait runs. The handler runs as those of
  ///     a `WriteHandoff`. After the stream's context is destroyed, a handler that is bound to no
  ///     executor is destroyed uninvoked.
  /// Cost: one post. If the write has not ended, also one allocation by the handler's associated
  ///     allocator, by default from the library's pool.
  template <class CompletionToken = DefaultToken>
  auto async_wait(CompletionToken&& token = CompletionToken());

  /// As `async_wait`, and tells how long it took.
  ///
  /// Completes: `void(error_code, WriteOutcome)`.
  template <class CompletionToken = DefaultToken>
  auto async_outcome(CompletionToken&& token = CompletionToken());

 private:
  friend struct detail::TicketAccess;
  WriteTicket(detail::WriterPointer writer, const detail::AdmittedWrite& write) noexcept
      : writer_(std::move(writer)), write_(write) {}

  detail::WriterPointer writer_;
  detail::AdmittedWrite write_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff

#include "bytes_handoff/asio/writing/write_ticket.hpp"
