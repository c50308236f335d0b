#include "support/connect.hpp"

#include <asio/experimental/deferred.hpp>
#include <tuple>

#include "support/within.hpp"

namespace programs {
namespace {

using asio::ip::tcp;

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

asio::awaitable<asio::error_code> connect(tcp::socket& socket, tcp::endpoint to,
                                          std::chrono::nanoseconds limit) {
  if (const auto error = prepare(socket, to)) {
    co_return error;
  }
  const auto connected =
      co_await within(limit, socket.async_connect(to, asio::experimental::deferred));
  const asio::error_code error = connected ? std::get<0>(*connected) : asio::error::timed_out;
  asio::error_code ignored;
  if (error) {
    socket.close(ignored);
  } else {
    socket.set_option(tcp::no_delay(true), ignored);
  }
  co_return error;
}

}  // namespace programs
