#include "support/connect.hpp"

#include <asio/use_awaitable.hpp>
#include <tuple>

#include "support/as_tuple.hpp"
#include "support/within.hpp"

namespace programs {
namespace {

using asio::awaitable;
using asio::ip::tcp;

awaitable<asio::error_code> connect_once(tcp::socket& socket, tcp::endpoint to) {
  const auto [error] = co_await socket.async_connect(to, as_tuple(asio::use_awaitable));
  co_return error;
}

// Open for the family of `to`. It will not block: said before the connect, that is one system call
// for Asio and for its user.
asio::error_code prepare(tcp::socket& socket, const tcp::endpoint& to) {
  asio::error_code error;
  if (!socket.is_open() || to.protocol() != tcp::v4()) {
    socket.close(error);
    socket.open(to.protocol(), error);
  }
  if (!error) socket.non_blocking(true, error);
  return error;
}

}  // namespace

awaitable<asio::error_code> connect(tcp::socket& socket, tcp::endpoint to,
                                    std::chrono::nanoseconds limit) {
  if (const auto error = prepare(socket, to)) {
    co_return error;
  }
  const auto error = co_await within(limit, connect_once(socket, to));
  asio::error_code ignored;
  if (error && !*error) {
    socket.set_option(tcp::no_delay(true), ignored);
    co_return asio::error_code();
  }
  socket.close(ignored);
  co_return error.value_or(asio::error::make_error_code(asio::error::timed_out));
}

}  // namespace programs
