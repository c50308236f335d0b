#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/asio/writing/writer.hpp"
#include "bytes_handoff/joined_writes.hpp"
#include "support/pattern.hpp"
#include "support/queue/unwritten.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/sampled_types.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {

/// A stream of which its user says that it makes a packet of each write.
struct PacketStream : IoStream {
  using IoStream::IoStream;
};

}  // namespace bytes_handoff::test

template <>
inline constexpr std::size_t bytes_handoff::kJoinedWriteBytes<bytes_handoff::test::PacketStream> =
    100;

namespace bytes_handoff::test {
namespace {

template <class Pair>
class WriterOn : public testing::Test {
 protected:
  net::io_context context{1};
};
using Pairs = SampledTypes<TcpPair, UnixPair, DuplexPair>;
TYPED_TEST_SUITE(WriterOn, Pairs);

TYPED_TEST(WriterOn, writes_more_than_the_stream_takes_at_once_in_order) {
  auto [near, far] = TypeParam::make(this->context);
  constexpr std::size_t kWrites = 200;
  WriteHandoffConfig config = limits(64, 256 * 1024);
  config.max_waiting_bytes = kWrites * 40000;
  auto out = WriteHandoff(std::move(near), config);
  std::size_t admitted = 0;
  for (std::size_t i = 0; i < kWrites; ++i) {
    write_owned(out, text(pattern(40000, i)), [&](net_error_code error) {
      EXPECT_FALSE(error) << error.message();
      ++admitted;
    });
  }
  Outcome<net_error_code> flushed;
  run_ready(this->context);  // the stream is full and must wait
  EXPECT_LT(admitted, kWrites);
  Collector<typename TypeParam::Stream> peer(far);
  ASSERT_TRUE(run_until(this->context, [&] { return admitted == kWrites; }));
  out.async_flush(flushed.handler());
  ASSERT_TRUE(run_until(
      this->context, [&] { return flushed.has_come() && peer.text().size() == kWrites * 40000; }));
  for (std::size_t i = 0; i < kWrites; ++i) {
    ASSERT_EQ(peer.text().substr(i * 40000, 40000), pattern(40000, i)) << i;
  }
  EXPECT_LE(out.statistics().high_water_bytes, 256U * 1024U);
  EXPECT_EQ(out.statistics().written_bytes, kWrites * 40000);
}

TYPED_TEST(WriterOn, a_peer_that_vanishes_fails_the_queue_with_the_streams_error) {
  auto [near, far] = TypeParam::make(this->context);
  auto out = WriteHandoff(std::move(near), limits(8, 64 * 1024 * 1024));
  EXPECT_TRUE(try_send(out, std::string(32 * 1024 * 1024, 'x')));
  Outcome<net_error_code> closed;
  out.async_closed(closed.handler());
  run_ready(this->context);
  EXPECT_FALSE(closed.has_come());
  far.close();
  ASSERT_TRUE(run_until(this->context, [&] { return closed.has_come(); }));
  EXPECT_TRUE(closed.get() == net::error::broken_pipe ||
              closed.get() == net::error::connection_reset)
      << closed.get().message();
  EXPECT_EQ(try_send(out, "x").error().first_error, closed.get());
  EXPECT_FALSE(unwritten_of(out).value().empty());
}

TYPED_TEST(WriterOn, abort_cancels_the_write_under_way) {
  auto [near, far] = TypeParam::make(this->context);
  auto out = WriteHandoff(std::move(near), limits(8, 64 * 1024 * 1024));
  auto ticket = try_send(out, std::string(32 * 1024 * 1024, 'x')).value();
  std::size_t written = 0;
  run_ready(this->context);
  out.abort();
  ticket.async_wait([&](net_error_code error, std::size_t n) {
    EXPECT_EQ(error, Errc::aborted);
    written = n;
  });
  ASSERT_TRUE(run_out(this->context)) << "the write is still with the stream";
  EXPECT_GT(written, 0U);
  const auto unwritten = unwritten_of(out).value();
  ASSERT_EQ(unwritten.entries.size(), 1U);
  EXPECT_EQ(unwritten.entries[0].size(), 32U * 1024U * 1024U) << "whole";
  EXPECT_EQ(unwritten.first_written, written);
}

TYPED_TEST(WriterOn, a_shared_stream_is_read_from_meanwhile) {
  auto [near, far] = TypeParam::make(this->context);
  auto stream = std::make_shared<typename TypeParam::Stream>(std::move(near));
  Collector<typename TypeParam::Stream> reader(*stream);
  Collector<typename TypeParam::Stream> peer(far);
  auto out = WriteHandoff(stream, {});
  EXPECT_TRUE(try_send(out, "there"));
  net::write(far, net::buffer("back", 4));
  ASSERT_TRUE(
      run_until(this->context, [&] { return peer.text() == "there" && reader.text() == "back"; }));
  EXPECT_TRUE(out.is_open());
}

class WriterOnOwnStream : public WriterFixture {};

TEST_F(WriterOnOwnStream, whose_writes_are_always_short_gets_every_byte_in_order) {
  script->most_per_call = 1;
  auto out = spawn();
  const std::string large = pattern(3000);
  for (std::size_t i = 0; i < large.size(); i += 300) {
    EXPECT_TRUE(try_send(out, large.substr(i, 300)));
  }
  out.close();
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(script->written, large);
  EXPECT_EQ(script->calls, 3000U);
  EXPECT_FALSE(script->overlapped);
  EXPECT_EQ(out.statistics().short_stream_writes, 2999U);
}

TEST_F(WriterOnOwnStream, that_fails_at_any_call_ends_the_queue_there) {
  for (unsigned call = 0; call < 5; ++call) {
    script = std::make_shared<StreamScript>();
    script->most_per_call = 2;
    script->fail_at = call;
    script->error = net::error::timed_out;
    script->bytes_with_error = 1;
    auto out = spawn();
    EXPECT_TRUE(try_send(out, "abcde"));
    EXPECT_TRUE(try_send(out, "fghij"));
    ASSERT_TRUE(run_out(*context));
    EXPECT_EQ(script->written.size(), 2 * call + 1);
    std::string all = script->written;
    const auto unwritten = unwritten_of(out);
    ASSERT_TRUE(unwritten.has_value());
    for (const std::string& rest : texts_of(*unwritten)) {
      all += rest;
    }
    EXPECT_EQ(all, "abcdefghij") << "nothing is lost and nothing comes twice";
    EXPECT_EQ(try_send(out, "x").error().first_error, net::error::timed_out);
  }
}

TEST_F(WriterOnOwnStream, that_throws_from_its_initiation_ends_the_queue) {
  for (unsigned call = 0; call < 2; ++call) {
    script = std::make_shared<StreamScript>();
    script->most_per_call = 2;
    script->throw_at = call;
    auto out = spawn();
    auto ticket = try_send(out, "abcd").value();
    CountOutcome done;
    ticket.async_wait(done.handler());
    ASSERT_TRUE(run_out(*context));
    done.expect(Errc::stream_exception, 2 * call);
    const auto unwritten = unwritten_of(out).value();
    EXPECT_EQ(unwritten.entries.at(0).view(), "abcd");
    EXPECT_EQ(unwritten.first_written, 2 * call);
    EXPECT_FALSE(out.is_open());
  }
}

TEST_F(WriterOnOwnStream, that_has_completed_when_it_throws_has_written) {
  script->most_per_call = 2;
  script->throw_at = 0;
  auto out = WriteHandoff(InsideStream(context->get_executor(), script), {});
  auto ticket = try_send(out, "abcd").value();
  CountOutcome done;
  ticket.async_wait(done.handler());
  ASSERT_TRUE(run_out(*context));
  done.expect({}, 4);
  EXPECT_EQ(script->written, "abcd") << "nothing twice";
}

TEST_F(WriterOnOwnStream, that_takes_nothing_again_and_again_makes_no_progress) {
  script->most_per_call = 0;
  auto out = spawn();
  Outcome<net_error_code> closed;
  out.async_closed(closed.handler());
  EXPECT_TRUE(try_send(out, "abc"));
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(closed.get(), Errc::no_progress);
  EXPECT_EQ(script->calls, detail::kMaxZeroWrites);
}

TEST_F(WriterOnOwnStream, that_never_completes_and_ignores_cancellation_holds_nobody_else_up) {
  script->honours_cancellation = false;
  auto out = spawn_held();
  auto ticket = try_send(out, "abc").value();
  CountOutcome done;
  ticket.async_wait(done.handler());
  run_ready(*context);
  out.abort();
  ASSERT_TRUE(run_out(*context));
  done.expect(Errc::aborted, 0);
  EXPECT_TRUE(script->cancel_was_asked);
  EXPECT_EQ(out.pending_bytes(), 0U);
  EXPECT_TRUE(script->is_alive) << "the stream lives as long as its operation";
  out = spawn();  // the last handle is gone
  EXPECT_TRUE(script->is_alive);
}

TEST_F(WriterOnOwnStream, may_read_the_bytes_until_its_handler_has_returned) {
  script->honours_cancellation = false;
  const auto memory = std::make_shared<std::string>("abc");
  {
    auto out = spawn_held();
    EXPECT_TRUE(try_send(out, Bytes::from_owner(std::shared_ptr(memory),
                                                std::as_bytes(std::span(*memory)))));  // dropped
    run_ready(*context);
    out.abort();
  }
  run_ready(*context);
  EXPECT_TRUE(script->cancel_was_asked);
  EXPECT_EQ(memory.use_count(), 2) << "neither ticket nor handle is left, and the stream reads on";
  script->complete(net::error::operation_aborted, 1);
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(memory.use_count(), 1);
  EXPECT_FALSE(script->is_alive);
}

TEST_F(WriterOnOwnStream, is_called_on_its_executor_only) {
  net::io_context streams(1);
  auto stream = std::make_shared<StreamScript>();
  auto out = WriteHandoff(IoStream(streams.get_executor(), stream), {});
  EXPECT_TRUE(try_send(out, "abc"));
  EXPECT_EQ(stream->calls, 0U) << "the caller does not write";
  run_ready(*context);
  EXPECT_EQ(stream->calls, 0U);
  run_ready(streams);
  EXPECT_EQ(stream->written, "abc");
  stream->hold_from = stream->calls;
  EXPECT_TRUE(try_send(out, "def"));
  run_ready(streams);
  out.abort();
  EXPECT_FALSE(stream->cancel_was_asked) << "the caller does not cancel";
  run_ready(streams);
  EXPECT_TRUE(stream->cancel_was_asked);
}

TEST_F(WriterOnOwnStream, through_an_any_io_executor_and_a_strand) {
  using AnyStream = ScriptedStream<net::any_io_executor>;
  using StrandStream = ScriptedStream<net::strand<net::io_context::executor_type>>;
  auto any = WriteHandoff(AnyStream(context->get_executor(), script), {});
  auto strand = WriteHandoff(StrandStream(net::make_strand(context->get_executor()), script), {});
  EXPECT_TRUE(try_send(any, "a"));
  ASSERT_TRUE(run_out(*context));
  EXPECT_TRUE(try_send(strand, "b"));
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(script->written, "ab");
}

TEST_F(WriterOnOwnStream, large_queues_leave_in_gathers_within_the_limits) {
  auto out = spawn(limits(1000, 4 * 1024 * 1024));
  for (int i = 0; i < 130; ++i) {
    EXPECT_TRUE(try_send(out, std::string(20000, 'x')));
  }
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(script->written.size(), 130U * 20000U);
  for (unsigned call = 0; call < script->calls; ++call) {
    EXPECT_LE(script->buffers[call], detail::kMaxBatchBuffers);
    EXPECT_LE(script->sizes[call], detail::kMaxBatchBytes);
  }
}

TEST_F(WriterOnOwnStream, that_wants_its_writes_joined_is_given_packets) {
  auto out = WriteHandoff(PacketStream(context->get_executor(), script), {});
  std::string expected;
  for (std::size_t i = 0; i < 10; ++i) {
    expected += pattern(30, i);
    EXPECT_TRUE(try_send(out, pattern(30, i)));
  }
  EXPECT_TRUE(try_send(out, pattern(150)));
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(script->written, expected + pattern(150));
  EXPECT_EQ(script->sizes, (std::vector<std::size_t>{90, 90, 90, 30, 150}));
  EXPECT_EQ(script->buffers, (std::vector<std::size_t>(5, 1)));
  EXPECT_EQ(out.statistics().short_stream_writes, 0U);
}

}  // namespace
}  // namespace bytes_handoff::test
