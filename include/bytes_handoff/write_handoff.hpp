#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>

#include "bytes_handoff/asio/support/default_token.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/stream_traits.hpp"
#include "bytes_handoff/asio/support/writable_bytes.hpp"
#include "bytes_handoff/asio/support/writer_pointer.hpp"
#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/config.hpp"
#include "bytes_handoff/ends.hpp"
#include "bytes_handoff/expected.hpp"
#include "bytes_handoff/observing/queue_event.hpp"
#include "bytes_handoff/statistics.hpp"
#include "bytes_handoff/write_permit.hpp"
#include "bytes_handoff/write_refusal.hpp"
#include "bytes_handoff/write_ticket.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {
class EndForReads;
struct QueueAccess;
enum class AtEnd : bool;
enum class StreamOwnership : bool;

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Selects an `async_send` that may cut a slice into pieces.
struct MayCut {
  explicit MayCut() = default;
};
inline constexpr MayCut may_cut{};  // NOLINT(readability-identifier-naming)

/// A bounded queue of owned writes in front of a stream.
///
/// Any thread can submit bytes. One writer, on the stream's executor, writes them in the order in
/// which they were admitted. If there is no room, a write is refused or waits; its bytes are the
/// caller's until they are admitted.
///
/// Not for a coroutine that waits for each of its own writes: use `asio::async_write`.
///
/// Ownership: a `WriteHandoff` is a handle. Copies are cheap and share one queue. The queue owns
///     each slice until it is written, and owns or shares the stream until the queue has ended.
///     Only handles keep it open: tickets, weak handles and operations do not. If the last handle
///     goes without a close, the queue writes everything, then resets the connection, as
///     `abort(after_written)` does.
/// Ends: only `close` ends the stream in order, behind all that was admitted. Any other end resets
///     the connection, if the transport knows a reset. More: docs/lifecycle.md.
/// Threads: any member, any thread, at any time, one handle or many. The stream is only used on its
///     executor.
/// Checks: `BYTES_HANDOFF_CHECKS` finds two queues on one shared stream, an executor that is not
///     serial, a stream that calls a handler off its executor, and a handle that is not `valid`.
/// Handlers: run on their associated executors, by default the stream's, never inside the call that
///     was given them. But if a handler has an associated immediate executor, and the operation
///     completes at once, it is dispatched by that (Asio 1.28, Boost 1.82). Then it may run inside
///     the call, at most 16 times nested.
/// Contexts: a handler's context must outlive the operation. Only the stream's own may be destroyed
///     first. Then a handler that is bound to another context completes there with `Errc::closed`.
///     All others are destroyed uninvoked. Synchronous calls answer `closed` then.
///     A queue with nothing to do is no work: where only other threads write, a work guard keeps
///     the stream's context running.
/// Limits: admitted and unwritten bytes and items (one per slice) never exceed the configuration.
///
///     WriteHandoff out(std::move(socket), {.max_pending_bytes = 256 * 1024});
///     Bytes hello = Bytes::copy_of("hello\n");
///     WriteTicket ticket = co_await out.async_write(hello, use_awaitable);  // hello is empty now
///     co_await ticket.async_wait(use_awaitable);
///     co_await out.async_close(use_awaitable);
class WriteHandoff {
 public:
  using executor_type = net::any_io_executor;

  /// No queue: `valid()` is false.
  WriteHandoff() noexcept = default;

  /// Takes a stream, and starts an empty queue in front of it.
  ///
  /// Stream: an AsyncWriteStream whose executor is serial (one thread, or a strand). All calls on
  ///     it are made on that executor. It is put into its non-blocking mode, if it has one; then
  ///     synchronous calls on a shared stream answer `would_block`. The library must know how to
  ///     end it (`end_write.hpp`), unless you pass `leave_open` and end it yourself. A stream of
  ///     messages gets each slice as one (`message_stream.hpp`, `websocket.hpp`).
  /// Shared: with a `shared_ptr` others may read from it, on its executor. Nobody else may write.
  /// The end: an ended queue lets go of the stream on its executor, even if handles are kept. A
  ///     shared stream is released. An owned socket whose queue was closed lingers: its input is
  ///     dropped until the peer ends, has been silent for `close_timeout` or has sent 16 MiB, or
  ///     `close_limit` is over. For a shared stream see `async_linger`.
  /// Errors of the stream: if the stream throws, that counts as its error: the code of a
  ///     `system_error`, `no_memory` for `std::bad_alloc`, else `Errc::stream_exception`.
  /// Throws: `std::invalid_argument` for a configuration that can never work; `std::bad_alloc`;
  ///     `std::system_error` with `memory_exhausted` if the memory budget has no floor left for it.
  ///     The stream is yours as before. One that cannot be move-assigned is reset, unless it is
  ///     shared or the configuration was wrong.
  /// Cost: one allocation of the queue, and a registration with the stream's context.
  template <class Stream>
  requires detail::OwnedWriteStream<Stream, WriteHandoff>
  explicit WriteHandoff(Stream&& stream, const WriteHandoffConfig& config = {});
  template <class Stream>
  requires detail::OwnedWriteStream<Stream, WriteHandoff> WriteHandoff(
      Stream&& stream, const WriteHandoffConfig& config, LeaveOpen);
  template <detail::AsyncWriteStream Stream>
  explicit WriteHandoff(std::shared_ptr<Stream> stream, const WriteHandoffConfig& config = {});
  template <detail::AsyncWriteStream Stream>
  WriteHandoff(std::shared_ptr<Stream> stream, const WriteHandoffConfig& config, LeaveOpen);

  /// Whether it is a handle on a queue: not if default constructed or moved from. Then only
  /// `valid`, assignment, copies and destruction are allowed.
  [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(writer_); }

  /// The stream's executor; empty once the stream's context is being destroyed. Some executors must
  /// not outlive their context: keep no copy.
  [[nodiscard]] executor_type get_executor() const noexcept;

  /// Admits the bytes now, or refuses them with the reason.
  ///
  /// Admitted, `bytes` is left empty. Refused, it keeps what it had. Several slices are one write:
  /// all or none, contiguous on the wire, one ticket. Each slice is an item. An empty slice keeps
  /// its place and reaches no stream, except one of messages. An empty span counts as one empty
  /// slice. The ticket tells when the write is written; drop it if nobody asks.
  ///
  /// A single slice leaves after the handler that submits it has returned, together with all that
  /// this handler submits. A span may go to the stream inside this call, if the call is made on the
  /// stream's executor. So submit all output of a handler in one span, of at most `max_items`
  /// slices. Or set `max_items` to at least the number of writes that one handler makes: no room
  /// comes back before it returns.
  ///
  /// Errors, in this order: `closed`, `can_never_fit`, `byte_budget_exceeded`, `queue_full`,
  ///     `memory_exhausted`. While others wait in line, the last three are for what the first of
  ///     them waits for.
  ///     Throws `std::bad_alloc` with nothing admitted.
  /// Cost: O(1) a slice. Allocates nothing in steady state if the executor is an `io_context`'s or
  ///     a strand of that; a type-erased one allocates.
  [[nodiscard("a refused write keeps its bytes: check the result")]]  //
  expected<WriteTicket, WriteRefusal>
  try_write(Bytes& bytes) const;
  [[nodiscard("a refused write keeps its bytes: check the result")]]  //
  expected<WriteTicket, WriteRefusal>
  try_write(std::span<Bytes> slices) const;
  template <detail::UnwritableBytes CannotKeep, class Hint = detail::WhyUnwritable<CannotKeep>>
  void try_write(CannotKeep&&) const = delete;  // the hint says what to do

  /// As `try_write`, but waits for room, first come, first served. The line is bounded, too: where
  /// many write without waiting for each other, one may be refused. See Errors.
  ///
  /// `bytes`, or the array of slices, must stay alive and untouched until the handler is called or
  /// destroyed. With `detached` nobody tells when, so keep them until the queue has ended.
  ///
  /// Completes: `void(error_code, WriteTicket)`, once the write is admitted. Then the slices are
  ///     empty; with an error they keep what they had.
  /// Errors: `Errc::closed`, see `first_error`; `Errc::can_never_fit`; `Errc::too_many_waiters` and
  ///     `Errc::too_many_waiting_bytes` if the line is full. `Errc::memory_exhausted` if it is
  ///     larger than all that the memory budget can ever give.
  /// Cancellation: all types, with `operation_aborted`. The write is admitted, or the slices keep
  ///     their bytes. After a race between operations, such as `||`, an empty slice means that the
  ///     write was admitted.
  /// Cost: one allocation by the handler's associated allocator, by default from the library's
  ///     pool. O(1) a slice.
  template <class CompletionToken = DefaultToken>
  auto async_write(Bytes& bytes, CompletionToken&& token = CompletionToken()) const;
  template <class CompletionToken = DefaultToken>
  auto async_write(std::span<Bytes> slices, CompletionToken&& token = CompletionToken()) const;
  template <detail::UnwritableBytes CannotKeep, class Hint = detail::WhyUnwritable<CannotKeep>,
            class... Token>
  void async_write(CannotKeep&&, Token&&...) const = delete;  // the hint says what to do

  /// Admits a burst: slices of any number and size in all, in order, slice by slice as room comes.
  ///
  /// The burst keeps its place in the line until its last slice is admitted. Only a `WritePermit`
  /// that was granted before (`try_reserve`) can commit between its slices. To wait until it is
  /// written, use `async_flush`. A burst without slices admits nothing. The slices' array must stay
  /// alive and untouched, as for `async_write`.
  ///
  /// With `may_cut` a slice may be cut into pieces. So a slice of any size passes through a small
  /// queue. Each piece but the last has at least half of `max_pending_bytes`. Nothing else is
  /// written between the pieces of a slice. A permit could commit there, so no slice is cut while
  /// one is held: who holds it must not wait for the burst.
  ///
  /// Completes: `void(error_code, std::size_t)`, once all is admitted, with how many leading slices
  ///     were wholly admitted. Those are empty then. Without an error: all of them.
  /// Errors: as `async_write`, but `max_waiting_bytes` does not limit a burst that finds the line
  ///     empty. Without `may_cut`, one slice that can never fit refuses the whole burst. If the
  ///     queue is closed meanwhile, the rest stays with the caller.
  /// Cancellation: all types, with `operation_aborted`. What is not admitted stays with the caller;
  ///     a slice that was cut keeps its rest.
  /// Cost: as one `async_write`, however often it waits.
  template <class CompletionToken = DefaultToken>
  requires(!std::same_as<std::remove_cvref_t<CompletionToken>, MayCut>)  //
      auto async_send(std::span<Bytes> slices, CompletionToken&& token = CompletionToken()) const;
  template <class CompletionToken = DefaultToken>
  auto async_send(std::span<Bytes> slices, MayCut,
                  CompletionToken&& token = CompletionToken()) const;
  template <detail::UnwritableBytes CannotKeep, class Hint = detail::WhyUnwritable<CannotKeep>,
            class... Token>
  void async_send(CannotKeep&&, Token&&...) const = delete;  // the hint says what to do

  /// Sets room aside for a write that is still to be made. `items == 0` counts as 1.
  ///
  /// Errors: as `try_write` for a write of this size.
  [[nodiscard("a dropped permit gives its room back")]]  //
  expected<WritePermit, WriteRefusal>
  try_reserve(std::size_t bytes, std::size_t items = 1) const;

  /// As `try_reserve`, but waits for room, in one line with the writes that wait.
  ///
  /// Completes: `void(error_code, WritePermit)`.
  /// Errors: as `async_write`. No bytes wait with it, so `max_waiting_bytes` does not count it. A
  ///     close refuses it, even with `Waiters::admit`.
  /// Cancellation: all types, with `operation_aborted`. Nothing is lost.
  /// Cost: as `async_write`.
  template <class CompletionToken = DefaultToken>
  requires(!std::integral<std::remove_cvref_t<CompletionToken>>)  //
      auto async_reserve(std::size_t bytes, CompletionToken&& token = CompletionToken()) const;
  template <class CompletionToken = DefaultToken>
  auto async_reserve(std::size_t bytes, std::size_t items,
                     CompletionToken&& token = CompletionToken()) const;

  /// Waits until all that was admitted before has been written.
  ///
  /// Completes: `void(error_code)`.
  /// Errors: the error that ended the queue first.
  /// Cancellation: all types. Only the wait ends; what was admitted is written.
  template <class CompletionToken = DefaultToken>
  auto async_flush(CompletionToken&& token = CompletionToken()) const;

  /// Closes the queue in order. Nothing more is admitted. What was admitted is written, then the
  /// write side of the stream is ended (`end_write.hpp`). Writes that wait in line are refused, or
  /// let in first. Does nothing if it is closed already.
  ///
  /// Errors: without progress for `close_timeout`, or after `close_limit`, the queue ends with
  ///     `Errc::timed_out` and the connection is reset.
  void close(Waiters waiters = Waiters::refuse) const noexcept;

  /// `close`, and waits for the end as `async_closed` does. A cancellation ends only the wait.
  template <class CompletionToken = DefaultToken>
  requires(!std::same_as<std::remove_cvref_t<CompletionToken>, Waiters>)  //
      auto async_close(CompletionToken&& token = CompletionToken()) const;
  template <class CompletionToken = DefaultToken>
  auto async_close(Waiters waiters, CompletionToken&& token = CompletionToken()) const;

  /// Waits until the queue has ended, and ends nothing. It does not wait for an owned socket that
  /// lingers.
  ///
  /// Completes: `void(error_code)`, without an error if the queue was closed, all was written and
  ///     the stream has taken the end.
  /// Errors: the queue's first error.
  /// Cancellation: all types. Only the wait ends.
  template <class CompletionToken = DefaultToken>
  auto async_closed(CompletionToken&& token = CompletionToken()) const;

  /// Ends the queue at once with `Errc::aborted`, and resets the connection. What is queued is not
  /// written any more; what the system still holds of written bytes may be lost. Reads of the same
  /// stream end with `operation_aborted`.
  void abort() const noexcept;

  /// Writes everything, then resets, so that the peer sees that the message is cut. As `close`, but
  /// the queue waits for the peer's acknowledgement if the transport can tell, and ends with
  /// `Errc::aborted`. For a message that cannot be finished while others hold the queue.
  void abort(AfterWritten) const noexcept;

  /// Waits until the queue has ended and the stream's last operation has completed. Gives what was
  /// admitted and not wholly written. To write that elsewhere: `replay`. Ends nothing.
  ///
  /// Completes: `void(error_code, UnwrittenEntries)`, once with the entries; later calls get none.
  ///     What the stream took is not among them, even if the peer never got it.
  /// Errors: `no_memory`; nothing is lost then.
  /// Cancellation: all types. Nothing is lost. What nobody takes goes with the last handle.
  template <class CompletionToken = DefaultToken>
  auto async_unwritten(CompletionToken&& token = CompletionToken()) const;

  // ---- Observers: exact while no other thread uses the queue.

  /// Whether it admits writes: neither closed nor ended.
  [[nodiscard]] bool is_open() const noexcept;
  /// What ended the queue; none while it goes on, and if it was closed in order.
  [[nodiscard]] net_error_code first_error() const noexcept;
  /// Admitted and not yet written, including what the stream has. Zero after any end.
  [[nodiscard]] std::size_t pending_bytes() const noexcept;
  [[nodiscard]] std::size_t pending_items() const noexcept;
  /// `WriteHandoffConfig::name`: for as long as a handle, ticket or permit of the queue is there.
  [[nodiscard]] std::string_view name() const noexcept;
  /// Cost: one lock, O(pending items), and a look at the time.
  [[nodiscard]] WriteStatistics statistics() const noexcept;

 private:
  friend class CopyingWriteStream;
  friend class WeakWriteHandoff;
  friend class FanOut;
  friend detail::QueueAccess;
  friend detail::EndForReads end_for_reads(const WriteHandoff& out) noexcept;

  explicit WriteHandoff(detail::HandlePointer writer) noexcept : writer_(std::move(writer)) {}

  template <detail::AtEnd kAtEnd, class Stream>
  [[nodiscard]] static detail::HandlePointer start(std::shared_ptr<Stream> stream,
                                                   detail::StreamOwnership ownership,
                                                   const WriteHandoffConfig& config);
  template <detail::AtEnd kAtEnd, class Stream>
  [[nodiscard]] static detail::HandlePointer start_owning(Stream&& stream,
                                                          const WriteHandoffConfig& config);

  /// Precondition: `valid()`.
  [[nodiscard]] detail::WriterBase* checked() const noexcept;

  detail::HandlePointer writer_;
};

/// Refers to a queue without keeping it open, as `std::weak_ptr` does: for a registry of
/// connections. It keeps the memory of the queue. Threads: as `WriteHandoff`.
class WeakWriteHandoff {
 public:
  /// No queue: `lock` gives none.
  WeakWriteHandoff() noexcept = default;
  explicit(false) WeakWriteHandoff(const WriteHandoff& of) noexcept  // NOLINT: as std::weak_ptr
      : writer_(of.writer_.get()) {}

  /// A handle, if there is still one; else one that is not `valid()`.
  [[nodiscard]] WriteHandoff lock() const noexcept;

 private:
  detail::WriterPointer writer_;
};

/// Admits what an ended queue had not written into another one: all of it as one write, or nothing.
///
/// Admitted, `unwritten` is left empty; refused, it keeps what it had. `from` is where to
/// begin; a new connection usually needs `entry_start`. Errors: as `try_write`.
[[nodiscard("a refused replay keeps its entries: check the result")]]  //
expected<WriteTicket, WriteRefusal>
replay(const WriteHandoff& into, UnwrittenEntries& unwritten, ReplayFrom from);

/// Of `QueueEventKind::shed` and `ended`: the error that ended the queue; none if it ended in
/// order.
[[nodiscard]] net_error_code end_error(const QueueEvent& event) noexcept;

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff

#include "bytes_handoff/asio/writing/write_handoff.hpp"
