#pragma once

#include <asio/awaitable.hpp>
#include <asio/error_code.hpp>
#include <asio/ip/tcp.hpp>
#include <chrono>

namespace programs {

/// Connects a socket within a time. `asio::error::timed_out` if that is over.
///
/// A socket that is open for the other family, or was tried before, is opened anew.
[[nodiscard]] asio::awaitable<asio::error_code> connect(asio::ip::tcp::socket& socket,
                                                        asio::ip::tcp::endpoint to,
                                                        std::chrono::nanoseconds limit);

}  // namespace programs
