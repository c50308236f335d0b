// Queues in a `QueueRegistry`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/observing/queue_registry.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/pattern.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class RegisteredQueues : public testing::Test {
 protected:
  [[nodiscard]] WriteHandoff queue(std::string_view name) {
    auto [near, far] = make_duplex(*context, 16);
    fars.push_back(std::move(far));
    return WriteHandoff(std::move(near), {.name = name, .registry = registry});
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const QueueReport& each : registry.report().fullest) {
      names.push_back(each.name + (each.has_ended ? " (ended)" : ""));
    }
    return names;
  }

  QueueRegistry registry = QueueRegistry::make();
  std::optional<net::io_context> context{std::in_place, 1};
  std::vector<DuplexStream> fars;
};

TEST_F(RegisteredQueues, are_reported_with_what_they_hold) {
  const WriteHandoff little = queue("little");
  const WriteHandoff much = queue("much");
  Bytes bytes = Bytes::from_owner(pattern(1000));
  ASSERT_TRUE(much.try_write(bytes));
  bytes = Bytes::from_owner(pattern(100));
  ASSERT_TRUE(little.try_write(bytes));
  run_ready(*context);

  const QueueRegistryReport report = registry.report();
  EXPECT_THAT(names(), ElementsAre("much", "little"));
  EXPECT_EQ(report.fullest[0].statistics.pending_bytes, 1000U);
  EXPECT_EQ(report.fullest[0].statistics.held_bytes, 1000U);
  EXPECT_EQ(report.totals.written_bytes, 32U);
  EXPECT_EQ(registry.size(), 2U);
}

TEST_F(RegisteredQueues, stay_until_nothing_of_them_is_left) {
  std::optional<WriteHandoff> out = queue("one");
  Bytes bytes = Bytes::from_owner(pattern(100));
  std::optional<WriteTicket> ticket = *out->try_write(bytes);
  EXPECT_THAT(names(), ElementsAre("one"));
  out->abort();
  out.reset();
  run_ready(*context);
  EXPECT_THAT(names(), ElementsAre("one (ended)"));
  ticket.reset();
  EXPECT_THAT(names(), ElementsAre());
  const QueueRegistryReport report = registry.report();
  EXPECT_EQ(report.gone_queues, 1U);
  EXPECT_EQ(report.totals.admitted_bytes, 100U);
}

TEST_F(RegisteredQueues, are_reported_behind_the_end_of_their_context) {
  const WriteHandoff out = queue("one");
  Bytes bytes = Bytes::from_owner(pattern(100));
  ASSERT_TRUE(out.try_write(bytes));
  fars.clear();
  context.reset();
  EXPECT_THAT(names(), ElementsAre("one (ended)"));
  EXPECT_EQ(registry.report().totals.oldest_pending_age, 0ns);
}

TEST_F(RegisteredQueues, keep_their_registry) {
  const WriteHandoff out = queue("one");
  registry = QueueRegistry();  // nobody can ask any more
  run_ready(*context);
}

TEST_F(RegisteredQueues, others_are_in_none) {
  auto [near, far] = make_duplex(*context, 16);
  const WriteHandoff out(std::move(near));
  EXPECT_EQ(registry.size(), 0U);
}

}  // namespace
}  // namespace bytes_handoff::test
