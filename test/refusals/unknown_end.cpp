// A stream that looks as if it could be ended: its members alone do not say how.
#include <asio/ip/tcp.hpp>
#include <bytes_handoff/write_handoff.hpp>

struct Looks {
  using executor_type = asio::ip::tcp::socket::executor_type;
  [[nodiscard]] executor_type get_executor() { return socket.get_executor(); }
  [[nodiscard]] asio::ip::tcp::socket& next_layer() { return socket; }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return socket.async_write_some(buffers, std::forward<Token>(token));
  }
  void shutdown(asio::socket_base::shutdown_type what, asio::error_code& error);
  template <class Handler>
  void async_shutdown(Handler handler);

  asio::ip::tcp::socket socket;
};

void make(Looks stream) { const bytes_handoff::WriteHandoff out(std::move(stream)); }
