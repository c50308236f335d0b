// A relay whose input fails while its queue has no room.

#include <chrono>

#include "bytes_handoff/relay.hpp"
#include "support/asio.hpp"
#include "support/relaying/queue_relay_fixture.hpp"

namespace bytes_handoff::test {
namespace {

class RelayToAFullQueue : public QueueRelayTest {
 protected:
  // Six bytes that come with an error, for a queue of four whose stream is stuck.
  [[nodiscard]] WriteHandoff start() {
    from->input = "abcdef";
    from->fail_at = 0;
    from->error = net::error::connection_reset;
    from->bytes_with_error = 6;
    script->hold_from = 0;
    WriteHandoffConfig config = limits(4, 4);
    config.close_timeout = close_timeout;
    WriteHandoff out = spawn(config);
    relay(out);
    EXPECT_FALSE(outcome.is_over());
    return out;
  }

  std::chrono::nanoseconds close_timeout = std::chrono::seconds(10);
};

TEST_F(RelayToAFullQueue, what_a_failed_input_had_delivered_is_let_in_then_cut) {
  const WriteHandoff out = start();
  EXPECT_FALSE(out.is_open());
  script->hold_from = kNever;
  script->complete({}, 1);
  ASSERT_TRUE(run_until(*context, [this] { return outcome.is_over(); }));
  outcome.expect(net::error::connection_reset, {6, 6, RelaySide::in});
  EXPECT_EQ(script->written, "abcdef");
  EXPECT_EQ(script->ends, 0U);
  EXPECT_EQ(script->resets, 1U);
  EXPECT_EQ(out.first_error(), Errc::aborted);
}

TEST_F(RelayToAFullQueue, it_waits_for_room_no_longer_than_the_queue_for_its_end) {
  close_timeout = std::chrono::milliseconds(5);
  const WriteHandoff out = start();
  ASSERT_TRUE(run_until(*context, [this] { return outcome.is_over(); }));
  outcome.expect(net::error::connection_reset, {6, 4, RelaySide::in});
  EXPECT_EQ(buffer.peek_view(), "ef");
  EXPECT_EQ(script->resets, 1U);
  EXPECT_EQ(out.first_error(), Errc::timed_out);
}

TEST_F(RelayToAFullQueue, one_that_stays_open_is_not_closed_for_it) {
  options.end_out = false;
  const WriteHandoff out = start();
  EXPECT_TRUE(out.is_open());
  script->hold_from = kNever;
  script->complete({}, 1);
  ASSERT_TRUE(run_until(*context, [this] { return outcome.is_over(); }));
  outcome.expect(net::error::connection_reset, {6, 6, RelaySide::in});
  EXPECT_TRUE(out.is_open());
}

}  // namespace
}  // namespace bytes_handoff::test
