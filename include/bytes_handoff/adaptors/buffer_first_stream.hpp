#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/stream_layers.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// A stream with a `HandoffBuffer` in front of it: reads are given the buffer's bytes first.
///
/// Use it where you look at the first bytes of a connection, and other code then reads them again:
/// an `ssl::stream` behind a ClientHello, or a WebSocket behind an HTTP header. Once the buffer is
/// empty, reads go straight into the caller's memory.
///
/// Not for code that can go on with the buffer: `HandoffBuffer::async_read_available`, or a
/// `DynamicBuffer`.
///
/// `Next` is the stream's type, and `Buffer` the buffer's. A reference refers to what must outlive
/// this, as in `ssl::stream<Stream&>`. A type without a reference is owned.
///
/// Ownership: as `Next` and `Buffer` say. It can be moved if they can be, while no operation of the
///     stream or the buffer runs.
/// Threads: as `Next`. A read uses the buffer inside the call that starts it, and at no other time.
/// Writes: they go to the stream. A `WriteHandoff` in front of this, or of a TLS stream on it, ends
///     and resets as one in front of `Next` does (`end_write.hpp`).
/// Streams of Boost.Beast on it: include `websocket.hpp` where a `websocket::stream` is one.
///
///     while (!has_client_hello(buffer.peek()))
///       if (co_await buffer.async_read_available(socket, use_awaitable) == 0) co_return;
///     ssl::stream<BufferFirstStream<tcp::socket&>> tls(BufferFirstStream(buffer, socket),
///     context); co_await tls.async_handshake(ssl::stream_base::server, use_awaitable);
template <class Next, class Buffer = HandoffBuffer&>
class BufferFirstStream {
  static_assert(std::same_as<std::remove_reference_t<Buffer>, HandoffBuffer>,
                "the buffer is HandoffBuffer& or, if it is to be owned, HandoffBuffer");

 public:
  using next_layer_type = std::remove_reference_t<Next>;
  using lowest_layer_type = detail::LowestLayer<next_layer_type>;
  using executor_type =
      std::remove_cvref_t<decltype(std::declval<next_layer_type&>().get_executor())>;

  /// Refers to both, or moves them in, as their types say. Class template argument deduction
  /// refers to lvalues and owns the rest: `BufferFirstStream(buffer, std::move(socket))`.
  template <class Argument>
  BufferFirstStream(Buffer&& buffer, Argument&& next)
      : buffer_(std::forward<Buffer>(buffer)), next_(std::forward<Argument>(next)) {}

  /// The stream's.
  [[nodiscard]] executor_type get_executor() noexcept { return next_.get_executor(); }

  [[nodiscard]] next_layer_type& next_layer() noexcept { return next_; }
  [[nodiscard]] const next_layer_type& next_layer() const noexcept { return next_; }
  [[nodiscard]] lowest_layer_type& lowest_layer() noexcept {
    return detail::lowest_layer_of<lowest_layer_type>(next_layer());
  }
  [[nodiscard]] const lowest_layer_type& lowest_layer() const noexcept {
    return detail::lowest_layer_of<const lowest_layer_type>(next_layer());
  }

  /// What is still in front of the stream.
  [[nodiscard]] HandoffBuffer& buffer() noexcept { return buffer_; }
  [[nodiscard]] const HandoffBuffer& buffer() const noexcept { return buffer_; }

  /// Takes the buffer's bytes, or reads from the stream if there are none.
  ///
  /// One read gives bytes of the buffer or of the stream, and not of both. The buffer's are copied,
  /// and dropped from it, inside this call.
  ///
  /// Completes: `void(error_code, std::size_t)`. With the buffer's bytes it completes at once: the
  ///     handler is posted, and never called inside this function. Empty `buffers` complete with 0.
  ///     Otherwise as the stream's `async_read_some`.
  /// Errors: `Errc::read_in_progress` if a read of the buffer runs, with 0 bytes. Otherwise the
  ///     stream's. If a post throws, the bytes are still in the buffer.
  /// Cancellation: as the stream's. It does not hold up the buffer's bytes: they are delivered.
  /// Threads: this, the buffer and the stream must stay alive and in place until completion.
  /// Cost: a copy of the buffer's bytes, and one allocation by the handler's associated allocator.
  ///     A read of the stream costs nothing more.
  template <class MutableBufferSequence,
            class CompletionToken = net::default_completion_token_t<executor_type>>
  auto async_read_some(const MutableBufferSequence& buffers,
                       CompletionToken&& token = CompletionToken());

  /// The stream's own `async_write_some`.
  template <class ConstBufferSequence,
            class CompletionToken = net::default_completion_token_t<executor_type>>
  auto async_write_some(const ConstBufferSequence& buffers,
                        CompletionToken&& token = CompletionToken()) {
    return next_.async_write_some(buffers, std::forward<CompletionToken>(token));
  }

  /// It ends as what it stands on (`end_write.hpp`).
  friend next_layer_type& layer_to_end(BufferFirstStream& stream) noexcept { return stream.next_; }

 private:
  Buffer buffer_;
  Next next_;
};

template <class Argument>
BufferFirstStream(HandoffBuffer&, Argument&&) -> BufferFirstStream<Argument>;
template <class Argument>
BufferFirstStream(HandoffBuffer&&, Argument&&) -> BufferFirstStream<Argument, HandoffBuffer>;

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff

#include "bytes_handoff/asio/adaptors/buffer_first_stream.hpp"
