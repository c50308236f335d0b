#pragma once

#include <chrono>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/ending/linger_operation.hpp"
#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Bounds of `async_linger`.
struct LingerLimits {
  /// Input that is dropped at most.
  std::size_t max_bytes = std::size_t{16} * 1024 * 1024;
  /// How long the peer may be silent: no input comes, and its system acknowledges nothing.
  std::chrono::nanoseconds silence{std::chrono::seconds{10}};
  /// How long it may take as a whole.
  std::chrono::nanoseconds whole{std::chrono::seconds{120}};
};

/// Reads and drops the input of a stream whose write side has ended, until the peer ends too. Use
/// it if you answer before you have read everything: close the queue, linger, then close the
/// socket. Otherwise the close resets the connection, and the peer may lose the answer. A
/// `WriteHandoff` that owns its stream lingers by itself; this is for a shared one.
///
/// The input is read from the lowest socket, past all layers: bytes of a TLS stream are dropped
/// without being decrypted. The stream is not closed. Its lowest layer must be a stream socket. The
/// stream must live until the operation completes, and must not be read meanwhile.
///
/// Completes with `(error_code, std::size_t)`: success when the peer has ended, and how many bytes
/// were dropped. Never from inside of this call.
///
/// Errors: `Errc::timed_out` after `silence` or `whole`. `Errc::limit_exceeded` after more than
/// `max_bytes`. `operation_aborted`, and the stream's own errors, such as `connection_reset`.
///
/// Cancellation: any type; it completes with `operation_aborted`. What was dropped is lost. When
/// the stream's context is destroyed, the handler is destroyed uninvoked. A handler that is bound
/// to another, living context gets `operation_aborted` there.
///
/// Threads: as every call on the stream.
///
/// Cost: one piece of memory from the handler's associated allocator, by default from the library's
/// pool, and one from the pool. While it reads, also a 16 KiB block of the pool.
///
///     co_await queue.async_close(use_awaitable);
///     co_await bytes_handoff::async_linger(socket, {}, use_awaitable);
///     socket.close();
template <detail::LingersAtEnd Stream,
          net::completion_token_for<void(net_error_code, std::size_t)> Token =
              net::default_completion_token_t<
                  std::remove_cvref_t<decltype(std::declval<Stream&>().get_executor())>>>
auto async_linger(Stream& stream, const LingerLimits& limits, Token&& token = Token()) {
  return net::async_initiate<Token, void(net_error_code, std::size_t)>(
      detail::StartLinger<Stream>(stream), token,
      detail::LingerDurations{limits.max_bytes, limits.silence, limits.whole});
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
