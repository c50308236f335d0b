#pragma once

// How a stream is ended: in order, or by a reset. `WriteHandoff` and `async_linger` ask here.
//
// These are known, and types that are derived from them: Asio's stream sockets, stream descriptors
// and writable pipes; its `ssl::stream` and its `buffered_..._stream` over any known stream;
// Boost.Beast's streams, with <bytes_handoff/beast.hpp>, and its WebSockets, with
// <bytes_handoff/websocket.hpp>.
//
// A type of your own becomes known by one of these functions. They are found by argument-dependent
// lookup, and called on the stream's executor. <bytes_handoff/testing/duplex.hpp> is an example.
// - `async_end_write(stream, handler)`: ends the write side in order, then calls
//   `handler(error_code)` on its associated executor. It must neither read nor wait for the peer;
// - `end_write(stream, error_code&)`: the same, for a stream that does it at once;
// - `layer_to_end(stream)`: returns a reference to the known stream that this one stands on. If
//   this function is the only one, the type is ended and reset as that layer, and lingers as that
//   layer (`linger.hpp`). One of the two above replaces only the layer's end in order.
// A type on a socket of the operating system should have `layer_to_end`. Without it the queue
// cannot ask what the peer has acknowledged, and the socket does not linger. A reset may then
// destroy written bytes.
// A member `shutdown`, `async_shutdown` or `next_layer` alone does not count: it may read, or end
// one layer only.
//
// Two more are optional:
// - `reset_connection(stream)`: ends both directions at once. The peer must see an error, and
//   pending operations must complete. Without it, and without a layer, a reset does nothing;
// - `async_flush_write(stream, handler)`: for a stream that buffers. Sends on what it has kept,
//   then calls `handler(error_code, std::size_t)` with the number of bytes sent on. It is called
//   after each write. A write is over when its bytes were sent on. In front of an `end_write` or
//   `async_end_write` of your own it is not called again: what these add they must send on.
//
// A `WriteHandoff` that is made with `leave_open` does not end its stream, and takes any type.

#include <cstddef>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/ending/acknowledgement.hpp"
#include "bytes_handoff/asio/ending/end_step.hpp"
#include "bytes_handoff/asio/ending/known_streams.hpp"
#include "bytes_handoff/asio/ending/reset_stream.hpp"
#include "bytes_handoff/asio/ending/tls_end.hpp"
#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <class Stream>
[[nodiscard]] consteval bool is_buffering_writes() {
  if constexpr (HasFlushWrite<Stream> || (IsWriteBuffer<Stream> && !IsUnwrapped<Stream>)) {
    return true;
  } else if constexpr (IsLayered<Stream>) {
    return is_buffering_writes<LayerBelow<Stream>>();
  } else {
    return false;
  }
}

/// Whether what a stream takes may stay in it, or in a layer below, until it is flushed.
template <class Stream>
inline constexpr bool BuffersWrites = is_buffering_writes<Stream>();

template <class Stream, class Handler, class Step>
[[nodiscard]] auto make_end_step(Stream& stream, Handler&& handler, Step step) {
  using Executor = std::remove_cvref_t<decltype(stream.get_executor())>;
  return EndStep<std::decay_t<Handler>, Executor, Step>(std::forward<Handler>(handler),
                                                        stream.get_executor(), std::move(step));
}

/// Sends on what the stream and the layers below have kept back. `handler(error_code, bytes)`, with
/// the bytes that the topmost buffering layer has passed on.
template <class Stream, class Handler>
void start_flush(Stream& stream, Handler&& handler) {
  if constexpr (HasFlushWrite<Stream>) {
    async_flush_write(stream, std::forward<Handler>(handler));
  } else if constexpr (IsWriteBuffer<Stream> && !IsUnwrapped<Stream>) {
    auto& buffer = detail::as_write_buffer(stream);
    if constexpr (BuffersWrites<LayerBelow<Stream>>) {
      buffer.async_flush(detail::make_end_step(
          stream, std::forward<Handler>(handler),
          [&stream](auto then, const net_error_code& error, std::size_t n) {
            if (error) {
              std::move(then)(error, n);
              return;
            }
            auto& below = detail::layer_below(stream);
            detail::start_flush(
                below,
                detail::make_end_step(below, std::move(then),
                                      [n](auto last, const net_error_code& of_below,
                                          std::size_t /*n*/) { std::move(last)(of_below, n); }));
          }));
    } else {
      buffer.async_flush(std::forward<Handler>(handler));
    }
  } else if constexpr (IsLayered<Stream> && BuffersWrites<Stream>) {
    detail::start_flush(detail::layer_below(stream), std::forward<Handler>(handler));
  } else {
    std::forward<Handler>(handler)(net_error_code(), std::size_t{0});
  }
}

/// Does not compile, with one line that says why, where the stream cannot be ended.
template <class Stream>
consteval void require_known_end() {
  static_assert(EndsKnown<Stream>,
                "this stream cannot be ended: give its type one of the functions that "
                "<bytes_handoff/end_write.hpp> describes, include <bytes_handoff/beast.hpp> or "
                "<bytes_handoff/websocket.hpp> if it is a stream of Boost.Beast, or pass "
                "leave_open to keep the stream as it is");
}

/// Streams whose write side one call ends in order.
template <class Stream>
concept EndsAtOnce =
    !HasAsyncEndWrite<Stream> &&
    (HasEndWrite<Stream> || (IsSocket<Stream> && !IsUnwrapped<Stream> && !HasKnownEnd<Stream>));

template <EndsAtOnce Stream>
void end_write_at_once(Stream& stream, net_error_code& error) {
  if constexpr (HasEndWrite<Stream>) {
    end_write(stream, error);
  } else {
    detail::as_socket(stream).shutdown(net::socket_base::shutdown_send, error);
  }
}

/// Likewise, and nothing is read any more: a socket is closed. What it has not sent yet is sent all
/// the same, unless its `SO_LINGER` says otherwise.
template <EndsAtOnce Stream>
void close_at_once(Stream& stream, net_error_code& error) {
  if constexpr (HasEndWrite<Stream>) {
    end_write(stream, error);
  } else {
    detail::as_socket(stream).close(error);
  }
}

/// Streams that have something to write of their own before the layer below is ended.
template <class Stream>
concept EndsItsOwnLayerFirst = IsLayered<Stream> &&
    (HasFlushWrite<Stream> || (!IsUnwrapped<Stream> && (IsWriteBuffer<Stream> || IsTls<Stream>)));

/// Ends the write side of a stream in order. What is kept back is flushed. A TLS stream writes its
/// `close_notify`. Then a socket sends its FIN, and a pipe is closed. Nothing is read, and the peer
/// is not waited for. `handler(error_code)`, possibly from inside of this call. After an error
/// nothing further is ended, or the peer would think that it has everything.
template <class Stream, class Handler>
void start_end_write(Stream& stream, Handler&& handler) {
  if constexpr (HasAsyncEndWrite<Stream>) {
    async_end_write(stream, std::forward<Handler>(handler));
  } else if constexpr (EndsAtOnce<Stream>) {
    net_error_code error;
    detail::end_write_at_once(stream, error);
    std::forward<Handler>(handler)(error);
  } else if constexpr (HasKnownEnd<Stream>) {
    LayerOf<Stream>::async_end_write(stream, std::forward<Handler>(handler));
  } else if constexpr (IsPipe<Stream> && !IsUnwrapped<Stream>) {
    net_error_code error;
    detail::as_pipe(stream).close(error);
    std::forward<Handler>(handler)(error);
  } else if constexpr (EndsItsOwnLayerFirst<Stream>) {
    auto step = detail::make_end_step(
        stream, std::forward<Handler>(handler),
        [&stream](auto then, const net_error_code& error, const auto&... /*n*/) {
          if (error) {
            std::move(then)(error);
          } else {
            detail::start_end_write(detail::layer_below(stream), std::move(then));
          }
        });
    if constexpr (HasFlushWrite<Stream>) {
      async_flush_write(stream, std::move(step));
    } else if constexpr (IsWriteBuffer<Stream>) {
      detail::as_write_buffer(stream).async_flush(std::move(step));
    } else {
      TlsEnd<Stream, decltype(step)>(stream, std::move(step)).start();
    }
  } else if constexpr (IsLayered<Stream>) {
    detail::start_end_write(detail::layer_below(stream), std::forward<Handler>(handler));
  } else {
    std::forward<Handler>(handler)(net_error_code(net::error::operation_not_supported));
  }
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
