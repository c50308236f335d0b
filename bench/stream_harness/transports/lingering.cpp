#include "transports/lingering.hpp"

#include <cstddef>
#include <memory>

#include "bytes_handoff/error.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::Errc;

bool is_bound(net_error_code error) {
  return error == Errc::timed_out || error == Errc::limit_exceeded;
}

}  // namespace

void async_peer_ended(TcpStream& stream, const bytes_handoff::LingerLimits& limits,
                      std::function<void(net_error_code)> done) {
  bytes_handoff::async_linger(stream, limits,
                              [done = std::move(done)](net_error_code error, std::size_t) {
                                done(is_bound(error) ? net_error_code() : error);
                              });
}

void linger_and_close(TcpStream stream) {
  const auto socket = std::make_shared<TcpStream>(std::move(stream));
  // The handler has the socket, which is closed with it.
  bytes_handoff::async_linger(*socket, {}, [socket](net_error_code, std::size_t) {});
}

}  // namespace stream_harness
