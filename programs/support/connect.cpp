#include "support/connect.hpp"

#include <tuple>
#if defined(__linux__)
#include <sys/socket.h>

#include <cerrno>
#endif

namespace programs {
namespace {

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

#if defined(__linux__)
// Begins to connect, and tells the outcome if it has begun. Asio takes two calls to tell it, `poll`
// and `getsockopt`.
asio::error_code try_connect(tcp::socket& socket, const tcp::endpoint& to) {
  const int result =
      ::connect(socket.native_handle(), to.data(), static_cast<socklen_t>(to.size()));
  return {result == 0 ? 0 : errno, asio::system_category()};
}
#endif

bool is_under_way(const asio::error_code& error) {
  return error == asio::error::in_progress || error == asio::error::already_started;
}

}  // namespace

awaitable<asio::error_code> connect(tcp::socket& socket, tcp::endpoint to,
                                    const Deadline& deadline) {
  Stop& stop = deadline.stop();
  stop.throw_if_told();
  if (deadline.is_over()) co_return asio::error::timed_out;
  asio::error_code error = prepare(socket, to);
#if defined(__linux__)
  if (!error) error = try_connect(socket, to);
  // A server on this machine has answered by now.
  if (is_under_way(error)) error = try_connect(socket, to);
  while (is_under_way(error) && !deadline.is_over()) {
    std::tie(error) = co_await socket.async_wait(tcp::socket::wait_write, stop.token());
    if (!error) error = try_connect(socket, to);
  }
#else
  if (!error) std::tie(error) = co_await socket.async_connect(to, stop.token());
#endif
  stop.throw_if_told();
  asio::error_code ignored;
  if (!error) {
    socket.set_option(tcp::no_delay(true), ignored);
    co_return error;
  }
  socket.close(ignored);
  const bool is_late = error == asio::error::operation_aborted || is_under_way(error);
  co_return is_late ? asio::error::timed_out : error;
}

}  // namespace programs
