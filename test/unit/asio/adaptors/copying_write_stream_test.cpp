#include "bytes_handoff/adaptors/copying_write_stream.hpp"

#include <array>
#include <cstddef>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

class CopyingWrite : public WriterFixture {
 protected:
  void write_some(CopyingWriteStream& stream, const std::string& from, CountOutcome& outcome) {
    stream.async_write_some(net::buffer(from), outcome.handler());
  }
};

TEST_F(CopyingWrite, completes_when_its_copy_is_admitted_and_not_when_it_is_written) {
  auto out = spawn_held();
  CopyingWriteStream stream(out);
  EXPECT_EQ(stream.get_executor(), out.get_executor());
  CountOutcome outcome;
  std::string from = "copied";
  write_some(stream, from, outcome);
  from = "mended";  // inside of the call it was copied
  EXPECT_FALSE(outcome.has_come()) << "called from inside";
  run_ready(*context);
  outcome.expect({}, 6);
  EXPECT_EQ(out.pending_bytes(), 6U);
  stream_takes(6);
  EXPECT_EQ(out.pending_bytes(), 0U);
}

TEST_F(CopyingWrite, gathers_its_buffers_in_one_item) {
  auto out = spawn();
  CopyingWriteStream stream(out);
  CountOutcome outcome;
  const std::array<net::const_buffer, 3> buffers{net::buffer("one", 3), net::const_buffer(),
                                                 net::buffer("two", 3)};
  stream.async_write_some(buffers, outcome.handler());
  EXPECT_EQ(out.pending_items(), 1U);
  ASSERT_TRUE(run_out(*context));
  outcome.expect({}, 6);
  EXPECT_EQ(script->written, "onetwo");
}

TEST_F(CopyingWrite, takes_no_more_than_64_KiB) {
  auto out = spawn();
  CopyingWriteStream stream(out);
  CountOutcome outcome;
  write_some(stream, pattern(100000), outcome);
  ASSERT_TRUE(run_out(*context));
  outcome.expect({}, 64 * 1024);
  EXPECT_EQ(script->written, pattern(100000).substr(0, 64 * 1024));
}

TEST_F(CopyingWrite, takes_no_more_than_the_queue_can_ever_take) {
  auto out = spawn_held(limits(1, 4));
  CopyingWriteStream stream(out);
  CountOutcome outcome;
  write_some(stream, "012345", outcome);
  run_ready(*context);
  outcome.expect({}, 4);
  EXPECT_EQ(out.pending_bytes(), 4U);
}

TEST_F(CopyingWrite, waits_for_room_in_the_line_of_all_writes) {
  auto out = spawn_held(limits(8, 4));
  CopyingWriteStream stream(out);
  EXPECT_TRUE(try_send(out, "aaa"));
  WriteOutcome first;
  out.async_write(first.from("bb"), first.handler());
  CountOutcome outcome;
  write_some(stream, "c", outcome);
  run_ready(*context);
  EXPECT_FALSE(outcome.has_come()) << "it has passed a write that waits";
  EXPECT_EQ(out.pending_bytes(), 3U);
  stream_takes(3);
  EXPECT_TRUE(first.was_admitted());
  outcome.expect({}, 1);
  EXPECT_EQ(out.pending_bytes(), 3U);
  EXPECT_EQ(out.statistics().waits, 2U);
}

TEST_F(CopyingWrite, of_nothing_completes_with_0_and_is_no_item) {
  auto out = spawn_held(limits(1, 4));
  CopyingWriteStream stream(out);
  EXPECT_TRUE(try_send(out, "full"));
  CountOutcome outcome;
  write_some(stream, "", outcome);
  EXPECT_FALSE(outcome.has_come()) << "called from inside";
  run_ready(*context);
  outcome.expect({}, 0);
  EXPECT_EQ(out.statistics().admitted_items, 1U);
  EXPECT_EQ(out.statistics().waits, 0U);
}

TEST_F(CopyingWrite, that_is_cancelled_takes_nothing_and_lets_the_next_in) {
  for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial,
                          net::cancellation_type::total}) {
    script = std::make_shared<StreamScript>();
    auto out = spawn_held(limits(8, 4));
    CopyingWriteStream stream(out);
    EXPECT_TRUE(try_send(out, "aaa"));
    net::cancellation_signal signal;
    CountOutcome outcome;
    const std::string from = "bbbb";
    stream.async_write_some(net::buffer(from),
                            net::bind_cancellation_slot(signal.slot(), outcome.handler()));
    WriteOutcome next;
    out.async_write(next.from("c"), next.handler());
    run_ready(*context);
    EXPECT_FALSE(outcome.has_come());
    signal.emit(type);
    run_ready(*context);
    outcome.expect(net::error::operation_aborted, 0);
    EXPECT_TRUE(next.was_admitted());
    CountOutcome again;
    write_some(stream, "", again);
    run_ready(*context);
    again.expect({}, 0);
    stream_takes(3);
    stream_takes(1);
    EXPECT_EQ(script->sizes, (std::vector<std::size_t>{3, 1}));
  }
}

TEST_F(CopyingWrite, that_waits_is_refused_when_the_queue_is_closed) {
  auto out = spawn_held(limits(1, 4));
  CopyingWriteStream stream(out);
  EXPECT_TRUE(try_send(out, "full"));
  CountOutcome outcome;
  write_some(stream, "late", outcome);
  out.close();
  run_ready(*context);
  outcome.expect(Errc::closed, 0);
  CountOutcome later;
  write_some(stream, "later", later);
  run_ready(*context);
  later.expect(Errc::closed, 0);
  EXPECT_EQ(out.pending_bytes(), 4U);
}

TEST_F(CopyingWrite, that_waits_is_let_in_by_a_close_that_admits) {
  auto out = spawn_held(limits(1, 4));
  CopyingWriteStream stream(out);
  EXPECT_TRUE(try_send(out, "full"));
  CountOutcome outcome;
  write_some(stream, "late", outcome);
  out.close(Waiters::admit);
  run_ready(*context);
  stream_takes(4);
  outcome.expect({}, 4);
}

TEST_F(CopyingWrite, that_waits_is_refused_when_the_queue_ends) {
  for (const bool is_aborted : {true, false}) {
    script = std::make_shared<StreamScript>();
    auto out = spawn_held(limits(1, 4));
    CopyingWriteStream stream(out);
    EXPECT_TRUE(try_send(out, "full"));
    CountOutcome outcome;
    write_some(stream, "late", outcome);
    run_ready(*context);
    if (is_aborted) {
      out.abort();
      run_ready(*context);
    } else {
      stream_takes(1, net::error::broken_pipe);
    }
    outcome.expect(Errc::closed, 0);
    EXPECT_EQ(out.pending_bytes(), 0U);
  }
}

TEST_F(CopyingWrite, is_refused_where_the_line_is_full) {
  auto config = limits(1, 4);
  config.max_waiters = 0;
  auto out = spawn_held(config);
  CopyingWriteStream stream(out);
  EXPECT_TRUE(try_send(out, "full"));
  CountOutcome outcome;
  write_some(stream, "late", outcome);
  run_ready(*context);
  outcome.expect(Errc::too_many_waiters, 0);
}

TEST_F(CopyingWrite, takes_one_block_from_the_source_of_the_queue_and_gives_it_back) {
  CountingResource blocks;
  WriteHandoffConfig config;
  config.block_source = &blocks;
  auto out = spawn(config);
  CopyingWriteStream stream(out);
  CountOutcome outcome;
  write_some(stream, pattern(100000), outcome);
  EXPECT_EQ(blocks.allocations(), 1U);
  ASSERT_TRUE(run_out(*context));
  outcome.expect({}, 64 * 1024);
  EXPECT_EQ(blocks.blocks_out(), 0U);
}

TEST_F(CopyingWrite, without_memory_throws_and_admits_nothing) {
  CountingResource blocks;
  WriteHandoffConfig config;
  config.block_source = &blocks;
  auto out = spawn(config);
  CopyingWriteStream stream(out);
  Sentinel refused;
  blocks.fail(true);
  EXPECT_THROW(stream.async_write_some(net::buffer("bytes", 5), refused.handler()), std::bad_alloc);
  EXPECT_TRUE(refused.is_destroyed());
  EXPECT_EQ(out.statistics().admitted_items, 0U);
  blocks.fail(false);
  CountOutcome outcome;
  write_some(stream, "bytes", outcome);
  ASSERT_TRUE(run_out(*context));
  outcome.expect({}, 5);
  EXPECT_EQ(refused.calls(), 0U);
}

TEST_F(CopyingWrite, that_waits_goes_with_its_context_uninvoked) {
  CountingResource blocks;
  auto config = limits(1, 4);
  config.block_source = &blocks;
  auto out = spawn_held(config);
  std::optional<CopyingWriteStream> stream(out);
  EXPECT_TRUE(try_send(out, "full"));
  Sentinel waiting;
  stream->async_write_some(net::buffer("late", 4), waiting.handler());
  run_ready(*context);
  stream.reset();  // it does not need the stream
  EXPECT_EQ(blocks.blocks_out(), 1U);
  context.reset();
  EXPECT_TRUE(waiting.is_destroyed());
  EXPECT_EQ(waiting.calls(), 0U);
  EXPECT_EQ(blocks.blocks_out(), 0U) << "its copy is left";
}

TEST_F(CopyingWrite, whose_context_has_gone_is_told_where_it_is_bound) {
  auto out = spawn();
  CopyingWriteStream stream(out);
  context.reset();
  Sentinel unbound;
  stream.async_write_some(net::buffer("late", 4), unbound.handler());
  EXPECT_TRUE(unbound.is_destroyed());
  EXPECT_EQ(unbound.calls(), 0U);
  net::io_context living;
  CountOutcome bound;
  stream.async_write_some(net::buffer("late", 4), net::bind_executor(living, bound.handler()));
  ASSERT_TRUE(run_out(living));
  bound.expect(Errc::closed, 0);
}

TEST_F(CopyingWrite, keeps_the_queue_open_while_its_stream_lives) {
  std::optional<CopyingWriteStream> stream(spawn_held(limits(1, 4)));
  CountOutcome first;
  write_some(*stream, "full", first);
  CountOutcome second;
  run_ready(*context);
  first.expect({}, 4);
  write_some(*stream, "late", second);
  run_ready(*context);
  EXPECT_FALSE(second.has_come());
  stream.reset();  // the last handle
  run_ready(*context);
  second.expect(Errc::closed, 0);
  stream_takes(4);
}

TEST_F(CopyingWrite, may_have_its_stream_moved) {
  auto out = spawn_held(limits(1, 4));
  CopyingWriteStream stream(out);
  EXPECT_TRUE(try_send(out, "full"));
  CountOutcome outcome;
  write_some(stream, "late", outcome);
  run_ready(*context);
  CopyingWriteStream moved(std::move(stream));
  stream_takes(4);
  outcome.expect({}, 4);
  CountOutcome next;
  write_some(moved, "next", next);
  stream_takes(4);
  next.expect({}, 4);
}

TEST_F(CopyingWrite, may_be_followed_by_the_next_in_its_handler) {
  auto out = spawn();
  CopyingWriteStream stream(out);
  CountOutcome second;
  const std::string text = "next";
  stream.async_write_some(net::buffer("one ", 4), [&](net_error_code error, std::size_t n) {
    EXPECT_FALSE(error) << error.message();
    EXPECT_EQ(n, 4U);
    write_some(stream, text, second);
  });
  ASSERT_TRUE(run_out(*context));
  second.expect({}, 4);
  EXPECT_EQ(script->written, "one next");
}

#if BYTES_HANDOFF_CHECKS

TEST_F(CopyingWrite, that_is_started_while_another_is_under_way_aborts) {
  auto out = spawn_held(limits(1, 4));
  CopyingWriteStream stream(out);
  EXPECT_TRUE(try_send(out, "full"));
  CountOutcome first;
  write_some(stream, "one", first);
  CountOutcome second;
  EXPECT_DEATH(write_some(stream, "two", second), "a write is under way");
  EXPECT_DEATH(write_some(stream, "", second), "a write is under way");
}

#endif

/// Composed writes from one socket to another, through queues that are smaller than what is
/// written.
class ComposedCopyingWrite : public testing::TestWithParam<std::size_t> {
 protected:
  [[nodiscard]] static WriteHandoffConfig config() { return limits(4, GetParam()); }

  net::io_context context{1};
  std::pair<TcpPair::Stream, TcpPair::Stream> pair = TcpPair::make(context);
  WriteHandoff out{std::move(pair.first), config()};
  CopyingWriteStream stream{out};
  Collector<TcpPair::Stream> peer{pair.second};
};

TEST_P(ComposedCopyingWrite, writes_it_all_in_order) {
  const std::string text = pattern(300000);
  CountOutcome written;
  net::async_write(stream, net::buffer(text), written.handler());
  ASSERT_TRUE(run_until(context, [&] { return written.has_come(); }));
  written.expect({}, text.size());
  out.close();
  ASSERT_TRUE(run_until(context, [&] { return peer.is_over(); }));
  EXPECT_EQ(peer.text(), text);
  EXPECT_EQ(peer.error(), net::error::eof);
}

TEST_P(ComposedCopyingWrite, writes_many_buffers_one_operation_after_the_other) {
  const std::string text = pattern(100 * 997);
  std::vector<net::const_buffer> buffers;
  for (std::size_t i = 0; i < 100; ++i) {
    buffers.emplace_back(text.data() + i * 997, 997);
  }
  CountOutcome second;
  net::async_write(stream, buffers, [&](net_error_code error, std::size_t n) {
    EXPECT_FALSE(error) << error.message();
    EXPECT_EQ(n, text.size());
    net::async_write(stream, buffers, second.handler());
  });
  ASSERT_TRUE(run_until(context, [&] { return second.has_come(); }));
  second.expect({}, text.size());
  out.close();
  ASSERT_TRUE(run_until(context, [&] { return peer.is_over(); }));
  EXPECT_EQ(peer.text(), text + text);
}

TEST_P(ComposedCopyingWrite, that_meets_the_end_of_the_queue_tells_how_much_was_admitted) {
  const std::string text = pattern(300000);
  CountOutcome written;
  const std::size_t step = std::min<std::size_t>(GetParam(), 64 * 1024);
  net::async_write(stream, net::buffer(text),
                   [&, handler = written.handler()](net_error_code error, std::size_t n) {
                     EXPECT_EQ(n % step, 0U);
                     EXPECT_GE(n, step);
                     handler(error, 0);
                   });
  context.run_one();
  out.abort();
  ASSERT_TRUE(run_until(context, [&] { return written.has_come(); }));
  EXPECT_EQ(written.error(), Errc::closed);
  ASSERT_TRUE(run_until(context, [&] { return peer.is_over(); }));
}

INSTANTIATE_TEST_SUITE_P(Budgets, ComposedCopyingWrite,
                         testing::Values(std::size_t{1000}, std::size_t{64} * 1024,
                                         std::size_t{200000}));

}  // namespace
}  // namespace bytes_handoff::test
