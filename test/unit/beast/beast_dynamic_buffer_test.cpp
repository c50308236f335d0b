// Boost.Beast's reads into a HandoffBuffer.

#include <gtest/gtest.h>

#include <boost/beast/core/buffer_traits.hpp>
#include <boost/beast/core/read_size.hpp>
#include <boost/beast/http.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "bytes_handoff/adaptors/dynamic_buffer.hpp"
#include "bytes_handoff/framers.hpp"
#include "support/coroutine.hpp"
#include "support/pattern.hpp"
#include "support/queue/probes.hpp"
#include "support/streams/buffer_feed.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

static_assert(net::is_dynamic_buffer<DynamicBuffer>::value);
static_assert(beast::is_const_buffer_sequence<DynamicBuffer::const_buffers_type>::value);

constexpr std::string_view kPlain =
    "POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 11\r\n\r\nhello world";
constexpr std::string_view kChunked =
    "POST /a HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n"
    "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n";
constexpr std::string_view kBehind = "one\r\ntwo\r\nthr";

/// A request, and behind it lines of another protocol, in two pieces.
class HttpIntoBuffer : public testing::TestWithParam<std::string_view> {
 protected:
  void write(std::string_view text) {
    do {
      text.remove_prefix(far.write_some(net::buffer(text)));
      run_ready(context);
    } while (!text.empty());
  }
  void run_to(const CountOutcome& outcome) {
    ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
    ASSERT_FALSE(outcome.error()) << outcome.error().message();
  }
  /// The lines behind the request; the last one is not complete.
  void expect_lines() {
    while (buffer.position() + buffer.size() < GetParam().size() + kBehind.size()) {
      CountOutcome read;
      buffer.async_read_available(near, read.handler());
      run_to(read);
    }
    EXPECT_EQ(buffer.position(), GetParam().size());
    DelimiterFramer lines("\r\n");
    std::string got;
    for (Bytes& line : buffer.frames(lines)) {
      got += std::string(line.view()) + ";";
    }
    EXPECT_EQ(got, "one;two;");
    EXPECT_EQ(buffer.take_tail().view(), "thr");
  }

  net::io_context context{1};
  std::pair<DuplexPair::Stream, DuplexPair::Stream> pair = DuplexPair::make(context);
  DuplexPair::Stream& near = pair.first;
  DuplexPair::Stream& far = pair.second;
  HandoffBuffer buffer;
};

TEST_P(HttpIntoBuffer, LeavesWhatIsBehindAMessageAtEveryCut) {
  const std::string all = std::string(GetParam()) + std::string(kBehind);
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    SCOPED_TRACE(cut);
    buffer = HandoffBuffer();
    DynamicBuffer dynamic(buffer);
    http::request<http::string_body> request;
    CountOutcome outcome;
    write(all.substr(0, cut));
    http::async_read(near, dynamic, request, outcome.handler());
    run_ready(context);
    write(all.substr(cut));
    run_to(outcome);
    outcome.expect({}, GetParam().size());
    EXPECT_EQ(request.body(), "hello world");
    EXPECT_EQ(request[http::field::host], "b");
    expect_lines();
  }
}

TEST_P(HttpIntoBuffer, ReadsTheHeaderFirstAndThenTheBodyAtEveryCut) {
  const std::string all = std::string(GetParam()) + std::string(kBehind);
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    SCOPED_TRACE(cut);
    buffer = HandoffBuffer();
    DynamicBuffer dynamic(buffer);
    http::request_parser<http::string_body> parser;
    CountOutcome header;
    http::async_read_header(near, dynamic, parser, header.handler());
    write(all.substr(0, cut));
    write(all.substr(cut));
    run_to(header);
    EXPECT_TRUE(parser.is_header_done());
    EXPECT_EQ(parser.get().target(), "/a");
    CountOutcome body;
    http::async_read(near, dynamic, parser, body.handler());
    run_to(body);
    EXPECT_EQ(parser.get().body(), "hello world");
    expect_lines();
  }
}

TEST_P(HttpIntoBuffer, GoesOnWithWhatWasReadBefore) {
  const std::string all = std::string(GetParam()) + std::string(kBehind);
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    buffer = HandoffBuffer();
    feed(buffer, all.substr(0, cut));
    DynamicBuffer dynamic(buffer);
    http::request<http::string_body> request;
    CountOutcome outcome;
    http::async_read(near, dynamic, request, outcome.handler());
    write(all.substr(cut));
    run_to(outcome);
    EXPECT_EQ(request.body(), "hello world");
    expect_lines();
  }
}

INSTANTIATE_TEST_SUITE_P(Messages, HttpIntoBuffer, testing::Values(kPlain, kChunked));

TEST(HttpIntoSmallBuffer, IsWhatBeastSaysOfAnOverflow) {
  net::io_context context{1};
  auto [near, far] = DuplexPair::make(context);
  HandoffBuffer buffer({.max_size = 32});
  DynamicBuffer dynamic(buffer);
  const std::string message = "GET /" + std::string(100, 'a') + " HTTP/1.1\r\n\r\n";
  EXPECT_EQ(far.write_some(net::buffer(message)), message.size());
  http::request<http::string_body> request;
  CountOutcome outcome;
  http::async_read(near, dynamic, request, outcome.handler());
  ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
  EXPECT_EQ(outcome.error(), http::error::buffer_overflow) << outcome.error().message();
  EXPECT_EQ(buffer.peek_view(), message.substr(0, 32)) << "what was read stays";
}

TEST(HttpIntoSmallBuffer, TakesABodyThatIsLongerThanTheBuffer) {
  net::io_context context{1};
  auto [near, far] = TcpPair::make(context);
  HandoffBuffer buffer({.max_size = 1024});
  const std::string body = pattern(100'000);
  std::string got;
  run_coroutine(context, [&]() -> net::awaitable<void> {
    const std::string message = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body;
    CountOutcome sent;
    net::async_write(far, net::buffer(message), sent.handler());
    DynamicBuffer dynamic(buffer);
    http::response<http::string_body> response;
    co_await http::async_read(near, dynamic, response, net::use_awaitable);
    got = response.body();
    EXPECT_TRUE(sent.has_come());
  });
  EXPECT_TRUE(got == body);
  EXPECT_TRUE(buffer.empty());
  EXPECT_LE(buffer.capacity(), 2048U);
}

TEST(HttpIntoBufferSynchronously, ReadsOneMessageAfterTheOther) {
  net::io_context context{1};
  auto [near, far] = TcpPair::make(context);
  net::write(far, net::buffer(std::string(kPlain) + std::string(kChunked) + "tail"));
  far.close();
  HandoffBuffer buffer;
  DynamicBuffer dynamic(buffer);
  for (int i = 0; i < 2; ++i) {
    http::request<http::string_body> request;
    http::read(near, dynamic, request);
    EXPECT_EQ(request.body(), "hello world");
  }
  EXPECT_EQ(buffer.peek_view(), "tail");
}

}  // namespace
}  // namespace bytes_handoff::test
