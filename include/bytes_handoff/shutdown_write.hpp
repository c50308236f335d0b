#pragma once

#include <concepts>
#include <utility>

#include "bytes_handoff/detail/net.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

struct AnyShutdownHandler {
  void operator()(const net_error_code&) const {}
};

template <class Stream>
concept HasUserAsyncShutdown = requires(Stream& stream, AnyShutdownHandler handler) {
  async_shutdown_write(stream, std::move(handler));
};

template <class Stream>
concept HasUserShutdown = requires(Stream& stream, net_error_code& error) {
  shutdown_write(stream, error);
};

template <class Stream>
concept HasAsyncShutdown = requires(Stream& stream, AnyShutdownHandler handler) {
  stream.async_shutdown(std::move(handler));
};

/// Streams that are shut down by their own closing handshake.
template <class Stream>
concept ShutsDownByHandshake =
    HasAsyncShutdown<Stream> && !HasUserAsyncShutdown<Stream> && !HasUserShutdown<Stream>;

template <class Stream>
concept HasSocketShutdown = requires(Stream& stream, net_error_code& error) {
  stream.shutdown(net::socket_base::shutdown_send, error);
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Shuts the write side of a stream down, as a `WriteHandoff` does once it is closed and everything
/// is written. `handler` is called with an `error_code`, possibly from inside this function.
///
/// How, by the first of these that the type has:
/// - `async_shutdown_write(stream, handler)`, found by argument-dependent lookup: for a user's own
///   stream whose shutdown takes time;
/// - `shutdown_write(stream, error)`, found likewise: for one whose shutdown does not;
/// - `stream.async_shutdown(handler)`: a TLS stream's closing handshake, which lasts until the peer
///   has answered, or until the close deadline of the queue;
/// - `stream.shutdown(shutdown_send, error)`: sockets, the duplex;
/// - nothing, in success.
template <class Stream, class Handler>
void start_shutdown_write(Stream& stream, Handler&& handler) {
  if constexpr (detail::HasUserAsyncShutdown<Stream>) {
    async_shutdown_write(stream, std::forward<Handler>(handler));
  } else if constexpr (detail::HasUserShutdown<Stream>) {
    net_error_code error;
    shutdown_write(stream, error);
    std::forward<Handler>(handler)(error);
  } else if constexpr (detail::ShutsDownByHandshake<Stream>) {
    stream.async_shutdown(std::forward<Handler>(handler));
  } else if constexpr (detail::HasSocketShutdown<Stream>) {
    net_error_code error;
    stream.shutdown(net::socket_base::shutdown_send, error);
    std::forward<Handler>(handler)(error);
  } else {
    std::forward<Handler>(handler)(net_error_code());
  }
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
