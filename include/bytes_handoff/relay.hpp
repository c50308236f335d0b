#pragma once

// From stream to stream, one way.

#include <concepts>
#include <type_traits>

#include "bytes_handoff/asio/support/default_token.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/stream_traits.hpp"
#include "bytes_handoff/core/relaying/relay_progress.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/write_handoff.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <class Token>
concept RelayToken = !std::same_as<std::remove_cvref_t<Token>, RelayOptions>;

/// A stream of bytes that can be written to.
template <class Stream>
concept ByteWriteStream = AsyncWriteStream<Stream> && !MessageStream<Stream>;

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Passes on what is buffered, then all that comes from `in`, until `in` ends.
///
/// It reads again when all that it has read is passed on, so it goes at the pace of the slower
/// side. A stream `out` is written to directly. A queue is given pieces as it has room for them;
/// what others write goes between the pieces, and each piece stays whole. A piece is what was
/// buffered at the time, and has no meaning to the peer.
///
/// Between two plain sockets the kernel moves the bytes while reads are large: `options.by`. They
/// do not pass through the program then, not even where a queue is in front of the second socket.
/// What was received and not passed on is in a pipe meanwhile, at most 64 KiB and at most the
/// buffer's `max_size`. At the end it is in `buffer`, as ever.
///
/// At a clean end of `in`, `out` is ended in order: a stream as `end_write.hpp` says, a queue by
/// `close`. If `in` fails, what it had delivered is passed on first. Then `out` is reset as by
/// `abort(after_written)`: a cut is never made to look whole. The limits of that reset count from
/// the first wait behind the failure. When they are over, `out` is reset at once. A queue without
/// room for the rest takes it from then on, but nothing new. `options.end_out` turns all this off.
///
/// Completes: `void(error_code, RelayCounts)`, once `in` has ended, all is passed on, and `out` has
///     taken the end. It does not wait for what a queue that stays open still has to write.
/// Errors: the error of the side that `failed` names; the first one, if both fail. `no_memory` of
///     `in` if there is none to take back what is in the pipe: that is lost. If `out` fails,
///     `in` is read no more, and a stream `out` resets its connection when it is closed. A queue
///     that others close or abort has failed, with its `first_error` or `closed`, also while `in`
///     is silent. `read_in_progress` if `buffer` is being read; nothing is ended then.
/// Throws: `std::invalid_argument` if a limit for a stream `out` is negative. Nothing has begun
///     then.
/// Cancellation: the types that both streams support, with `operation_aborted`. Nothing is ended,
///     both streams can be used on, and what was received and not passed on is in `buffer`. Where
///     it comes later it ends what waits: once `in` has failed, its error is told, and `out` is
///     reset at once; once a stream `out` is being ended, it is reset; the end of a queue goes on.
///     A stream `out` that buffers may keep bytes that count as passed on. Flush it or reset it: a
///     later relay flushes it only behind a write of its own.
///     A `terminal` one in the middle of a write of an `ssl::stream` leaves that fit to be closed.
/// Ownership: `buffer`, the streams and `options.progress` must stay alive and in place until the
///     handler is called or destroyed. Until then only observers of `buffer` may be called, the
///     streams are not replaced or put into another blocking mode, `in` is
///     read by nobody else, and a stream `out` is written to by nobody else. A handle keeps a
///     queue.
/// Threads: start it where `in` may be used. Both executors must be serial, and may be two. `in` is
///     used on its own, a stream `out` on its own. That of the handler need not be serial.
/// Contexts: if both streams are of one context, and it is destroyed first, the handler is
///     destroyed uninvoked, or told `closed` if it is bound to another. Otherwise both must outlive
///     the relay.
/// Memory: one block of `buffer`; none while `in` is silent, if it can tell that it is readable. By
///     the kernel: a pipe of the process's instead, which goes back when it is empty
///     (`relay_statistics`). The memory budget of `buffer` is charged for it. Without memory for a
///     pipe the relay copies, and waits for memory as a read does. No SIGPIPE is raised, and no
///     disposition is changed. A queue holds what it has admitted, and `in` is not read while that
///     and one more block exceed `max_pending_bytes`.
/// Cost: one allocation by the handler's associated allocator, by default from the library's pool,
///     and one more to a stream on another executor. A piece allocates its read, its write, and its
///     turns on another executor, from the pool. An end that one call cannot make allocates a
///     queue, and a wait behind a failed `in` a timer.
///
///     RelayCounts counts = co_await async_relay(buffer, client, server, use_awaitable);
template <detail::AsyncReadStream In, detail::ByteWriteStream Out,
          class CompletionToken = DefaultToken>
auto async_relay(HandoffBuffer& buffer, In& in, Out& out, const RelayOptions& options,
                 CompletionToken&& token = CompletionToken());
template <detail::AsyncReadStream In, detail::ByteWriteStream Out,
          class CompletionToken = DefaultToken>
requires detail::RelayToken<CompletionToken>
auto async_relay(HandoffBuffer& buffer, In& in, Out& out,
                 CompletionToken&& token = CompletionToken());
template <detail::AsyncReadStream In, class CompletionToken = DefaultToken>
auto async_relay(HandoffBuffer& buffer, In& in, WriteHandoff out, const RelayOptions& options,
                 CompletionToken&& token = CompletionToken());
template <detail::AsyncReadStream In, class CompletionToken = DefaultToken>
requires detail::RelayToken<CompletionToken>
auto async_relay(HandoffBuffer& buffer, In& in, WriteHandoff out,
                 CompletionToken&& token = CompletionToken());

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff

#include "bytes_handoff/asio/relaying/relay.hpp"
