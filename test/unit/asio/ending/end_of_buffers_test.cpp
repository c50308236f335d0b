// How streams that buffer are flushed, ended and reset, in one layer or more.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/end_write.hpp"
#include "support/asio.hpp"
#include "support/queue/probes.hpp"
#include "support/run_for.hpp"
#include "support/streams/socket_pairs.hpp"
#include "support/streams/stream_ends.hpp"

namespace bytes_handoff::test {
namespace {

using Tcp = net::ip::tcp::socket;

static_assert(detail::EndsKnown<net::buffered_write_stream<Tcp>>);
static_assert(detail::LingersAtEnd<net::buffered_stream<Tcp>>);

static_assert(!detail::BuffersWrites<net::buffered_read_stream<Tcp>>);
static_assert(detail::BuffersWrites<net::buffered_write_stream<Tcp>>);
static_assert(detail::BuffersWrites<net::buffered_stream<Tcp>>);
static_assert(detail::BuffersWrites<net::buffered_read_stream<net::buffered_write_stream<Tcp>>>);

template <class Stream>
class EndOfBuffer : public testing::Test {};
using Buffers = testing::Types<net::buffered_write_stream<Tcp&>, net::buffered_stream<Tcp&>>;
TYPED_TEST_SUITE(EndOfBuffer, Buffers);

TYPED_TEST(EndOfBuffer, flushes_before_it) {
  net::io_context context{1};
  auto [near_end, far_end] = TcpPair::make(context);
  TypeParam buffered(near_end);
  send(buffered, "kept");
  EXPECT_EQ(far_end.available(), 0U);
  Outcome<net_error_code> ended;
  detail::start_end_write(buffered, ended.handler());
  ASSERT_TRUE(run_until(context, [&] { return ended.has_come(); }));
  EXPECT_FALSE(ended.get()) << ended.get().message();
  expect_rest(context, far_end, "kept", net::error::eof);
}

TYPED_TEST(EndOfBuffer, is_not_needed_for_a_flush) {
  net::io_context context{1};
  auto [near_end, far_end] = TcpPair::make(context);
  TypeParam buffered(near_end);
  send(buffered, "kept");
  CountOutcome flushed;
  detail::start_flush(buffered, flushed.handler());
  ASSERT_TRUE(run_until(context, [&] { return flushed.has_come(); }));
  flushed.expect({}, 4);
  detail::reset_stream(buffered);
  EXPECT_FALSE(near_end.is_open());
  expect_rest(context, far_end, "kept", net::error::connection_reset);
}

TEST(EndOfLayers, flushes_each_and_tells_what_the_uppermost_passed_on) {
  net::io_context context{1};
  auto [near_end, far_end] = TcpPair::make(context);
  using Inner = net::buffered_write_stream<Tcp&>;
  net::buffered_read_stream<net::buffered_write_stream<Inner>> buffered(near_end);
  send(buffered, "kept");
  CountOutcome flushed;
  detail::start_flush(buffered, flushed.handler());
  ASSERT_TRUE(run_until(context, [&] { return flushed.has_come(); }));
  flushed.expect({}, 4);
  std::string got(4, '\0');
  CountOutcome read;
  net::async_read(far_end, net::buffer(got), read.handler());
  ASSERT_TRUE(run_until(context, [&] { return read.has_come(); }));
  EXPECT_EQ(got, "kept");
  send(buffered, " and more");
  Outcome<net_error_code> ended;
  detail::start_end_write(buffered, ended.handler());
  ASSERT_TRUE(run_until(context, [&] { return ended.has_come(); }));
  expect_rest(context, far_end, " and more", net::error::eof);
}

TEST(EndOfLayers, keeps_the_whole_stream_with_the_socket_below) {
  net::io_context context{1};
  auto stream = std::make_shared<net::buffered_write_stream<Tcp>>(context);
  Tcp* const socket = &stream->next_layer();
  const std::weak_ptr<net::buffered_write_stream<Tcp>> whole = stream;
  auto below = detail::socket_below(std::move(stream));
  EXPECT_EQ(below.get(), socket);
  EXPECT_FALSE(whole.expired());
  below.reset();
  EXPECT_TRUE(whole.expired());
}

}  // namespace
}  // namespace bytes_handoff::test
