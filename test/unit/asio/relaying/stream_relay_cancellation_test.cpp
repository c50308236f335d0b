// A relay between streams of one's own that is cancelled, or whose context ends.

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

TEST_F(StreamRelayTest, a_cancellation_asks_no_read_that_has_ended) {
  from->hold_from = 0;
  SlowlyEndedStream out = make_out<SlowlyEndedStream>();
  const auto ended = out.ended;
  relay(out);
  run_ready(*context);
  from->complete(net::error::eof, 0);
  run_ready(*context);
  ASSERT_TRUE(*ended);
  signal.emit(net::cancellation_type::total);
  (*ended)(net::error::operation_aborted);
  run_ready(*context);
  outcome.expect(net::error::operation_aborted, {0, 0, RelaySide::none});
  EXPECT_FALSE(from->cancel_was_asked);
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
