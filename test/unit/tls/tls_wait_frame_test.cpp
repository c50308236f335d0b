// Frames over TLS: an end without the peer's close_notify is no clean end, wherever it comes.

#include <string>
#include <string_view>

#include "bytes_handoff/framers.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "support/queue/probes.hpp"
#include "support/streams/tls.hpp"

namespace bytes_handoff::test {
namespace {

class TlsWaitFrame : public testing::Test {
 protected:
  void send(std::string_view bytes) {
    CountOutcome sent;
    net::async_write(*pair.server, net::buffer(bytes), sent.handler());
    ASSERT_TRUE(run_until(context, [&] { return sent.has_come(); }));
  }
  void cut() { pair.server->lowest_layer().shutdown(net::socket_base::shutdown_send); }
  void expect_wait(const net_error_code& error, std::size_t n) {
    CountOutcome outcome;
    buffer.async_wait_frame(*pair.client, lines, outcome.handler());
    ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
    outcome.expect(error, n);
  }
  void take(std::size_t n) { EXPECT_TRUE(buffer.advance(n).has_value()); }

  net::io_context context{1};
  TlsPair pair{context};
  HandoffBuffer buffer;
  DelimiterFramer lines{"\n"};
};

TEST_F(TlsWaitFrame, a_cut_behind_the_last_frame_is_an_error) {
  send("one\ntwo\n");
  cut();
  expect_wait({}, 4);
  take(4);
  expect_wait({}, 4);
  take(4);
  expect_wait(net::ssl::error::stream_truncated, 0);
}

TEST_F(TlsWaitFrame, a_cut_inside_of_a_frame_is_the_streams_error_and_the_rest_stays) {
  send("one\ntw");
  cut();
  expect_wait({}, 4);
  take(4);
  expect_wait(net::ssl::error::stream_truncated, 0);
  EXPECT_EQ(buffer.peek_view(), "tw");
}

TEST_F(TlsWaitFrame, a_close_notify_behind_the_last_frame_is_the_clean_end) {
  send("one\n");
  pair.server->async_shutdown([](net_error_code) {});
  expect_wait({}, 4);
  take(4);
  expect_wait({}, 0);
}

TEST_F(TlsWaitFrame, a_frame_of_many_records_is_one_frame) {
  const std::string frame = std::string(5000, 'x') + '\n';
  CountOutcome outcome;
  buffer.async_wait_frame(*pair.client, lines, outcome.handler());
  for (std::size_t at = 0; at < frame.size(); at += 100) {
    send(std::string_view(frame).substr(at, 100));
  }
  ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
  outcome.expect({}, frame.size());
  EXPECT_EQ(buffer.peek_view(), frame);
}

}  // namespace
}  // namespace bytes_handoff::test
