// A relay between streams of one's own, whose script says how each call ends.

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/relay.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/queue/probes.hpp"
#include "support/relaying/stream_relay_fixture.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff::test {
namespace {

/// Keeps what it is given until it is flushed.
class KeepingStream : public IoStream {
 public:
  using IoStream::IoStream;

  std::shared_ptr<std::size_t> flushes = std::make_shared<std::size_t>(0);
  net_error_code flush_error;

  template <class Handler>
  friend void async_flush_write(KeepingStream& stream, Handler&& handler) {
    ++*stream.flushes;
    net::post(stream.get_executor(),
              [handler = std::forward<Handler>(handler), error = stream.flush_error]() mutable {
                std::move(handler)(error, std::size_t{0});
              });
  }
};

TEST_F(StreamRelayTest, goes_at_the_pace_of_the_slower_side) {
  from->input = pattern(5000);
  to->hold_from = 0;
  IoStream out = make_out<IoStream>();
  relay(out);
  run_ready(*context);
  EXPECT_EQ(from->calls, 1U);  // the first read, of 512 bytes
  ASSERT_NE(to->held, nullptr);
  to->complete({}, 12);
  run_ready(*context);
  EXPECT_EQ(from->calls, 1U) << "it read on before all was written";
  EXPECT_EQ(buffer.size(), 500U);
}

TEST_F(StreamRelayTest, ends_out_in_order_behind_a_clean_end) {
  const std::string text = from->input = pattern(5000);
  to->most_per_call = 99;
  IoStream out = make_out<IoStream>();
  relay(out);
  ASSERT_TRUE(run_out(*context));
  outcome.expect({}, {5000, 5000, RelaySide::none});
  EXPECT_EQ(to->written, text);
  EXPECT_EQ(to->ends, 1U);
  EXPECT_EQ(to->resets, 0U);
}

TEST_F(StreamRelayTest, leaves_out_open_if_asked_to) {
  options.end_out = false;
  const std::string text = from->input = pattern(1000);
  IoStream out = make_out<IoStream>();
  relay(out);
  ASSERT_TRUE(run_out(*context));
  outcome.expect({}, {1000, 1000, RelaySide::none});
  EXPECT_EQ(to->ends + to->resets, 0U);

  RelayOutcome failed;
  from->fail_at = from->calls;
  from->error = net::error::connection_reset;
  async_relay(buffer, in, out, options, failed.handler());
  ASSERT_TRUE(run_out(*context));
  failed.expect(net::error::connection_reset, {0, 0, RelaySide::in});
  EXPECT_EQ(to->ends + to->resets, 0U);
}

TEST_F(StreamRelayTest, an_input_that_fails_is_passed_on_then_cut) {
  for (unsigned at = 0; at < 4; ++at) {
    *from = StreamScript();
    *to = StreamScript();
    buffer = HandoffBuffer();
    RelayOutcome told;
    const std::string text = from->input = pattern(5000);
    from->most_per_call = 1000;
    from->fail_at = at;
    from->error = net::error::connection_reset;
    from->bytes_with_error = 10;
    to->most_per_call = 300;
    IoStream out = make_out<IoStream>();
    async_relay(buffer, in, out, told.handler());
    ASSERT_TRUE(run_out(*context));
    const std::size_t n = to->written.size();
    told.expect(net::error::connection_reset, {n, n, RelaySide::in});
    EXPECT_EQ(all(), text);
    EXPECT_TRUE(buffer.empty());
    EXPECT_EQ(to->ends, 0U);
    EXPECT_EQ(to->resets, 1U);
  }
}

TEST_F(StreamRelayTest, an_output_that_fails_at_any_call_loses_nothing) {
  for (unsigned at = 0; at < 12; ++at) {
    *from = StreamScript();
    *to = StreamScript();
    buffer = HandoffBuffer();
    RelayOutcome told;
    const std::string text = from->input = pattern(5000);
    from->most_per_call = 1000;
    to->most_per_call = 300;
    to->fail_at = at;
    to->error = net::error::broken_pipe;
    to->bytes_with_error = 7;
    IoStream out = make_out<IoStream>();
    async_relay(buffer, in, out, told.handler());
    ASSERT_TRUE(run_out(*context));
    EXPECT_EQ(told.error(), net::error::broken_pipe);
    EXPECT_EQ(told.counts().failed, RelaySide::out);
    EXPECT_EQ(told.counts().passed_on, to->written.size());
    EXPECT_EQ(told.counts().received, to->written.size() + buffer.size());
    EXPECT_EQ(all(), text);
    EXPECT_EQ(to->ends, 0U);
    EXPECT_EQ(to->calls, at + 1);
    EXPECT_EQ(from->running, 0U);
  }
}

TEST_F(StreamRelayTest, a_stream_that_throws_has_failed) {
  from->input = pattern(100);
  from->throw_at = 1;
  IoStream out = make_out<IoStream>();
  relay(out);
  ASSERT_TRUE(run_out(*context));
  outcome.expect(detail::to_net_error(Errc::stream_exception), {100, 100, RelaySide::in});
  EXPECT_EQ(to->resets, 1U);

  to->throw_at = to->calls;
  RelayOutcome failed;
  feed(buffer, "more");
  async_relay(buffer, in, out, failed.handler());
  ASSERT_TRUE(run_out(*context));
  failed.expect(detail::to_net_error(Errc::stream_exception), {4, 0, RelaySide::out});
  EXPECT_EQ(buffer.peek_view(), "more");
}

TEST_F(StreamRelayTest, a_stream_that_completes_inside_needs_no_stack) {
  const std::string text = pattern(100'000);
  feed(buffer, text);
  to->most_per_call = 1;
  InsideStream out = make_out<InsideStream>();
  relay(out);
  ASSERT_TRUE(run_out(*context));
  outcome.expect({}, {100'000, 100'000, RelaySide::none});
  EXPECT_EQ(to->written, text);
}

TEST_F(StreamRelayTest, a_stream_that_is_always_ready_lets_others_run) {
  feed(buffer, pattern(1000));
  to->most_per_call = 1;
  EagerStream out = make_out<EagerStream>();
  unsigned before = 0;
  unsigned longest = 0;
  std::function<void()> other = [&] {
    longest = std::max(longest, to->calls - std::exchange(before, to->calls));
    if (!outcome.is_over()) {
      net::post(*context, other);
    }
  };
  net::post(*context, other);
  relay(out);
  before = to->calls;
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(to->calls, 1000U);
  EXPECT_LE(longest, 2 * detail::kMaxInlineWrites);
}

TEST_F(StreamRelayTest, success_without_bytes_again_and_again_is_no_progress) {
  feed(buffer, "stuck");
  to->most_per_call = 0;
  for (int eager = 0; eager < 2; ++eager) {
    RelayOutcome told;
    to->calls = 0;
    if (eager != 0) {
      EagerStream out = make_out<EagerStream>();
      async_relay(buffer, in, out, told.handler());
      ASSERT_TRUE(run_out(*context));
    } else {
      IoStream out = make_out<IoStream>();
      async_relay(buffer, in, out, told.handler());
      ASSERT_TRUE(run_out(*context));
    }
    told.expect(detail::to_net_error(Errc::no_progress), {5, 0, RelaySide::out});
    EXPECT_EQ(to->calls, detail::kMaxZeroWrites);
  }
  EXPECT_EQ(buffer.peek_view(), "stuck");
}

TEST_F(StreamRelayTest, a_stream_that_keeps_bytes_is_flushed_before_the_next_read) {
  from->input = pattern(3000);
  from->most_per_call = 1000;
  KeepingStream out = make_out<KeepingStream>();
  const auto flushes = out.flushes;
  relay(out);
  run_ready(*context);
  outcome.expect({}, {3000, 3000, RelaySide::none});
  EXPECT_GE(*flushes, from->calls - 1);
}

TEST_F(StreamRelayTest, a_flush_that_fails_is_the_error_of_out) {
  from->input = pattern(100);
  KeepingStream out = make_out<KeepingStream>();
  out.flush_error = net::error::broken_pipe;
  relay(out);
  ASSERT_TRUE(run_out(*context));
  outcome.expect(net::error::broken_pipe, {100, 100, RelaySide::out});
}

TEST_F(StreamRelayTest, a_cancellation_before_a_flush_leaves_that_to_the_caller) {
  feed(buffer, "abc");
  to->hold_from = 0;
  KeepingStream out = make_out<KeepingStream>();
  const auto flushes = out.flushes;
  relay(out);
  run_ready(*context);
  to->complete({}, 3);
  signal.emit(net::cancellation_type::total);
  run_ready(*context);
  outcome.expect(net::error::operation_aborted, {3, 3, RelaySide::none});
  EXPECT_EQ(buffer.size(), 0U);

  from->hold_from = 0;
  RelayOutcome second;
  async_relay(buffer, in, out, second.handler());
  run_ready(*context);
  ASSERT_NE(from->held, nullptr);
  EXPECT_EQ(*flushes, 0U) << "a later relay flushes what it has not written";
}

TEST_F(StreamRelayTest, a_buffer_that_is_being_read_is_refused) {
  from->hold_from = 0;
  CountOutcome read;
  buffer.async_read_available(in, read.handler());
  IoStream out = make_out<IoStream>();
  relay(out);
  run_ready(*context);
  outcome.expect(detail::to_net_error(Errc::read_in_progress), {0, 0, RelaySide::in});
  EXPECT_EQ(to->ends + to->resets, 0U);
  EXPECT_FALSE(read.has_come());
  from->complete({}, 0);
  ASSERT_TRUE(run_out(*context));
}

}  // namespace
}  // namespace bytes_handoff::test
