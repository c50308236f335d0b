#pragma once

#include <functional>
#include <string>
#include <utility>

#include "stream_end.hpp"
#include "streams.hpp"

namespace stream_harness {

// Closing a TCP socket while bytes of the peer are unread resets the connection, and a reset drops
// what the peer has not acknowledged yet: a proxy that reads nothing from its sink would destroy
// the end of its own stream. So whoever has shut down its sending side closes only after this.

/// What the kernel says about the bytes, and the end, that were sent over a TCP socket: true once
/// the peer's kernel has all of them, whatever became of the connection after that. Otherwise
/// `error` is why they will not arrive any more, if so.
[[nodiscard]] bool is_delivered(int socket, net_error_code& error) noexcept;

/// Calls `done` once, with no error when all is delivered, after `stream.shutdown(shutdown_send)`;
/// possibly from inside this function. What the peer has sent by then is dropped unseen (1 MiB at
/// most), so that a close does not reset it either. Closing `stream` ends the wait with an error;
/// `stream` must live until `done` is called.
///
/// The kernel announces the peer's end, not its acknowledgement, so for a peer that stays open that
/// is looked up again and again, in intervals that grow from 5 to 250 ms.
void async_delivered(TcpStream& stream, std::function<void(net_error_code)> done);

/// A stream in memory keeps what was written to it.
inline void async_delivered(DuplexStream&, const std::function<void(net_error_code)>& done) {
  done({});
}

/// Shuts down the sending side and waits until all is delivered, as above. Calls
/// `done(std::string)` once, with what went wrong (empty: nothing), possibly from inside this
/// function.
template <class Stream, class Done>
void async_end_sending(Stream& stream, Done done) {
  if (const net_error_code error = end_sending(stream)) return done(describe("shutdown", error));
  async_delivered(stream, [done = std::move(done)](net_error_code error) mutable {
    done(error ? describe("deliver", error) : std::string());
  });
}

}  // namespace stream_harness
