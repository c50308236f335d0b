#include "roles/integrated/integrated_run.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <tuple>

#include "roles/integrated/connection_parts.hpp"
#include "roles/process/wave_clock.hpp"
#include "unit/harness/contenders/any_stream.hpp"

namespace stream_harness {
namespace {

using namespace std::chrono_literals;

using Combination = std::tuple<Transport, Implementation, Scenario, std::size_t>;

std::string name_of(const Combination& combination) {
  const auto& [transport, implementation, scenario, threads] = combination;
  std::string name(to_text(transport));
  name.append("_").append(to_text(implementation)).append("_").append(to_text(scenario));
  return name.append("_").append(std::to_string(threads));
}

class IntegratedRunTest : public testing::TestWithParam<Combination> {};

INSTANTIATE_TEST_SUITE_P(
    Combinations, IntegratedRunTest,
    testing::Combine(testing::Values(Transport::kDuplex, Transport::kTcp, Transport::kCached),
                     testing::ValuesIn(contenders_for_any_stream()),
                     testing::Values(Scenario::kFragmented, Scenario::kCoalesced),
                     testing::Values(1, 3)),
    [](const auto& combination) { return name_of(combination.param); });

INSTANTIATE_TEST_SUITE_P(
    Spliced, IntegratedRunTest,
    testing::Combine(testing::Values(Transport::kTcp), testing::Values(Implementation::kSplice),
                     testing::Values(Scenario::kFragmented, Scenario::kCoalesced),
                     testing::Values(1, 3)),
    [](const auto& combination) { return name_of(combination.param); });

TEST_P(IntegratedRunTest, EveryByteOfEveryWaveArrives) {
  Options options;
  std::tie(options.transport, options.implementation, options.scenario, options.worker_threads) =
      GetParam();
  options.connections = 7;
  options.route_frames = 20;
  options.tunnel_bytes = 20000;
  options.iterations = 3;
  options.input_fragment = options.scenario == Scenario::kFragmented ? 64 : options.read_reserve;
  options.verify = true;
  const auto result = run_integrated(options);
  ASSERT_TRUE(result.has_value()) << result.error();
  EXPECT_EQ(result->failed_connections, 0u);
  EXPECT_EQ(result->actual_iterations, 3u);
  EXPECT_EQ(result->total_streams, 21u);
  EXPECT_EQ(result->total_bytes, 21 * options.bytes_per_connection());
  EXPECT_EQ(result->latency.count(), 21u);
  EXPECT_GT(result->elapsed, 0ns);
  EXPECT_TRUE(result->usage.measured);
}

TEST(IntegratedRun, MoreWorkersThanConnectionsAreNoHarm) {
  Options options;
  options.implementation = Implementation::kRawCopy;
  options.worker_threads = 50;
  options.connections = 2;
  const auto result = run_integrated(options);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->total_streams, 2u);
  EXPECT_EQ(result->worker_threads_running, 2u);
}

TEST(IntegratedRun, ManyMoreConnectionsThanAreSetUpAtATime) {
  Options options;
  options.transport = Transport::kTcp;
  options.implementation = Implementation::kRawCopy;
  options.worker_threads = 2;
  options.connections = 300;
  options.route_frames = 1;
  options.tunnel_bytes = 1000;
  options.verify = true;
  const auto result = run_integrated(options);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->failed_connections, 0u);
  EXPECT_EQ(result->total_streams, 300u);
}

TEST(IntegratedRun, TooFewDescriptorsAreAnErrorBeforeAnythingRuns) {
  Options options;
  options.transport = Transport::kTcp;
  options.connections = std::uint64_t{1} << 40;
  const auto result = run_integrated(options);
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().find("descriptors"), std::string::npos) << result.error();
}

TEST(IntegratedRun, APipeIsTwoDescriptorsMoreForAConnection) {
  Options options;
  options.transport = Transport::kTcp;
  options.worker_threads = 1;
  options.connections = 1'000'000'000;
  const auto others = run_integrated(options);
  options.implementation = Implementation::kSplice;
  const auto splice = run_integrated(options);
  ASSERT_FALSE(others.has_value() || splice.has_value());
  EXPECT_EQ(others.error().find("the run needs 4000000022 descriptors"), 0u) << others.error();
  EXPECT_EQ(splice.error().find("the run needs 6000000022 descriptors"), 0u) << splice.error();
}

TEST(WaveClock, RunsAtLeastTheWavesAndAtLeastTheTime) {
  Options options;
  options.iterations = 3;
  WaveClock waves(options);
  waves.start();
  for (std::uint64_t done = 1; done <= 3; ++done) {
    EXPECT_TRUE(waves.another_wave());
    waves.wave_ended();
    EXPECT_EQ(waves.waves(), done);
  }
  EXPECT_FALSE(waves.another_wave());

  options.iterations = 1;
  options.duration = 5ms;
  WaveClock timed(options);
  timed.start();
  while (timed.another_wave()) timed.wave_ended();
  EXPECT_GE(timed.elapsed(), 5ms);
  EXPECT_GT(timed.waves(), 1u);
}

TEST(WaveClock, AStopLetsTheWaveThatRunsBeTheLast) {
  Options options;
  options.iterations = 100;
  WaveClock waves(options);
  waves.start();
  waves.wave_ended();
  EXPECT_TRUE(waves.another_wave());
  waves.request_stop();
  waves.wave_ended();
  EXPECT_FALSE(waves.another_wave());
  EXPECT_EQ(waves.waves(), 2u);
}

TEST(ConnectionParts, IsEnteredIntoTheAccountWhenItsThreePartsHaveEnded) {
  Account account;
  int ends = 0;
  ConnectionParts connection(4, account, [&] { ++ends; });
  connection.begin_latency();
  connection.client_ended("");
  connection.proxy_ended({123, ""});
  EXPECT_EQ(ends, 0);
  EXPECT_EQ(account.ended_connections, 0u);
  connection.sink_ended({123, std::chrono::steady_clock::now(), ""});
  EXPECT_EQ(ends, 1);
  EXPECT_EQ(account.ended_connections, 1u);
  EXPECT_EQ(account.failed_connections, 0u);
  EXPECT_EQ(account.forwarded_bytes, 123u);
  EXPECT_EQ(account.latency.count(), 1u);
}

TEST(ConnectionParts, AFailureIsLoggedOnceAndHasNoLatency) {
  Account account;
  ConnectionParts connection(4, account, nullptr);
  testing::internal::CaptureStderr();
  connection.proxy_ended({5, "write: gone"});
  connection.client_ended("write: gone too");
  connection.part_skipped();
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "bench_stream_harness: connection 4: proxy: write: gone\n");
  EXPECT_EQ(account.ended_connections, 1u);
  EXPECT_EQ(account.failed_connections, 1u);
  EXPECT_EQ(account.forwarded_bytes, 5u);
  EXPECT_EQ(account.latency.count(), 0u);
}

}  // namespace
}  // namespace stream_harness
