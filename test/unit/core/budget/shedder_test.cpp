#include "bytes_handoff/core/budget/shedder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <vector>

#include "support/budget/budget_probes.hpp"

namespace bytes_handoff::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kSparedBytes = 100;

class ShedderTest : public testing::Test {
 protected:
  using Shedder = detail::Shedder;

  void TearDown() override {
    for (ShedProbe& each : queues_) {
      shedder_.leave(each);
    }
  }

  ShedProbe& add(std::size_t bytes, std::uint64_t tag = 0) {
    shedder_.enter(queues_.emplace_back(bytes, tag));
    return queues_.back();
  }
  /// Looks after `pause`, when so many bytes are drawn above the mark.
  void look(std::chrono::nanoseconds pause, std::size_t above_mark, std::size_t free = 0) {
    now_ += pause;
    shedder_.look(now_, {above_mark, free});
  }

  Shedder shedder_{8s, kSparedBytes, {}};
  std::deque<ShedProbe> queues_;
  Shedder::TimePoint now_{};
};

TEST_F(ShedderTest, EndsWhoHoldsMostWithoutProgress) {
  ShedProbe& little = add(1000);
  ShedProbe& much = add(5000);
  ShedProbe& empty = add(0);
  look(0s, 1);
  look(7s, 1);
  EXPECT_EQ(much.sheds, 0);  // not yet for long enough
  look(2s, 1);
  EXPECT_EQ(much.sheds, 1);
  EXPECT_EQ(little.sheds + empty.sheds, 0);
  EXPECT_EQ(shedder_.shed_queues(), 1U);
  EXPECT_EQ(shedder_.shed_bytes(), 5000U);
}

TEST_F(ShedderTest, HasOneWithSomethingToWriteLookOnceOrFromTimeToTime) {
  EXPECT_FALSE(shedder_.pass_look());
  ShedProbe& empty = add(0);
  ShedProbe& going = add(1000);
  going.is_alive = false;
  EXPECT_FALSE(shedder_.pass_watch());
  ShedProbe& first = add(1000);
  ShedProbe& second = add(1000);
  EXPECT_TRUE(shedder_.pass_look());
  EXPECT_EQ(first.looks, 1);
  EXPECT_EQ(first.watches, 0);
  EXPECT_TRUE(shedder_.pass_watch());
  EXPECT_EQ(first.looks, 1);
  EXPECT_EQ(first.watches, 1);
  for (const ShedProbe* other : {&empty, &going, &second}) {
    EXPECT_EQ(other->looks + other->watches, 0);
  }
}

TEST_F(ShedderTest, WhoCannotRunAnErrandIsPassedOverOnce) {
  ShedProbe& gone = add(1000);
  ShedProbe& empty = add(0);
  gone.runs_errands = false;
  EXPECT_FALSE(shedder_.pass_watch());
  EXPECT_EQ(gone.watches, 1);
  ShedProbe& other = add(1000);
  EXPECT_TRUE(shedder_.pass_watch());
  EXPECT_TRUE(shedder_.pass_look());
  EXPECT_EQ(gone.watches, 2);
  EXPECT_EQ(gone.looks, 1);
  EXPECT_EQ(other.watches, 1);
  EXPECT_EQ(other.looks, 1);
  EXPECT_EQ(empty.looks + empty.watches, 0);
}

TEST_F(ShedderTest, FewAreAskedWhereNobodyRunsErrands) {
  for (int i = 0; i < 100; ++i) {
    add(1000).runs_errands = false;
  }
  EXPECT_FALSE(shedder_.pass_look());
  int looks = 0;
  for (const ShedProbe& each : queues_) {
    EXPECT_LE(each.looks, 1);
    looks += each.looks;
  }
  EXPECT_EQ(looks, 16);
}

TEST_F(ShedderTest, LeavesAloneWhoMakesProgress) {
  ShedProbe& reads = add(1'000'000);
  ShedProbe& stuck = add(kSparedBytes + 1);
  ShedProbe& at_floor = add(kSparedBytes);
  for (int i = 0; i < 20; ++i) {
    ++reads.progress;
    look(2s, 1'000'000);
  }
  EXPECT_EQ(reads.sheds, 0);
  EXPECT_EQ(at_floor.sheds, 0);
  EXPECT_EQ(stuck.sheds, 1);
}

TEST_F(ShedderTest, WhoHadNothingIsNotSilentForThatTime) {
  ShedProbe& queue = add(0);
  for (int i = 0; i < 10; ++i) {
    look(2s, 1);
  }
  queue.held = 5000;  // what began to wait is progress, but a look may have missed it
  look(2s, 1);
  EXPECT_EQ(queue.sheds, 0);
  look(6s, 1);
  EXPECT_EQ(queue.sheds, 1);
}

TEST_F(ShedderTest, EndsNoMoreThanIsNeeded) {
  for (int i = 1; i <= 10; ++i) {
    add(1000);
  }
  look(0s, 2500);
  look(8s, 2500);
  EXPECT_EQ(shedder_.shed_queues(), 3U);
}

TEST_F(ShedderTest, WhatIsOnTheWayIsWaitedForButNotForEver) {
  ShedProbe& first = add(3000);
  ShedProbe& second = add(2000);
  look(0s, 2500);
  look(8s, 2500);
  EXPECT_EQ(first.sheds, 1);
  look(2s, 2500);  // it has not been freed yet
  EXPECT_EQ(second.sheds, 0);
  look(2s, 2500);
  EXPECT_EQ(second.sheds, 1);
  look(20s, 2500);
  EXPECT_EQ(first.sheds + second.sheds, 2);  // each is ended once
}

TEST_F(ShedderTest, BehindTheEndOfOneOthersAreLookedAtWithoutItsBytes) {
  ShedProbe& first = add(3000);
  ShedProbe& second = add(2000);
  look(0s, 2500);
  look(8s, 2500);
  first.held = 0;
  look(2s, 500);
  EXPECT_EQ(second.sheds, 1);
}

TEST_F(ShedderTest, LongerSilenceOutweighsSize) {
  ShedProbe& old = add(3000);
  look(0s, 0);
  look(40s, 0);
  ShedProbe& young = add(5000);
  look(2s, 0);
  look(8s, 1);
  EXPECT_EQ(old.sheds, 1);
  EXPECT_EQ(young.sheds, 0);
}

TEST_F(ShedderTest, LooksNoMoreOftenThanItsPause) {
  ShedProbe& queue = add(1000);
  look(0s, 1);
  EXPECT_FALSE(shedder_.is_due(now_ + 1s));
  EXPECT_TRUE(shedder_.is_due(now_ + 2s));
  look(8s, 0);
  look(1s, 1);
  EXPECT_EQ(queue.sheds, 0);
  look(1s, 1);
  EXPECT_EQ(queue.sheds, 1);
}

TEST_F(ShedderTest, AsksUntilSoMuchHasBeenFree) {
  ShedProbe& queue = add(1000);
  shedder_.ask(400);
  look(0s, 0, 300);
  EXPECT_TRUE(shedder_.is_asked());
  look(8s, 0, 300);
  EXPECT_EQ(queue.sheds, 1);
  look(2s, 0, 400);
  EXPECT_FALSE(shedder_.is_asked());
}

TEST_F(ShedderTest, WhoIsBeingDestroyedIsPassedOver) {
  ShedProbe& going = add(5000);
  ShedProbe& other = add(1000);
  going.is_alive = false;
  look(0s, 500);
  look(8s, 500);
  EXPECT_EQ(going.sheds, 0);
  EXPECT_EQ(other.sheds, 1);
}

TEST(ShedRankTest, APolicyOfTheUsersOwnPicksAndSpares) {
  detail::Shedder shedder(8s, 0, [](const ShedCandidate& each) {
    return each.tag == 7 ? 0 : 1'000'000 - each.held_bytes;  // who holds least, but for number 7
  });
  std::deque<ShedProbe> queues;
  for (const auto& [bytes, tag] : {std::pair(10U, 7U), std::pair(20U, 1U), std::pair(30U, 2U)}) {
    shedder.enter(queues.emplace_back(bytes, tag));
  }
  const detail::Shedder::TimePoint start{};
  shedder.look(start, {1, 0});
  shedder.look(start + 8s, {1, 0});
  EXPECT_EQ(queues[1].sheds, 1);
  shedder.look(start + 20s, {100, 0});
  EXPECT_EQ(queues[2].sheds, 1);
  EXPECT_EQ(queues[0].sheds, 0);
  for (ShedProbe& each : queues) {
    shedder.leave(each);
  }
}

TEST(ShedRankTest, ManyAreTakenInTheOrderOfTheirRank) {
  constexpr std::size_t kQueues = 1000;
  detail::Shedder shedder(1s, 0, {});
  std::deque<ShedProbe> queues;
  for (std::size_t i = 0; i < kQueues; ++i) {
    shedder.enter(queues.emplace_back(1 + i * 7919 % kQueues));  // each size once
  }
  const detail::Shedder::TimePoint start{};
  shedder.look(start, {1, 0});
  // The largest hundred hold 901 to 1000 bytes.
  shedder.look(start + 2s, {100 * (901 + 1000) / 2, 0});
  for (ShedProbe& each : queues) {
    EXPECT_EQ(each.sheds, each.held > 900 ? 1 : 0) << each.held;
    shedder.leave(each);
  }
}

TEST(ShedRankTest, ZeroTimeShedsNobody) {
  detail::Shedder shedder(0s, 0, {});
  ShedProbe queue(1000);
  shedder.enter(queue);
  for (int i = 0; i < 10; ++i) {
    shedder.look(detail::Shedder::TimePoint{} + i * 100s, {1000, 0});
  }
  EXPECT_EQ(queue.sheds, 0);
  shedder.leave(queue);
}

}  // namespace
}  // namespace bytes_handoff::test
