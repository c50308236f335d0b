// How long a relay may take to pass on what a failed input had delivered.

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "bytes_handoff/relay.hpp"
#include "support/asio.hpp"
#include "support/relaying/stream_relay_fixture.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff::test {
namespace {

using std::chrono::milliseconds;

/// Its flush waits for the reset.
class StuckFlushStream : public IoStream {
 public:
  using IoStream::IoStream;

  std::shared_ptr<std::function<void(net_error_code)>> flushing =
      std::make_shared<std::function<void(net_error_code)>>();

  template <class Handler>
  friend void async_flush_write(StuckFlushStream& stream, Handler&& handler) {
    const auto held = std::make_shared<std::decay_t<Handler>>(std::forward<Handler>(handler));
    *stream.flushing = [held, executor = stream.get_executor()](net_error_code error) {
      net::post(executor, [held, error] { std::move (*held)(error); });
    };
  }
  friend void reset_connection(StuckFlushStream& stream) {
    ++stream.script().resets;
    std::exchange(*stream.flushing, nullptr)(net::error::operation_aborted);
  }
};

class StreamRelayTime : public StreamRelayTest {
 protected:
  StreamRelayTime() { options.close_timeout = milliseconds(5); }

  // Four bytes that come with an error.
  void cut_input() {
    from->input = "abcd";
    from->fail_at = from->calls;
    from->error = net::error::connection_reset;
    from->bytes_with_error = 4;
  }
  void run_to_end() {
    ASSERT_TRUE(run_until(*context, [this] { return outcome.is_over(); }));
  }
  void expect_cut(const RelayCounts& counts) {
    outcome.expect(net::error::connection_reset, counts);
    EXPECT_EQ(to->resets, 1U);
    EXPECT_EQ(to->ends, 0U);
  }
};

TEST_F(StreamRelayTime, a_stuck_output_is_reset_behind_a_cut_input) {
  cut_input();
  to->most_per_call = 1;
  to->hold_from = 1;
  IoStream out = make_out<IoStream>();
  relay(out);
  run_to_end();
  expect_cut({4, 1, RelaySide::in});
  EXPECT_TRUE(to->cancel_was_asked);
  EXPECT_EQ(buffer.peek_view(), "bcd");
  EXPECT_TRUE(run_out(*context)) << "something is left armed";
}

TEST_F(StreamRelayTime, of_a_relay_that_nobody_can_cancel_is_limited_too) {
  cut_input();
  to->hold_from = 0;
  IoStream out = make_out<IoStream>();
  async_relay(buffer, in, out, options, outcome.handler());
  run_to_end();
  expect_cut({4, 0, RelaySide::in});
}

TEST_F(StreamRelayTime, an_output_that_cannot_be_cancelled_is_reset_and_waited_for) {
  cut_input();
  to->hold_from = 0;
  to->honours_cancellation = false;
  IoStream out = make_out<IoStream>();
  relay(out);
  ASSERT_TRUE(run_until(*context, [this] { return to->resets == 1; }));
  EXPECT_FALSE(outcome.is_over()) << "the stream still has an operation";
  to->complete({}, 3);
  run_to_end();
  expect_cut({4, 3, RelaySide::in});
}

TEST_F(StreamRelayTime, a_flush_that_waits_is_limited_too) {
  cut_input();
  StuckFlushStream out = make_out<StuckFlushStream>();
  relay(out);
  run_to_end();
  expect_cut({4, 4, RelaySide::in});
}

TEST_F(StreamRelayTime, is_not_limited_before_the_input_has_failed) {
  feed(buffer, "abcd");
  options.close_timeout = options.close_limit = {};
  to->hold_from = 0;
  IoStream out = make_out<IoStream>();
  relay(out);
  run_ready(*context);
  EXPECT_EQ(to->resets, 0U);
  EXPECT_FALSE(outcome.is_over());
  to->complete(net::error::broken_pipe, 0);
  run_to_end();
  outcome.expect(net::error::broken_pipe, {4, 0, RelaySide::out});
}

TEST_F(StreamRelayTime, is_not_limited_for_an_output_that_stays_open) {
  cut_input();
  options.close_timeout = options.close_limit = {};
  options.end_out = false;
  to->hold_from = 0;
  IoStream out = make_out<IoStream>();
  relay(out);
  run_ready(*context);
  EXPECT_FALSE(outcome.is_over());
  to->complete({}, 4);
  run_to_end();
  outcome.expect(net::error::connection_reset, {4, 4, RelaySide::in});
  EXPECT_EQ(to->resets, 0U);
}

TEST_F(StreamRelayTime, without_time_what_the_output_takes_is_still_passed_on) {
  cut_input();
  options.close_timeout = {};
  to->most_per_call = 1;
  IoStream out = make_out<IoStream>();
  relay(out);
  run_to_end();
  expect_cut({4, 4, RelaySide::in});
  EXPECT_EQ(to->written, "abcd");
}

TEST_F(StreamRelayTime, an_output_that_goes_on_leaves_nothing_armed) {
  cut_input();
  options.close_timeout = std::chrono::hours(1);
  to->hold_from = 0;
  IoStream out = make_out<IoStream>();
  relay(out);
  run_ready(*context);
  to->hold_from = kNever;
  to->complete({}, 1);
  ASSERT_TRUE(run_out(*context));
  expect_cut({4, 4, RelaySide::in});
}

TEST_F(StreamRelayTime, a_handler_goes_with_the_context_while_it_is_looked_at) {
  cut_input();
  options.close_timeout = std::chrono::hours(1);
  to->hold_from = 0;
  IoStream out = make_out<IoStream>();
  net::io_context other;
  async_relay(buffer, in, out, options, net::bind_executor(other, outcome.handler()));
  run_ready(*context);
  ASSERT_NE(to->held, nullptr);
  to->held.reset();
  context.reset();
  run_ready(other);
  outcome.expect(net::error::connection_reset, {4, 0, RelaySide::in});
}

TEST_F(StreamRelayTime, negative_times_are_refused) {
  IoStream out = make_out<IoStream>();
  options.close_timeout = milliseconds(-1);
  EXPECT_THROW(relay(out), std::invalid_argument);
  options.close_timeout = {};
  options.close_limit = milliseconds(-1);
  EXPECT_THROW(relay(out), std::invalid_argument);
}

}  // namespace
}  // namespace bytes_handoff::test
