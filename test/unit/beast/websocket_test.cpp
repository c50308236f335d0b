#include "bytes_handoff/websocket.hpp"

#include <gtest/gtest.h>

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/write_handoff.hpp"
#include "support/pattern.hpp"
#include "support/queue/probes.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/streams/socket_pairs.hpp"
#include "support/streams/tls.hpp"

namespace bytes_handoff::test {
namespace {

namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using Tcp = net::ip::tcp::socket;
using Seen = std::vector<std::string>;

/// The header of a client's binary message of ten bytes, with a mask that changes none.
const std::string kFrameOfTen("\x82\x8A\0\0\0\0", 6);

/// The two ends of a connection over `Next`, before the handshake of the WebSocket.
template <class Next>
struct Layers {
  explicit Layers(net::io_context& context) {
    auto [near, far] = TcpPair::make(context);
    server = std::make_shared<websocket::stream<Next>>(std::move(near));
    client = std::make_shared<websocket::stream<Next>>(std::move(far));
  }
  std::shared_ptr<websocket::stream<Next>> server;
  std::shared_ptr<websocket::stream<Next>> client;
};

template <>
struct Layers<beast::ssl_stream<beast::tcp_stream>> {
  using Next = beast::ssl_stream<beast::tcp_stream>;
  explicit Layers(net::io_context& context) {
    use_self_signed_certificate(server_context.native_handle());
    auto [near, far] = TcpPair::make(context);
    server = std::make_shared<websocket::stream<Next>>(std::move(near), server_context);
    client = std::make_shared<websocket::stream<Next>>(std::move(far), client_context);
    int hands = 0;
    const auto shaken = [&](net_error_code error) {
      EXPECT_FALSE(error) << error.message();
      ++hands;
    };
    server->next_layer().async_handshake(net::ssl::stream_base::server, shaken);
    client->next_layer().async_handshake(net::ssl::stream_base::client, shaken);
    EXPECT_TRUE(run_until(context, [&] { return hands == 2; }));
  }
  net::ssl::context server_context{net::ssl::context::tlsv13};
  net::ssl::context client_context{net::ssl::context::tlsv13};
  std::shared_ptr<websocket::stream<Next>> server;
  std::shared_ptr<websocket::stream<Next>> client;
};

/// Reads to the end, and lists what came: `text:`, `binary:`, `ping:`, `pong:`, then the end.
template <class WebSocket>
class Listener {
 public:
  explicit Listener(WebSocket& stream) : stream_(stream) {
    stream_.control_callback([this](websocket::frame_type kind, beast::string_view payload) {
      if (kind != websocket::frame_type::close) {
        seen_.push_back((kind == websocket::frame_type::ping ? "ping:" : "pong:") +
                        std::string(payload));
      }
    });
    read();
  }

  [[nodiscard]] const Seen& seen() const { return seen_; }
  [[nodiscard]] bool is_over() const { return is_over_; }
  [[nodiscard]] net_error_code error() const { return error_; }

 private:
  void read() {
    stream_.async_read(buffer_, [this](net_error_code error, std::size_t) {
      if (error) {
        error_ = error;
        is_over_ = true;
        if (error == websocket::error::closed) {
          seen_.push_back(
              "close:" + std::to_string(stream_.reason().code) + ":" +
              std::string(stream_.reason().reason.data(), stream_.reason().reason.size()));
        }
        return;
      }
      seen_.push_back((stream_.got_text() ? "text:" : "binary:") +
                      beast::buffers_to_string(buffer_.data()));
      buffer_.clear();
      read();
    });
  }

  WebSocket& stream_;
  beast::flat_buffer buffer_;
  Seen seen_;
  net_error_code error_;
  bool is_over_ = false;
};

template <class Next>
class WebSocketHandoff : public testing::Test {
 protected:
  using WebSocket = websocket::stream<Next>;

  void SetUp() override {
    int hands = 0;
    const auto shaken = [&](net_error_code error) {
      EXPECT_FALSE(error) << error.message();
      ++hands;
    };
    near->async_accept(shaken);
    far->async_handshake("localhost", "/", shaken);
    ASSERT_TRUE(run_until(context, [&] { return hands == 2; }));
  }

  void reconnect() {
    layers = Layers<Next>(context);
    near = layers.server;
    far = layers.client;
    SetUp();
  }
  void listen() { peer.emplace(*far); }
  void expect_peer_saw(const Seen& expected) {
    ASSERT_TRUE(run_until(context, [&] { return peer->is_over(); }));
    EXPECT_EQ(peer->seen(), expected);
  }
  /// The client's side of the wire.
  void send_raw(const std::string& bytes) {
    CountOutcome sent;
    net::async_write(far->next_layer(), net::buffer(bytes), sent.handler());
    ASSERT_TRUE(run_until(context, [&] { return sent.has_come(); }));
  }
  void let_peer_close(const websocket::close_reason& reason, const Listener<WebSocket>& reader) {
    far->async_close(reason, [](net_error_code) {});
    ASSERT_TRUE(run_until(context, [&] { return reader.is_over(); }));
  }
  [[nodiscard]] net_error_code close(WriteHandoff& out) {
    Outcome<net_error_code> closed;
    out.async_close(closed.handler());
    run_to(closed);
    return closed.get();
  }
  void run_to(const Outcome<net_error_code>& outcome) {
    ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
  }

  net::io_context context{1};
  Layers<Next> layers{context};
  std::shared_ptr<WebSocket> near = layers.server;
  std::shared_ptr<WebSocket> far = layers.client;
  std::optional<Listener<WebSocket>> peer;
};

using Nexts = testing::Types<Tcp, beast::tcp_stream, beast::ssl_stream<beast::tcp_stream>>;
TYPED_TEST_SUITE(WebSocketHandoff, Nexts);

TYPED_TEST(WebSocketHandoff, GivesThePeerEachKindInTheOrderOfAdmission) {
  this->listen();
  WriteHandoff out(this->near);
  std::vector<Bytes> all{
      websocket_binary(text("b")), websocket_ping("p"),        websocket_text(text("t")),
      websocket_pong("q"),         websocket_ping(),           websocket_text(Bytes()),
      websocket_binary(Bytes()),   text("as the stream says"), Bytes()};
  ASSERT_TRUE(out.try_write(all));
  ASSERT_TRUE(try_send(out, websocket_close({websocket::close_code::going_away, "why"})));
  this->expect_peer_saw({"binary:b", "ping:p", "text:t", "pong:q", "ping:", "text:", "binary:",
                         "text:as the stream says", "text:", "close:1001:why"});
}

TYPED_TEST(WebSocketHandoff, WorksForTheClientToo) {
  Listener<typename TestFixture::WebSocket> server(*this->near);
  WriteHandoff out(this->far);
  const std::string large = pattern(100'000);
  ASSERT_TRUE(try_send(out, websocket_binary(text(large))));
  ASSERT_TRUE(try_send(out, websocket_text(text("t"))));
  EXPECT_FALSE(this->close(out));
  ASSERT_TRUE(run_until(this->context, [&] { return server.is_over(); }));
  EXPECT_EQ(server.seen(), (Seen{"binary:" + large, "text:t", "close:1000:"}));
}

TYPED_TEST(WebSocketHandoff, LeavesTheStreamsOwnSettingAsItIs) {
  this->listen();
  this->near->binary(true);
  WriteHandoff out(this->near);
  ASSERT_TRUE(try_send(out, websocket_text(text("1"))));
  ASSERT_TRUE(try_send(out, "2"));
  ASSERT_TRUE(try_send(out, websocket_text(text("345")).slice(1, 2).value()));
  ASSERT_TRUE(try_send(out, "6"));
  out.close();
  this->expect_peer_saw({"text:1", "binary:2", "text:45", "binary:6", "close:1000:"});
  EXPECT_TRUE(this->near->binary());
}

TYPED_TEST(WebSocketHandoff, CloseIsTheClosingHandshakeBehindAllThatWasAdmitted) {
  this->listen();
  WriteHandoff out(this->near);
  std::vector<Bytes> many(200, websocket_text(text("m")));
  auto ticket = out.try_write(many);
  EXPECT_FALSE(this->close(out));
  EXPECT_TRUE(ticket->is_done());
  Seen expected(200, "text:m");
  expected.emplace_back("close:1000:");
  this->expect_peer_saw(expected);
  run_ready(this->context);
  EXPECT_FALSE(this->near->is_open());
  EXPECT_EQ(this->near.use_count(), 2) << "the queue keeps its stream";
}

TYPED_TEST(WebSocketHandoff, AnExplicitCloseWinsAndWhatIsBehindItIsTold) {
  this->listen();
  WriteHandoff out(this->near);
  auto last = try_send(out, websocket_close(websocket::close_code::policy_error));
  auto behind = try_send(out, websocket_text(text("lost")));
  Outcome<net_error_code> closed;
  out.async_close(closed.handler());
  this->expect_peer_saw({"close:1008:"});
  this->run_to(closed);
  EXPECT_EQ(closed.get(), Errc::closed);
  CountOutcome of_last;
  CountOutcome of_behind;
  last->async_wait(of_last.handler());
  behind->async_wait(of_behind.handler());
  run_ready(this->context);
  of_last.expect({}, 0);
  EXPECT_EQ(of_behind.error(), Errc::closed);
}

TYPED_TEST(WebSocketHandoff, AnExplicitCloseAloneEndsTheQueueInOrder) {
  this->listen();
  WriteHandoff out(this->near);
  Outcome<net_error_code> closed;
  out.async_closed(closed.handler());
  ASSERT_TRUE(try_send(out, websocket_close()));
  this->run_to(closed);
  EXPECT_FALSE(closed.get()) << closed.get().message();
  this->expect_peer_saw({"close:1000:"});
  out.close();
  EXPECT_FALSE(out.first_error());
}

TYPED_TEST(WebSocketHandoff, APeerThatNeverAnswersTheCloseIsBoundedByItsTime) {
  for (const bool is_explicit : {false, true}) {
    this->reconnect();
    WriteHandoff out(this->near, {.close_timeout = std::chrono::milliseconds(20)});
    if (is_explicit) {
      ASSERT_TRUE(try_send(out, websocket_close()));
    } else {
      out.close();
    }
    Outcome<net_error_code> closed;
    out.async_closed(closed.handler());
    this->run_to(closed);
    EXPECT_EQ(closed.get(), Errc::timed_out);
    run_ready(this->context);
    EXPECT_FALSE(detail::lowest_socket(*this->near).is_open());
    // The peer reads now: a reset may have destroyed what it had not read.
    this->listen();
    ASSERT_TRUE(run_until(this->context, [&] { return this->peer->is_over(); }));
    EXPECT_NE(this->peer->error(), websocket::error::closed);
  }
}

TYPED_TEST(WebSocketHandoff, AnAbortResetsTheConnectionAndEndsTheRead) {
  this->listen();
  Listener<typename TestFixture::WebSocket> reader(*this->near);
  WriteHandoff out(this->near);
  run_ready(this->context);
  out.abort();
  ASSERT_TRUE(run_until(this->context, [&] { return reader.is_over(); }));
  EXPECT_EQ(reader.error(), net::error::operation_aborted);
  this->expect_peer_saw({});
  EXPECT_EQ(this->peer->error(), net::error::connection_reset) << this->peer->error().message();
}

TYPED_TEST(WebSocketHandoff, TheLastHandlesDropResetsBehindWhatWasAdmitted) {
  this->listen();
  {
    WriteHandoff out(this->near);
    ASSERT_TRUE(try_send(out, websocket_text(text("all of it"))));
  }
  this->expect_peer_saw({"text:all of it"});
  EXPECT_EQ(this->peer->error(), net::error::connection_reset) << this->peer->error().message();
}

TYPED_TEST(WebSocketHandoff, OwnsItsStreamAndDropsItAtTheEnd) {
  this->listen();
  const std::weak_ptr<typename TestFixture::WebSocket> alive = this->near;
  WriteHandoff out(std::move(*this->near));
  this->near.reset();
  this->layers.server.reset();
  EXPECT_TRUE(alive.expired());
  ASSERT_TRUE(try_send(out, websocket_text(text("t"))));
  out.close();
  this->expect_peer_saw({"text:t", "close:1000:"});
  ASSERT_TRUE(run_out(this->context)) << "something of the stream is left";
}

// The queue writes while another reads: messages, pings that Beast answers, and the peer's own.
TYPED_TEST(WebSocketHandoff, SharesItsStreamWithAReader) {
  Listener<typename TestFixture::WebSocket> reader(*this->near);
  this->listen();
  WriteHandoff out(this->near);
  WriteHandoff back(this->far);
  for (int i = 0; i != 50; ++i) {
    ASSERT_TRUE(try_send(out, websocket_text(text("to"))));
    ASSERT_TRUE(try_send(back, websocket_text(text("fro"))));
    ASSERT_TRUE(try_send(back, websocket_ping("?")));
  }
  ASSERT_TRUE(run_until(this->context, [&] {
    return this->peer->seen().size() >= 51 && reader.seen().size() == 100;
  }));
  back.close();
  ASSERT_TRUE(run_until(this->context, [&] { return reader.is_over(); }));
  EXPECT_EQ(reader.error(), websocket::error::closed);
}

// What Beast's closing handshake does with a read that is under way.
TYPED_TEST(WebSocketHandoff, ACloseTakesTheReadsOver) {
  Listener<typename TestFixture::WebSocket> reader(*this->near);
  run_ready(this->context);
  WriteHandoff out(this->near);
  Outcome<net_error_code> closed;
  out.async_close(closed.handler());
  run_ready(this->context);
  this->send_raw(kFrameOfTen + "discarded!");
  this->listen();
  this->run_to(closed);
  EXPECT_FALSE(closed.get()) << closed.get().message();
  ASSERT_TRUE(run_until(this->context, [&] { return reader.is_over(); }));
  EXPECT_EQ(reader.error(), net::error::operation_aborted) << reader.error().message();
  EXPECT_EQ(reader.seen(), Seen{});
  this->expect_peer_saw({"close:1000:"});
}

// ... and with one that is in the middle of a frame, the last piece of which comes next, or does
// not.
TYPED_TEST(WebSocketHandoff, ACloseLeavesAReadTheNextPieceOfItsFrame) {
  for (const std::string next : {"+rest", "+re"}) {
    this->reconnect();
    Listener<typename TestFixture::WebSocket> reader(*this->near);
    this->send_raw(kFrameOfTen + "first");
    run_ready(this->context);
    WriteHandoff out(this->near);
    Outcome<net_error_code> closed;
    out.async_close(closed.handler());
    run_ready(this->context);
    this->send_raw(next);
    run_ready(this->context);
    this->send_raw(std::string("+rest").substr(next.size()));
    this->listen();
    this->run_to(closed);
    EXPECT_FALSE(closed.get()) << closed.get().message();
    ASSERT_TRUE(run_until(this->context, [&] { return reader.is_over(); }));
    EXPECT_EQ(reader.error(), net::error::operation_aborted) << reader.error().message();
    EXPECT_EQ(reader.seen(), next == "+rest" ? Seen{"binary:first+rest"} : Seen{});
    this->expect_peer_saw({"close:1000:"});
  }
}

TYPED_TEST(WebSocketHandoff, OfAFailureOnlyTheFirstOfReaderAndQueueIsToldMore) {
  Listener<typename TestFixture::WebSocket> reader(*this->near);
  WriteHandoff out(this->near);
  Outcome<net_error_code> closed;
  out.async_closed(closed.handler());
  detail::reset_stream(*this->far);
  ASSERT_TRUE(run_until(this->context, [&] { return reader.is_over(); }));
  EXPECT_NE(reader.error(), net::error::operation_aborted);
  ASSERT_TRUE(try_send(out, websocket_text(text("t"))));
  this->run_to(closed);
  EXPECT_EQ(closed.get(), net::error::operation_aborted) << closed.get().message();
}

TYPED_TEST(WebSocketHandoff, WhereThePeerClosedFirstACloseEndsInOrder) {
  Listener<typename TestFixture::WebSocket> reader(*this->near);
  WriteHandoff out(this->near);
  this->let_peer_close({websocket::close_code::normal, "enough"}, reader);
  EXPECT_EQ(reader.seen(), Seen{"close:1000:enough"});
  EXPECT_FALSE(this->close(out));
}

TYPED_TEST(WebSocketHandoff, WhereThePeerClosedWithoutACodeACloseIsToldThatItWasAborted) {
  Listener<typename TestFixture::WebSocket> reader(*this->near);
  WriteHandoff out(this->near);
  this->let_peer_close(websocket::close_code::none, reader);
  const net_error_code closed = this->close(out);
  EXPECT_EQ(closed, net::error::operation_aborted) << closed.message();
}

TYPED_TEST(WebSocketHandoff, WhereThePeerClosedFirstAWriteIsToldSo) {
  Listener<typename TestFixture::WebSocket> reader(*this->near);
  WriteHandoff out(this->near);
  this->let_peer_close(websocket::close_code::normal, reader);
  Outcome<net_error_code> closed;
  out.async_closed(closed.handler());
  auto ticket = try_send(out, websocket_ping());
  this->run_to(closed);
  EXPECT_EQ(closed.get(), websocket::error::closed) << closed.get().message();
}

TYPED_TEST(WebSocketHandoff, ATagOfAnotherStreamIsAnError) {
  WriteHandoff out(this->near);
  ASSERT_TRUE(try_send(out, tag_message(text("?"), 77)));
  Outcome<net_error_code> closed;
  out.async_closed(closed.handler());
  this->run_to(closed);
  EXPECT_EQ(closed.get(), net::error::invalid_argument);
}

TEST(WebSocketMessages, HaveTheBytesAndRefuseWhatAControlFrameCannotHold) {
  EXPECT_EQ(websocket_text(text("t")), text("t"));
  EXPECT_EQ(websocket_ping(std::string(125, 'p')).size(), 125U);
  EXPECT_EQ(websocket_pong("q"), text("q"));
  EXPECT_EQ(websocket_close({websocket::close_code::normal, "bye"}), text("bye"));
  EXPECT_THROW(static_cast<void>(websocket_ping(std::string(126, 'p'))), std::length_error);
  EXPECT_THROW(static_cast<void>(websocket_pong(std::string(126, 'p'))), std::length_error);
}

class DerivedWebSocket : public websocket::stream<beast::tcp_stream> {
 public:
  using websocket::stream<beast::tcp_stream>::stream;
};

static_assert(detail::MessageStream<DerivedWebSocket>);
static_assert(detail::MessageStream<websocket::stream<Tcp, false>>);
static_assert(detail::EndsKnown<DerivedWebSocket>);
static_assert(detail::LingersAtEnd<DerivedWebSocket>);
static_assert(!detail::MessageStream<beast::tcp_stream>);

}  // namespace
}  // namespace bytes_handoff::test
