#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/asio/ending/linger.hpp"
#include "bytes_handoff/core/queue/queue_config.hpp"
#include "bytes_handoff/end_write.hpp"
#include "bytes_handoff/linger.hpp"
#include "support/queue/probes.hpp"
#include "support/streams/tls.hpp"

namespace bytes_handoff::test {
namespace {

using Tcp = net::ip::tcp::socket;

/// A TCP socket whose writes wait, while they are held.
class HeldSocket {
 public:
  using executor_type = Tcp::executor_type;
  using lowest_layer_type = Tcp;

  explicit HeldSocket(Tcp socket) : socket_(std::move(socket)) {}
  [[nodiscard]] executor_type get_executor() noexcept { return socket_.get_executor(); }
  [[nodiscard]] lowest_layer_type& lowest_layer() noexcept { return socket_; }
  [[nodiscard]] const lowest_layer_type& lowest_layer() const noexcept { return socket_; }

  template <class Room, class Token>
  auto async_read_some(const Room& room, Token&& token) {
    return socket_.async_read_some(room, std::forward<Token>(token));
  }
  template <class From, class Token>
  auto async_write_some(const From& from, Token&& token) {
    return net::async_initiate<Token, void(net_error_code, std::size_t)>(
        [this](auto handler, const From& bytes) {
          if (!is_holding_) {
            socket_.async_write_some(bytes, std::move(handler));
            return;
          }
          EXPECT_EQ(held_, nullptr) << "two writes at a time";
          auto write = [this, bytes, handler = std::move(handler)]() mutable {
            socket_.async_write_some(bytes, std::move(handler));
          };
          held_ = std::make_unique<HeldOf<decltype(write)>>(std::move(write));
        },
        token, from);
  }

  void hold() { is_holding_ = true; }
  [[nodiscard]] bool is_held() const { return held_ != nullptr; }
  void release() {
    is_holding_ = false;
    if (const auto held = std::exchange(held_, nullptr)) {
      held->write();
    }
  }

 private:
  struct Held {
    virtual ~Held() = default;
    virtual void write() = 0;
  };
  template <class Write>
  struct HeldOf final : Held {
    explicit HeldOf(Write write) : write_(std::move(write)) {}
    void write() override { write_(); }
    Write write_;
  };

  Tcp socket_;
  bool is_holding_ = false;
  std::unique_ptr<Held> held_;
};

Tcp& layer_to_end(HeldSocket& stream) { return stream.lowest_layer(); }

using HeldTls = net::ssl::stream<HeldSocket>;
static_assert(detail::EndsKnown<net::ssl::stream<Tcp>>);
static_assert(detail::EndsKnown<net::ssl::stream<Tcp&>>);
static_assert(detail::EndsKnown<HeldTls>);
static_assert(detail::LingersAtEnd<HeldTls>);
static_assert(!detail::BuffersWrites<HeldTls>);
static_assert(detail::BuffersWrites<net::ssl::stream<net::buffered_write_stream<Tcp>>>);

/// A read of whatever comes, once.
class OneRead {
 public:
  explicit OneRead(HeldTls& stream) {
    stream.async_read_some(net::buffer(room_), [this](net_error_code error, std::size_t n) {
      over_.handler()(error, n);
      n_ = n;
    });
  }
  [[nodiscard]] bool is_over() const { return over_.has_come(); }
  [[nodiscard]] const net_error_code& error() const { return over_.error(); }
  [[nodiscard]] std::string text() const { return room_.substr(0, n_); }

 private:
  CountOutcome over_;
  std::string room_ = std::string(1000, '\0');
  std::size_t n_ = 0;
};

class TlsEndOf : public testing::TestWithParam<net::ssl::context::method> {
 protected:
  TlsEndOf() {
    use_self_signed_certificate(server_context_.native_handle());
    client_context_.set_verify_mode(net::ssl::verify_none);
    auto [one, two] = TcpPair::make(context);
    near_end = std::make_shared<HeldTls>(HeldSocket(std::move(one)), client_context_);
    far_end = std::make_shared<HeldTls>(HeldSocket(std::move(two)), server_context_);
    int hands = 0;
    const auto shaken = [&](net_error_code error) {
      EXPECT_FALSE(error) << error.message();
      ++hands;
    };
    near_end->async_handshake(net::ssl::stream_base::client, shaken);
    far_end->async_handshake(net::ssl::stream_base::server, shaken);
    EXPECT_TRUE(run_until(context, [&] { return hands == 2; }));
  }

  void send(HeldTls& stream, const std::string& text) {
    CountOutcome sent;
    net::async_write(stream, net::buffer(text), sent.handler());
    ASSERT_TRUE(run_until(context, [&] { return sent.has_come(); }));
    sent.expect({}, text.size());
  }
  void end(HeldTls& stream) {
    Outcome<net_error_code> ended;
    detail::start_end_write(stream, ended.handler());
    ASSERT_TRUE(run_until(context, [&] { return ended.has_come(); }));
    EXPECT_FALSE(ended.get()) << ended.get().message();
  }
  void expect_rest(HeldTls& stream, const std::string& text, const net_error_code& end) {
    const Collector<HeldTls> peer(stream);
    ASSERT_TRUE(run_until(context, [&] { return peer.is_over(); }));
    EXPECT_EQ(peer.text(), text);
    EXPECT_EQ(peer.error(), end) << peer.error().message();
  }
  /// The connection below, too, has ended that way.
  void expect_end_below(HeldTls& stream) {
    Tcp& socket = stream.lowest_layer();
    char byte = 0;
    net_error_code error;
    socket.non_blocking(true);
    EXPECT_EQ(socket.read_some(net::buffer(&byte, 1), error), 0U);
    EXPECT_EQ(error, net::error::eof) << error.message();
  }

  net::io_context context{1};
  net::ssl::context server_context_{GetParam()};
  net::ssl::context client_context_{GetParam()};
  std::shared_ptr<HeldTls> near_end;
  std::shared_ptr<HeldTls> far_end;
};

INSTANTIATE_TEST_SUITE_P(Versions, TlsEndOf,
                         testing::Values(net::ssl::context::tlsv12, net::ssl::context::tlsv13),
                         [](const auto& version) {
                           return version.param == net::ssl::context::tlsv12 ? "Tls12" : "Tls13";
                         });

TEST_P(TlsEndOf, a_message_is_told_as_its_end_and_waits_for_no_answer) {
  send(*near_end, "all of it");
  end(*near_end);
  expect_rest(*far_end, "all of it", net::error::eof);
  expect_end_below(*far_end);
}

TEST_P(TlsEndOf, a_message_reads_nothing) {
  send(*far_end, "answer");
  near_end->lowest_layer().wait(Tcp::wait_read);
  const std::size_t before = near_end->lowest_layer().available();
  end(*near_end);
  ASSERT_TRUE(run_out(context)) << "something waits for the peer";
  EXPECT_GT(before, 0U);
  EXPECT_GE(near_end->lowest_layer().available(), before);
}

TEST_P(TlsEndOf, a_message_leaves_the_answer_to_a_read_that_was_pending_before) {
  const OneRead read(*near_end);
  run_ready(context);
  end(*near_end);
  EXPECT_FALSE(read.is_over()) << read.error().message();
  send(*far_end, "answer");
  ASSERT_TRUE(run_until(context, [&] { return read.is_over(); }));
  EXPECT_EQ(read.text(), "answer");
  end(*far_end);
  expect_rest(*near_end, "", net::error::eof);
}

TEST_P(TlsEndOf, a_message_leaves_the_answer_to_a_read_that_starts_behind_it) {
  end(*near_end);
  expect_rest(*far_end, "", net::error::eof);
  send(*far_end, "answer");
  end(*far_end);
  expect_rest(*near_end, "answer", net::error::eof);
}

TEST_P(TlsEndOf, a_message_from_inside_of_a_reads_handler_leaves_it_the_rest) {
  send(*far_end, "answer");
  std::string room(3, '\0');
  Outcome<net_error_code> ended;
  bool was_read = false;
  near_end->async_read_some(net::buffer(room), [&](net_error_code error, std::size_t n) {
    EXPECT_FALSE(error) << error.message();
    EXPECT_EQ(n, 3U);
    was_read = true;
    detail::start_end_write(*near_end, ended.handler());
  });
  ASSERT_TRUE(run_until(context, [&] { return ended.has_come(); }));
  EXPECT_TRUE(was_read);
  EXPECT_FALSE(ended.get()) << ended.get().message();
  end(*far_end);
  expect_rest(*near_end, "wer", net::error::eof);
}

TEST_P(TlsEndOf, a_message_leaves_a_cut_off_answer_cut_off) {
  end(*near_end);
  send(*far_end, "ans");
  far_end->lowest_layer().shutdown(Tcp::shutdown_send);
  expect_rest(*near_end, "ans", net::ssl::error::stream_truncated);
}

TEST_P(TlsEndOf, a_message_behind_the_peers_own_end_is_told_too) {
  end(*far_end);
  expect_rest(*near_end, "", net::error::eof);
  send(*near_end, "late");
  end(*near_end);
  expect_rest(*near_end, "", net::error::eof);
  expect_rest(*far_end, "late", net::error::eof);
}

TEST_P(TlsEndOf, a_message_that_was_told_already_ends_the_connection_below) {
  end(*near_end);
  end(*near_end);
  expect_rest(*far_end, "", net::error::eof);
  expect_end_below(*far_end);
}

TEST_P(TlsEndOf, a_message_behind_a_write_that_is_under_way_is_told_when_that_is_over) {
  const std::string text(1000, 'x');
  near_end->next_layer().hold();
  CountOutcome sent;
  net::async_write(*near_end, net::buffer(text), sent.handler());
  Outcome<net_error_code> ended;
  detail::start_end_write(*near_end, ended.handler());
  run_ready(context);
  EXPECT_FALSE(ended.has_come());
  near_end->next_layer().release();
  ASSERT_TRUE(run_until(context, [&] { return ended.has_come(); }));
  EXPECT_FALSE(ended.get()) << ended.get().message();
  sent.expect({}, text.size());
  const Collector<HeldTls> peer(*far_end);
  ASSERT_TRUE(run_until(context, [&] { return peer.is_over(); }));
  EXPECT_EQ(peer.text(), text);
  // It comes twice. The peer's Asio calls that cut off; OpenSSL, and others, take the first.
  EXPECT_EQ(SSL_get_shutdown(far_end->native_handle()), SSL_RECEIVED_SHUTDOWN);
}

// Two writes that overlap, as a user's must not: the first is held, the second fills the buffer
// that OpenSSL writes to. A read that answers a renegotiation has the same effect.
class TlsEndWithoutRoom : public TlsEndOf {
 protected:
  static constexpr std::size_t kFillBytes = 16 * 1024;
  const std::string text = std::string(kFillBytes, 'x');

  void fill() {
    near_end->next_layer().hold();
    for (CountOutcome& write : sent_) {
      near_end->async_write_some(net::buffer(text), write.handler());
    }
    near_end->async_write_some(net::buffer(text, 500), small_.handler());
    run_ready(context);
    ASSERT_TRUE(near_end->next_layer().is_held());
  }
  [[nodiscard]] bool was_shut() const { return SSL_get_shutdown(near_end->native_handle()) != 0; }

 private:
  CountOutcome sent_[2];
  CountOutcome small_;
};

INSTANTIATE_TEST_SUITE_P(Versions, TlsEndWithoutRoom,
                         testing::Values(net::ssl::context::tlsv12, net::ssl::context::tlsv13),
                         [](const auto& version) {
                           return version.param == net::ssl::context::tlsv12 ? "Tls12" : "Tls13";
                         });

TEST_P(TlsEndWithoutRoom, waits_for_it_and_reads_nothing) {
  fill();
  Outcome<net_error_code> ended;
  detail::start_end_write(*near_end, ended.handler());
  run_ready(context);
  EXPECT_FALSE(was_shut());
  near_end->next_layer().release();
  const std::string last(3000, 'y');
  CountOutcome flushing;
  net::async_write(*near_end, net::buffer(last), flushing.handler());
  ASSERT_TRUE(run_until(context, [&] { return ended.has_come(); }));
  EXPECT_FALSE(ended.get()) << ended.get().message();
  expect_rest(*far_end, text + text + text.substr(0, 500) + last, net::error::eof);
  send(*far_end, "answer");
  const OneRead read(*near_end);
  ASSERT_TRUE(run_until(context, [&] { return read.is_over(); }));
  EXPECT_EQ(read.text(), "answer");
}

TEST_P(TlsEndWithoutRoom, is_cancelled_while_it_waits) {
  fill();
  net::cancellation_signal signal;
  Outcome<net_error_code> ended;
  detail::start_end_write(*near_end, net::bind_cancellation_slot(signal.slot(), ended.handler()));
  run_ready(context);
  signal.emit(net::cancellation_type::terminal);
  ASSERT_TRUE(run_until(context, [&] { return ended.has_come(); }));
  EXPECT_EQ(ended.get(), net::error::operation_aborted);
  EXPECT_FALSE(was_shut());
  near_end->next_layer().release();
  ASSERT_TRUE(run_out(context));
}

TEST_P(TlsEndOf, a_connection_without_a_handshake_is_an_error_and_no_end_below) {
  auto [one, two] = TcpPair::make(context);
  HeldTls raw(HeldSocket(std::move(one)), client_context_);
  Outcome<net_error_code> ended;
  detail::start_end_write(raw, ended.handler());
  ASSERT_TRUE(run_until(context, [&] { return ended.has_come(); }));
  EXPECT_TRUE(ended.get());
  char byte = 0;
  net_error_code error;
  two.non_blocking(true);
  two.read_some(net::buffer(&byte, 1), error);
  EXPECT_EQ(error, net::error::would_block) << error.message();
}

TEST_P(TlsEndOf, a_connection_by_a_reset_is_an_error_for_the_peer) {
  send(*near_end, "half of");
  const OneRead read(*near_end);
  run_ready(context);
  detail::reset_stream(*near_end);
  ASSERT_TRUE(run_until(context, [&] { return read.is_over(); }));
  EXPECT_EQ(read.error(), net::error::operation_aborted);
  expect_rest(*far_end, "half of", net::error::connection_reset);
}

TEST_P(TlsEndOf, a_connection_that_is_marked_is_an_error_for_the_peer) {
  send(*near_end, "half of");
  detail::mark_for_reset(*near_end);
  near_end.reset();
  expect_rest(*far_end, "half of", net::error::connection_reset);
}

TEST_P(TlsEndOf, an_owned_stream_is_drained_from_the_socket_below) {
  end(*near_end);
  send(*far_end, std::string(1000, 'x'));
  const std::weak_ptr<HeldTls> owned = near_end;
  const auto until = std::chrono::steady_clock::now() + std::chrono::hours(1);
  detail::start_lingering(std::move(near_end),
                          {detail::kMaxLingerBytes, std::chrono::seconds(10), until, nullptr});
  run_ready(context);
  EXPECT_FALSE(owned.expired());
  send(*far_end, std::string(1000, 'x'));
  expect_rest(*far_end, "", net::error::eof);
  end(*far_end);
  ASSERT_TRUE(run_out(context));
  EXPECT_TRUE(owned.expired());
}

TEST_P(TlsEndOf, a_shared_stream_can_linger) {
  end(*near_end);
  CountOutcome over;
  async_linger(*near_end, {}, over.handler());
  send(*far_end, "answer");
  far_end->lowest_layer().shutdown(Tcp::shutdown_send);
  ASSERT_TRUE(run_until(context, [&] { return over.has_come(); }));
  EXPECT_FALSE(over.error()) << over.error().message();
}

TEST_P(TlsEndOf, a_stream_that_stands_on_a_buffer_flushes_its_close_notify) {
  using Buffered = net::ssl::stream<net::buffered_write_stream<Tcp&>>;
  auto [one, two] = TcpPair::make(context);
  Buffered stream(one, client_context_);
  HeldTls peer(HeldSocket(std::move(two)), server_context_);
  int hands = 0;
  const auto shaken = [&](net_error_code error) {
    EXPECT_FALSE(error) << error.message();
    ++hands;
  };
  stream.async_handshake(net::ssl::stream_base::client, shaken);
  peer.async_handshake(net::ssl::stream_base::server, shaken);
  for (int turns = 0; hands != 2 && turns != 1000; ++turns) {
    run_ready(context);
    CountOutcome flushed;
    detail::start_flush(stream, flushed.handler());
    ASSERT_TRUE(run_until(context, [&] { return flushed.has_come(); }));
  }
  ASSERT_EQ(hands, 2);
  CountOutcome sent;
  net::async_write(stream, net::buffer("kept", 4), sent.handler());
  ASSERT_TRUE(run_until(context, [&] { return sent.has_come(); }));
  Outcome<net_error_code> ended;
  detail::start_end_write(stream, ended.handler());
  ASSERT_TRUE(run_until(context, [&] { return ended.has_come(); }));
  EXPECT_FALSE(ended.get()) << ended.get().message();
  expect_rest(peer, "kept", net::error::eof);
}

}  // namespace
}  // namespace bytes_handoff::test
