// What counts as progress of a peer, beside what the stream takes.

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/asio/ending/stream_end.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

using Socket = TcpPair::Stream;

/// Reads a little at a time, with pauses.
class SlowPeer {
 public:
  SlowPeer(Socket socket, std::chrono::milliseconds pause)
      : socket_(std::move(socket)), pause_(pause), timer_(socket_.get_executor()) {
    wait();
  }

  [[nodiscard]] bool is_over() const { return is_over_; }
  [[nodiscard]] std::size_t got() const { return got_; }
  [[nodiscard]] const net_error_code& error() const { return error_; }

 private:
  void wait() {
    timer_.expires_after(pause_);
    timer_.async_wait([this](const net_error_code&) { read(); });
  }
  void read() {
    socket_.async_read_some(net::buffer(room_), [this](net_error_code error, std::size_t n) {
      got_ += n;
      error_ = error;
      is_over_ = !!error;
      if (!error) {
        wait();
      }
    });
  }

  Socket socket_;
  const std::chrono::milliseconds pause_;
  net::steady_timer timer_;
  std::string room_ = std::string(64 * 1024, '\0');
  std::size_t got_ = 0;
  net_error_code error_;
  bool is_over_ = false;
};

/// Stands on a socket, and counts how often that is asked for: by who asks its system.
class AskedSocket {
 public:
  using executor_type = Socket::executor_type;

  explicit AskedSocket(Socket socket) : socket_(std::move(socket)) {
    socket_.set_option(net::socket_base::send_buffer_size(16 * 1024));
  }
  executor_type get_executor() noexcept { return socket_.get_executor(); }
  [[nodiscard]] unsigned times_asked() const noexcept { return times_asked_; }

  [[nodiscard]] bool non_blocking() const { return socket_.non_blocking(); }
  void non_blocking(bool is_on, net_error_code& error) { socket_.non_blocking(is_on, error); }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, net_error_code& error) {
    return socket_.write_some(buffers, error);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return socket_.async_write_some(buffers, std::forward<Token>(token));
  }

  friend Socket& layer_to_end(AskedSocket& stream) noexcept {
    ++stream.times_asked_;
    return stream.socket_;
  }

 private:
  Socket socket_;
  unsigned times_asked_ = 0;
};

// Each entry is with the system before the writer's turn ends.
TEST(WriterProgress, is_not_asked_for_while_the_stream_takes_everything) {
  net::io_context context{1};
  auto [near_end, far_end] = TcpPair::make(context);
  auto near = std::make_shared<AskedSocket>(std::move(near_end));
  auto out = WriteHandoff(near, {.stall_timeout = std::chrono::seconds(30)});
  for (int i = 0; i < 10; ++i) {
    Outcome<net_error_code> written;
    ASSERT_TRUE(try_send(out, "line"));
    out.async_flush(written.handler());
    ASSERT_TRUE(run_until(context, [&] { return written.has_come(); }));
  }
  EXPECT_EQ(near->times_asked(), 0U);
  EXPECT_TRUE(try_send(out, std::string(std::size_t{1} << 20, 'x')));
  ASSERT_TRUE(run_until(context, [&] { return near->times_asked() != 0; }))
      << "it is, as soon as the stream does not";
}

// Everything is in this system's buffer, and the stream has nothing more to take: only the peer's
// system can tell that it goes on.
TEST(WriterProgress, is_what_the_peers_system_acknowledges) {
  constexpr std::size_t kBytes = 1536 * 1024;
  net::io_context context(1);
  net::ip::tcp::acceptor acceptor(context);
  acceptor.open(net::ip::tcp::v4());
  acceptor.set_option(net::socket_base::receive_buffer_size(32 * 1024));
  acceptor.bind({net::ip::address_v4::loopback(), 0});
  acceptor.listen();
  auto near = std::make_shared<Socket>(context);
  near->connect(acceptor.local_endpoint());
  near->set_option(net::socket_base::send_buffer_size(4 * 1024 * 1024));
  SlowPeer peer(acceptor.accept(), std::chrono::milliseconds(50));
  WriteHandoffConfig config;
  config.max_pending_bytes = kBytes;
  config.close_timeout = std::chrono::milliseconds(700);
  Outcome<net_error_code> closed;
  const auto start = std::chrono::steady_clock::now();
  {
    auto out = WriteHandoff(near, config);
    EXPECT_TRUE(try_send(out, std::string(kBytes, 'x')));
    out.async_closed(closed.handler());
  }
  ASSERT_TRUE(run_until(context, [&] { return peer.is_over() && closed.has_come(); }));
  EXPECT_GT(std::chrono::steady_clock::now() - start, config.close_timeout)
      << "it was too quick to need any progress";
  EXPECT_EQ(closed.get(), Errc::aborted) << closed.get().message();
  EXPECT_EQ(peer.got(), kBytes);
  EXPECT_EQ(peer.error(), net::error::connection_reset);
}

// As while one operation writes a long message.
TEST(WriterProgress, is_what_is_acknowledged_although_as_much_is_written_behind_it) {
  constexpr int kMostRounds = 1000;
  net::io_context context{1};
  auto [near_end, far_end] = TcpPair::make(context);
  near_end.non_blocking(true);
  std::string much(1 << 20, 'x');
  const auto fill = [&much](Socket& stream) {
    net_error_code error;
    while (!error) {
      stream.write_some(net::buffer(much), error);
    }
    return detail::acknowledgement_of(stream);
  };
  fill(near_end);
  detail::StreamEnd<Socket, detail::AtEnd::kEnd> end(detail::StreamOwnership::kShared);
  EXPECT_FALSE(end.has_acknowledged_more(near_end)) << "there was nothing to compare with";
  const detail::Acknowledgement before = detail::acknowledgement_of(near_end);
  detail::Acknowledgement now;
  int rounds = 0;
  do {
    far_end.read_some(net::buffer(much));
    now = fill(near_end);
  } while (++rounds != kMostRounds &&
           (now.acknowledged == before.acknowledged || now.bytes < before.bytes));
  ASSERT_NE(rounds, kMostRounds) << "it was never as full again";
  EXPECT_TRUE(end.has_acknowledged_more(near_end));
}

}  // namespace
}  // namespace bytes_handoff::test
