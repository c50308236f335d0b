// The executable from end to end: every byte that each client writes is compared at its sink.

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "support/child_process.hpp"
#include "support/sanitizers.hpp"

namespace bytes_handoff::test {
namespace {

using Arguments = std::vector<std::string>;
using Keys = std::map<std::string, std::string>;

ChildResult run_harness(Arguments arguments) {
  return run_child(BYTES_HANDOFF_HARNESS_PATH, std::move(arguments));
}

Keys keys_of(const std::string& output) {
  Keys keys;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    const auto equals = line.find('=');
    keys[line.substr(0, equals)] = equals == std::string::npos ? "" : line.substr(equals + 1);
  }
  return keys;
}

bool is_one_line(const std::string& text) {
  return !text.empty() && text.find('\n') == text.size() - 1;
}

using Combination = std::tuple<const char*, const char*, const char*, const char*>;

std::string name_of(const testing::TestParamInfo<Combination>& test) {
  const auto& [transport, implementation, scenario, completion] = test.param;
  return std::string(transport) + "_" + implementation + "_" + scenario + "_" + completion;
}

class HarnessCombinations : public testing::TestWithParam<Combination> {};

INSTANTIATE_TEST_SUITE_P(All, HarnessCombinations,
                         testing::Combine(testing::Values("duplex", "tcp", "cached"),
                                          testing::Values("handoff", "manual_vec", "raw_copy",
                                                          "handoff_coroutine", "asio_queue"),
                                          testing::Values("fragmented", "coalesced"),
                                          testing::Values("ticket", "fire_and_forget")),
                         name_of);

INSTANTIATE_TEST_SUITE_P(Spliced, HarnessCombinations,
                         testing::Combine(testing::Values("tcp"), testing::Values("splice"),
                                          testing::Values("fragmented", "coalesced"),
                                          testing::Values("ticket", "fire_and_forget")),
                         name_of);

TEST_P(HarnessCombinations, EveryByteArrivesAndIsCounted) {
  const auto& [transport, implementation, scenario, completion] = GetParam();
  const ChildResult run =
      run_harness({"--transport",   transport, "--implementation", implementation,
                   "--scenario",    scenario,  "--completion",     completion,
                   "--connections", "12",      "--route-frames",   "40",
                   "--frame-len",   "100",     "--tunnel-bytes",   "100000",
                   "--iterations",  "2",       "--worker-threads", "2",
                   "--verify"});
  ASSERT_EQ(run.exit_status, 0) << run.standard_error;
  EXPECT_EQ(run.standard_error, "");
  Keys keys = keys_of(run.standard_output);
  constexpr std::uint64_t kBytes = 40 * 101 + 7 + 100000;
  EXPECT_EQ(keys["transport"], transport);
  EXPECT_EQ(keys["implementation"], implementation);
  EXPECT_EQ(keys["scenario"], scenario);
  EXPECT_EQ(keys["completion"], completion);
  EXPECT_EQ(keys["bytes_per_connection"], std::to_string(kBytes));
  EXPECT_EQ(keys["total_streams"], "24");
  EXPECT_EQ(keys["total_bytes"], std::to_string(24 * kBytes));
  EXPECT_EQ(keys["failed_connections"], "0");
}

class HarnessShapes : public testing::TestWithParam<Arguments> {};

// Sizes around the buffers and budgets: frames larger than a read, than the write budget, than the
// duplex; fragments of one byte and of everything; the shortest frame; one byte of tunnel.
INSTANTIATE_TEST_SUITE_P(
    AroundTheLimits, HarnessShapes,
    testing::Values(
        Arguments{"--frame-len", "200000", "--route-frames", "3", "--input-fragment", "7000"},
        Arguments{"--frame-len", "16", "--route-frames", "3000", "--tunnel-bytes", "1"},
        Arguments{"--read-reserve", "1", "--route-frames", "3", "--tunnel-bytes", "500"},
        Arguments{"--read-reserve", "64", "--write-pending-bytes", "64", "--tunnel-bytes", "5000"},
        Arguments{"--input-fragment", "1", "--route-frames", "5", "--tunnel-bytes", "700"},
        Arguments{"--input-fragment", "100000000", "--tunnel-bytes", "3000000"},
        Arguments{"--duplex-capacity", "1", "--route-frames", "3", "--tunnel-bytes", "300"},
        Arguments{"--write-pending-bytes", "262144", "--tunnel-bytes", "1000000"},
        Arguments{"--read-block", "1", "--route-frames", "3", "--tunnel-bytes", "500"},
        Arguments{"--read-block", "1000", "--frame-len", "3000", "--tunnel-bytes", "100000"},
        Arguments{"--read-block", "300000", "--tunnel-bytes", "1000000", "--scenario",
                  "coalesced"}));

// Sanitized processes take long to start, and what the contenders do is seen in harness_tests
// there.
#if BYTES_HANDOFF_TEST_WITH_ASAN || BYTES_HANDOFF_TEST_WITH_TSAN
const Arguments kOfShapes{"handoff"};
#else
const Arguments kOfShapes{"handoff", "asio_queue", "splice"};
#endif

TEST_P(HarnessShapes, EveryByteArrives) {
  for (const std::string transport : {"duplex", "tcp", "cached"}) {
    for (const std::string completion : {"ticket", "fire_and_forget"}) {
      for (const std::string& implementation : kOfShapes) {
        if (implementation == "splice" && transport != "tcp") continue;
        Arguments arguments = GetParam();
        arguments.insert(arguments.end(),
                         {"--transport", transport, "--completion", completion, "--implementation",
                          implementation, "--connections", "3", "--verify"});
        const ChildResult run = run_harness(arguments);
        EXPECT_EQ(run.exit_status, 0) << transport << " " << completion << " " << implementation
                                      << ": " << run.standard_error;
        EXPECT_EQ(keys_of(run.standard_output)["failed_connections"], "0");
      }
    }
  }
}

TEST(HarnessOutput, HasEveryKeyInOrderAndNothingElse) {
  const ChildResult run = run_harness({"--connections", "2", "--tunnel-bytes", "100"});
  ASSERT_EQ(run.exit_status, 0) << run.standard_error;
  std::string keys;
  std::istringstream lines(run.standard_output);
  for (std::string line; std::getline(lines, line);) {
    ASSERT_NE(line.find('='), std::string::npos) << line;
    keys += line.substr(0, line.find('=')) + " ";
  }
  const std::string_view expected =
      "mode role transport implementation scenario completion worker_threads connections "
      "route_frames frame_len tunnel_bytes input_fragment read_reserve write_pending_bytes "
      "duplex_capacity configured_iterations duration_seconds_target actual_iterations "
      "bytes_per_connection total_streams total_bytes total_seconds bytes_per_sec mib_per_sec "
      "gib_per_sec streams_per_sec cpu_usage_measured cpu_user_seconds cpu_system_seconds "
      "cpu_total_seconds cpu_avg_cores cpu_utilization_pct cpu_ns_per_byte "
      "voluntary_context_switches involuntary_context_switches max_rss_bytes latency_p50_micros "
      "latency_p95_micros latency_p99_micros latency_p999_micros latency_max_micros ";
  EXPECT_EQ(keys.substr(0, expected.size()), expected);
  EXPECT_EQ(keys.substr(expected.size()),
            "failed_connections read_block gather_micros worker_threads_running ");
}

// A connection is one thread's.
TEST(HarnessOutput, TellsHowManyWorkerThreadsRan) {
  for (const char* transport : {"duplex", "cached", "tcp"}) {
    const ChildResult run =
        run_harness({"--transport", transport, "--worker-threads", "8", "--connections", "2",
                     "--iterations", "2", "--tunnel-bytes", "100"});
    ASSERT_EQ(run.exit_status, 0) << run.standard_error;
    Keys keys = keys_of(run.standard_output);
    EXPECT_EQ(keys["worker_threads"], "8");
    EXPECT_EQ(keys["worker_threads_running"], "2") << transport;
  }
}

TEST(HarnessArguments, HelpGoesToStandardOutput) {
  const ChildResult run = run_harness({"--help"});
  EXPECT_EQ(run.exit_status, 0);
  EXPECT_EQ(run.standard_error, "");
  EXPECT_NE(run.standard_output.find("--tunnel-bytes"), std::string::npos);
}

// A connection of this size would take longer than the test may.
TEST(HarnessArguments, ACheckRunsNothing) {
  const ChildResult run = run_harness({"--check", "--tunnel-bytes", "100000000000000"});
  EXPECT_EQ(run.exit_status, 0);
  EXPECT_EQ(run.standard_output + run.standard_error, "");
  EXPECT_EQ(run_harness({"--check", "--tunnel-bytes", "0"}).exit_status, 2);
}

[[nodiscard]] std::vector<Arguments> wrong_arguments() {
  return {{"--connections", "0"},
          {"--connections", "-1"},
          {"--connections", "0x10"},
          {"--connections", "4k"},
          {"--connections", ""},
          {"--connections"},
          {"--frame-len", "15"},
          {"--tunnel-bytes", "0"},
          {"--worker-threads", "0"},
          {"--duration-seconds", "-1"},
          {"--duration-seconds", "nan"},
          {"--duration-seconds", "inf"},
          {"--transport", "udp"},
          {"--scenario", "both"},
          {"--completion", "none"},
          {"--implementation", "best"},
          {"--role", "client"},
          {"--no-such-flag"},
          {"stray"},
          {"--iterations", "18446744073709551616"},
          {"--write-pending-bytes", "100"},
          {"--read-block", "1073741825"},
          {"--read-reserve", "4611686018427387904"},
          {"--duplex-capacity", "4611686018427387904"},
          {"--frame-len", "1000000000000000"},
          {"--connections", "100000000000"},
          {"--service-addr", "[fe80::1%no_such_interface]:1"},
          {"--route-frames", "18446744073709551615", "--frame-len", "18446744073709551615"},
          {"--implementation", "splice"},
          {"--implementation", "splice", "--transport", "cached"},
          {"--role", "tcp-driver", "--transport", "cached"},
          {"--role", "tcp-service", "--transport", "duplex"}};
}

TEST(HarnessArguments, EveryBadOneIsOneLineAndExitTwo) {
  for (const Arguments& arguments : wrong_arguments()) {
    const ChildResult run = run_harness(arguments);
    const std::string shown = arguments.front() + " " + arguments.back();
    EXPECT_EQ(run.exit_status, 2) << shown;
    EXPECT_EQ(run.standard_output, "") << shown;
    EXPECT_TRUE(is_one_line(run.standard_error)) << shown << ": " << run.standard_error;
    EXPECT_NE(run.standard_error.find(arguments.front()), std::string::npos)
        << shown << ": " << run.standard_error;
  }
}

TEST(HarnessArguments, NumbersAreDecimalAndTheLastCounts) {
  const ChildResult run = run_harness(
      {"--connections", "9", "--connections=002", "--tunnel-bytes", "064", "--route-frames", "1"});
  ASSERT_EQ(run.exit_status, 0) << run.standard_error;
  Keys keys = keys_of(run.standard_output);
  EXPECT_EQ(keys["connections"], "2");
  EXPECT_EQ(keys["tunnel_bytes"], "64");
}

}  // namespace
}  // namespace bytes_handoff::test
