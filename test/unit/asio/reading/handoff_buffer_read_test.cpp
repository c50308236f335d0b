#include <array>
#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/queue/probes.hpp"
#include "support/sampled_types.hpp"
#include "support/streams/socket_pairs.hpp"
#include "support/streams/test_streams.hpp"

namespace bytes_handoff::test {
namespace {

[[nodiscard]] HandoffBuffer make_buffer(std::size_t max_size, std::size_t read_reserve,
                                        std::pmr::memory_resource* source = nullptr) {
  HandoffBufferConfig config;
  config.max_size = max_size;
  config.read_reserve = read_reserve;
  config.block_size = 4096;
  config.block_source = source;
  return HandoffBuffer(config);
}

/// Streams that tell when they are readable.
template <class Pair>
class ReadFrom : public testing::Test {
 protected:
  void write(std::string_view text) { net::write(far(), net::buffer(text)); }
  typename Pair::Stream& near() { return ends.first; }
  typename Pair::Stream& far() { return ends.second; }

  CountingResource blocks;
  HandoffBuffer buffer = make_buffer(100000, 1000, &blocks);
  net::io_context context{1};
  std::pair<typename Pair::Stream, typename Pair::Stream> ends = Pair::make(context);
};
using Pairs = SampledTypes<TcpPair, UnixPair, DuplexPair>;
TYPED_TEST_SUITE(ReadFrom, Pairs);

TYPED_TEST(ReadFrom, appends_what_is_there_and_tells_how_much) {
  this->write("abc");
  CountOutcome first;
  this->buffer.async_read_available(this->near(), first.handler());
  EXPECT_FALSE(first.has_come()) << "called from inside the initiating function";
  ASSERT_TRUE(run_until(this->context, [&] { return first.has_come(); }));
  first.expect({}, 3);
  CountOutcome second;
  this->buffer.async_read_available(this->near(), second.handler());
  run_ready(this->context);
  EXPECT_FALSE(second.has_come());
  this->write("de");
  ASSERT_TRUE(run_until(this->context, [&] { return second.has_come(); }));
  second.expect({}, 2);
  EXPECT_EQ(this->buffer.peek_view(), "abcde");
}

TYPED_TEST(ReadFrom, the_end_is_a_read_of_0_without_an_error) {
  this->write("abc");
  this->far().shutdown(net::socket_base::shutdown_send);
  std::size_t total = 0;
  int empty_reads = 0;
  for (int reads = 0; reads < 4; ++reads) {
    bool called = false;
    this->buffer.async_read_available(this->near(), [&](net_error_code error, std::size_t n) {
      EXPECT_FALSE(error) << error.message();
      total += n;
      empty_reads += n == 0 ? 1 : 0;
      called = true;
    });
    ASSERT_TRUE(run_until(this->context, [&] { return called; }));
  }
  EXPECT_EQ(total, 3U);
  EXPECT_EQ(empty_reads, 3) << "and again";
  EXPECT_EQ(this->buffer.peek_view(), "abc");
}

TYPED_TEST(ReadFrom, holds_no_block_while_it_waits) {
  CountOutcome outcome;
  this->buffer.async_read_available(this->near(), outcome.handler());
  run_ready(this->context);
  EXPECT_EQ(this->blocks.blocks_out(), 0U);
  EXPECT_TRUE(this->near().non_blocking());
  this->write("abc");
  ASSERT_TRUE(run_until(this->context, [&] { return outcome.has_come(); }));
  EXPECT_EQ(this->blocks.blocks_out(), 1U);
  EXPECT_TRUE(this->buffer.advance(3).has_value());
  CountOutcome next;
  this->buffer.async_read_available(this->near(), next.handler());
  run_ready(this->context);
  EXPECT_EQ(this->blocks.blocks_out(), 0U) << "an idle connection holds no block";
  this->write("x");
  ASSERT_TRUE(run_until(this->context, [&] { return next.has_come(); }));
}

TYPED_TEST(ReadFrom, a_few_bytes_that_stay_do_not_hold_a_large_block_while_it_waits) {
  this->write("abc");
  CountOutcome first;
  this->buffer.async_read_available(this->near(), first.handler());
  ASSERT_TRUE(run_until(this->context, [&] { return first.has_come(); }));
  CountOutcome second;
  this->buffer.async_read_available(this->near(), second.handler());
  run_ready(this->context);
  EXPECT_LE(this->blocks.bytes_out(), 256U);
  EXPECT_EQ(this->buffer.peek_view(), "abc") << "the observers may be called meanwhile";
  this->write("d");
  ASSERT_TRUE(run_until(this->context, [&] { return second.has_come(); }));
  EXPECT_EQ(this->buffer.peek_view(), "abcd");
}

TYPED_TEST(ReadFrom, a_full_buffer_is_refused_at_once_and_stays_usable) {
  auto small = make_buffer(4, 2);
  this->write("abcdef");
  while (small.size() < 4) {
    CountOutcome outcome;
    small.async_read_available(this->near(), outcome.handler());
    ASSERT_TRUE(run_until(this->context, [&] { return outcome.has_come(); }));
  }
  EXPECT_EQ(small.peek_view(), "abcd");
  CountOutcome refused;
  small.async_read_available(this->near(), refused.handler());
  EXPECT_FALSE(refused.has_come());
  run_ready(this->context);
  refused.expect(Errc::limit_exceeded, 0);
  EXPECT_EQ(small.split_prefix(3).value().view(), "abc");
  CountOutcome again;
  small.async_read_available(this->near(), again.handler());
  ASSERT_TRUE(run_until(this->context, [&] { return again.has_come(); }));
  again.expect({}, 2);
  EXPECT_EQ(small.peek_view(), "def");
}

TYPED_TEST(ReadFrom, a_second_read_is_refused_and_the_first_goes_on) {
  CountOutcome first;
  CountOutcome second;
  this->buffer.async_read_available(this->near(), first.handler());
  this->buffer.async_read_available(this->near(), second.handler());
  run_ready(this->context);
  second.expect(Errc::read_in_progress, 0);
  EXPECT_FALSE(first.has_come());
  this->write("abc");
  ASSERT_TRUE(run_until(this->context, [&] { return first.has_come(); }));
  first.expect({}, 3);
}

TYPED_TEST(ReadFrom, a_cancelled_read_loses_nothing) {
  for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial,
                          net::cancellation_type::total}) {
    net::cancellation_signal signal;
    CountOutcome cancelled;
    this->buffer.async_read_available(
        this->near(), net::bind_cancellation_slot(signal.slot(), cancelled.handler()));
    run_ready(this->context);
    signal.emit(type);
    ASSERT_TRUE(run_until(this->context, [&] { return cancelled.has_come(); }));
    cancelled.expect(net::error::operation_aborted, 0);
    const std::size_t before = this->buffer.size();
    this->write("abc");
    CountOutcome next;
    this->buffer.async_read_available(this->near(), next.handler());
    ASSERT_TRUE(run_until(this->context, [&] { return next.has_come(); }));
    next.expect({}, 3);
    EXPECT_EQ(this->buffer.size(), before + 3);
  }
}

TYPED_TEST(ReadFrom, what_waits_is_kept_by_the_associated_allocator) {
  CountingResource resource;
  const std::pmr::polymorphic_allocator<std::byte> allocator(&resource);
  CountOutcome outcome;
  this->buffer.async_read_available(this->near(),
                                    net::bind_allocator(allocator, outcome.handler()));
  run_ready(this->context);
  EXPECT_EQ(resource.blocks_out(), 2U) << "the operation, and the stream's for its wait";
  this->write("abc");
  ASSERT_TRUE(run_until(this->context, [&] { return outcome.has_come(); }));
  outcome.expect({}, 3);
  EXPECT_EQ(resource.blocks_out(), 0U);
}

TYPED_TEST(ReadFrom, what_is_split_off_is_a_buffer_that_asio_writes) {
  this->write("abc");
  CountOutcome outcome;
  this->buffer.async_read_available(this->near(), outcome.handler());
  ASSERT_TRUE(run_until(this->context, [&] { return this->buffer.size() == 3; }));
  const Bytes slice = this->buffer.split_prefix(2).value();
  const net::const_buffer view = slice;
  EXPECT_EQ(view.data(), slice.data());
  EXPECT_EQ(net::write(this->near(), std::array<Bytes, 2>{slice, slice}), 4U);
  std::string back(4, '\0');
  this->far().non_blocking(true);
  EXPECT_EQ(this->far().read_some(net::buffer(back)), 4U);
  EXPECT_EQ(back, "abab");
}

TYPED_TEST(ReadFrom, without_memory_for_a_block_fails_and_stays_usable) {
  CountOutcome failed;
  this->buffer.async_read_available(this->near(), failed.handler());
  run_ready(this->context);
  this->blocks.fail(true);
  this->write("abc");
  ASSERT_TRUE(run_until(this->context, [&] { return failed.has_come(); }));
  failed.expect(net::error::no_memory, 0);
  this->blocks.fail(false);
  CountOutcome next;
  this->buffer.async_read_available(this->near(), next.handler());
  ASSERT_TRUE(run_until(this->context, [&] { return next.has_come(); }));
  next.expect({}, 3);
}

TYPED_TEST(ReadFrom, the_tail_goes_on_with_the_next_parser) {
  this->write("frame\ntunnel");
  CountOutcome first;
  this->buffer.async_read_available(this->near(), first.handler());
  ASSERT_TRUE(run_until(this->context, [&] { return this->buffer.size() == 12; }));
  EXPECT_EQ(this->buffer.split_prefix(6).value().view(), "frame\n");
  HandoffBufferConfig config;
  config.max_size = 1000;
  BytesMut tail = this->buffer.take_tail();
  auto from_tail = HandoffBuffer::from_tail(tail, config);
  ASSERT_TRUE(from_tail.has_value());
  HandoffBuffer next = std::move(*from_tail);
  EXPECT_TRUE(this->buffer.empty());
  this->write(" bytes");
  CountOutcome second;
  next.async_read_available(this->near(), second.handler());
  ASSERT_TRUE(run_until(this->context, [&] { return second.has_come(); }));
  EXPECT_EQ(next.peek_view(), "tunnel bytes");
}

// The system tells a reset once, here to the write.
TEST(ReadBesideAQueue, finds_no_end_in_order_behind_a_reset) {
  net::io_context context{1};
  auto [near, far] = TcpPair::make(context);
  const auto stream = std::make_shared<TcpPair::Stream>(std::move(near));
  const WriteHandoff out(stream);
  far.set_option(net::socket_base::linger(true, 0));
  far.close();
  Bytes late = Bytes::from_static("late");
  ASSERT_TRUE(out.try_write(late));
  ASSERT_TRUE(run_until(context, [&] { return bool(out.first_error()); }));
  EXPECT_EQ(out.first_error(), net::error::connection_reset);
  HandoffBuffer buffer;
  CountOutcome outcome;
  buffer.async_read_available(*stream, out, outcome.handler());
  ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
  outcome.expect(net::error::connection_reset, 0);
}

/// Streams that only meet the concept.
class ReadFromOwnStream : public testing::Test {
 protected:
  void read(HandoffBuffer& buffer, const net_error_code& error, std::size_t n) {
    CountOutcome outcome;
    buffer.async_read_available(*stream, outcome.handler());
    ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
    outcome.expect(error, n);
  }

  std::shared_ptr<StreamScript> script = std::make_shared<StreamScript>();
  net::io_context context{1};
  std::optional<IoStream> stream{std::in_place, context.get_executor(), script};
};

TEST_F(ReadFromOwnStream, is_offered_the_reserve_and_all_spare_room_and_never_more_than_fits) {
  script->most_per_call = 3900;
  script->input = pattern(20000);
  auto buffer = make_buffer(10000, 300);
  std::size_t room_before = 0;
  while (buffer.size() < 10000) {
    const std::size_t may_add = 10000 - buffer.size();
    room_before = buffer.capacity() - buffer.size();
    CountOutcome outcome;
    buffer.async_read_available(*stream, outcome.handler());
    ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
    const std::size_t offered = script->sizes.back();
    EXPECT_GE(offered, std::min<std::size_t>(300, may_add));
    EXPECT_GE(offered, std::min(room_before, may_add));
    EXPECT_LE(offered, may_add);
  }
  EXPECT_EQ(buffer.peek_view(), pattern(10000));
  const unsigned calls = script->calls;
  read(buffer, Errc::limit_exceeded, 0);
  EXPECT_EQ(script->calls, calls) << "a full buffer reads nothing";
}

TEST_F(ReadFromOwnStream, that_fails_keeps_the_bytes_that_came_with_the_error) {
  script->input = "abcdef";
  script->most_per_call = 3;
  script->fail_at = 1;
  script->bytes_with_error = 2;
  script->error = net::error::connection_reset;
  auto buffer = make_buffer(100, 10);
  read(buffer, {}, 3);
  read(buffer, net::error::connection_reset, 2);
  EXPECT_EQ(buffer.peek_view(), "abcde");
  read(buffer, {}, 1);
  EXPECT_EQ(buffer.peek_view(), "abcdef");
}

TEST_F(ReadFromOwnStream, whose_end_comes_with_bytes_gives_them_without_an_error) {
  script->input = "ab";
  script->fail_at = 0;
  script->bytes_with_error = 2;
  script->error = net::error::eof;
  auto buffer = make_buffer(100, 10);
  read(buffer, {}, 2);
  script->fail_at = 1;
  script->bytes_with_error = 0;
  read(buffer, {}, 0);
}

TEST_F(ReadFromOwnStream, that_throws_from_its_initiation_leaves_the_buffer_usable) {
  script->input = "abc";
  script->throw_at = 0;
  auto buffer = make_buffer(100, 10);
  read(buffer, Errc::stream_exception, 0);
  EXPECT_FALSE(front_end::is_reading(buffer));
  read(buffer, {}, 3);
}

TEST_F(ReadFromOwnStream, that_is_cancelled_keeps_what_the_stream_had_delivered) {
  script->hold_from = 0;
  script->honours_cancellation = false;
  auto buffer = make_buffer(100, 10);
  net::cancellation_signal signal;
  CountOutcome outcome;
  buffer.async_read_available(*stream,
                              net::bind_cancellation_slot(signal.slot(), outcome.handler()));
  signal.emit(net::cancellation_type::total);
  EXPECT_TRUE(script->cancel_was_asked);
  EXPECT_TRUE(front_end::is_reading(buffer));
  script->complete(net::error::operation_aborted, 4);
  ASSERT_TRUE(run_out(context));
  outcome.expect(net::error::operation_aborted, 4);
  EXPECT_EQ(buffer.size(), 4U);
  EXPECT_FALSE(front_end::is_reading(buffer));
}

TEST_F(ReadFromOwnStream, takes_every_token_and_honours_executors) {
  script->input = "abcdefgh";
  script->most_per_call = 2;
  auto buffer = make_buffer(100, 10);
  net::io_context other(1);
  bool ended = false;
  const auto coroutine = [&]() -> net::awaitable<void> {
    EXPECT_EQ(co_await buffer.async_read_available(*stream, net::use_awaitable), 2U);
    auto [error, n] = co_await buffer.async_read_available(*stream, as_tuple(net::use_awaitable));
    EXPECT_FALSE(error);
    EXPECT_EQ(n, 2U);
    ended = true;
  };
  net::co_spawn(context, coroutine, net::detached);
  ASSERT_TRUE(run_until(context, [&] { return ended; }));
  auto future = buffer.async_read_available(*stream, net::use_future);
  ASSERT_TRUE(run_out(context));
  EXPECT_EQ(future.get(), 2U);
  bool called = false;
  auto lazy = buffer.async_read_available(*stream, deferred);
  std::move(lazy)(
      net::bind_executor(other, [&, only = std::make_unique<int>()](net_error_code, std::size_t n) {
        EXPECT_TRUE(other.get_executor().running_in_this_thread());
        EXPECT_EQ(n, 2U);
        called = true;
      }));
  ASSERT_TRUE(run_out(context));
  ASSERT_TRUE(run_out(other));
  EXPECT_TRUE(called);
  EXPECT_EQ(buffer.peek_view(), "abcdefgh");
}

}  // namespace
}  // namespace bytes_handoff::test
