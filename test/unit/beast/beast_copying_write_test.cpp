// Boost.Beast's messages, written through a queue.

#include <gtest/gtest.h>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/http.hpp>
#include <cstddef>
#include <string>
#include <utility>

#include "bytes_handoff/adaptors/copying_write_stream.hpp"
#include "support/coroutine.hpp"
#include "support/pattern.hpp"
#include "support/queue/probes.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

static_assert(beast::is_async_write_stream<CopyingWriteStream>::value);
static_assert(!beast::is_async_read_stream<CopyingWriteStream>::value);

using Response = http::response<http::string_body>;

/// A queue that takes no more than the parameter, in front of a socket.
class HttpThroughQueue : public testing::TestWithParam<std::size_t> {
 protected:
  [[nodiscard]] static WriteHandoffConfig config() {
    WriteHandoffConfig config;
    config.max_pending_bytes = GetParam();
    return config;
  }
  [[nodiscard]] static Response response(std::string body) {
    Response response(http::status::ok, 11);
    response.set(http::field::server, "test");
    response.body() = std::move(body);
    return response;
  }
  /// What the peer makes of it.
  [[nodiscard]] Response received() {
    http::response_parser<http::string_body> parser;
    parser.body_limit(boost::none);
    Outcome<net_error_code> outcome;
    http::async_read(pair.second, input, parser,
                     [handler = outcome.handler()](net_error_code error, std::size_t) mutable {
                       handler(error);
                     });
    EXPECT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
    EXPECT_FALSE(outcome.get()) << outcome.get().message();
    return parser.release();
  }

  net::io_context context{1};
  std::pair<TcpPair::Stream, TcpPair::Stream> pair = TcpPair::make(context);
  WriteHandoff out{std::move(pair.first), config()};
  CopyingWriteStream stream{out};
  beast::flat_buffer input;
};

TEST_P(HttpThroughQueue, writes_a_message_with_a_body) {
  Response message = response(pattern(200000));
  message.prepare_payload();
  CountOutcome written;
  http::async_write(stream, message, written.handler());
  EXPECT_EQ(received().body(), pattern(200000));
  ASSERT_TRUE(run_until(context, [&] { return written.has_come(); }));
  EXPECT_FALSE(written.error()) << written.error().message();
}

TEST_P(HttpThroughQueue, writes_a_message_in_chunks) {
  Response message = response(pattern(200000));
  message.chunked(true);
  http::response_serializer<http::string_body> serializer(message);
  CountOutcome written;
  http::async_write(stream, serializer, written.handler());
  const Response got = received();
  EXPECT_EQ(got.body(), pattern(200000));
  EXPECT_TRUE(got.chunked());
  ASSERT_TRUE(run_until(context, [&] { return written.has_come(); }));
  EXPECT_FALSE(written.error()) << written.error().message();
  EXPECT_TRUE(serializer.is_done());
}

TEST_P(HttpThroughQueue, writes_a_message_without_a_body) {
  Response message = response("");
  message.prepare_payload();
  CountOutcome written;
  http::async_write(stream, message, written.handler());
  EXPECT_EQ(received()[http::field::server], "test");
  ASSERT_TRUE(run_until(context, [&] { return written.has_come(); }));
  EXPECT_FALSE(written.error()) << written.error().message();
}

TEST_P(HttpThroughQueue, writes_header_chunks_and_end_one_by_one_in_a_coroutine) {
  http::response<http::empty_body> head(http::status::ok, 11);
  head.chunked(true);
  bool is_over = false;
  net::co_spawn(
      context,
      [&]() -> net::awaitable<void> {
        http::response_serializer<http::empty_body> serializer(head);
        co_await http::async_write_header(stream, serializer, net::use_awaitable);
        const std::string one = pattern(5000);
        co_await net::async_write(stream, http::make_chunk(net::buffer(one)), net::use_awaitable);
        co_await net::async_write(stream, http::make_chunk(net::buffer("two", 3)),
                                  net::use_awaitable);
        co_await net::async_write(stream, http::make_chunk_last(), net::use_awaitable);
        co_await out.async_close(net::use_awaitable);
        is_over = true;
      },
      net::detached);
  EXPECT_EQ(received().body(), pattern(5000) + "two");
  ASSERT_TRUE(run_until(context, [&] { return is_over; }));
}

TEST_P(HttpThroughQueue, tells_a_message_that_meets_the_end_of_the_queue) {
  Response message = response(pattern(2000000));
  message.prepare_payload();
  CountOutcome written;
  http::async_write(stream, message, written.handler());
  context.run_one();
  out.abort();
  ASSERT_TRUE(run_until(context, [&] { return written.has_come(); }));
  EXPECT_EQ(written.error(), Errc::closed);
}

INSTANTIATE_TEST_SUITE_P(Budgets, HttpThroughQueue,
                         testing::Values(std::size_t{100}, std::size_t{16} * 1024,
                                         std::size_t{1024} * 1024));

}  // namespace
}  // namespace bytes_handoff::test
