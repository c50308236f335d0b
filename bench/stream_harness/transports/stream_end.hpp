#pragma once

#include <string>

#include "transports/streams.hpp"

namespace stream_harness {

/// Tells the peer that nothing more comes.
template <class Stream>
[[nodiscard]] net_error_code end_sending(Stream& stream) {
  net_error_code error;
  stream.shutdown(net::socket_base::shutdown_send, error);
  return error;
}

/// Closes; that it was closed already, or that the peer has gone, does not matter.
template <class Stream>
void close_quietly(Stream& stream) {
  net_error_code ignored;
  stream.close(ignored);
}

/// `STEP: MESSAGE`.
[[nodiscard]] inline std::string describe(const char* step, const net_error_code& error) {
  return std::string(step) + ": " + error.message();
}

}  // namespace stream_harness
