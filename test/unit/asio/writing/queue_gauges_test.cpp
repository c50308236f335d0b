// `WriteStatistics` of a queue in the time of its stream's executor.
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/testing/manual_clock.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/pattern.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {
namespace {

using namespace std::chrono_literals;

class QueueGauges : public testing::Test {
 protected:
  using Stream = BasicDuplexStream<ManualExecutor>;

  QueueGauges() {
    std::pair<Stream, Stream> streams = make_duplex(clock.executor(context), 16);
    near.emplace(std::move(streams.first));
    far.emplace(std::move(streams.second));
  }

  void send(WriteHandoff& out, std::size_t size) {
    Bytes bytes = Bytes::copy_of(pattern(size));
    ASSERT_TRUE(out.try_write(bytes));
    run_ready(context);
  }
  void take(std::size_t size) {
    std::string taken(size, ' ');
    ASSERT_EQ(far->read_some(net::buffer(taken)), size);
    run_ready(context);
  }

  net::io_context context{1};
  ManualClock clock;
  std::optional<Stream> near;
  std::optional<Stream> far;
};

TEST_F(QueueGauges, tell_the_age_of_a_stuck_write_that_nobody_has_looked_at) {
  WriteHandoff out(std::move(*near));
  send(out, 100);
  clock.advance(3min);
  EXPECT_EQ(out.statistics().oldest_pending_age, 3min);
  send(out, 10);
  clock.advance(1h);
  EXPECT_EQ(out.statistics().oldest_pending_age, 1h + 3min);
  EXPECT_GE(out.statistics().held_bytes, 110U);
  out.abort();
  run_ready(context);
  EXPECT_EQ(out.statistics().oldest_pending_age, 0min);
}

TEST_F(QueueGauges, tell_the_age_of_the_next_write_when_the_stream_goes_on) {
  WriteHandoff out(std::move(*near));
  send(out, 20);
  clock.advance(1min);
  send(out, 20);
  take(10);  // the stream takes the rest of the first, and then makes the second wait
  clock.advance(2min);
  EXPECT_EQ(out.statistics().oldest_pending_age, 2min);
}

TEST_F(QueueGauges, tell_how_long_the_first_in_line_has_waited) {
  WriteHandoff out(std::move(*near), limits(1, 100));
  send(out, 40);
  WriteOutcome first;
  WriteOutcome second;
  out.async_write(first.from("a"), first.handler());
  clock.advance(5s);
  out.async_write(second.from("b"), second.handler());
  clock.advance(2s);
  EXPECT_EQ(out.statistics().oldest_waiter_age, 7s);
  EXPECT_EQ(out.statistics().time_blocked, 0s);
  take(16);
  take(16);
  take(8);
  EXPECT_TRUE(first.was_admitted());
  EXPECT_EQ(out.statistics().oldest_waiter_age, 0s);
  EXPECT_EQ(out.statistics().time_blocked, 7s + 2s) << "in the time of the executor, too";
  EXPECT_TRUE(second.was_admitted());
}

TEST_F(QueueGauges, are_none_where_the_context_is_gone) {
  std::optional<WriteHandoff> out;
  {
    net::io_context other{1};
    auto [from, to] = make_duplex(clock.executor(other), 16);
    out.emplace(std::move(from), limits(1, 100));
    Bytes bytes = Bytes::copy_of(pattern(40));
    ASSERT_TRUE(out->try_write(bytes));
    run_ready(other);
    clock.advance(1s);
    EXPECT_EQ(out->statistics().oldest_pending_age, 1s);
  }
  const WriteStatistics gone = out->statistics();
  EXPECT_EQ(gone.oldest_pending_age, 0s);
  EXPECT_EQ(gone.pending_bytes, 0U);
}

}  // namespace
}  // namespace bytes_handoff::test
