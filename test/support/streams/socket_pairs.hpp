#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "bytes_handoff/core/relaying/relay_progress.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "support/asio.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {

/// Connected pairs of each kind of stream that tells when it is readable: `make(context)` gives two
/// ends.
struct TcpPair {
  using Stream = net::ip::tcp::socket;
  static std::pair<Stream, Stream> make(net::io_context& context) {
    net::ip::tcp::acceptor acceptor(context, {net::ip::address_v4::loopback(), 0});
    Stream client(context);
    client.connect(acceptor.local_endpoint());
    Stream server = acceptor.accept();
    client.set_option(net::ip::tcp::no_delay(true));
    return {std::move(client), std::move(server)};
  }
};

/// On the executor itself, without a type-erased one around it. Windows connects no such pair:
/// there it is one of TCP.
#if defined(_WIN32)
struct UnixPair {
  using Stream = net::basic_stream_socket<net::ip::tcp, net::io_context::executor_type>;
  static std::pair<Stream, Stream> make(net::io_context& context) {
    net::basic_socket_acceptor<net::ip::tcp, net::io_context::executor_type> acceptor(
        context, {net::ip::address_v4::loopback(), 0});
    Stream client(context);
    client.connect(acceptor.local_endpoint());
    Stream server = acceptor.accept();
    client.set_option(net::ip::tcp::no_delay(true));
    return {std::move(client), std::move(server)};
  }
};
#else
struct UnixPair {
  using Stream =
      net::basic_stream_socket<net::local::stream_protocol, net::io_context::executor_type>;
  static std::pair<Stream, Stream> make(net::io_context& context) {
    Stream first(context);
    Stream second(context);
    net::local::connect_pair(first, second);
    return {std::move(first), std::move(second)};
  }
};
#endif

struct DuplexPair {
  using Stream = BasicDuplexStream<net::io_context::executor_type>;
  static std::pair<Stream, Stream> make(net::io_context& context) {
    return make_duplex(context.get_executor(), std::size_t{64} * 1024);
  }
};

/// Streams of one kind, and who moves the bytes between them.
template <class Pair, RelayBy kMovedBy>
struct Moved : Pair {
  static constexpr RelayBy kBy = kMovedBy;
};

/// Reads all that comes, to the end of the stream or an error.
template <class Stream>
class Collector {
 public:
  explicit Collector(Stream& stream) : stream_(stream) { read(); }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool is_over() const { return is_over_; }
  [[nodiscard]] net_error_code error() const { return error_; }

 private:
  void read() {
    stream_.async_read_some(net::buffer(room_), [this](net_error_code error, std::size_t n) {
      text_.append(room_.data(), n);
      if (error) {
        error_ = error;
        is_over_ = true;
      } else {
        read();
      }
    });
  }

  Stream& stream_;
  std::string room_ = std::string(64 * 1024, '\0');
  std::string text_;
  net_error_code error_;
  bool is_over_ = false;
};

}  // namespace bytes_handoff::test
