#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <asio/write.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "contenders/start_proxy.hpp"
#include "support/run_for.hpp"
#include "transports/stream_end.hpp"
#include "transports/streams.hpp"

namespace stream_harness {

/// A proxy between two TCP connections with small buffers; the test writes to `client_` and reads
/// from `sink_`.
class TcpProxyFixture : public testing::Test {
 protected:
  enum class Then { kEnd, kStayOpen };

  void SetUp() override {
    signal(SIGPIPE, SIG_IGN);  // as the harness does
    connect();
  }

  // New connections, and nothing of the last ones.
  void connect() {
    connect(client_, in_);
    connect(out_, sink_);
    received_.clear();
    is_receiving_ = end_seen_ = sent_ = false;
    result_.reset();
  }

  void connect(TcpStream& from, TcpStream& to) {
    TcpAcceptor acceptor(context_.get_executor(), {net::ip::address_v4::loopback(), 0});
    acceptor.set_option(net::socket_base::receive_buffer_size(8192));
    from = TcpStream(context_.get_executor(), net::ip::tcp::v4());
    from.set_option(net::socket_base::send_buffer_size(8192));
    from.connect(acceptor.local_endpoint());
    from.set_option(net::ip::tcp::no_delay(true));
    to = acceptor.accept();
  }

  void start(Implementation implementation, ProxyConfig config = small()) {
    proxy_ = start_proxy(implementation, std::move(in_), std::move(out_), config,
                         [this](ProxyResult result) {
                           EXPECT_FALSE(result_);
                           result_ = std::move(result);
                           descriptors_at_the_end_ = open_descriptors();
                         });
  }

  static ProxyConfig small() { return {1000, 2000, 63, Completion::kTicket}; }

  void send(std::string text, std::size_t chunk, Then then = Then::kEnd) {
    unsent_ = std::move(text);
    send_next(chunk, then);
  }

  void send_next(std::size_t chunk, Then then) {
    if (unsent_.empty()) {
      sent_ = true;
      const auto error = then == Then::kEnd ? end_sending(client_) : net_error_code();
      EXPECT_EQ(error, net_error_code());
      return;
    }
    auto piece = std::make_shared<std::string>(unsent_.substr(0, chunk));
    unsent_.erase(0, piece->size());
    net::async_write(client_, net::buffer(*piece),
                     [this, piece, chunk, then](net_error_code error, std::size_t) {
                       if (!error) send_next(chunk, then);
                     });
  }

  // Reads to the end of the stream.
  void receive() {
    is_receiving_ = true;
    sink_.async_read_some(net::buffer(chunk_), [this](net_error_code error, std::size_t n) {
      received_.append(chunk_.data(), n);
      if (!error) return receive();
      end_seen_ = error == net::error::eof;
      is_receiving_ = false;
    });
  }

  // Until the proxy has ended and, where that is read, the sink has seen it: what the proxy has
  // written may still be on its way.
  bool run_to_result() {
    return bytes_handoff::test::run_until(context_,
                                          [this] { return result_.has_value() && !is_receiving_; });
  }

  // What is ready, and what that makes ready.
  void run_ready() {
    do {
      context_.restart();
    } while (context_.poll() != 0);
  }

  static void reset(TcpStream& stream) {
    stream.set_option(net::socket_base::linger(true, 0));
    stream.close();
  }

  // Needs no descriptor itself.
  static std::size_t open_descriptors() {
    std::size_t open = 0;
    for (int descriptor = 0; descriptor < 1024; ++descriptor) {
      if (fcntl(descriptor, F_GETFD) >= 0) ++open;
    }
    return open;
  }

  net::io_context context_;
  TcpStream client_{context_.get_executor()};
  TcpStream in_{context_.get_executor()};
  TcpStream out_{context_.get_executor()};
  TcpStream sink_{context_.get_executor()};
  std::string unsent_;
  bool sent_ = false;
  std::array<char, 4096> chunk_{};
  std::string received_;
  bool is_receiving_ = false;
  bool end_seen_ = false;
  std::optional<ProxyResult> result_;
  std::size_t descriptors_at_the_end_ = 0;
  std::weak_ptr<Proxy> proxy_;
};

}  // namespace stream_harness
