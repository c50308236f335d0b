#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/backpressure.hpp"
#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/config.hpp"
#include "bytes_handoff/ends.hpp"
#include "bytes_handoff/expected.hpp"
#include "bytes_handoff/statistics.hpp"
#include "bytes_handoff/write_ticket.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {
class WriterBase;
class EndForReads;
enum class AtEnd : bool;
enum class StreamOwnership : bool;
}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// A handle on a bounded queue of owned writes in front of a stream's write side.
///
/// Any thread gives bytes to it; one writer, on the stream's executor, gathers what has queued up
/// and writes it in admission order. Writes that find no room are refused with their bytes, or wait
/// in line. Do not use it where one coroutine writes to the stream and waits for each write anyway.
///
/// Ownership: handles are cheap to copy and share one queue. The queue owns the stream, or shares
///     it, until it has ended; it owns every admitted slice until it is written. Only handles keep
///     it open: no operation that waits, no ticket, no stored operation does. If the last one goes
///     without a close, the queue ends as by `abort(after_written)`.
/// The end: only `close` says that the message is whole. Then the peer gets all that was admitted,
///     and the end. Any other end resets the connection, where the transport knows a reset.
/// Threads: all members on any threads at once, on one handle or on many, up to and while the
///     stream's execution context is destroyed.
/// Handlers run on their associated executors, by default the stream's, never from inside the
///     function that was given them. Once a handler may run, that function does not use anything
///     that the handler could destroy.
/// Contexts: the contexts of those executors must outlive the operations, but for the stream's own.
///     When that is destroyed, what waits on it is destroyed uninvoked. From then on synchronous
///     calls answer `closed`, an operation whose handler is bound to an executor of another context
///     completes with `closed` there, and any other handler is destroyed uninvoked. A handler bound
///     to an executor of the destroyed context is the caller's mistake, as in Asio.
/// What each end does to whom, and which one to use: `docs/lifecycle.md`.
///
///     auto out = WriteHandoff::spawn(std::move(socket), {}).value();
///     auto ticket = co_await out.async_write(Bytes::copy_of("hello\n"), use_awaitable);
///     if (ticket) co_await ticket->async_wait(use_awaitable);
///     co_await out.async_close(use_awaitable);
class WriteHandoff {
 public:
  using executor_type = net::any_io_executor;

  /// Takes the stream, which must be an AsyncWriteStream whose executor is serial (one thread, or a
  /// strand), and starts an empty queue in front of it; all calls on the stream are made on that
  /// executor. A stream with a non-blocking mode is put into it. `config` that can never work is
  /// refused, and `stream` is untouched.
  ///
  /// With a `shared_ptr` the stream may be read from elsewhere meanwhile; nobody else may write to
  /// it. All that is started on it must be started on its executor: an `ssl::stream` that is read
  /// from and written to, or shut down, at the same time needs one strand, or one thread, for both.
  /// Small slices are joined for such a stream, see `kJoinedWriteBytes`.
  ///
  /// The stream must be of a type whose end is known, see `end_write.hpp`. With `leave_open` it may
  /// be of any type: its end is the caller's, and the queue only lets go of it.
  ///
  /// An ended queue lets go of the stream on its executor, even if handles are kept: a shared
  /// stream is released, an owned one is destroyed. An owned socket lingers first if its queue was
  /// closed in order. Its input is read and dropped until the peer ends too, has been silent for
  /// `close_timeout`, has sent 16 MiB, or `close_limit` is over. Closing a socket with unread input
  /// resets the connection, and can destroy what the tickets told as done. For the same with a
  /// shared stream see `async_linger`.
  /// A session may own its queue and lend it its own stream, by an aliasing `shared_ptr`. The queue
  /// keeps it alive until the queue has ended: close the queue, or abort it.
  ///
  /// A stream that completes its writes at once, even from inside of the initiating function, does
  /// not keep others from the executor. Writing to a pipe that nobody reads raises SIGPIPE, as
  /// ever. What a stream throws from a write or shutdown is that operation's error: the code of a
  /// `system_error`, `no_memory` for `std::bad_alloc`, else `Errc::stream_exception`. Nothing is
  /// thrown out of the context's `run`.
  ///
  /// A few allocations, and a registration with the stream's execution context under a lock.
  template <class AsyncWriteStream>
  [[nodiscard]] static expected<WriteHandoff, ConfigError> spawn(AsyncWriteStream&& stream,
                                                                 const WriteHandoffConfig& config);
  template <class AsyncWriteStream>
  [[nodiscard]] static expected<WriteHandoff, ConfigError> spawn(
      std::shared_ptr<AsyncWriteStream> stream, const WriteHandoffConfig& config);
  template <class AsyncWriteStream>
  [[nodiscard]] static expected<WriteHandoff, ConfigError> spawn(
      std::shared_ptr<AsyncWriteStream> stream, const WriteHandoffConfig& config, LeaveOpen);
  template <class AsyncWriteStream>
  [[nodiscard]] static expected<WriteHandoff, ConfigError> spawn(AsyncWriteStream&& stream,
                                                                 const WriteHandoffConfig& config,
                                                                 LeaveOpen);

  /// The stream's executor; an empty one once its context is being destroyed. Some executors, a
  /// strand's among them, must not outlive their context: do not keep a copy for longer.
  [[nodiscard]] executor_type get_executor() const noexcept;

  // ---- Writing at once, or not at all.
  //
  // Admits the bytes, or refuses them with the reason, in this order of precedence: `closed`,
  // `can_never_fit`, `byte_budget_exceeded`, `queue_full`; while other writes wait in line, with
  // what holds up the first of them. A refused write comes back as the same slice, and leaves the
  // queue as it was. An empty write is an item, keeps its place, and reaches no stream.
  //
  // O(1) a slice. Allocates nothing in steady state if the stream's executor is an `io_context`'s
  // or a strand of that; a type-erased one allocates. Throws std::bad_alloc with nothing admitted.

  [[nodiscard]] expected<WriteTicket, WriteBackpressure> try_write(Bytes bytes);
  expected<void, WriteBackpressure> try_write_detached(Bytes bytes);

  /// Several slices as one admission: all or none, contiguous on the wire, one ticket for all. Each
  /// slice counts as an item; none at all counts as one empty write. Admitted slices are left
  /// empty; refused ones are untouched.
  [[nodiscard]] expected<WriteTicket, WriteRefusal> try_write_all(std::span<Bytes> slices);
  expected<void, WriteRefusal> try_write_all_detached(std::span<Bytes> slices);

  // ---- Waiting for room.
  //
  // As above, but where there is no room now the write stands in line, first come, first served,
  // unless the line is full: `max_waiters` wait already (`too_many_waiters`), or with this one more
  // than `max_waiting_bytes` would wait (`too_many_waiting_bytes`). In line it is refused only when
  // the queue closes (`closed`), or when it is cancelled (`cancelled`: all cancellation types).
  // Completes with the ticket, or nothing, or the refusal with the bytes, as the same slice, once
  // the write is admitted.
  //
  // Cancellation loses nothing: the write is admitted, or comes back whole.
  // Cost: one allocation by the handler's associated allocator, from the library's pool where that
  // is the default; O(1).

  /// `void(expected<WriteTicket, WriteBackpressure>)`
  template <class CompletionToken>
  auto async_write(Bytes bytes, CompletionToken&& token);
  /// `void(expected<void, WriteBackpressure>)`
  template <class CompletionToken>
  auto async_write_detached(Bytes bytes, CompletionToken&& token);
  /// `void(expected<WriteTicket, WriteAllBackpressure>)`
  template <class CompletionToken>
  auto async_write_all(std::vector<Bytes> slices, CompletionToken&& token);
  /// `void(expected<void, WriteAllBackpressure>)`
  template <class CompletionToken>
  auto async_write_all_detached(std::vector<Bytes> slices, CompletionToken&& token);

  // ---- The end.

  /// `void(error_code)`: everything that was admitted before has been written, or the error that
  /// ended the queue first. Cancellation (all types) only detaches: what was admitted is written.
  template <class CompletionToken>
  auto async_flush(CompletionToken&& token);

  /// Closes: nothing more is admitted, what was admitted is written, then the write side of the
  /// stream is ended (`end_write.hpp`): the peer sees the end of a whole message. Writes that wait
  /// in line are refused, or let in first. Without progress for `close_timeout`, or after
  /// `close_limit`, the queue ends with `Errc::timed_out`, and the connection is reset. Does
  /// nothing when closed already. Any end without a close tells the peer that the message is not
  /// whole.
  void close(Waiters waiters = Waiters::refuse) noexcept;

  /// `close()`, then `void(error_code)` as `async_closed`. Cancellation (all types) only detaches:
  /// the queue is closed.
  template <class CompletionToken>
  auto async_close(CompletionToken&& token);
  template <class CompletionToken>
  auto async_close(Waiters waiters, CompletionToken&& token);

  /// `void(error_code)`: the queue has ended; no error when it was closed, all was written and the
  /// stream has taken the end, else the first error. It does not wait for the lingering of an owned
  /// socket. Closes nothing. Cancellation (all types) only detaches.
  template <class CompletionToken>
  auto async_closed(CompletionToken&& token);

  /// Ends the queue at once with `Errc::aborted`: what is queued is not written any more, and the
  /// connection is reset, even if nothing is queued. What the system still holds of written bytes
  /// may be lost. Reads of the same stream end with `operation_aborted`.
  void abort() noexcept;

  /// Closes, for all handles, without the end of a whole message: nothing more is admitted, writes
  /// in line are refused, what was admitted is written, and acknowledged where that can be asked.
  /// Then the queue ends with `Errc::aborted`, and the connection is reset. In time as `close`. Use
  /// it where a message cannot be finished, and others hold the queue.
  void abort(AfterWritten) noexcept;

  /// `void(error_code, UnwrittenEntries)`: the queue has ended, and the stream has returned from
  /// its last operation: what was admitted and not wholly written. Once: who comes later gets an
  /// empty list. What nobody has taken goes with the last handle. What the stream took is not in
  /// it, even if the peer never got it. `no_memory` with nothing lost. Cancellation (all types)
  /// only detaches, and loses nothing. Closes nothing. To write them elsewhere: `replay`.
  template <class CompletionToken>
  auto async_unwritten(CompletionToken&& token);

  // ---- Observers: exact at any quiet moment.

  [[nodiscard]] bool is_open() const noexcept;
  /// Admitted and not yet written, what is with the stream included. Zero after any end.
  [[nodiscard]] std::size_t pending_bytes() const noexcept;
  [[nodiscard]] std::size_t pending_items() const noexcept;
  [[nodiscard]] WriteStatistics statistics() const noexcept;

 private:
  friend detail::EndForReads end_for_reads(const WriteHandoff& out) noexcept;

  explicit WriteHandoff(std::shared_ptr<detail::WriterBase> writer);

  template <detail::AtEnd kAtEnd, class Stream>
  [[nodiscard]] static expected<WriteHandoff, ConfigError> make(std::shared_ptr<Stream> stream,
                                                                detail::StreamOwnership ownership,
                                                                const WriteHandoffConfig& config);

  // The last handle ends the queue: handles share a pointer whose deleter does.
  std::shared_ptr<detail::WriterBase> writer_;
};

/// Admits what an ended queue had not written into another one, as `try_write_all` does: all of it,
/// with one ticket, or nothing. Admitted, `unwritten` is left empty; refused, it is untouched. From
/// which place depends on the protocol: a new connection usually needs the whole first entry.
/// Throws std::bad_alloc with nothing admitted.
[[nodiscard]] expected<WriteTicket, WriteRefusal> replay(WriteHandoff& into,
                                                         UnwrittenEntries& unwritten,
                                                         ReplayFrom from);

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff

#include "bytes_handoff/asio/writing/write_handoff.hpp"
