#pragma once

// Accepts connections for as long as the acceptor is open.

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/default_token.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/stream_traits.hpp"
#include "bytes_handoff/core/service/accept_pause.hpp"
#include "bytes_handoff/core/service/accept_slot.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What is around the accepts of `async_accept_each`. `Executor` is the acceptor's type of
/// executor.
///
/// The functions are called on the acceptor's executor, one at a time, as `on_accept` is.
template <class Executor = net::any_io_executor>
struct AcceptOptions {
  /// How many connections may be open at once, by the `AcceptSlot` that `on_accept` gets and must
  /// take then. Behind the last one it pauses, with the reason `Errc::limit_exceeded`, until a slot
  /// is gone. Connections wait in the system's queue meanwhile. Zero: no limit.
  std::size_t max_open = 0;
  /// How long a pause takes. Must be positive.
  std::chrono::nanoseconds retry_after{std::chrono::milliseconds{100}};
  /// If set: called at the start of each pause with the reason. Log it there, once. A pause for
  /// `max_open` is told once, until a connection is accepted again.
  std::function<void(const net_error_code&)> on_pause{};
  /// If set: called before each accept. It gets what a connection needs besides its own descriptor,
  /// such as the second socket of a proxy. Any error is the reason of a pause. It is called again
  /// behind a pause or a failed accept, so it should keep what it has got.
  std::function<net_error_code()> prepare{};
  /// If set: the executor of the next socket, asked for behind `prepare`. So connections can be
  /// dealt out to several contexts. If not set, a socket is on the acceptor's executor.
  std::function<Executor()> next_executor{};
  /// If set: tells whether accepting pauses, and ends a pause early.
  std::shared_ptr<AcceptPause> pause{};
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

struct AnyAcceptHandler {
  template <class Socket>
  void operator()(const net_error_code&, Socket&&) const {}
};

/// Asio's acceptors, and types with these members.
template <class Acceptor>
concept AsyncAcceptor = HasExecutor<Acceptor> && requires(Acceptor& acceptor) {
  acceptor.async_accept(AnyAcceptHandler());
};

template <class Acceptor>
using AcceptOptionsOf =
    AcceptOptions<std::remove_cvref_t<decltype(std::declval<Acceptor&>().get_executor())>>;

template <class Token, class Acceptor>
concept AcceptToken = !std::same_as<std::remove_cvref_t<Token>, AcceptOptionsOf<Acceptor>>;

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Accepts one connection after the other, and calls `on_accept(socket)` for each.
///
/// If descriptors or memory have run out (EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC), it pauses for
/// `options.retry_after` and tries again, as often as it takes. Connections wait in the system's
/// queue meanwhile.
///
/// Behind an error of one connection, such as `connection_aborted`, it goes on at once. If 16 of
/// them came in a row, it pauses behind each further one, until a connection comes.
/// docs/lifecycle.md has a table of all errors.
///
/// `on_accept` takes the socket and returns nothing. It can be move-only. If it takes the endpoint
/// of an acceptor of Asio's behind the socket, it gets the peer's. The accept brings that, where
/// `remote_endpoint` is one more system call, and fails if the peer has gone. If it takes an
/// `AcceptSlot` as the last, it keeps that for as long as the connection is open: `max_open` counts
/// slots. Without `max_open` it gets one that is not valid.
///
/// Completes: `void(error_code)`, when accepting has ended. `on_accept` and the functions of
///     `options` are destroyed before that.
/// Errors: never success. `operation_aborted` if the acceptor was closed, or its operations or this
///     one were cancelled. Otherwise the error of an acceptor that cannot accept again, such as
///     `bad_descriptor` if it was never open. `no_memory` if there is none to start a pause with.
///     `invalid_argument` if `options.max_open` is set, `on_accept` takes no slot, and the acceptor
///     is not one of Asio's. It is told with the first connection, which is dropped: before that
///     the type of the sockets is not known.
/// Throws: `std::invalid_argument` if `options.retry_after` is not positive, if `options.pause` is
///     in use, or if the acceptor cannot give sockets to `options.next_executor`. An acceptor of
///     Asio's throws it if `options.max_open` is set and `on_accept` takes no slot. Nothing has
///     begun then.
/// Exceptions: what `on_accept` or a function of `options` throws leaves the `run` of the context.
///     Accepting goes on when that is called again. If it was not `on_accept`, a pause comes first.
/// Cancellation: all types, also during a pause. A connection that was accepted before is still
///     given to `on_accept`, behind the cancellation.
/// Ownership: the acceptor must stay alive and in place until the handler is called or destroyed.
///     Nobody else accepts from it. It may be closed on its executor, if that is serial, or inside
///     of `on_accept`. That ends a pause at once if the acceptor has `async_wait(wait_error)`, as
///     Asio's have. If not, it is noticed when the pause is over.
/// Threads: start it on any thread. The acceptor's executor need not be serial. No function is
///     called in this call, and none while another one runs.
/// Contexts: if the acceptor's is destroyed, the handler is destroyed uninvoked, or told
///     `operation_aborted` if it is bound to another.
/// Cost: one allocation by the handler's associated allocator, by default from the library's pool.
///     With `max_open` one more. Beyond that what Asio needs for an accept and for a timer, from
///     the pool.
///
///     async_accept_each(
///         acceptor,
///         [](tcp::socket client, const tcp::endpoint& peer, AcceptSlot slot) {
///           start_session(std::move(client), peer, std::move(slot));
///         },
///         {.max_open = 10'000, .on_pause = [](const error_code& reason) { log_once(reason); }},
///         use_awaitable);
template <detail::AsyncAcceptor Acceptor, class OnAccept, class CompletionToken = DefaultToken>
auto async_accept_each(Acceptor& acceptor, OnAccept on_accept,
                       detail::AcceptOptionsOf<Acceptor> options,
                       CompletionToken&& token = CompletionToken());
template <detail::AsyncAcceptor Acceptor, class OnAccept, class CompletionToken = DefaultToken>
requires detail::AcceptToken<CompletionToken, Acceptor>
auto async_accept_each(Acceptor& acceptor, OnAccept on_accept,
                       CompletionToken&& token = CompletionToken());

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff

#include "bytes_handoff/asio/service/accept_each.hpp"
