#include "bytes_handoff/observing/queue_registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/core/observing/registry_state.hpp"
#include "support/memory/allocation_counter.hpp"

namespace bytes_handoff::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

/// A queue, as a registry sees it.
class QueueProbe final : public detail::RegistryMember {
 public:
  explicit QueueProbe(std::string named = "", std::size_t held = 0) : name_(std::move(named)) {
    figures.held_bytes = held;
    figures.admitted_bytes = 1;
  }

  bool try_hold() noexcept override {
    holds += is_dying ? 0 : 1;
    return !is_dying;
  }
  void let_go() noexcept override { --holds; }
  WriteStatistics statistics() noexcept override {
    EXPECT_EQ(holds, 1);
    ++looks;
    if (const auto once = std::exchange(when_looked_at, nullptr)) {
      once();
    }
    return figures;
  }
  WriteStatistics last_statistics() noexcept override { return figures; }
  bool has_ended() const noexcept override { return ended; }
  std::string_view name() const noexcept override { return name_; }

  WriteStatistics figures;
  bool ended = false;
  bool is_dying = false;
  int holds = 0;
  int looks = 0;
  std::function<void()> when_looked_at;

 private:
  std::string name_;
};

class QueueRegistryTest : public testing::Test {
 protected:
  void TearDown() override {
    for (QueueProbe& each : queues_) {
      EXPECT_EQ(each.holds, 0);
      if (!each.is_dying) {
        state_.leave(each);
      }
    }
  }

  QueueProbe& add(std::string name = "", std::size_t held = 0) {
    QueueProbe& queue = queues_.emplace_back(std::move(name), held);
    state_.enter(queue);
    return queue;
  }
  /// It is gone, as behind the last reference.
  void remove(QueueProbe& queue) {
    queue.is_dying = true;
    state_.leave(queue);
  }
  [[nodiscard]] static std::vector<std::string> names_of(const std::vector<QueueReport>& reports) {
    std::vector<std::string> names;
    for (const QueueReport& each : reports) {
      names.push_back(each.name);
    }
    return names;
  }
  [[nodiscard]] std::vector<std::string> fullest(std::size_t most) {
    return names_of(state_.report(most).fullest);
  }
  [[nodiscard]] std::vector<std::string> oldest(std::size_t most) {
    return names_of(state_.report(most).oldest);
  }

  detail::QueueRegistryState state_;
  std::deque<QueueProbe> queues_;
};

TEST_F(QueueRegistryTest, ThoseThatHoldMostComeFirst) {
  add("little", 10);
  add("most", 500);
  add("nothing");
  add("much", 100).figures.pending_bytes = 1;
  add("as much", 100).figures.pending_bytes = 2;
  EXPECT_THAT(fullest(10), ElementsAre("most", "as much", "much", "little", "nothing"));
  EXPECT_THAT(fullest(2), ElementsAre("most", "as much"));
  EXPECT_THAT(fullest(0), ElementsAre());
}

TEST_F(QueueRegistryTest, ThoseThatAreStuckForLongestAreToldWhateverTheyHold) {
  add("full", 500).figures.oldest_pending_age = 1s;
  add("stuck", 10).figures.oldest_pending_age = 1h;
  add("idle");
  add("slow", 100).figures.oldest_pending_age = 1min;
  EXPECT_THAT(oldest(10), ElementsAre("stuck", "slow", "full"));
  EXPECT_THAT(oldest(1), ElementsAre("stuck"));
  EXPECT_THAT(fullest(1), ElementsAre("full"));
  EXPECT_THAT(oldest(0), ElementsAre());
}

TEST_F(QueueRegistryTest, WhatIsCountedAndWhatIsThereAreSums) {
  QueueProbe& one = add();
  one.figures.admitted_items = 3;
  one.figures.pending_bytes = 10;
  one.figures.high_water_bytes = 50;
  one.figures.oldest_pending_age = 2s;
  one.figures.refusals[1] = 4;
  QueueProbe& other = add();
  other.figures.admitted_items = 4;
  other.figures.pending_bytes = 20;
  other.figures.high_water_bytes = 40;
  other.figures.oldest_pending_age = 1s;
  other.figures.refusals[1] = 5;
  other.ended = true;

  const QueueRegistryReport report = state_.report(10);
  EXPECT_EQ(report.queues, 2U);
  EXPECT_EQ(report.ended_queues, 1U);
  EXPECT_EQ(report.gone_queues, 0U);
  EXPECT_EQ(report.totals.admitted_items, 7U);
  EXPECT_EQ(report.totals.pending_bytes, 30U);
  EXPECT_EQ(report.totals.high_water_bytes, 50U);
  EXPECT_EQ(report.totals.oldest_pending_age, 2s);
  EXPECT_EQ(report.totals.refusals[1], 9U);
}

TEST_F(QueueRegistryTest, NoFigureIsLeftOutOfTheTotals) {
  for (const std::size_t n : {2U, 3U}) {
    WriteStatistics& figures = add().figures;
    figures.admitted_items = figures.admitted_bytes = figures.written_bytes = n;
    figures.stream_writes = figures.short_stream_writes = figures.waits = n;
    figures.high_water_items = figures.high_water_bytes = n;
    figures.high_water_waiters = figures.high_water_waiting_bytes = n;
    figures.pending_items = figures.pending_bytes = figures.held_bytes = n;
    figures.waiters = figures.waiting_bytes = n;
    figures.reserved_bytes = figures.reserved_items = n;
    figures.oldest_pending_age = figures.oldest_waiter_age = figures.time_blocked =
        std::chrono::nanoseconds(n);
    figures.refusals.fill(n);
  }
  const WriteStatistics totals = state_.report(0).totals;
  for (const std::uint64_t sum :
       {totals.admitted_items, totals.admitted_bytes, totals.written_bytes, totals.stream_writes,
        totals.short_stream_writes, totals.waits}) {
    EXPECT_EQ(sum, 5U);
  }
  for (const std::size_t sum :
       {totals.pending_items, totals.pending_bytes, totals.held_bytes, totals.waiters,
        totals.waiting_bytes, totals.reserved_bytes, totals.reserved_items}) {
    EXPECT_EQ(sum, 5U);
  }
  for (const std::size_t largest : {totals.high_water_items, totals.high_water_bytes,
                                    totals.high_water_waiters, totals.high_water_waiting_bytes}) {
    EXPECT_EQ(largest, 3U);
  }
  EXPECT_EQ(totals.oldest_pending_age, 3ns);
  EXPECT_EQ(totals.oldest_waiter_age, 3ns);
  EXPECT_EQ(totals.time_blocked, 5ns);
  EXPECT_THAT(totals.refusals, testing::Each(5U));
}

TEST_F(QueueRegistryTest, WhoIsGoneStaysInWhatWasCounted) {
  QueueProbe& one = add();
  one.figures.written_bytes = 100;
  one.figures.pending_bytes = 10;
  one.figures.high_water_items = 7;
  EXPECT_EQ(state_.size(), 1U);
  remove(one);
  EXPECT_EQ(state_.size(), 0U);

  const QueueRegistryReport report = state_.report(10);
  EXPECT_EQ(report.queues, 0U);
  EXPECT_EQ(report.gone_queues, 1U);
  EXPECT_EQ(report.totals.written_bytes, 100U);
  EXPECT_EQ(report.totals.high_water_items, 7U);
  EXPECT_EQ(report.totals.pending_bytes, 0U);
  EXPECT_THAT(report.fullest, ElementsAre());
}

TEST_F(QueueRegistryTest, AllAreLookedAtOnceHoweverManyThereAre) {
  for (const std::size_t more : {1U, 31U, 1U, 31U, 36U}) {  // 1, 32, 33, 64, 100
    for (std::size_t i = 0; i != more; ++i) {
      add();
    }
    EXPECT_EQ(state_.report(0).queues, queues_.size());
    for (QueueProbe& each : queues_) {
      EXPECT_EQ(std::exchange(each.looks, 0), 1);
      EXPECT_EQ(each.holds, 0);
    }
  }
}

TEST_F(QueueRegistryTest, WhoIsBeingDestroyedIsCountedOnce) {
  add();
  QueueProbe& dying = add();
  add();
  dying.is_dying = true;  // its last reference has gone
  queues_.front().when_looked_at = [this, &dying] { state_.leave(dying); };

  for (int i = 0; i < 2; ++i) {  // the walk sees it, and then it leaves
    const QueueRegistryReport report = state_.report(10);
    EXPECT_EQ(report.queues, 2U);
    EXPECT_EQ(report.gone_queues, 1U);
    EXPECT_EQ(report.totals.admitted_bytes, 3U);
  }
}

TEST_F(QueueRegistryTest, WhoGoesBeforeItIsLookedAtIsCountedOnce) {
  for (int i = 0; i < 100; ++i) {
    add();
  }
  QueueProbe& late = queues_[80];
  QueueProbe& early = queues_[10];
  queues_[33].when_looked_at = [&] {
    remove(late);
    remove(early);
  };
  for (const std::uint64_t gone : {1U, 2U}) {
    const QueueRegistryReport report = state_.report(10);
    EXPECT_EQ(report.totals.admitted_bytes, 100U);
    EXPECT_EQ(report.gone_queues, gone);
    EXPECT_EQ(report.queues, 100U - gone);
  }
  EXPECT_EQ(late.looks, 0);
  EXPECT_EQ(early.looks, 1);
}

TEST_F(QueueRegistryTest, WhoComesMeanwhileIsLeftOut) {
  for (int i = 0; i < 33; ++i) {
    add();
  }
  queues_[0].when_looked_at = [this] { add("new"); };
  EXPECT_EQ(state_.report(10).queues, 33U);
  EXPECT_EQ(state_.report(10).queues, 34U);
}

TEST_F(QueueRegistryTest, WhoComesAndGoesMeanwhileIsOfTheNextReport) {
  add();
  queues_[0].when_looked_at = [this] { remove(add()); };
  for (const std::uint64_t gone : {0U, 1U}) {
    const QueueRegistryReport report = state_.report(10);
    EXPECT_EQ(report.queues, 1U);
    EXPECT_EQ(report.gone_queues, gone);
    EXPECT_EQ(report.totals.admitted_bytes, 1U + gone);
  }
}

TEST_F(QueueRegistryTest, AReportAllocatesForWhatItDescribesOnly) {
  for (std::size_t i = 0; i != 100; ++i) {
    add("", 1000 - i);
  }
  const AllocationScope scope;
  static_cast<void>(state_.report(10));
  EXPECT_EQ(scope.allocations(), 1U);
}

TEST_F(QueueRegistryTest, WithoutMemoryItLetsGoOfAll) {
  add(std::string(100, 'a'), 1);
  add(std::string(100, 'b'), 2);
  add(std::string(100, 'c'), 3);
  std::optional<FailingAllocations> failing;
  queues_[1].when_looked_at = [&failing] { failing.emplace(); };
  EXPECT_THROW(static_cast<void>(state_.report(10)), std::bad_alloc);
  failing.reset();
  for (const QueueProbe& each : queues_) {
    EXPECT_EQ(each.holds, 0);
  }
  EXPECT_EQ(state_.report(10).queues, 3U);
}

TEST(QueueRegistry, CopiesAreTheSameRegistry) {
  EXPECT_FALSE(QueueRegistry().valid());
  const QueueRegistry registry = QueueRegistry::make();
  const QueueRegistry copy = registry;
  EXPECT_TRUE(copy.valid());
  EXPECT_EQ(copy, registry);
  EXPECT_NE(copy, QueueRegistry::make());
  QueueProbe queue;
  detail::RegistryAccess::state(registry)->enter(queue);
  EXPECT_EQ(copy.size(), 1U);
  EXPECT_EQ(copy.report().queues, 1U);
  detail::RegistryAccess::state(copy)->leave(queue);
}

}  // namespace
}  // namespace bytes_handoff::test
