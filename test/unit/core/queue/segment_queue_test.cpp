#include "bytes_handoff/core/queue/segment_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "support/memory/allocation_counter.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::detail {
namespace {

struct Item {
  std::uint64_t value;
  std::uint64_t padding[3];
};
using Queue = SegmentQueue<Item>;

void push(Queue& queue, std::uint64_t value) {
  queue.reserve(1);
  queue.push_back({value, {value, value, value}});
}

TEST(SegmentQueue, ANewOneIsEmptyAndHoldsNoMemory) {
  test::AllocationScope counted;
  {
    Queue queue;
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.size(), 0U);
    EXPECT_EQ(queue.room(), 0U);
  }
  EXPECT_EQ(counted.allocations(), 0U);
}

TEST(SegmentQueue, FirstInFirstOutOverManySegments) {
  Queue queue;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    push(queue, i);
  }
  EXPECT_EQ(queue.size(), 1000U);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(queue.front().value, i);
    ASSERT_EQ(queue.front().padding[2], i);
    queue.pop_front();
  }
  EXPECT_TRUE(queue.empty());
}

TEST(SegmentQueue, PopsForAsLongAsItIsToldToAndAtMostSoMany) {
  constexpr std::uint64_t kItems = 300;
  for (std::size_t most = 0; most <= kItems + 1; ++most) {
    Queue queue;
    for (std::uint64_t i = 0; i < kItems; ++i) {
      push(queue, i);
    }
    const auto below = [](std::uint64_t end) {
      return [end](const Item& item) { return item.value < end; };
    };
    ASSERT_EQ(queue.pop_front_while(most, false, below(200)), std::min<std::size_t>(most, 200));
    ASSERT_EQ(queue.front().value, std::min<std::size_t>(most, 200));
    ASSERT_EQ(queue.pop_front_while(SIZE_MAX, false, below(kItems)),
              kItems - std::min<std::size_t>(most, 200));
    ASSERT_TRUE(queue.empty());
  }
}

TEST(SegmentQueue, ReservedRoomIsAllThatPushingNeeds) {
  Queue queue;
  for (const std::size_t n : {1U, 63U, 64U, 500U}) {
    queue.reserve(n);
    ASSERT_GE(queue.room(), n);
    const std::size_t room = queue.room();
    test::FailingAllocations no_memory;
    for (std::size_t i = 0; i < room; ++i) {
      queue.push_back({i, {}});
    }
    EXPECT_EQ(queue.room(), 0U);
  }
}

TEST(SegmentQueue, ReservingWhatIsThereAlreadyTakesNoMemory) {
  Queue queue;
  queue.reserve(100);
  const std::size_t room = queue.room();
  test::FailingAllocations no_memory;
  queue.reserve(0);
  queue.reserve(100);
  queue.reserve(room);
  EXPECT_EQ(queue.room(), room);
}

TEST(SegmentQueue, ElementsStayWhereTheyAreUntilPopped) {
  Queue queue;
  std::vector<Item*> places;
  for (std::uint64_t i = 0; i < 300; ++i) {
    queue.reserve(1);
    places.push_back(&*queue.push_back({i, {}}));
    ASSERT_EQ(places.back()->value, i);
  }
  for (std::uint64_t i = 0; i < 300; ++i) {
    ASSERT_EQ(&queue.front(), places[i]);
    ASSERT_EQ(places[i]->value, i);
    queue.pop_front();
  }
}

TEST(SegmentQueue, ACursorWalksFromTheFrontToTheBackAndCanWrite) {
  Queue queue;
  for (std::uint64_t i = 0; i < 40; ++i) {
    push(queue, i);
  }
  for (std::uint64_t i = 0; i < 30; ++i) {
    queue.pop_front();
  }
  for (std::uint64_t i = 40; i < 200; ++i) {
    push(queue, i);
  }
  auto at = queue.front_cursor();
  for (std::uint64_t i = 30; i < 200; ++i, ++at) {
    ASSERT_EQ(at->value, i);
    (*at).value = i + 1000;
  }
  for (std::uint64_t i = 30; i < 200; ++i) {
    ASSERT_EQ(queue.front().value, i + 1000);
    queue.pop_front();
  }
}

TEST(SegmentQueue, TheCursorOfAnElementLeadsToWhatIsPushedBehindIt) {
  for (std::uint64_t before = 0; before < 140; ++before) {
    Queue queue;
    for (std::uint64_t i = 0; i < before; ++i) {
      push(queue, i);
    }
    queue.reserve(1);
    auto at = queue.push_back({1000, {}});
    for (std::uint64_t i = 1; i < 140; ++i) {
      push(queue, 1000 + i);
    }
    for (std::uint64_t i = 0; i < 140; ++i, ++at) {
      ASSERT_EQ(at->value, 1000 + i) << "with " << before << " before";
    }
  }
}

TEST(SegmentQueue, ReleasingItsSegmentsForgetsEverythingAndItCanBeUsedAgain) {
  Queue queue;
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t i = 0; i < 150; ++i) {
      push(queue, i);
    }
    for (std::uint64_t i = 0; i < 70; ++i) {
      queue.pop_front();
    }
    queue.release_segments();
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.room(), 0U);
  }
  push(queue, 7);
  EXPECT_EQ(queue.front().value, 7U);
}

TEST(SegmentQueue, MovingTakesEverythingAlongAndLeavesAnEmptyQueue) {
  Queue from;
  for (std::uint64_t i = 0; i < 100; ++i) {
    push(from, i);
  }
  Queue to(std::move(from));
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): the state that is promised
  EXPECT_EQ(from.room(), 0U);
  push(from, 5);
  EXPECT_EQ(from.front().value, 5U);

  from = std::move(to);
  EXPECT_TRUE(to.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(from.size(), 100U);
  EXPECT_EQ(from.front().value, 0U);

  from.swap(to);
  EXPECT_EQ(to.size(), 100U);
}

TEST(SegmentQueue, AFailedReservationKeepsTheElements) {
  Queue queue;
  for (std::uint64_t i = 0; i < 10; ++i) {
    push(queue, i);
  }
  {
    test::FailingAllocations no_memory;
    // More than the pool can have cached: the system is asked at some point.
    EXPECT_THROW(queue.reserve(1'000'000), std::bad_alloc);
  }
  EXPECT_EQ(queue.size(), 10U);
  for (std::uint64_t i = 0; i < 10; ++i) {
    ASSERT_EQ(queue.front().value, i);
    queue.pop_front();
  }
}

TEST(SegmentQueue, WhatWasPoppedGivesItsMemoryBackWhileTheQueueGoesOn) {
  Queue queue;
  test::AllocationScope counted;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    push(queue, i);
    if (queue.size() > 100) {
      queue.pop_front();
    }
    ASSERT_LE(counted.allocations() - counted.deallocations(), 8U);
  }
}

struct Counter {
  int count = 0;
};

TEST(SegmentQueue, WhatIsKeptWithTheElementsStaysUntilTheMemoryIsReleased) {
  using Headed = SegmentQueue<Item, Counter>;
  Headed queue;
  const auto push = [&queue](std::size_t n) {
    queue.reserve(n);
    for (std::size_t i = 0; i != n; ++i) {
      queue.push_back({i, {}});
    }
  };
  push(2 * Headed::kSegmentItems + 1);
  EXPECT_EQ(queue.head().count, 0);
  queue.head().count = 1;
  for (std::size_t i = 0; i != Headed::kSegmentItems + 1; ++i) {
    queue.pop_front();
    ASSERT_EQ(std::as_const(queue).head().count, 1) << i;
  }
  queue.head().count = 2;
  const auto all = [](const Item& /*item*/) { return true; };
  EXPECT_EQ(queue.pop_front_while(queue.size(), true, all), Headed::kSegmentItems);
  EXPECT_EQ(queue.head().count, 2);
  push(2 * Headed::kSegmentItems);
  EXPECT_EQ(queue.pop_front_while(queue.size(), false, all), 2 * Headed::kSegmentItems);
  EXPECT_EQ(queue.head().count, 2);
  queue.release_segments();
  push(1);
  EXPECT_EQ(queue.head().count, 0);
}

TEST(SegmentQueue, BehavesAsADequeUnderRandomUse) {
  SCOPED_TRACE(test::seed_note());
  test::Random random;
  Queue queue;
  std::deque<std::uint64_t> model;
  std::uint64_t next = 0;
  for (int step = 0; step < 100'000; ++step) {
    if (random.one_in(5000)) {
      queue.release_segments();
      model.clear();
    } else if (random.between(0, 99) < (step / 500 % 2 == 0 ? 65U : 35U)) {
      const std::size_t burst = random.between(1, 5);
      queue.reserve(burst);
      for (std::size_t i = 0; i < burst; ++i) {
        queue.push_back({next, {}});
        model.push_back(next++);
      }
    } else if (!model.empty()) {
      ASSERT_EQ(queue.front().value, model.front());
      queue.pop_front();
      model.pop_front();
    }
    ASSERT_EQ(queue.size(), model.size());
    ASSERT_EQ(queue.empty(), model.empty());
    if (random.one_in(500) && !model.empty()) {
      auto at = queue.front_cursor();
      for (const std::uint64_t value : model) {
        ASSERT_EQ(at->value, value);
        ++at;
      }
    }
  }
}

}  // namespace
}  // namespace bytes_handoff::detail
