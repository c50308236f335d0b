// What `WriteHandoffConfig::times` takes, and `WriteTicket::async_outcome` tells, in the time of
// the stream's executor.
#include "bytes_handoff/observing/write_times.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/testing/manual_clock.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/pattern.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {
namespace {

using namespace std::chrono_literals;

using TimedOutcome = bytes_handoff::WriteOutcome;

class WriteTimesOfAQueue : public testing::Test {
 protected:
  using Stream = BasicDuplexStream<ManualExecutor>;

  WriteTimesOfAQueue() {
    std::pair<Stream, Stream> streams = make_duplex(clock.executor(context), 16);
    near.emplace(std::move(streams.first));
    far.emplace(std::move(streams.second));
  }

  [[nodiscard]] static WriteTicket submit(WriteHandoff& out, std::size_t size) {
    Bytes bytes = Bytes::copy_of(pattern(size));
    auto ticket = out.try_write(bytes);
    EXPECT_TRUE(ticket);
    return ticket ? std::move(*ticket) : WriteTicket();
  }
  void take(std::size_t size) {
    std::string taken(size, ' ');
    ASSERT_EQ(far->read_some(net::buffer(taken)), size);
    run_ready(context);
  }
  void wait(WriteTicket& ticket) {
    told.reset();
    ticket.async_outcome([this](const net_error_code& with, const TimedOutcome& outcome) {
      error = with;
      told = outcome;
    });
    run_ready(context);
  }

  net::io_context context{1};
  ManualClock clock;
  std::optional<Stream> near;
  std::optional<Stream> far;
  WriteTimes times = WriteTimes::make();
  net_error_code error;
  std::optional<TimedOutcome> told;
};

TEST_F(WriteTimesOfAQueue, tells_who_waits_where_the_time_went) {
  WriteHandoff out(std::move(*near), {.times = times});
  WriteTicket first = submit(out, 20);
  clock.advance(1s);
  run_ready(context);  // the stream takes 16 bytes
  clock.advance(2s);
  WriteTicket second = submit(out, 4);
  wait(second);
  EXPECT_EQ(told, std::nullopt);
  clock.advance(3s);
  take(16);
  ASSERT_TRUE(told);
  EXPECT_FALSE(error);
  EXPECT_EQ(told->written, 4U);
  EXPECT_EQ(told->durations, (WriteDurations{3s, 0s}));
  wait(first);
  ASSERT_TRUE(told) << "a write that has been written needs no wait";
  EXPECT_EQ(told->written, 20U);
  EXPECT_EQ(told->durations, (WriteDurations{1s, 5s}));

  const WriteTimesReport report = times.report();
  EXPECT_EQ(report.queued.count(), 2U);
  EXPECT_EQ(report.queued.longest(), 3s);
  EXPECT_GE(report.queued.at_percentile(50), 1s);
  EXPECT_LE(report.queued.at_percentile(50), 1001ms);
  EXPECT_EQ(report.with_stream.longest(), 5s);
}

TEST_F(WriteTimesOfAQueue, are_none_of_a_write_that_fails) {
  WriteHandoff out(std::move(*near), {.times = times});
  WriteTicket ticket = submit(out, 20);
  wait(ticket);
  clock.advance(1s);
  out.abort();
  run_ready(context);
  ASSERT_TRUE(told);
  EXPECT_EQ(error, Errc::aborted);
  EXPECT_EQ(told->written, 16U);
  EXPECT_EQ(told->durations, std::nullopt);
  EXPECT_EQ(times.report().queued.count(), 0U);
}

TEST_F(WriteTimesOfAQueue, are_none_where_nobody_takes_them) {
  WriteHandoff out(std::move(*near));
  WriteTicket ticket = submit(out, 20);
  wait(ticket);
  take(16);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->written, 20U);
  EXPECT_EQ(told->durations, std::nullopt);
  wait(ticket);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->durations, std::nullopt);
}

TEST_F(WriteTimesOfAQueue, a_second_wait_at_once_is_told_none) {
  WriteHandoff out(std::move(*near), {.times = times});
  WriteTicket ticket = submit(out, 20);
  ticket.async_wait([](const net_error_code&, std::size_t) {});
  wait(ticket);
  ASSERT_TRUE(told);
  EXPECT_EQ(error, Errc::wait_in_progress);
  EXPECT_EQ(told->written, 0U);
  EXPECT_EQ(told->durations, std::nullopt);
  out.abort();
  run_ready(context);
}

TEST_F(WriteTimesOfAQueue, of_several_queues_come_together) {
  auto [other_near, other_far] = make_duplex(clock.executor(context), 16);
  WriteHandoff out(std::move(*near), {.times = times});
  WriteHandoff other(std::move(other_near), {.times = times});
  static_cast<void>(submit(out, 5));
  clock.advance(1s);
  static_cast<void>(submit(other, 5));
  run_ready(context);
  const WriteTimesReport report = times.report();
  EXPECT_EQ(report.queued.count(), 2U);
  EXPECT_EQ(report.queued.at_percentile(0.1), 0s);
  EXPECT_EQ(report.queued.longest(), 1s);
  EXPECT_EQ(report.with_stream.longest(), 0s);
}

TEST_F(WriteTimesOfAQueue, are_there_when_the_queues_are_gone) {
  {
    WriteHandoff out(std::move(*near), {.times = times});
    static_cast<void>(submit(out, 5));
    run_ready(context);
  }
  run_ready(context);
  EXPECT_EQ(times.report().queued.count(), 1U);
}

// The context is destroyed while a write is pending, and whoever asks then is told why.
TEST_F(WriteTimesOfAQueue, are_not_looked_for_where_the_context_is_gone) {
  std::optional<WriteHandoff> out;
  WriteTicket ticket;
  {
    net::io_context other{1};
    auto [from, to] = make_duplex(clock.executor(other), 16);
    out.emplace(std::move(from), WriteHandoffConfig{.times = times});
    ticket = submit(*out, 40);
    run_ready(other);
  }
  ticket.async_outcome(
      net::bind_executor(context, [this](const net_error_code& with, const TimedOutcome& outcome) {
        error = with;
        told = outcome;
      }));
  run_ready(context);
  ASSERT_TRUE(told);
  EXPECT_EQ(error, Errc::closed);
  EXPECT_EQ(told->durations, std::nullopt);
}

TEST(WriteTimes, are_told_apart_as_handles) {
  const WriteTimes none;
  const WriteTimes one = WriteTimes::make();
  EXPECT_FALSE(none.valid());
  EXPECT_TRUE(one.valid());
  EXPECT_TRUE(one == WriteTimes(one));
  EXPECT_FALSE(one == WriteTimes::make());
  EXPECT_EQ(one.report().queued.count(), 0U);
}

}  // namespace
}  // namespace bytes_handoff::test
