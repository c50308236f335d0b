#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/end_write.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/unwritten.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/sampled_types.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {

/// A stream whose end takes time, as its user says.
struct SlowToEnd : IoStream {
  using IoStream::IoStream;
  std::function<void(net_error_code)>* pending = nullptr;

  template <class Handler>
  friend void async_end_write(SlowToEnd& stream, Handler handler) {
    *stream.pending = std::move(handler);
  }
};

/// A stream whose end is over at once.
struct QuickToEnd : IoStream {
  using IoStream::IoStream;
  int* ends = nullptr;
  net_error_code result;

  friend void end_write(QuickToEnd& stream, net_error_code& error) {
    ++*stream.ends;
    error = stream.result;
  }
};

/// A stream whose end cannot even start.
struct ThrowsAtEnd : IoStream {
  using IoStream::IoStream;
  friend void end_write(ThrowsAtEnd&, net_error_code&) { throw std::runtime_error("no shutdown"); }
};

namespace {

class WriterEnd : public WriterFixture {
 protected:
  template <class Stream>
  WriteHandoff spawn_on(Stream stream, const WriteHandoffConfig& config = {}) {
    auto out = WriteHandoff(std::move(stream), config);
    out.async_closed(closed.handler());
    EXPECT_TRUE(try_send(out, "all of it"));
    return out;
  }

  Outcome<net_error_code> closed;
};

TEST_F(WriterEnd, of_a_users_stream_may_take_time) {
  std::function<void(net_error_code)> pending;
  SlowToEnd stream(context->get_executor(), script);
  stream.pending = &pending;
  auto out = spawn_on(std::move(stream));
  run_ready(*context);
  EXPECT_FALSE(pending) << "it is not closed yet";
  out.close();
  EXPECT_FALSE(pending) << "not by who closes: on the stream's executor";
  run_ready(*context);
  ASSERT_TRUE(pending);
  EXPECT_EQ(script->written, "all of it");
  EXPECT_FALSE(closed.has_come());
  net::post(*context, [end = std::exchange(pending, nullptr)] { end({}); });
  run_ready(*context);
  EXPECT_FALSE(closed.get());
}

TEST_F(WriterEnd, that_never_ends_is_ended_by_the_close_timeout) {
  std::function<void(net_error_code)> pending;
  SlowToEnd stream(context->get_executor(), script);
  stream.pending = &pending;
  WriteHandoffConfig config;
  config.close_timeout = std::chrono::milliseconds(3);
  auto out = spawn_on(std::move(stream), config);
  out.close();
  run_ready(*context);
  ASSERT_TRUE(pending);
  ASSERT_TRUE(run_until(*context, [&] { return closed.has_come(); }));
  EXPECT_EQ(closed.get(), Errc::timed_out);
  EXPECT_EQ(script->written, "all of it");
  EXPECT_FALSE(unwritten_of(out).has_value()) << "the shutdown is still with the stream";
  net::post(*context,
            [end = std::exchange(pending, nullptr)] { end(net::error::operation_aborted); });
  ASSERT_TRUE(run_out(*context));
  EXPECT_TRUE(unwritten_of(out).value().empty());
  EXPECT_EQ(try_send(out, "x").error().first_error, Errc::timed_out) << "the first error is kept";
}

TEST_F(WriterEnd, of_a_users_stream_may_be_over_at_once) {
  int ends = 0;
  QuickToEnd stream(context->get_executor(), script);
  stream.ends = &ends;
  spawn_on(std::move(stream)).close();
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(ends, 1);
  EXPECT_EQ(script->written, "all of it");
  EXPECT_FALSE(closed.get());
}

TEST_F(WriterEnd, that_fails_ends_the_queue_with_its_error) {
  int ends = 0;
  QuickToEnd stream(context->get_executor(), script);
  stream.ends = &ends;
  stream.result = net::error::not_connected;
  auto out = spawn_on(std::move(stream));
  out.close();
  run_ready(*context);
  EXPECT_EQ(closed.get(), net::error::not_connected);
  EXPECT_EQ(try_send(out, "x").error().first_error, net::error::not_connected);
  EXPECT_TRUE(unwritten_of(out).value().empty());
}

TEST_F(WriterEnd, that_throws_ends_the_queue) {
  auto out = spawn_on(ThrowsAtEnd(context->get_executor(), script));
  out.close();
  ASSERT_TRUE(run_out(*context));
  EXPECT_TRUE(closed.get());
  EXPECT_EQ(script->written, "all of it");
}

TEST_F(WriterEnd, of_a_stream_that_is_left_open_is_nothing_in_success) {
  WriteHandoff out = WriteHandoff(IoStream(context->get_executor(), script), {}, leave_open);
  EXPECT_TRUE(try_send(out, "all of it"));
  out.async_close(closed.handler());
  ASSERT_TRUE(run_out(*context));
  EXPECT_FALSE(closed.get());
  EXPECT_EQ(script->written, "all of it");
  EXPECT_EQ(script->ends, 0U);
  EXPECT_FALSE(script->is_alive);
}

TEST_F(WriterEnd, of_a_stream_that_is_left_open_is_no_reset_either) {
  {
    WriteHandoff out = WriteHandoff(IoStream(context->get_executor(), script), {}, leave_open);
    EXPECT_TRUE(try_send(out, "all of it"));
    out.async_closed(closed.handler());
  }
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(closed.get(), Errc::aborted);
  EXPECT_EQ(script->written, "all of it");
  EXPECT_EQ(script->resets, 0U);
}

TEST_F(WriterEnd, does_not_happen_after_an_error_or_an_abort) {
  int ends = 0;
  for (const bool fails : {false, true}) {
    script = std::make_shared<StreamScript>();
    script->fail_at = fails ? 0 : kNever;
    script->error = net::error::connection_reset;
    script->hold_from = fails ? kNever : 0;
    QuickToEnd stream(context->get_executor(), script);
    stream.ends = &ends;
    auto out = WriteHandoff(std::move(stream), {});
    EXPECT_TRUE(try_send(out, "lost"));
    run_ready(*context);
    out.abort();
    out.close();
    ASSERT_TRUE(run_out(*context));
  }
  EXPECT_EQ(ends, 0);
}

template <class Pair>
class WriterEndOn : public testing::Test {};
using Pairs = SampledTypes<TcpPair, UnixPair, DuplexPair>;
TYPED_TEST_SUITE(WriterEndOn, Pairs);

TYPED_TEST(WriterEndOn, lets_the_peer_read_everything_and_then_the_end) {
  net::io_context context(1);
  auto [near, far] = TypeParam::make(context);
  Collector<typename TypeParam::Stream> peer(far);
  const std::string large(300 * 1000, 'x');
  auto stream = std::make_shared<typename TypeParam::Stream>(std::move(near));
  Outcome<net_error_code> closed;
  auto out = WriteHandoff(stream, {});
  EXPECT_TRUE(try_send(out, large));
  EXPECT_TRUE(try_send(out, "end"));
  out.async_close(closed.handler());
  ASSERT_TRUE(run_until(context, [&] { return peer.is_over() && closed.has_come(); }));
  EXPECT_EQ(peer.error(), net::error::eof);
  EXPECT_EQ(peer.text(), large + "end");
  EXPECT_FALSE(closed.get()) << closed.get().message();
  // Only the write side is shut down: the other one still reads.
  net::write(far, net::buffer("back", 4));
  std::string back(4, '\0');
  net_error_code error;
  stream->non_blocking(true, error);
  EXPECT_EQ(stream->read_some(net::buffer(back), error), 4U) << error.message();
}

}  // namespace
}  // namespace bytes_handoff::test
