// Every order of the steps of small programs, or every order with at most so many preemptions.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "interleavings/write_queue_program.hpp"
#include "support/sanitizers.hpp"

namespace bytes_handoff::test {
namespace {

constexpr std::size_t kUnbounded = SIZE_MAX;

// Sanitizers make a switch several times as expensive, and need no schedule more than once.
#if BYTES_HANDOFF_TEST_WITH_ASAN || BYTES_HANDOFF_TEST_WITH_TSAN
constexpr std::size_t kMostSchedules = 3000;
#else
constexpr std::size_t kMostSchedules = SIZE_MAX;
#endif

/// All schedules within the bound, of which there must be at least `least`.
void explore_all(const ProgramShape& shape, unsigned points, std::size_t preemptions,
                 std::size_t least) {
  Explorer explorer;
  const auto result = explorer.explore([&] { return std::make_unique<WriteQueueProgram>(shape); },
                                       points, preemptions, kMostSchedules);
  testing::Test::RecordProperty("schedules", std::to_string(result.schedules));
  EXPECT_EQ(result.failure, "");
  EXPECT_TRUE(result.is_complete || result.schedules == kMostSchedules);
  EXPECT_GE(result.schedules, std::min(least, kMostSchedules));
}

ProgramShape shape_of(std::size_t items, std::size_t bytes) {
  ProgramShape shape;
  shape.config.max_items = items;
  shape.config.max_pending_bytes = bytes;
  return shape;
}

// ---- that the explorer finds what it is there to find

struct LostUpdate {
  std::vector<std::function<void()>> bodies() {
    const auto add = [this] {
      const int seen = counter.load(0);
      counter.store(seen + 1, 0);
    };
    return {add, add};
  }
  std::string verdict() { return counter.load(0) == 2 ? "" : "lost"; }
  SteppingSync::Atomic<int> counter{0};
};

TEST(Explorer, FindsALostUpdate) {
  Explorer explorer;
  const auto make = [] { return std::make_unique<LostUpdate>(); };
  EXPECT_TRUE(explorer.explore(make, kAllPoints, kUnbounded).failure.starts_with("lost"));
  const auto without = explorer.explore(make, kAllPoints, 0);
  EXPECT_EQ(without.failure, "") << "it needs a preemption";
  EXPECT_TRUE(without.is_complete);
}

struct MissedWakeUp {
  std::vector<std::function<void()>> bodies() {
    return {[this] {
              mutex.lock();
              const bool ready = is_ready;
              mutex.unlock();
              if (!ready) {
                Stepper::mark();
                is_woken = false;  // forgets a wake-up that has come already
                Stepper::wait_until([this] { return is_woken; });
              }
            },
            [this] {
              mutex.lock();
              is_ready = true;
              mutex.unlock();
              is_woken = true;
            }};
  }
  std::string verdict() { return {}; }
  SteppingSync::Mutex mutex;
  bool is_ready = false;
  bool is_woken = false;
};

TEST(Explorer, FindsAMissedWakeUp) {
  Explorer explorer;
  const auto result =
      explorer.explore([] { return std::make_unique<MissedWakeUp>(); }, kAllPoints, kUnbounded);
  EXPECT_TRUE(result.failure.starts_with("all that are left wait for ever"));
}

struct Counted {
  std::vector<std::function<void()>> bodies() {
    const auto three = [] {
      Stepper::mark();
      Stepper::mark();
      Stepper::mark();
    };
    return {three, three};
  }
  std::string verdict() { return {}; }
};

TEST(Explorer, TriesEveryScheduleOnce) {
  Explorer explorer;
  const auto make = [] { return std::make_unique<Counted>(); };
  // Two threads of three steps each: 6 choose 3.
  const auto all = explorer.explore(make, kAllPoints, kUnbounded);
  EXPECT_EQ(all.schedules, 20U);
  EXPECT_TRUE(all.is_complete);
  EXPECT_EQ(explorer.explore(make, kAllPoints, 0).schedules, 2U);
  EXPECT_EQ(explorer.explore(make, kLocks, kUnbounded).schedules, 2U);
  EXPECT_FALSE(explorer.explore(make, kAllPoints, kUnbounded, 5).is_complete);
}

// ---- every order of critical sections, without a bound

TEST(WriteQueueInterleavings, TwoProducersAWriterAndACloserWithOneItem) {
  explore_all(shape_of(1, 3), kLocks, kUnbounded, 150);
}

TEST(WriteQueueInterleavings, TwoWritesEachWithOneItem) {
  ProgramShape shape = shape_of(1, 3);
  shape.writes = 2;
  explore_all(shape, kLocks, kUnbounded, 10'000);
}

TEST(WriteQueueInterleavings, TwoWritesEachWithTwoItemsAndThreeBytes) {
  ProgramShape shape = shape_of(2, 3);
  shape.writes = 2;
  shape.bytes_a_step = 1;
  explore_all(shape, kLocks, kUnbounded, 10'000);
}

TEST(WriteQueueInterleavings, ACanceller) {
  ProgramShape shape = shape_of(1, 3);
  shape.cancels = true;
  explore_all(shape, kLocks, kUnbounded, 1000);
}

TEST(WriteQueueInterleavings, ACancellerAndAFlush) {
  ProgramShape shape = shape_of(1, 3);
  shape.cancels = true;
  shape.flushes = true;
  explore_all(shape, kLocks, kUnbounded, 10'000);
}

TEST(WriteQueueInterleavings, AnAborterAgainstACloser) {
  ProgramShape shape = shape_of(1, 3);
  shape.aborts = true;
  explore_all(shape, kLocks, kUnbounded, 500);
}

TEST(WriteQueueInterleavings, AnAborterAndAFlush) {
  ProgramShape shape = shape_of(1, 3);
  shape.closes = false;
  shape.aborts = true;
  shape.flushes = true;
  explore_all(shape, kLocks, kUnbounded, 2000);
}

// ---- delayed wake-ups and atomics too, at most two preemptions

TEST(WriteQueueInterleavings, TicketsWithAllPoints) {
  ProgramShape shape = shape_of(1, 3);
  shape.with_tickets = true;
  explore_all(shape, kAllPoints, 2, 10'000);
}

TEST(WriteQueueInterleavings, DelayedWakeUpsWithOneItem) {
  ProgramShape shape = shape_of(1, 3);
  shape.writes = 2;
  explore_all(shape, kLocks | kMarks, 2, 10'000);
}

TEST(WriteQueueInterleavings, DelayedWakeUpsWithTwoItems) {
  ProgramShape shape = shape_of(2, 3);
  shape.writes = 2;
  shape.bytes_a_write = 2;
  explore_all(shape, kLocks | kMarks, 2, 10'000);
}

TEST(WriteQueueInterleavings, DelayedWakeUpsWithACancellerAnAborterAndACloser) {
  ProgramShape shape = shape_of(1, 3);
  shape.cancels = true;
  shape.aborts = true;
  explore_all(shape, kLocks | kMarks, 1, 5000);
}

// ---- a ticket: its queue finishes it, its holder waits, cancels and drops it

struct TicketProgram {
  using Ticket = detail::TicketState<SteppingSync>;

  std::vector<std::function<void()>> bodies() {
    return {[this] {
              if (auto* waiter = ticket->finish({{}, 7})) {
                Stepper::mark();
                waiter->resume(nullptr);
              }
              ticket->release();
            },
            [this] {
              start = ticket->start_wait(probe);
              if (start == Ticket::WaitStart::kDone) {
                written = ticket->result().written;
              } else if (!ticket->cancel_wait(probe)) {
                Stepper::wait_until([this] { return probe.resumed != 0; });
                written = probe.result.written;
              } else {
                was_cancelled = true;
              }
              ticket->release();
            }};
  }
  std::string verdict() const {
    if (was_cancelled) {
      return probe.resumed == 0 ? "" : "cancelled, and resumed";
    }
    if (probe.resumed != (start == Ticket::WaitStart::kDone ? 0 : 1)) {
      return "not resumed once";
    }
    return written == 7 ? "" : "no result";
  }

  Ticket* ticket = Ticket::make();
  TicketProbe probe;
  Ticket::WaitStart start = Ticket::WaitStart::kBusy;
  std::size_t written = 0;
  bool was_cancelled = false;
};

TEST(WriteQueueInterleavings, OfATicketExhaustively) {
  Explorer explorer;
  const auto result =
      explorer.explore([] { return std::make_unique<TicketProgram>(); }, kAllPoints, kUnbounded);
  EXPECT_EQ(result.failure, "");
  EXPECT_TRUE(result.is_complete);
  EXPECT_GT(result.schedules, 10U);
}

}  // namespace
}  // namespace bytes_handoff::test
