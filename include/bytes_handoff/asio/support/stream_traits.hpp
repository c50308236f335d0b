#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/message_stream.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

struct AnyWriteHandler {
  void operator()(const net_error_code&, std::size_t) const {}
};

template <class Stream>
concept HasExecutor = requires(Stream& stream) {
  stream.get_executor();
};

template <class Stream>
concept HasAsyncWriteMessage = requires(Stream& stream, const Message& message) {
  async_write_message(stream, message, AnyWriteHandler());
};

/// Types that other headers know by name have a specialization. Its `write(stream, message,
/// handler)` is as `async_write_message`.
template <class Stream>
struct MessagesOf {};

template <class Stream>
concept HasKnownMessages = requires(Stream& stream, const Message& message) {
  MessagesOf<Stream>::write(stream, message, AnyWriteHandler());
};

/// Streams that are given one entry of a queue as one message.
template <class Stream>
concept MessageStream = HasAsyncWriteMessage<Stream> || HasKnownMessages<Stream>;

template <MessageStream Stream, class Handler>
void start_message(Stream& stream, const Message& message, Handler&& handler) {
  if constexpr (HasAsyncWriteMessage<Stream>) {
    async_write_message(stream, message, std::forward<Handler>(handler));
  } else {
    MessagesOf<Stream>::write(stream, message, std::forward<Handler>(handler));
  }
}

// One name for both, which the compiler tells where a type has neither. With two buffers, as a
// writer does: one that is none of a sequence is more than some streams of Beast's can be compiled
// with.
template <class Stream>
concept HasAsyncWriteSomeOrMessage = MessageStream<Stream> ||
    requires(Stream& stream, const std::array<net::const_buffer, 2>& buffers) {
  stream.async_write_some(buffers, AnyWriteHandler());
};

template <class Stream>
concept AsyncWriteStream = HasExecutor<Stream> && HasAsyncWriteSomeOrMessage<Stream>;

template <class T>
inline constexpr bool kIsSharedPtr = false;
template <class T>
inline constexpr bool kIsSharedPtr<std::shared_ptr<T>> = true;

/// A stream that `Handle` is made to own. An lvalue is one too, so that its error can be told.
template <class Stream, class Handle>
concept OwnedWriteStream =
    !std::same_as<std::remove_cvref_t<Stream>, Handle> &&
    !kIsSharedPtr<std::remove_cvref_t<Stream>> && AsyncWriteStream<std::remove_cvref_t<Stream>>;

/// Streams with a non-blocking mode: Asio's sockets and descriptors, and types with these members.
template <class Stream>
concept HasNonBlockingMode = requires(Stream& stream, net_error_code& error) {
  { std::as_const(stream).non_blocking() } -> std::same_as<bool>;
  stream.non_blocking(true, error);
};

/// Streams that say again that they have ended: a read may go on behind bytes and meet the end
/// there. A terminal says so once. A type of one's own is taken for a socket if it is derived from
/// `socket_base`.
template <class Stream>
inline constexpr bool ReadsOn = std::derived_from<Stream, net::socket_base>;

struct AnyWaitHandler {
  void operator()(const net_error_code&) const {}
};

/// Streams that can be read without waiting, and can tell when that is worth trying.
template <class Stream>
concept ReadinessReadStream = HasNonBlockingMode<Stream> &&
    requires(Stream& stream, net::mutable_buffer room, net_error_code& error) {
  { stream.read_some(room, error) } -> std::convertible_to<std::size_t>;
  stream.async_wait(Stream::wait_read, AnyWaitHandler());
};

/// Streams that can be written to without waiting.
template <class Stream>
concept NonBlockingWriteStream = HasNonBlockingMode<Stream> &&
    requires(Stream& stream, net::const_buffer bytes, net_error_code& error) {
  { stream.write_some(bytes, error) } -> std::convertible_to<std::size_t>;
};

/// Puts a stream into its non-blocking mode. Usually it is, and this is the test of a flag.
template <HasNonBlockingMode Stream>
void ensure_non_blocking(Stream& stream, net_error_code& error) {
  error = net_error_code();
  if (!stream.non_blocking()) {
    stream.non_blocking(true, error);
  }
}

/// The same. False: it cannot be.
template <HasNonBlockingMode Stream>
[[nodiscard]] bool is_made_non_blocking(Stream& stream) noexcept {
  net_error_code error;
  try {
    ensure_non_blocking(stream, error);
  } catch (...) {
    return false;
  }
  return !error;
}

/// Sockets of Asio itself, of whatever protocol: the kernel says for which it can move bytes. What
/// is derived from them, or stands on them, may count or limit what goes through it.
template <class Stream>
inline constexpr bool kIsPlainSocket = false;
template <class Protocol, class Executor>
inline constexpr bool kIsPlainSocket<net::basic_stream_socket<Protocol, Executor>> = true;

/// Whether a call at once has done nothing and says nothing about the stream. An interrupted one is
/// not repeated by Asio, as those that wait are.
inline bool is_to_try_again(const net_error_code& error) noexcept {
  return error && (error == net::error::would_block || error == net::error::try_again ||
                   error == net::error::interrupted);
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
