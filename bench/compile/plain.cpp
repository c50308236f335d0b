// The loop of with_handoff.cpp in Asio alone. It is compiled for its cost, and never run.
#include <asio.hpp>
#include <string>

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;

awaitable<void> forward(tcp::socket client, tcp::socket backend) {
  std::string buffer;
  bool tunnel = false;
  while (!tunnel) {
    const std::size_t bytes =
        co_await asio::async_read_until(client, asio::dynamic_buffer(buffer), '\n', use_awaitable);
    tunnel = buffer.compare(0, bytes, "TUNNEL\n") == 0;
    co_await asio::async_write(backend, asio::buffer(buffer, bytes), use_awaitable);
    buffer.erase(0, bytes);
  }
  backend.shutdown(tcp::socket::shutdown_send);
}
