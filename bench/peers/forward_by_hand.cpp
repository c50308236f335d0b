// What sni_router does for a short connection, in the shortest way that Asio's sockets allow,
// without the library: it looks at nothing, keeps no time, and has one server. So it shows what
// Asio costs.
#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <utility>

namespace {

using asio::error_code;
using asio::ip::tcp;
using Executor = asio::io_context::executor_type;  // not erased
using Socket = asio::basic_stream_socket<tcp, Executor>;

tcp::endpoint local(const char* port) {
  return {asio::ip::address_v4::loopback(),
          static_cast<std::uint16_t>(std::strtoul(port, nullptr, 10))};
}

/// A client and its connection to the server. It lives for as long as one of its handlers.
class Pair : public std::enable_shared_from_this<Pair> {
 public:
  explicit Pair(Socket client)
      : client_(std::move(client)), server_(Socket(client_.socket.get_executor())) {}

  void start(const tcp::endpoint& server) {
    prepare(client_.socket);
    client_.socket.async_read_some(
        asio::buffer(client_.bytes),
        [self = shared_from_this(), &server](const error_code& error, std::size_t n) {
          if (!error) self->connect(server, n);
        });
  }

 private:
  struct Side {
    explicit Side(Socket s) noexcept : socket(std::move(s)) {}

    Socket socket;
    std::array<char, 16 * 1024> bytes;  // NOLINT: of what was read from it; nothing before that
  };

  // One call for Asio and for its user, and no wait for more to send.
  static void prepare(Socket& socket) {
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.set_option(tcp::no_delay(true), ignored);
  }

  void connect(const tcp::endpoint& server, std::size_t n) {
    error_code ignored;
    server_.socket.open(tcp::v4(), ignored);
    server_.socket.non_blocking(true, ignored);
    server_.socket.async_connect(server, [self = shared_from_this(), n](const error_code& error) {
      if (error) return;
      prepare(self->server_.socket);
      self->write(self->client_, self->server_, n);
      self->read(self->server_, self->client_);
    });
  }

  void read(Side& from, Side& to) {
    from.socket.async_read_some(
        asio::buffer(from.bytes),
        [self = shared_from_this(), &from, &to](const error_code& error, std::size_t n) {
          if (!error) return self->write(from, to, n);
          error_code ignored;
          to.socket.shutdown(tcp::socket::shutdown_send, ignored);
        });
  }
  void write(Side& from, Side& to, std::size_t n) {
    asio::async_write(
        to.socket, asio::buffer(from.bytes, n),
        [self = shared_from_this(), &from, &to](const error_code& error, std::size_t /*written*/) {
          if (!error) self->read(from, to);
        });
  }

  Side client_;
  Side server_;
};

class Forward {
 public:
  Forward(const char* listen, const char* server)
      : acceptor_(context_, local(listen)), server_(local(server)) {
    acceptor_.listen(4096);
  }

  void run() {
    accept();
    context_.run();
  }

 private:
  void accept() {
    acceptor_.async_accept([this](const error_code& error, Socket client) {
      if (error) throw std::system_error(error);
      std::make_shared<Pair>(std::move(client))->start(server_);
      accept();
    });
  }

  asio::io_context context_{ASIO_CONCURRENCY_HINT_UNSAFE};  // no locks
  asio::basic_socket_acceptor<tcp, Executor> acceptor_;
  tcp::endpoint server_;
};

}  // namespace

int main(int count, char** words) {
  if (count != 3) {
    std::fputs("usage: forward_by_hand <port to listen on> <port of the server>\n", stderr);
    return 2;
  }
  try {
    Forward(words[1], words[2]).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "forward_by_hand: %s\n", error.what());
    return 1;
  }
}
