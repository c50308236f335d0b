#include "roles/driver/driver_ledger.hpp"

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

  void all_have_sent(const NumberRange& wave) {
    for (std::uint64_t i = 0; i < wave.count; ++i) ledger_.client_sent(wave.first + i);
  }

  int waves_due_ = 0;
  int over_ = 0;
  DriverLedger ledger_{2, 2, {[this] { ++waves_due_; }, [this] { ++over_; }}};
  bool taken_ = false;
};

TEST_F(DriverLedgerTest, CountsOnOverTheWaves) {
  for (std::uint64_t wave = 0; wave < 3; ++wave) {
    const NumberRange range = ledger_.begin_wave();
    EXPECT_EQ(range.first, 2 * wave);
    EXPECT_EQ(range.count, 2u);
    end_in_order(2 * wave, "000" + std::to_string(2 * wave));
    EXPECT_EQ(waves_due_, static_cast<int>(wave));
    end_in_order(2 * wave + 1, "000" + std::to_string(2 * wave + 1));
    EXPECT_EQ(waves_due_, static_cast<int>(wave) + 1);
  }
  EXPECT_EQ(over_, 0);
  ledger_.end_waves();
  EXPECT_EQ(over_, 1);
  const auto totals = ledger_.totals();
  EXPECT_EQ(totals.waves, 3u);
  EXPECT_EQ(totals.streams, 6u);
  EXPECT_EQ(totals.ended, 6u);
  EXPECT_EQ(totals.failed, 0u);
  EXPECT_EQ(totals.received_bytes, 600u);
  EXPECT_EQ(totals.latency.count(), 6u);
  EXPECT_EQ(totals.latency.longest(), std::chrono::milliseconds(5));
  EXPECT_EQ(log(), "");
}

TEST_F(DriverLedgerTest, AConnectionThatFailsTwiceCountsOnce) {
  ledger_.begin_wave();
  end_in_order(0, "0000");
  const auto sink = claimed("0001");
  ledger_.sink_ended(sink, {7, {}, "read: gone"});
  ledger_.end_waves();
  EXPECT_EQ(over_, 0) << "its client has not ended";
  ledger_.client_ended(1, "write: gone");
  EXPECT_EQ(over_, 1);
  EXPECT_EQ(ledger_.totals().failed, 1u);
  EXPECT_EQ(ledger_.totals().latency.count(), 1u);
  EXPECT_EQ(ledger_.totals().received_bytes, 107u);
  EXPECT_EQ(log(), "bench_stream_harness: connection 1: sink: read: gone\n");
}

TEST_F(DriverLedgerTest, AFailedClientNeedsNoSinkButAnOpenOneIsWaitedFor) {
  ledger_.begin_wave();
  ledger_.client_ended(0, "connect: refused");
  const auto sink = claimed("0001");
  ledger_.client_ended(1, "write: gone");
  EXPECT_EQ(waves_due_, 1);
  EXPECT_EQ(over_, 0);
  ledger_.end_waves();
  EXPECT_EQ(over_, 0) << "its sink is open";
  ledger_.sink_ended(sink, {7, {}, "the stream ended"});
  EXPECT_EQ(over_, 1);
  EXPECT_EQ(ledger_.totals().failed, 2u);
}

TEST_F(DriverLedgerTest, AWaveInWhichNothingEndedInOrderIsTheLast) {
  const NumberRange wave = ledger_.begin_wave();
  ledger_.client_ended(wave.first, "connect: refused");
  EXPECT_EQ(over_, 0);
  ledger_.client_ended(wave.first + 1, "connect: refused");
  EXPECT_EQ(waves_due_, 0);
  EXPECT_EQ(over_, 1);
}

TEST_F(DriverLedgerTest, TheNextWaveIsDueWhenAllClientsHaveSentAndItIsNoThird) {
  const NumberRange first = ledger_.begin_wave();
  ledger_.client_sent(first.first);
  ledger_.client_sent(first.first);
  EXPECT_EQ(waves_due_, 0) << "a client has not sent all";
  ledger_.client_sent(first.first + 1);
  EXPECT_EQ(waves_due_, 1) << "though no sink has received anything";

  const NumberRange second = ledger_.begin_wave();
  EXPECT_EQ(second.first, first.first + 2);
  all_have_sent(second);
  EXPECT_EQ(waves_due_, 1) << "two run";
  end_in_order(second.first, "0002");
  end_in_order(second.first + 1, "0003");
  EXPECT_EQ(waves_due_, 1) << "the first of them still runs";
  end_in_order(first.first, "0000");
  end_in_order(first.first + 1, "0001");
  EXPECT_EQ(waves_due_, 2);
  ledger_.end_waves();
  EXPECT_EQ(over_, 1);
  EXPECT_EQ(ledger_.totals().ended, 4u);
  EXPECT_EQ(ledger_.totals().latency.count(), 4u);
  EXPECT_EQ(log(), "");
}

TEST_F(DriverLedgerTest, WhereOneWaveMayRunTheNextWaitsForItsSinks) {
  int due = 0;
  DriverLedger alone(1, 1, {[&due] { ++due; }, nullptr});
  alone.begin_wave();
  auto sink = alone.sink_accepted();
  ASSERT_TRUE(alone.claim(sink, named("0000")));
  alone.client_sent(0);
  alone.client_ended(0, "");
  EXPECT_EQ(due, 0);
  alone.sink_ended(sink, complete(sink));
  EXPECT_EQ(due, 1);
}

TEST_F(DriverLedgerTest, SinksOfBothWavesFindTheirConnections) {
  all_have_sent(ledger_.begin_wave());
  ledger_.begin_wave();
  const auto newer = claimed("0003");
  const auto older = claimed("0000");
  EXPECT_EQ(newer.connection, 3u);
  EXPECT_EQ(older.connection, 0u);
  ledger_.sink_ended(older, {7, {}, "cut"});
  ledger_.client_ended(0, "");
  end_in_order(1, "0001");
  EXPECT_EQ(ledger_.totals().failed, 1u);
  auto late = ledger_.sink_accepted();
  EXPECT_FALSE(ledger_.claim(late, named("0001"))) << "its wave is over";
  EXPECT_EQ(log(), "bench_stream_harness: connection 0: sink: cut\n");
}

TEST_F(DriverLedgerTest, NobodyWaitsForAStranger) {
  const TcpEndpoint peer(net::ip::address_v4::loopback(), 4242);
  ledger_.begin_wave();
  const auto stranger = ledger_.sink_accepted(peer);
  end_in_order(0, "0000");
  const auto ended_at = ledger_.last_event();
  const auto another = ledger_.sink_accepted();
  ledger_.sink_ended(another, {3, {}, "who is this"});
  EXPECT_EQ(ledger_.last_event(), ended_at) << "it is no part of the time";
  end_in_order(1, "0001");
  EXPECT_EQ(waves_due_, 1);
  ledger_.end_waves();
  EXPECT_EQ(over_, 1);
  EXPECT_EQ(ledger_.strangers(), std::vector<TcpEndpoint>{peer});
  EXPECT_FALSE(stranger.connection);
  EXPECT_EQ(ledger_.totals().failed, 0u);
  EXPECT_EQ(ledger_.totals().received_bytes, 200u) << "what it sent is not counted";
  EXPECT_EQ(log(), "bench_stream_harness: a connection to the sinks: who is this\n");
}

TEST_F(DriverLedgerTest, AStrangerDelaysGivingUpForTheTimeoutAndNoLonger) {
  ledger_.begin_wave();
  end_in_order(0, "0000");
  ledger_.client_ended(1, "");
  ledger_.end_waves();
  while (std::chrono::steady_clock::now() == ledger_.last_event()) {
  }
  const auto stranger = ledger_.sink_accepted();
  ledger_.give_up_if_idle(stranger.accepted_at + 1s - 1ns, 1s);
  EXPECT_EQ(over_, 0) << "it may be the connection's sink";
  ledger_.give_up_if_idle(stranger.accepted_at + 1s, 1s);
  EXPECT_EQ(over_, 1);
  EXPECT_EQ(log(), "bench_stream_harness: connection 1: nothing came to its sink\n");
}

TEST_F(DriverLedgerTest, TheSinkOfAConnectionThatFailedEarlyIsWaitedForInTime) {
  ledger_.begin_wave();
  end_in_order(0, "0000");
  const auto sink = ledger_.sink_accepted();
  ledger_.client_ended(1, "write: gone");
  ledger_.end_waves();
  EXPECT_EQ(over_, 0) << "it may be the connection's sink";
  ledger_.give_up_if_idle(sink.accepted_at + 1s, 1s);
  ledger_.give_up_if_idle(ledger_.last_event() + 1s, 1s);
  EXPECT_EQ(over_, 1);
  EXPECT_EQ(ledger_.totals().failed, 1u);
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
  DriverLedger large(20000, 2, {});
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

TEST_F(DriverLedgerTest, AClientOrASinkThatIsOpenIsNotGivenUp) {
  ledger_.begin_wave();
  end_in_order(0, "0000");
  ledger_.client_sent(1);
  ledger_.end_waves();
  ledger_.give_up_if_idle(ledger_.last_event() + 10s, 1s);
  EXPECT_EQ(over_, 0) << "a client is open";
  const auto sink = claimed("0001");
  ledger_.client_ended(1, "");
  ledger_.give_up_if_idle(ledger_.last_event() + 10s, 1s);
  EXPECT_EQ(over_, 0) << "its sink is open";
  ledger_.sink_ended(sink, {0, {}, "cut"});
  EXPECT_EQ(over_, 1);
  EXPECT_EQ(ledger_.totals().failed, 1u);
}

TEST_F(DriverLedgerTest, GivingUpEndsBothWavesAndTheNextIsDue) {
  all_have_sent(ledger_.begin_wave());
  ledger_.begin_wave();
  end_in_order(0, "0000");
  end_in_order(3, "0003");
  ledger_.client_ended(1, "");
  ledger_.client_ended(2, "");
  EXPECT_EQ(waves_due_, 1);
  ledger_.give_up_if_idle(ledger_.last_event() + 999ms, 1s);
  EXPECT_EQ(waves_due_, 1);
  ledger_.give_up_if_idle(ledger_.last_event() + 1s, 1s);
  EXPECT_EQ(waves_due_, 2);
  ledger_.give_up_if_idle(ledger_.last_event() + 2s, 1s);
  EXPECT_EQ(waves_due_, 2);
  EXPECT_EQ(ledger_.totals().failed, 2u);
  EXPECT_EQ(log(),
            "bench_stream_harness: connection 1: nothing came to its sink\n"
            "bench_stream_harness: connection 2: nothing came to its sink\n");
}

TEST_F(DriverLedgerTest, GivingUpFailsTheRestAndWhatEndsLaterChangesNothing) {
  ledger_.begin_wave();
  end_in_order(0, "0000");
  const auto sink = claimed("0001");
  const auto stranger = ledger_.sink_accepted();
  ledger_.give_up("stopped");
  EXPECT_EQ(over_, 1);
  ledger_.client_sent(1);
  ledger_.client_ended(1, "late");
  ledger_.sink_ended(sink, {1, {}, "late"});
  ledger_.sink_ended(stranger, {1, {}, ""});
  ledger_.skipped(1);
  ledger_.give_up("again");
  EXPECT_EQ(over_, 1);
  EXPECT_EQ(waves_due_, 0);
  EXPECT_EQ(ledger_.totals().failed, 1u);
  EXPECT_EQ(ledger_.totals().ended, 2u);
  EXPECT_EQ(log(), "bench_stream_harness: connection 1: stopped\n");
}

TEST_F(DriverLedgerTest, GivingUpWhileAWaveIsDueIsOverWhenThatIsAnswered) {
  all_have_sent(ledger_.begin_wave());
  EXPECT_EQ(waves_due_, 1);
  ledger_.give_up("stopped");
  EXPECT_EQ(over_, 0);
  EXPECT_EQ(ledger_.begin_wave().count, 0u);
  EXPECT_EQ(over_, 1);
  EXPECT_EQ(ledger_.totals().waves, 1u);
}

TEST_F(DriverLedgerTest, AConnectionThatIsSkippedIsNeitherStartedNorFailed) {
  ledger_.begin_wave();
  end_in_order(0, "0000");
  ledger_.skipped(1);
  EXPECT_EQ(waves_due_, 1);
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
