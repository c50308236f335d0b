#pragma once

#include <asio/error_code.hpp>

#include "support/asio_names.hpp"
#include "support/deadline.hpp"

namespace programs {

/// Connects a socket before a deadline, with `timed_out` if that is over. It is closed if that
/// fails. Throws `operation_aborted` if the connection is told to stop.
///
/// The socket is closed, or open for IPv4 and not tried before. It is opened as `to` needs it.
[[nodiscard]] awaitable<asio::error_code> connect(tcp::socket& socket, tcp::endpoint to,
                                                  const Deadline& deadline);

}  // namespace programs
