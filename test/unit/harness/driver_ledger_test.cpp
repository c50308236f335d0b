#include "driver_ledger.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace stream_harness {
namespace {

using namespace std::chrono_literals;

TenantNumber named(std::string digits) { return {std::move(digits), false}; }

SinkResult complete(const DriverLedger::SinkEntry& sink, std::uint64_t bytes = 100) {
  return {bytes, sink.accepted_at + 5ms, ""};
}

class DriverLedgerTest : public testing::Test {
 protected:
  DriverLedgerTest() { testing::internal::CaptureStderr(); }
  ~DriverLedgerTest() override {
    if (!taken_) testing::internal::GetCapturedStderr();
  }

  std::string log() {
    taken_ = true;
    return testing::internal::GetCapturedStderr();
  }

  // A sink that has been found to be this connection's.
  DriverLedger::SinkEntry claimed(const std::string& digits) {
    auto sink = ledger_.sink_accepted();
    EXPECT_TRUE(ledger_.claim(sink, named(digits)));
    return sink;
  }

  void end_in_order(std::uint64_t connection, const std::string& digits) {
    ledger_.started();
    const auto sink = claimed(digits);
    ledger_.client_ended(connection, "");
    ledger_.sink_ended(sink, complete(sink));
  }

  int waves_over_ = 0;
  DriverLedger ledger_{2, [this] { ++waves_over_; }};
  bool taken_ = false;
};

TEST_F(DriverLedgerTest, CountsOnOverTheWaves) {
  for (std::uint64_t wave = 0; wave < 3; ++wave) {
    const NumberRange range = ledger_.begin_wave();
    EXPECT_EQ(range.first, 2 * wave);
    EXPECT_EQ(range.count, 2u);
    end_in_order(2 * wave, "000" + std::to_string(2 * wave));
    EXPECT_EQ(waves_over_, static_cast<int>(wave));
    end_in_order(2 * wave + 1, "000" + std::to_string(2 * wave + 1));
    EXPECT_EQ(waves_over_, static_cast<int>(wave) + 1);
    EXPECT_FALSE(ledger_.wave_failed());
  }
  const auto totals = ledger_.totals();
  EXPECT_EQ(totals.streams, 6u);
  EXPECT_EQ(totals.ended, 6u);
  EXPECT_EQ(totals.failed, 0u);
  EXPECT_EQ(totals.received_bytes, 600u);
  EXPECT_EQ(totals.latency_micros.count(), 6u);
  EXPECT_EQ(totals.latency_micros.max(), 5000u);
  EXPECT_EQ(log(), "");
}

TEST_F(DriverLedgerTest, AConnectionThatFailsTwiceCountsOnce) {
  ledger_.begin_wave();
  end_in_order(0, "0000");
  const auto sink = claimed("0001");
  ledger_.sink_ended(sink, {7, {}, "read: gone"});
  EXPECT_EQ(waves_over_, 0) << "its client has not ended";
  ledger_.client_ended(1, "write: gone");
  EXPECT_EQ(waves_over_, 1);
  EXPECT_EQ(ledger_.totals().failed, 1u);
  EXPECT_EQ(ledger_.totals().latency_micros.count(), 1u);
  EXPECT_EQ(ledger_.totals().received_bytes, 107u);
  EXPECT_EQ(log(), "bench_stream_harness: connection 1: sink: read: gone\n");
}

TEST_F(DriverLedgerTest, AFailedClientNeedsNoSinkButAnOpenOneIsWaitedFor) {
  ledger_.begin_wave();
  ledger_.client_ended(0, "connect: refused");
  const auto sink = claimed("0001");
  ledger_.client_ended(1, "write: gone");
  EXPECT_EQ(waves_over_, 0);
  ledger_.sink_ended(sink, {7, {}, "the stream ended"});
  EXPECT_EQ(waves_over_, 1);
  EXPECT_TRUE(ledger_.wave_failed());
  EXPECT_EQ(ledger_.totals().failed, 2u);
}

TEST_F(DriverLedgerTest, ASinkThatWasNeverIdentifiedIsLoggedAndNotCounted) {
  ledger_.begin_wave();
  end_in_order(0, "0000");
  end_in_order(1, "0001");
  EXPECT_EQ(waves_over_, 1);
  ledger_.begin_wave();
  const auto stranger = ledger_.sink_accepted();
  end_in_order(2, "0002");
  end_in_order(3, "0003");
  EXPECT_EQ(waves_over_, 1) << "the stranger is still open";
  ledger_.sink_ended(stranger, {3, {}, "who is this"});
  EXPECT_EQ(waves_over_, 2);
  EXPECT_EQ(ledger_.totals().failed, 0u);
  EXPECT_EQ(ledger_.totals().received_bytes, 403u);
  EXPECT_EQ(log(), "bench_stream_harness: a connection to the sinks: who is this\n");
}

TEST_F(DriverLedgerTest, OnlyConnectionsOfTheWaveWithoutASinkCanBeClaimed) {
  ledger_.begin_wave();
  auto sink = ledger_.sink_accepted();
  EXPECT_FALSE(ledger_.claim(sink, named("0002")));
  EXPECT_TRUE(ledger_.claim(sink, named("0001")));
  EXPECT_EQ(sink.connection, 1u);
  auto second = ledger_.sink_accepted();
  const auto claim = ledger_.claim(second, named("0001"));
  ASSERT_FALSE(claim);
  EXPECT_NE(claim.error().find("0001"), std::string::npos);
  EXPECT_FALSE(second.connection);
}

TEST_F(DriverLedgerTest, AClaimBelongsToOneThoughTheNumberIsCut) {
  DriverLedger large(20000, nullptr);
  large.begin_wave();
  std::vector<std::uint64_t> claimed_numbers;
  for (int i = 0; i < 11; ++i) {
    auto sink = large.sink_accepted();
    const auto claim = large.claim(sink, {"1234", true});
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->candidates.size(), 2u);
    claimed_numbers.push_back(claim->connection);
  }
  EXPECT_EQ(claimed_numbers.front(), 1234u);
  EXPECT_EQ(claimed_numbers.back(), 12349u);
  auto sink = large.sink_accepted();
  EXPECT_FALSE(large.claim(sink, {"1234", true}));
  EXPECT_TRUE(large.claim(sink, {"0012", true})->candidates.empty());
}

TEST_F(DriverLedgerTest, WhatDoesNotComeFailsAfterTheIdleTimeout) {
  ledger_.begin_wave();
  end_in_order(0, "0000");
  const auto later = ledger_.last_event() + 10s;
  ledger_.give_up_if_idle(later, 1s);
  EXPECT_EQ(waves_over_, 0) << "a client is open";
  ledger_.client_ended(1, "");
  const auto sink = ledger_.sink_accepted();
  ledger_.give_up_if_idle(ledger_.last_event() + 10s, 1s);
  EXPECT_EQ(waves_over_, 0) << "a sink is open";
  ledger_.sink_ended(sink, {0, {}, ""});
  ledger_.give_up_if_idle(ledger_.last_event() + 999ms, 1s);
  EXPECT_EQ(waves_over_, 0);
  ledger_.give_up_if_idle(ledger_.last_event() + 1s, 1s);
  EXPECT_EQ(waves_over_, 1);
  ledger_.give_up_if_idle(ledger_.last_event() + 2s, 1s);
  EXPECT_EQ(waves_over_, 1);
  EXPECT_EQ(ledger_.totals().failed, 1u);
  EXPECT_EQ(log(), "bench_stream_harness: connection 1: nothing came to its sink\n");
}

TEST_F(DriverLedgerTest, GivingUpFailsTheRestAndWhatEndsLaterChangesNothing) {
  ledger_.begin_wave();
  end_in_order(0, "0000");
  const auto sink = claimed("0001");
  ledger_.give_up("stopped");
  EXPECT_EQ(waves_over_, 1);
  ledger_.client_ended(1, "late");
  ledger_.sink_ended(sink, {1, {}, "late"});
  ledger_.skipped(1);
  ledger_.give_up("again");
  EXPECT_EQ(waves_over_, 1);
  EXPECT_EQ(ledger_.totals().failed, 1u);
  EXPECT_EQ(ledger_.totals().ended, 2u);
  EXPECT_EQ(log(), "bench_stream_harness: connection 1: stopped\n");
}

TEST_F(DriverLedgerTest, AConnectionThatIsSkippedIsNeitherStartedNorFailed) {
  ledger_.begin_wave();
  end_in_order(0, "0000");
  ledger_.skipped(1);
  EXPECT_EQ(waves_over_, 1);
  EXPECT_EQ(ledger_.totals().streams, 1u);
  EXPECT_EQ(ledger_.totals().ended, 1u);
  EXPECT_EQ(ledger_.totals().failed, 0u);
}

TEST_F(DriverLedgerTest, RemembersThatThereWasAService) {
  EXPECT_FALSE(ledger_.has_connected());
  ledger_.connected();
  ledger_.begin_wave();
  EXPECT_TRUE(ledger_.has_connected());
}

}  // namespace
}  // namespace stream_harness
