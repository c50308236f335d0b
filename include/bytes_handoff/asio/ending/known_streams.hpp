#pragma once

// Which streams can be ended: those of Asio that are known by name, what stands on them, and those
// that have a customization point.

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

struct AnyEndHandler {
  void operator()(const net_error_code&) const {}
  void operator()(const net_error_code&, std::size_t) const {}
};

// ---- Customization points, found by argument-dependent lookup.

template <class Stream>
concept HasAsyncEndWrite = requires(Stream& stream, AnyEndHandler handler) {
  async_end_write(stream, std::move(handler));
};

template <class Stream>
concept HasEndWrite = requires(Stream& stream, net_error_code& error) {
  end_write(stream, error);
};

template <class Stream>
concept HasResetConnection = requires(Stream& stream) {
  reset_connection(stream);
};

template <class Stream>
concept HasFlushWrite = requires(Stream& stream, AnyEndHandler handler) {
  async_flush_write(stream, std::move(handler));
};

template <class Stream>
concept HasLayerToEnd = requires(Stream& stream) {
  {
    layer_to_end(stream)
    } -> std::same_as<std::remove_reference_t<decltype(layer_to_end(stream))>&>;
};

// ---- Known by name, or derived from what is.

template <class Protocol, class Executor>
net::basic_stream_socket<Protocol, Executor>& as_socket(
    net::basic_stream_socket<Protocol, Executor>& stream) noexcept {
  return stream;
}

template <class Stream>
concept IsSocket = requires(Stream& stream) {
  detail::as_socket(stream);
};

#if defined(BYTES_HANDOFF_HAS_DESCRIPTOR)
template <class Executor>
net::posix::basic_stream_descriptor<Executor>& as_pipe(
    net::posix::basic_stream_descriptor<Executor>& stream) noexcept {
  return stream;
}
#endif
#if defined(BYTES_HANDOFF_HAS_PIPE)
template <class Executor>
net::basic_writable_pipe<Executor>& as_pipe(net::basic_writable_pipe<Executor>& stream) noexcept {
  return stream;
}
#endif

template <class Stream>
concept IsPipe = requires(Stream& stream) {
  detail::as_pipe(stream);
};

template <class Next>
net::buffered_write_stream<Next>& as_write_buffer(
    net::buffered_write_stream<Next>& stream) noexcept {
  return stream;
}
template <class Next>
net::buffered_stream<Next>& as_write_buffer(net::buffered_stream<Next>& stream) noexcept {
  return stream;
}
template <class Next>
net::buffered_read_stream<Next>& as_read_buffer(net::buffered_read_stream<Next>& stream) noexcept {
  return stream;
}

/// Keeps what is written until it is flushed.
template <class Stream>
concept IsWriteBuffer = requires(Stream& stream) {
  detail::as_write_buffer(stream);
};

template <class Stream>
concept IsReadBuffer = requires(Stream& stream) {
  detail::as_read_buffer(stream);
};

template <class Stream>
concept IsTls = std::derived_from<Stream, net::ssl::stream_base> &&
    requires(Stream& stream, AnyEndHandler handler) {
  stream.next_layer();
  stream.native_handle();
  stream.async_shutdown(std::move(handler));
};

// ---- What they stand on.

/// Types that other headers know by name have a specialization. Its `of(stream)` gives the layer
/// that is ended in the stream's place. Its `reset(stream)`, if there, closes the stream at once.
/// If it has `async_end_write(stream, handler)`, that ends the stream and the layers below in
/// order.
template <class Stream>
struct LayerOf {};

template <class Stream>
concept HasKnownLayer = requires(Stream& stream) {
  LayerOf<Stream>::of(stream);
};

/// Streams that only stand for another one, by a customization point or another header.
template <class Stream>
concept IsUnwrapped = HasLayerToEnd<Stream> || HasKnownLayer<Stream>;

template <class Stream>
concept HasKnownEnd = requires(Stream& stream, AnyEndHandler handler) {
  LayerOf<Stream>::async_end_write(stream, std::move(handler));
};

template <class Stream>
concept HasKnownReset = requires(Stream& stream) {
  LayerOf<Stream>::reset(stream);
};

template <class Stream>
concept IsLayered =
    IsUnwrapped<Stream> || IsWriteBuffer<Stream> || IsReadBuffer<Stream> || IsTls<Stream>;

/// The stream that this one stands on.
template <IsLayered Stream>
[[nodiscard]] auto& layer_below(Stream& stream) {
  if constexpr (HasLayerToEnd<Stream>) {
    return layer_to_end(stream);
  } else if constexpr (HasKnownLayer<Stream>) {
    return LayerOf<Stream>::of(stream);
  } else if constexpr (IsWriteBuffer<Stream>) {
    return detail::as_write_buffer(stream).next_layer();
  } else if constexpr (IsReadBuffer<Stream>) {
    return detail::as_read_buffer(stream).next_layer();
  } else {
    return stream.next_layer();
  }
}

template <IsLayered Stream>
using LayerBelow = std::remove_reference_t<decltype(detail::layer_below(std::declval<Stream&>()))>;

template <class Stream>
[[nodiscard]] consteval bool is_end_known() {
  if constexpr (HasAsyncEndWrite<Stream> || HasEndWrite<Stream> || IsSocket<Stream> ||
                IsPipe<Stream>) {
    return true;
  } else if constexpr (IsLayered<Stream>) {
    return is_end_known<LayerBelow<Stream>>();
  } else {
    return false;
  }
}

/// Streams of which it is known how they are ended.
template <class Stream>
concept EndsKnown = is_end_known<Stream>();

template <class Stream>
[[nodiscard]] consteval bool has_socket_below() {
  if constexpr (IsSocket<Stream>) {
    return true;
  } else if constexpr (IsLayered<Stream>) {
    return has_socket_below<LayerBelow<Stream>>();
  } else {
    return false;
  }
}

/// Streams that end in a socket of the operating system. To close one that has unread input resets
/// the connection, and destroys what the peer has not read yet.
template <class Stream>
concept LingersAtEnd = has_socket_below<Stream>();

/// The lowest socket.
template <LingersAtEnd Stream>
[[nodiscard]] auto& lowest_socket(Stream& stream) {
  if constexpr (IsSocket<Stream>) {
    return detail::as_socket(stream);
  } else {
    return detail::lowest_socket(detail::layer_below(stream));
  }
}

template <LingersAtEnd Stream>
using SocketBelow =
    std::remove_reference_t<decltype(detail::lowest_socket(std::declval<Stream&>()))>;

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
