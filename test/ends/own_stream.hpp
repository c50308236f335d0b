#pragma once

#include <cstddef>
#include <utility>

#include "support/asio.hpp"

namespace bytes_handoff::test {

/// A stream that the library does not know, with the customization points that say how it is ended.
class OwnStream {
 public:
  using executor_type = net::ip::tcp::socket::executor_type;

  explicit OwnStream(net::ip::tcp::socket socket) : socket_(std::move(socket)) {}

  [[nodiscard]] executor_type get_executor() { return socket_.get_executor(); }
  [[nodiscard]] net::ip::tcp::socket& socket() { return socket_; }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return socket_.async_read_some(buffers, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return socket_.async_write_some(buffers, std::forward<Token>(token));
  }

  friend void end_write(OwnStream& stream, net_error_code& error) {
    stream.socket_.shutdown(net::ip::tcp::socket::shutdown_send, error);
  }
  friend void reset_connection(OwnStream& stream) {
    net_error_code ignored;
    stream.socket_.set_option(net::socket_base::linger(true, 0), ignored);
    stream.socket_.close(ignored);
  }

 private:
  net::ip::tcp::socket socket_;
};

}  // namespace bytes_handoff::test
