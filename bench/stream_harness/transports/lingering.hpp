#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <utility>

#include "bytes_handoff/linger.hpp"
#include "transports/stream_end.hpp"
#include "transports/streams.hpp"

namespace stream_harness {

// Closing a TCP socket while bytes of the peer are unread resets the connection, and a reset drops
// what the peer has not acknowledged yet: a proxy that reads nothing from its sink would destroy
// the end of its own stream. So whoever has shut down its sending side lingers before it closes:
// what the peer sends is dropped unseen until the peer ends too.

/// Drops what the peer sends, until it ends or a bound of `limits` is met, which is no error. Calls
/// `done` once. Closing `stream` ends it with an error; `stream` must live until `done` is called.
void async_peer_ended(TcpStream& stream, const bytes_handoff::LingerLimits& limits,
                      std::function<void(net_error_code)> done);

/// Lets `stream` linger by itself, as above, and then closes it.
void linger_and_close(TcpStream stream);

/// Shuts down the sending side and waits for the peer's end, as above. Calls `done(std::string)`
/// once, with what went wrong (empty: nothing), possibly from inside this function. A stream in
/// memory keeps what was written to it: nothing is waited for.
template <class Stream, class Done>
void async_end_sending(Stream& stream, Done done, const bytes_handoff::LingerLimits& limits = {}) {
  if (const net_error_code error = end_sending(stream)) return done(describe("shutdown", error));
  if constexpr (std::is_same_v<Stream, TcpStream>) {
    async_peer_ended(stream, limits, [done = std::move(done)](net_error_code error) mutable {
      done(error ? describe("linger", error) : std::string());
    });
  } else {
    done(std::string());
  }
}

/// Shuts down the sending side, and waits for nobody: a socket lingers behind it by itself, and
/// `stream` is closed. What went wrong with the shutdown (empty: nothing); then `stream` is as it
/// was.
template <class Stream>
[[nodiscard]] std::string end_and_linger(Stream& stream) {
  if (const net_error_code error = end_sending(stream)) return describe("shutdown", error);
  if constexpr (std::is_same_v<Stream, TcpStream>) linger_and_close(std::move(stream));
  return {};
}

}  // namespace stream_harness
