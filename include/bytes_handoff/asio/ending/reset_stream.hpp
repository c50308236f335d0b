#pragma once

#include "bytes_handoff/asio/ending/known_streams.hpp"
#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// From now on, whoever closes the socket resets its connection. Asio's own option would not do:
/// the socket's destructor turns that one off again.
template <class Socket>
void set_reset_at_close(Socket& socket) noexcept {
  ::linger at_once{};
  at_once.l_onoff = 1;
  at_once.l_linger = 0;
  static_cast<void>(::setsockopt(socket.native_handle(), SOL_SOCKET, SO_LINGER,
                                 reinterpret_cast<const char*>(&at_once), sizeof(at_once)));
}

/// Whoever closes or destroys what is at the bottom of the stream later, with its context too,
/// resets the connection. Does nothing if the transport knows no reset. It does not hold against an
/// earlier `set_option(linger)` of the user: behind that, only an explicit close resets.
template <class Stream>
void mark_for_reset(Stream& stream) noexcept {
  if constexpr (LingersAtEnd<Stream>) {
    try {
      auto& socket = detail::lowest_socket(stream);
      if (socket.is_open()) {
        detail::set_reset_at_close(socket);
      }
    } catch (...) {  // NOLINT: a customization point that throws says that there is none
    }
  }
}

/// Ends both directions at once: a TCP connection is reset, what knows no reset is closed. The
/// stream's pending operations end with `operation_aborted`. A TLS stream sends no `close_notify`.
/// A type of one's own is reset by `reset_connection(stream)`, or left alone without one.
template <class Stream>
void reset_stream(Stream& stream) noexcept {
  try {
    if constexpr (HasResetConnection<Stream>) {
      detail::mark_for_reset(stream);
      reset_connection(stream);
    } else if constexpr (IsSocket<Stream>) {
      detail::mark_for_reset(stream);
      net_error_code ignored;
      detail::as_socket(stream).close(ignored);
    } else if constexpr (IsPipe<Stream>) {
      net_error_code ignored;
      detail::as_pipe(stream).close(ignored);
    } else if constexpr (HasKnownReset<Stream>) {
      detail::mark_for_reset(stream);
      LayerOf<Stream>::reset(stream);
    } else if constexpr (IsLayered<Stream>) {
      detail::reset_stream(detail::layer_below(stream));
    }
  } catch (...) {  // NOLINT: nothing more can be done
  }
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
