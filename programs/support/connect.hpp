#pragma once

#include <asio/awaitable.hpp>
#include <asio/error_code.hpp>
#include <asio/ip/tcp.hpp>
#include <chrono>

namespace programs {

/// Connects a socket within a time. `asio::error::timed_out` if that is over. It is closed if that
/// fails.
///
/// The socket is closed, or open for IPv4 and not tried before. It is opened as `to` needs it.
[[nodiscard]] asio::awaitable<asio::error_code> connect(asio::ip::tcp::socket& socket,
                                                        asio::ip::tcp::endpoint to,
                                                        std::chrono::nanoseconds limit);

}  // namespace programs
