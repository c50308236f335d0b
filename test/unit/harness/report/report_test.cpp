#include "report/report.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "report/process_usage.hpp"

namespace stream_harness {
namespace {

using namespace std::chrono_literals;

constexpr const char* kWholeReport =  // NOLINT: every key, in order
    "mode=stream_harness\n"
    "role=integrated\n"
    "transport=duplex\n"
    "implementation=handoff\n"
    "scenario=fragmented\n"
    "completion=ticket\n"
    "worker_threads=2\n"
    "connections=64\n"
    "route_frames=64\n"
    "frame_len=63\n"
    "tunnel_bytes=65536\n"
    "input_fragment=64\n"
    "read_reserve=16384\n"
    "write_pending_bytes=32768\n"
    "duplex_capacity=262144\n"
    "configured_iterations=1\n"
    "duration_seconds_target=1.500000\n"
    "actual_iterations=3\n"
    "bytes_per_connection=69639\n"
    "total_streams=192\n"
    "total_bytes=13370688\n"
    "total_seconds=2.000000\n"
    "bytes_per_sec=6685344.00\n"
    "mib_per_sec=6.38\n"
    "gib_per_sec=0.006226\n"
    "streams_per_sec=96.00\n"
    "cpu_usage_measured=true\n"
    "cpu_user_seconds=1.500000\n"
    "cpu_system_seconds=0.500000\n"
    "cpu_total_seconds=2.000000\n"
    "cpu_avg_cores=1.000000\n"
    "cpu_utilization_pct=100.00\n"
    "cpu_ns_per_byte=149.58\n"
    "voluntary_context_switches=11\n"
    "involuntary_context_switches=12\n"
    "max_rss_bytes=13631488\n"
    "latency_p50_micros=500\n"
    "latency_p95_micros=950\n"
    "latency_p99_micros=990\n"
    "latency_p999_micros=999\n"
    "latency_max_micros=1000\n"
    "failed_connections=1\n"
    "read_block=0\n"
    "gather_micros=0\n"
    "worker_threads_running=2\n";

TEST(Report, HasEveryKeyInOrderAndFormat) {
  Options options;
  options.worker_threads = 2;
  options.duration = 1500ms;
  RunResult result;
  result.actual_iterations = 3;
  result.bytes_per_connection = 69639;
  result.total_streams = 192;
  result.total_bytes = 192 * 69639;
  result.failed_connections = 1;
  result.worker_threads_running = 2;
  result.elapsed = 2s;
  result.usage = {true, 1'500'000us, 500'000us, 11, 12, 13 << 20};
  for (int i = 1; i <= 1000; ++i) result.latency.record(std::chrono::microseconds(i));
  EXPECT_EQ(format_report(options, result), kWholeReport);
}

TEST(Report, AServiceWithAMemoryBudgetEndsWithWhatThatHasSeen) {
  Options options;
  options.memory_budget = 65536;
  RunResult result;
  result.memory = {65536, 1024, 512, 1, 100, 2, 3, 4, 5000};
  const std::string report = format_report(options, result);
  EXPECT_TRUE(report.ends_with(
      "worker_threads_running=0\nmemory_budget=65536\nmemory_charged_bytes=1024\n"
      "memory_floor_bytes=512\nmemory_waiters=1\nmemory_waiting_bytes=100\nmemory_waits=2\n"
      "memory_refusals=3\nmemory_shed_queues=4\nmemory_shed_bytes=5000\n"))
      << report;
}

TEST(Report, ARunThatDidNothingHasZeroRates) {
  const std::string report = format_report(Options(), RunResult());
  for (const char* line :
       {"bytes_per_sec=0.00\n", "streams_per_sec=0.00\n", "cpu_avg_cores=0.0",
        "cpu_ns_per_byte=0.00\n", "cpu_usage_measured=false\n", "latency_max_micros=0\n"}) {
    EXPECT_NE(report.find(line), std::string::npos) << line;
  }
}

TEST(ProcessUsage, TheDifferenceIsWhatWasUsedBetween) {
  const ProcessUsage before = current_process_usage();
  ASSERT_TRUE(before.measured);
  EXPECT_GT(before.max_rss_bytes, 100'000u);
  ProcessUsage after = before;
  volatile std::uint64_t work = 0;
  while (after.cpu_user + after.cpu_system < before.cpu_user + before.cpu_system + 20ms) {
    for (int i = 0; i < 100000; ++i) work = work + 1;
    after = current_process_usage();
  }
  const ProcessUsage used = usage_between(before, after);
  EXPECT_TRUE(used.measured);
  EXPECT_GE(used.cpu_user + used.cpu_system, 20ms);
  EXPECT_EQ(used.max_rss_bytes, after.max_rss_bytes);
  EXPECT_EQ(used.voluntary_context_switches,
            after.voluntary_context_switches - before.voluntary_context_switches);
  EXPECT_FALSE(usage_between(ProcessUsage(), after).measured);
}

}  // namespace
}  // namespace stream_harness
