// Relays between TLS and other streams.

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bytes_handoff/relay.hpp"
#include "support/pattern.hpp"
#include "support/relaying/relay_outcome.hpp"
#include "support/streams/tls.hpp"

namespace bytes_handoff::test {
namespace {

using Tcp = net::ip::tcp::socket;

class TlsRelay : public testing::Test {
 protected:
  TlsRelay() {
    auto [out_end, sink_end] = TcpPair::make(context);
    out.emplace(std::move(out_end));
    sink.emplace(std::move(sink_end));
  }

  /// Sends `text` through TLS; then `behind()`.
  template <class Behind>
  void send(Behind behind) {
    net::async_write(*tls.client, net::buffer(text),
                     [behind = std::move(behind)](net_error_code error, std::size_t) {
                       EXPECT_FALSE(error) << error.message();
                       behind();
                     });
  }

  net::io_context context{1};
  TlsPair tls{context};
  std::optional<Tcp> out;
  std::optional<Tcp> sink;
  const std::string text = pattern(300'000);
  HandoffBuffer buffer;
  RelayOutcome outcome;
};

TEST_F(TlsRelay, a_close_notify_becomes_a_fin) {
  Collector<Tcp> collected(*sink);
  send([this] { tls.client->async_shutdown([](net_error_code) {}); });
  async_relay(buffer, *tls.server, *out, outcome.handler());
  ASSERT_TRUE(run_until(context, [&] { return outcome.is_over() && collected.is_over(); }));
  outcome.expect({}, {text.size(), text.size(), RelaySide::none});
  EXPECT_TRUE(collected.text() == text);
  EXPECT_EQ(collected.error(), net::error::eof);
}

TEST_F(TlsRelay, a_truncated_input_is_a_reset_behind_all_that_came) {
  Collector<Tcp> collected(*sink);
  send([this] {
    net_error_code ignored;
    tls.client->lowest_layer().shutdown(Tcp::shutdown_send, ignored);  // and no close_notify
  });
  async_relay(buffer, *tls.server, *out, outcome.handler());
  ASSERT_TRUE(run_until(context, [&] { return outcome.is_over() && collected.is_over(); }));
  outcome.expect(net::ssl::error::stream_truncated, {text.size(), text.size(), RelaySide::in});
  EXPECT_TRUE(collected.text() == text);
  EXPECT_EQ(collected.error(), net::error::connection_reset);
}

TEST_F(TlsRelay, through_a_queue_as_well) {
  Collector<Tcp> collected(*sink);
  WriteHandoff queue(std::move(*out), {.max_pending_bytes = 100'000});
  send([this] {
    net_error_code ignored;
    tls.client->lowest_layer().shutdown(Tcp::shutdown_send, ignored);
  });
  async_relay(buffer, *tls.server, queue, outcome.handler());
  ASSERT_TRUE(run_until(context, [&] { return outcome.is_over() && collected.is_over(); }));
  outcome.expect(net::ssl::error::stream_truncated, {text.size(), text.size(), RelaySide::in});
  EXPECT_TRUE(collected.text() == text);
  EXPECT_EQ(collected.error(), net::error::connection_reset);
}

TEST_F(TlsRelay, a_fin_becomes_a_close_notify) {
  Collector<TlsStream> collected(*tls.client);
  net::async_write(*out, net::buffer(text),
                   [this](net_error_code, std::size_t) { out->shutdown(Tcp::shutdown_send); });
  async_relay(buffer, *sink, *tls.server, outcome.handler());
  ASSERT_TRUE(run_until(context, [&] { return outcome.is_over() && collected.is_over(); }));
  outcome.expect({}, {text.size(), text.size(), RelaySide::none});
  EXPECT_TRUE(collected.text() == text);
  EXPECT_EQ(collected.error(), net::error::eof) << collected.error().message();
}

TEST_F(TlsRelay, a_reset_becomes_a_reset_without_a_close_notify) {
  Collector<TlsStream> collected(*tls.client);
  net::async_write(*out, net::buffer(text), [this](net_error_code, std::size_t) {
    out->set_option(net::socket_base::linger(true, 0));
    out->close();
  });
  async_relay(buffer, *sink, *tls.server, outcome.handler());
  ASSERT_TRUE(run_until(context, [&] { return outcome.is_over() && collected.is_over(); }));
  EXPECT_EQ(outcome.error(), net::error::connection_reset);
  EXPECT_EQ(outcome.counts().failed, RelaySide::in);
  EXPECT_EQ(collected.text(), text.substr(0, collected.text().size()));
  EXPECT_EQ(collected.text().size(), outcome.counts().passed_on);
  EXPECT_NE(collected.error(), net::error::eof);
}

TEST_F(TlsRelay, a_terminal_cancellation_ends_a_silent_input) {
  net::cancellation_signal cancel;
  async_relay(buffer, *tls.server, *out,
              net::bind_cancellation_slot(cancel.slot(), outcome.handler()));
  context.restart();
  context.poll();
  cancel.emit(net::cancellation_type::terminal);
  ASSERT_TRUE(run_until(context, [&] { return outcome.is_over(); }));
  outcome.expect(net::error::operation_aborted, {0, 0, RelaySide::none});
  EXPECT_TRUE(out->is_open());
}

}  // namespace
}  // namespace bytes_handoff::test
