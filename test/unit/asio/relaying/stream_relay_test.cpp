// A relay between streams of one's own, whose script says how each call ends.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bytes_handoff/relay.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/queue/probes.hpp"
#include "support/relaying/relay_outcome.hpp"
#include "support/run_for.hpp"
#include "support/streams/buffer_feed.hpp"
#include "support/streams/test_streams.hpp"

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

/// Its end waits for the test.
class SlowlyEndedStream : public IoStream {
 public:
  using IoStream::IoStream;

  std::shared_ptr<std::function<void(net_error_code)>> ended =
      std::make_shared<std::function<void(net_error_code)>>();

  template <class Handler>
  friend void async_end_write(SlowlyEndedStream& stream, Handler&& handler) {
    const auto held = std::make_shared<std::decay_t<Handler>>(std::forward<Handler>(handler));
    *stream.ended = [held, executor = stream.get_executor()](net_error_code error) {
      net::post(executor, [held, error] { std::move (*held)(error); });
    };
  }
};

class StreamRelayTest : public testing::Test {
 protected:
  template <class Out>
  [[nodiscard]] Out make_out() {
    return Out(context->get_executor(), to);
  }

  template <class Out>
  void relay(Out& out) {
    async_relay(buffer, in, out, options,
                net::bind_cancellation_slot(signal.slot(), outcome.handler()));
  }

  /// What nobody has lost: written, buffered, and not read yet.
  [[nodiscard]] std::string all() const {
    return to->written + std::string(buffer.peek_view()) + from->input;
  }

  std::unique_ptr<net::io_context> context = std::make_unique<net::io_context>(1);
  std::shared_ptr<StreamScript> from = std::make_shared<StreamScript>();
  std::shared_ptr<StreamScript> to = std::make_shared<StreamScript>();
  IoStream in{context->get_executor(), from};
  HandoffBuffer buffer;
  RelayOptions options;
  net::cancellation_signal signal;
  RelayOutcome outcome;
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

// ---- Cancellation.

TEST_F(StreamRelayTest, a_cancellation_at_any_step_loses_nothing) {
  const std::string text = pattern(4000);
  bool has_ended = false;
  unsigned cancelled = 0;
  for (unsigned steps = 0; !has_ended; ++steps) {
    *from = StreamScript();
    *to = StreamScript();
    buffer = HandoffBuffer();
    feed(buffer, text.substr(0, 1000));
    from->input = text.substr(1000);
    from->most_per_call = 500;
    to->most_per_call = 300;
    IoStream out = make_out<IoStream>();
    net::cancellation_signal cancel;
    RelayOutcome told;
    async_relay(buffer, in, out, net::bind_cancellation_slot(cancel.slot(), told.handler()));
    context->restart();
    for (unsigned i = 0; i < steps; ++i) {
      context->poll_one();
    }
    has_ended = told.is_over();
    cancel.emit(net::cancellation_type::total);
    ASSERT_TRUE(run_out(*context));
    ASSERT_TRUE(told.is_over());
    EXPECT_EQ(all(), text);
    EXPECT_EQ(told.counts().passed_on, to->written.size());
    EXPECT_EQ(told.counts().received - told.counts().passed_on, buffer.size());
    if (told.error() && to->resets == 0) {
      ++cancelled;
      EXPECT_EQ(told.error(), net::error::operation_aborted);
      EXPECT_EQ(told.counts().failed, RelaySide::none);
      EXPECT_EQ(to->ends, 0U);
    }
  }
  EXPECT_GT(cancelled, 15U);
}

TEST_F(StreamRelayTest, a_cancelled_relay_can_be_taken_up) {
  const std::string text = from->input = pattern(4000);
  to->hold_from = 1;
  IoStream out = make_out<IoStream>();
  relay(out);
  run_ready(*context);
  ASSERT_NE(to->held, nullptr);
  signal.emit(net::cancellation_type::partial);
  run_ready(*context);
  EXPECT_EQ(outcome.error(), net::error::operation_aborted);
  EXPECT_TRUE(to->cancel_was_asked);

  to->hold_from = kNever;
  RelayOutcome second;
  async_relay(buffer, in, out, second.handler());
  ASSERT_TRUE(run_out(*context));
  EXPECT_FALSE(second.error());
  EXPECT_EQ(to->written, text);
  EXPECT_EQ(to->ends, 1U);
}

TEST_F(StreamRelayTest, a_cancellation_reaches_the_read_that_waits) {
  from->hold_from = 0;
  IoStream out = make_out<IoStream>();
  relay(out);
  run_ready(*context);
  ASSERT_NE(from->held, nullptr);
  signal.emit(net::cancellation_type::terminal);
  run_ready(*context);
  outcome.expect(net::error::operation_aborted, {0, 0, RelaySide::none});
  EXPECT_EQ(to->ends + to->resets, 0U);
}

TEST_F(StreamRelayTest, a_write_that_cannot_be_cancelled_is_the_last_step) {
  feed(buffer, "abcdef");
  to->hold_from = 0;
  to->honours_cancellation = false;
  IoStream out = make_out<IoStream>();
  relay(out);
  run_ready(*context);
  signal.emit(net::cancellation_type::total);
  run_ready(*context);
  EXPECT_FALSE(outcome.is_over());
  to->complete({}, 2);
  run_ready(*context);
  outcome.expect(net::error::operation_aborted, {6, 2, RelaySide::none});
  EXPECT_EQ(buffer.peek_view(), "cdef");
}

TEST_F(StreamRelayTest, a_second_cancellation_is_passed_on_too) {
  feed(buffer, "abcdef");
  to->hold_from = 0;
  to->honours_cancellation = false;
  IoStream out = make_out<IoStream>();
  relay(out);
  run_ready(*context);
  signal.emit(net::cancellation_type::total);
  run_ready(*context);
  to->honours_cancellation = true;
  signal.emit(net::cancellation_type::terminal);
  run_ready(*context);
  outcome.expect(net::error::operation_aborted, {6, 0, RelaySide::none});
}

TEST_F(StreamRelayTest, an_input_that_failed_is_told_and_cut_also_when_cancelled) {
  from->input = "abc";
  from->fail_at = 0;
  from->error = net::error::connection_reset;
  from->bytes_with_error = 3;
  to->hold_from = 0;
  IoStream out = make_out<IoStream>();
  relay(out);
  run_ready(*context);
  ASSERT_NE(to->held, nullptr);
  signal.emit(net::cancellation_type::total);
  ASSERT_TRUE(run_out(*context));
  outcome.expect(net::error::connection_reset, {3, 0, RelaySide::in});
  EXPECT_EQ(to->resets, 1U);
  EXPECT_EQ(buffer.peek_view(), "abc");
}

TEST_F(StreamRelayTest, an_end_that_waits_is_a_reset_when_cancelled) {
  SlowlyEndedStream out = make_out<SlowlyEndedStream>();
  const auto ended = out.ended;
  relay(out);
  run_ready(*context);
  ASSERT_TRUE(*ended);
  signal.emit(net::cancellation_type::total);
  run_ready(*context);
  EXPECT_EQ(to->resets, 1U);
  EXPECT_FALSE(outcome.is_over()) << "the stream still has an operation";
  (*ended)(net::error::operation_aborted);
  run_ready(*context);
  outcome.expect(net::error::operation_aborted, {0, 0, RelaySide::none});
}

TEST_F(StreamRelayTest, an_end_that_waits_too_long_is_a_reset) {
  SlowlyEndedStream out = make_out<SlowlyEndedStream>();
  const auto ended = out.ended;
  options.close_timeout = std::chrono::milliseconds(1);
  relay(out);
  ASSERT_TRUE(run_until(*context, [&] { return to->resets == 1; }));
  EXPECT_FALSE(outcome.is_over()) << "the stream still has an operation";
  (*ended)(net::error::operation_aborted);
  ASSERT_TRUE(run_until(*context, [&] { return outcome.is_over(); }));
  outcome.expect(detail::to_net_error(Errc::timed_out), {0, 0, RelaySide::out});
}

// ---- Contexts.

class RelayAndContext : public StreamRelayTest {
 protected:
  // Who is bound to another context is told there.
  void expect_told(net::io_context& other, const RelayCounts& counts) {
    run_ready(other);
    outcome.expect(detail::to_net_error(Errc::closed), counts);
  }
};

TEST_F(RelayAndContext, a_relay_that_goes_with_its_context_leaves_the_buffer_usable) {
  for (const bool is_writing : {false, true}) {
    auto lost = std::make_unique<net::io_context>(1);
    auto input = std::make_shared<StreamScript>();
    auto output = std::make_shared<StreamScript>();
    IoStream of_in(lost->get_executor(), input);
    IoStream of_out(lost->get_executor(), output);
    input->hold_from = output->hold_from = 0;
    HandoffBuffer held;
    if (is_writing) {
      feed(held, "abc");
    }
    Sentinel sentinel;
    async_relay(held, of_in, of_out, sentinel.handler());
    run_ready(*lost);
    EXPECT_NE(is_writing ? output->held : input->held, nullptr);
    input->held.reset();
    output->held.reset();
    lost.reset();
    EXPECT_EQ(sentinel.calls(), 0U);
    EXPECT_TRUE(sentinel.is_destroyed());
    EXPECT_EQ(held.peek_view(), is_writing ? "abc" : "");
    feed(held, "def");
  }
}

TEST_F(RelayAndContext, tells_a_handler_that_is_bound_to_another) {
  net::io_context other;
  from->hold_from = 0;
  IoStream out = make_out<IoStream>();
  async_relay(buffer, in, out, net::bind_executor(other, outcome.handler()));
  run_ready(*context);
  from->held.reset();
  context.reset();
  expect_told(other, {0, 0, RelaySide::none});
}

TEST_F(RelayAndContext, goes_with_it_while_out_is_ended) {
  net::io_context other;
  SlowlyEndedStream out = make_out<SlowlyEndedStream>();
  async_relay(buffer, in, out, net::bind_executor(other, outcome.handler()));
  run_ready(*context);
  ASSERT_TRUE(*out.ended);
  context.reset();
  *out.ended = nullptr;
  expect_told(other, {0, 0, RelaySide::none});
}

}  // namespace
}  // namespace bytes_handoff::test
