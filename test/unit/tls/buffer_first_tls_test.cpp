// TLS behind a ClientHello that was looked at first.
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/adaptors/buffer_first_stream.hpp"
#include "bytes_handoff/joined_writes.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/pattern.hpp"
#include "support/queue/probes.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/streams/tls.hpp"

namespace bytes_handoff::test {
namespace {

using Tcp = net::ip::tcp::socket;
using Client = net::ssl::stream<Tcp>;
using Server = net::ssl::stream<BufferFirstStream<Tcp&>>;
static_assert(kJoinedWriteBytes<Server> == kRecordBytes);
static_assert(detail::LingersAtEnd<Server>);
static_assert(!detail::BuffersWrites<Server>);

constexpr const char* kName = "sniffed.example";

/// A client that shakes hands, a server's socket, and a buffer that reads the ClientHello.
class SniffedTls : public testing::Test {
 protected:
  SniffedTls() {
    use_self_signed_certificate(server_context_.native_handle());
    client_context_.set_verify_mode(net::ssl::verify_none);
    std::string name(kName);
    SSL_ctrl(client.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             name.data());
    client.async_handshake(net::ssl::stream_base::client, client_shaken.handler());
  }

  /// Reads until `n` bytes are there.
  void read_ahead(HandoffBuffer& buffer, std::size_t n) {
    while (buffer.size() < n) {
      CountOutcome read;
      buffer.async_read_available(accepted, read.handler());
      ASSERT_TRUE(run_until(context, [&] { return read.has_come(); }));
      ASSERT_FALSE(read.error()) << read.error().message();
    }
  }
  [[nodiscard]] std::shared_ptr<Server> shake_hands(HandoffBuffer& buffer) {
    auto server =
        std::make_shared<Server>(BufferFirstStream<Tcp&>(buffer, accepted), server_context_);
    Outcome<net_error_code> shaken;
    server->async_handshake(net::ssl::stream_base::server, shaken.handler());
    EXPECT_TRUE(run_until(context, [&] { return shaken.has_come() && client_shaken.has_come(); }));
    EXPECT_FALSE(shaken.get()) << shaken.get().message();
    EXPECT_FALSE(client_shaken.get()) << client_shaken.get().message();
    EXPECT_STREQ(SSL_get_servername(server->native_handle(), TLSEXT_NAMETYPE_host_name), kName);
    return server;
  }

  net::io_context context{1};
  std::pair<Tcp, Tcp> pair = TcpPair::make(context);
  Tcp& accepted = pair.second;

 private:
  net::ssl::context server_context_{net::ssl::context::tlsv13};
  net::ssl::context client_context_{net::ssl::context::tlsv13};

 protected:
  Outcome<net_error_code> client_shaken;
  Client client{std::move(pair.first), client_context_};
};

TEST_F(SniffedTls, ShakesHandsBehindItsClientHello) {
  HandoffBuffer buffer;
  read_ahead(buffer, 5);
  const auto header = buffer.peek();
  const auto length =
      std::to_integer<std::size_t>(header[3]) * 256 + std::to_integer<std::size_t>(header[4]);
  read_ahead(buffer, 5 + length);
  EXPECT_EQ(std::to_integer<int>(buffer.peek()[0]), 22) << "a handshake's record";
  EXPECT_NE(buffer.peek_view().find(kName), std::string::npos);
  const auto server = shake_hands(buffer);
  EXPECT_TRUE(buffer.empty());
}

/// A buffer of the parameter's size, which is full.
class TlsSniffedInPart : public SniffedTls, public testing::WithParamInterface<std::size_t> {};

TEST_P(TlsSniffedInPart, ShakesHandsAllTheSame) {
  HandoffBuffer buffer({.max_size = GetParam()});
  read_ahead(buffer, GetParam());
  const auto server = shake_hands(buffer);
  EXPECT_TRUE(buffer.empty());
}

INSTANTIATE_TEST_SUITE_P(Sizes, TlsSniffedInPart, testing::Values(1, 4, 5, 6, 43, 150));

TEST_F(SniffedTls, IsEndedInOrderByItsQueue) {
  HandoffBuffer buffer;
  read_ahead(buffer, 100);
  const auto server = shake_hands(buffer);
  WriteHandoff out(server);
  EXPECT_TRUE(try_send(out, pattern(100'000)));
  Outcome<net_error_code> closed;
  out.async_close(closed.handler());
  Collector<Client> peer(client);
  ASSERT_TRUE(run_until(context, [&] { return peer.is_over() && closed.has_come(); }));
  EXPECT_TRUE(peer.text() == pattern(100'000));
  EXPECT_EQ(peer.error(), net::error::eof) << peer.error().message();
  EXPECT_FALSE(closed.get()) << closed.get().message();
  std::array<char, 1> room{};
  CountOutcome behind;
  client.next_layer().async_read_some(net::buffer(room), behind.handler());
  ASSERT_TRUE(run_until(context, [&] { return behind.has_come(); }));
  behind.expect(net::error::eof, 0);  // the socket below was ended, too
}

TEST_F(SniffedTls, IsResetByAnAbortOfItsQueue) {
  HandoffBuffer buffer;
  read_ahead(buffer, 100);
  const auto server = shake_hands(buffer);
  Collector<Client> peer(client);
  WriteHandoff out(server);
  out.abort();
  ASSERT_TRUE(run_until(context, [&] { return peer.is_over(); }));
  EXPECT_EQ(peer.error(), net::error::connection_reset) << peer.error().message();
  EXPECT_FALSE(accepted.is_open());
}

}  // namespace
}  // namespace bytes_handoff::test
