// Reports while queues of other threads come, write and go.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/observing/queue_registry.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/pattern.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {
namespace {

constexpr unsigned kRegistrants = 3;
constexpr unsigned kRounds = 30;
constexpr unsigned kQueuesAtOnce = 20;  // of each thread: more than a report holds at once
constexpr std::size_t kBytes = 100;

// A thread's queues: each takes some bytes, and goes in some way.
void make_queues(const QueueRegistry& registry) {
  net::io_context context{1};
  for (unsigned round = 0; round != kRounds; ++round) {
    std::vector<std::pair<WriteHandoff, DuplexStream>> queues;
    for (unsigned i = 0; i != kQueuesAtOnce; ++i) {
      auto [near, far] = make_duplex(context, 16);
      WriteHandoff out(std::move(near), {.name = "a name that is allocated", .registry = registry});
      Bytes bytes = Bytes::from_owner(pattern(kBytes));
      ASSERT_TRUE(out.try_write(bytes));
      queues.emplace_back(std::move(out), std::move(far));
    }
    if (round % 2 == 0) {
      run_ready(context);
    }
  }
}

TEST(RegistryThreads, ReportsNeverFallWhileQueuesComeAndGo) {
  const QueueRegistry registry = QueueRegistry::make();
  std::atomic<unsigned> running{kRegistrants};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i != kRegistrants; ++i) {
    threads.emplace_back([&] {
      make_queues(registry);
      --running;
    });
  }
  std::uint64_t admitted = 0;
  std::uint64_t gone = 0;
  while (running != 0) {
    const QueueRegistryReport report = registry.report(5);
    EXPECT_GE(report.totals.admitted_bytes, admitted);
    EXPECT_GE(report.gone_queues, gone);
    EXPECT_LE(report.fullest.size(), 5U);
    for (const QueueReport& each : report.fullest) {
      EXPECT_EQ(each.name, "a name that is allocated");
    }
    admitted = report.totals.admitted_bytes;
    gone = report.gone_queues;
  }
  for (std::thread& each : threads) {
    each.join();
  }
  const QueueRegistryReport report = registry.report();
  EXPECT_EQ(report.queues, 0U);
  EXPECT_EQ(report.gone_queues, kRegistrants * kRounds * kQueuesAtOnce);
  EXPECT_EQ(report.totals.admitted_bytes, kRegistrants * kRounds * kQueuesAtOnce * kBytes);
}

}  // namespace
}  // namespace bytes_handoff::test
