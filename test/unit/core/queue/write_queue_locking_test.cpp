// How often the lock of the write queue is taken: once a submission, whatever it has, and once a
// step of the writer.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <deque>
#include <vector>

#include "bytes_handoff/core/queue/departure.hpp"
#include "bytes_handoff/core/queue/write_queue_members.hpp"
#include "support/queue/queue_probes.hpp"

namespace bytes_handoff::test {
namespace {

struct CountingSync {
  struct Mutex {
    void lock() noexcept { ++taken; }
    void unlock() noexcept {}
    inline static std::size_t taken = 0;
  };
  template <class T>
  using Atomic = std::atomic<T>;
  template <class T>
  using Plain = T;
  [[nodiscard]] static std::size_t thread() noexcept { return 0; }
};

class WriteQueueLocking : public testing::Test {
 protected:
  using Queue = detail::BasicWriteQueue<CountingSync>;

  template <class Step>
  static std::size_t locks_of(Step step) {
    const std::size_t before = CountingSync::Mutex::taken;
    step();
    return CountingSync::Mutex::taken - before;
  }

  static std::vector<Bytes> slices(std::size_t count) {
    return std::vector<Bytes>(count, Bytes::from_static("x"));
  }

  Queue queue{{.max_items = 200}};
  detail::Effects effects;
};

TEST_F(WriteQueueLocking, ASubmissionTakesTheLockOnceHoweverManySlicesItHas) {
  for (const std::size_t count : {0U, 1U, 2U, 190U, 50U}) {
    std::vector<Bytes> group = slices(count);
    EXPECT_EQ(locks_of([&] { static_cast<void>(queue.try_write(group, effects)); }), 1U)
        << count << " slices; fifty are too many by then";
  }
  WriteProbe waits(slices(50));
  EXPECT_EQ(locks_of([&] { static_cast<void>(queue.wait_room(waits, effects)); }), 1U);
  EXPECT_EQ(locks_of([&] { queue.cancel(waits, effects); }), 1U);
}

TEST_F(WriteQueueLocking, WhatACancelledWriteLetsInTakesItOnceAStep) {
  Queue in_steps{{.max_items = 200}, 10};
  std::vector<Bytes> group = slices(150);
  ASSERT_TRUE(in_steps.try_write(group, effects).has_value());
  WriteProbe large(slices(51));
  ASSERT_EQ(in_steps.wait_room(large, effects), Queue::Wait::kWaiting);
  std::deque<WriteProbe> behind;
  for (int i = 0; i < 45; ++i) {
    ASSERT_EQ(in_steps.wait_room(behind.emplace_back(slices(1)), effects), Queue::Wait::kWaiting);
  }
  EXPECT_EQ(locks_of([&] { in_steps.cancel(large, effects); }), 5U);
  EXPECT_EQ(in_steps.pending_items(), 195U);
  in_steps.abort({}, effects);
}

TEST_F(WriteQueueLocking, AGatherOfManyWritesTakesItOnceAndTheirEndOnce) {
  for (int i = 0; i < 100; ++i) {
    std::vector<Bytes> one = slices(1);
    ASSERT_TRUE(queue.try_write(one, effects).has_value());
  }
  using Turn = Queue::Turn;
  detail::WriteBatch batch{};
  EXPECT_EQ(locks_of([&] { ASSERT_EQ(queue.begin_turn(batch, effects), Turn::kWrite); }), 1U);
  EXPECT_EQ(batch.items, 64U) << "the same literal a hundred times: one buffer each";
  EXPECT_EQ(locks_of([&] {
              ASSERT_EQ(queue.finish_write({}, batch.bytes, false, batch, effects), Turn::kWrite);
            }),
            1U)
      << "the next gather included";
  EXPECT_EQ(queue.pending_items(), 36U);
}

}  // namespace
}  // namespace bytes_handoff::test
