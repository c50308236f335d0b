#pragma once

// A `WriteHandoff` in front of a WebSocket of Boost.Beast: one slice is one message. Include it
// wherever a `websocket::stream` is given to a `WriteHandoff`. With Boost.Asio only.
//
//     auto ws = std::make_shared<websocket::stream<beast::tcp_stream>>(std::move(socket));
//     co_await ws->async_accept(use_awaitable);
//     WriteHandoff out(ws);                           // others read from it: ws->async_read
//     Bytes hello = websocket_text(Bytes::copy_of("hello"));
//     co_await out.async_write(hello, use_awaitable);
//     co_await out.async_close(use_awaitable);        // the closing handshake, with code 1000
//
// - Messages: bytes without a kind are sent as the stream's `text()` or `binary()` says at that
//   moment. The functions below give them a kind. Each slice is a message, an empty one, too.
// - The stream must be open when its first message is written: accept or connect first. All writes
//   go through the queue. Beast itself answers pings and the peer's close, from within a read.
// - The end: `close` sends a close frame with code 1000 behind all that was admitted, and waits for
//   the peer's, within `close_timeout`. For that Beast reads, and discards what comes. A read in
//   the middle of a frame still gets the next piece of it, and its message if that was the last.
//   Any other read ends with `operation_aborted`. To read all that the peer still sends, let the
//   peer close first.
// - Another end resets the connection below, without a close frame.
// - A failure of the connection is told once: to the queue, or to whoever reads. The other one is
//   told `operation_aborted`.
// - The peer closes first: whoever reads is told `websocket::error::closed`, and so is the queue
//   when it writes the next message. A `close` of the queue then ends in order.
//
// Layers: any stream that `beast.hpp` or `end_write.hpp` knows, and a `BufferFirstStream`
// (`adaptors/buffer_first_stream.hpp`) over what Beast can close. Over TLS, include what Beast
// needs to end it: <boost/beast/websocket/ssl.hpp>, or <boost/beast/ssl/ssl_stream.hpp>.

#include <boost/beast/core/role.hpp>
#include <boost/beast/websocket/error.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/stream_traits.hpp"
#include "bytes_handoff/beast.hpp"
#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/message_stream.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <class Next, class Buffer>
class BufferFirstStream;

/// The bytes as a text message. They must be UTF-8, which is not checked. Memory, cost and errors
/// of these two: as `tag_message`.
[[nodiscard("the message is the result")]] Bytes websocket_text(const Bytes& text);

/// The bytes as a binary message.
[[nodiscard("the message is the result")]] Bytes websocket_binary(const Bytes& bytes);

/// A ping, with at most 125 bytes of payload. Errors: throws `std::length_error` for more.
[[nodiscard("the message is the result")]] Bytes websocket_ping(std::string_view payload = {});

/// A pong that answers no ping; Beast answers those. Errors: as above.
[[nodiscard("the message is the result")]] Bytes websocket_pong(std::string_view payload = {});

/// The close frame, with a code and a reason. It closes the queue when the stream is given it.
///
/// Its ticket is done when the closing handshake is. Writes that are queued behind it are not
/// written; their tickets tell `Errc::closed`.
///
///     Bytes bye = websocket_close({websocket::close_code::going_away, "restart"});
[[nodiscard("the message is the result")]] Bytes websocket_close(
    const boost::beast::websocket::close_reason& reason =
        boost::beast::websocket::close_code::normal);

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff

// ---- Behind it.

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

// The opcodes of RFC 6455. A close frame's code stands in the bits above.
inline constexpr MessageTag kWebSocketText = 1;
inline constexpr MessageTag kWebSocketBinary = 2;
inline constexpr MessageTag kWebSocketClose = 8 | kClosingMessage;
inline constexpr MessageTag kWebSocketPing = 9;
inline constexpr MessageTag kWebSocketPong = 10;
inline constexpr MessageTag kWebSocketCode = 0xFFFF00;
inline constexpr unsigned kWebSocketCodeShift = 8;

inline Bytes tag_control_frame(std::string_view payload, MessageTag tag) {
  using boost::beast::websocket::ping_data;
  const ping_data fits(payload.data(), payload.size());  // throws where it is too long
  return tag_message(Bytes::borrow_static({fits.data(), fits.size()}), tag);
}

template <class Next, bool kDeflates>
boost::beast::websocket::stream<Next, kDeflates>& as_websocket(
    boost::beast::websocket::stream<Next, kDeflates>& stream) noexcept {
  return stream;
}

template <class Stream>
concept IsWebSocket = requires(Stream& stream) {
  detail::as_websocket(stream);
};

/// Whether the peer has sent its close frame, with a code. Beast says of that no more than that an
/// operation was aborted.
template <class WebSocket>
[[nodiscard]] bool has_peer_closed(WebSocket& stream) noexcept {
  return !stream.is_open() && stream.reason().code != boost::beast::websocket::close_code::none;
}

/// The closing handshake. If the peer has closed, it has not failed, whatever the layers below
/// report after that. The peer may have been first.
template <class WebSocket, class Handler>
void close_websocket(WebSocket& stream, const boost::beast::websocket::close_reason& reason,
                     Handler&& handler) {
  stream.async_close(reason,
                     detail::make_end_step(stream, std::forward<Handler>(handler),
                                           [&stream](auto then, const net_error_code& error) {
                                             const bool is_over = detail::has_peer_closed(stream);
                                             std::move(then)(is_over ? net_error_code() : error);
                                           }));
}

template <IsWebSocket Stream>
struct LayerOf<Stream> {
  static auto& of(Stream& stream) noexcept { return detail::as_websocket(stream).next_layer(); }

  template <class Handler>
  static void async_end_write(Stream& stream, Handler&& handler) {
    detail::close_websocket(detail::as_websocket(stream),
                            boost::beast::websocket::close_code::normal,
                            std::forward<Handler>(handler));
  }
};

template <IsWebSocket Stream>
struct MessagesOf<Stream> {
  template <class Handler>
  static void write(Stream& stream, const Message& message, Handler&& handler) {
    using boost::beast::websocket::close_reason;
    using boost::beast::websocket::ping_data;
    auto& websocket = detail::as_websocket(stream);
    const auto& bytes = message.bytes;
    const auto* const text = reinterpret_cast<const char*>(bytes.data());
    switch (message.tag & ~kWebSocketCode) {
      case 0:
        write_data(websocket, bytes, websocket.binary(), std::forward<Handler>(handler));
        return;
      case kWebSocketText:
      case kWebSocketBinary:
        write_data(websocket, bytes, message.tag == kWebSocketBinary,
                   std::forward<Handler>(handler));
        return;
      case kWebSocketPing:
        websocket.async_ping(ping_data(text, bytes.size()),
                             behind(websocket, bytes.size(), std::forward<Handler>(handler)));
        return;
      case kWebSocketPong:
        websocket.async_pong(ping_data(text, bytes.size()),
                             behind(websocket, bytes.size(), std::forward<Handler>(handler)));
        return;
      case kWebSocketClose: {
        close_reason reason(
            static_cast<std::uint16_t>((message.tag & kWebSocketCode) >> kWebSocketCodeShift));
        reason.reason.assign(text, bytes.size());
        detail::close_websocket(websocket, reason,
                                behind(websocket, bytes.size(), std::forward<Handler>(handler)));
        return;
      }
      default:  // a tag that another stream understands
        std::forward<Handler>(handler)(net_error_code(net::error::invalid_argument),
                                       std::size_t{0});
    }
  }

 private:
  template <class WebSocket, class Handler>
  static void write_data(WebSocket& websocket, std::span<const std::byte> bytes, bool is_binary,
                         Handler&& handler) {
    const bool was_binary = websocket.binary();
    websocket.binary(is_binary);  // the frame's header is made now, the user's setting stays
    websocket.async_write(net::const_buffer(bytes.data(), bytes.size()),
                          behind(websocket, bytes.size(), std::forward<Handler>(handler)));
    websocket.binary(was_binary);
  }

  // The handler of an operation that tells its error alone, or with bytes.
  template <class WebSocket, class Handler>
  static auto behind(WebSocket& websocket, std::size_t size, Handler&& handler) {
    return detail::make_end_step(
        websocket, std::forward<Handler>(handler),
        [&websocket, size](auto then, const net_error_code& error, const auto&... written) {
          if (!error) {
            std::move(then)(error, size);
            return;
          }
          const std::size_t told = (std::size_t{0} + ... + written);
          const bool is_closed =
              error == net::error::operation_aborted && detail::has_peer_closed(websocket);
          std::move(then)(
              is_closed ? net_error_code(boost::beast::websocket::error::closed) : error, told);
        });
  }
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Beast asks for this where it closes a WebSocket: it is closed as what it stands on.
template <class Next, class Buffer, class Handler>
void async_teardown(boost::beast::role_type role, BufferFirstStream<Next, Buffer>& stream,
                    Handler&& handler) {
  using boost::beast::websocket::async_teardown;
  async_teardown(role, stream.next_layer(), std::forward<Handler>(handler));
}

inline Bytes websocket_text(const Bytes& text) { return tag_message(text, detail::kWebSocketText); }

inline Bytes websocket_binary(const Bytes& bytes) {
  return tag_message(bytes, detail::kWebSocketBinary);
}

inline Bytes websocket_ping(std::string_view payload) {
  return detail::tag_control_frame(payload, detail::kWebSocketPing);
}

inline Bytes websocket_pong(std::string_view payload) {
  return detail::tag_control_frame(payload, detail::kWebSocketPong);
}

inline Bytes websocket_close(const boost::beast::websocket::close_reason& reason) {
  const MessageTag code = MessageTag{reason.code} << detail::kWebSocketCodeShift;
  return tag_message(Bytes::borrow_static({reason.reason.data(), reason.reason.size()}),
                     detail::kWebSocketClose | code);
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
