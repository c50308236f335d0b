// 10,000 queues of one budget in virtual time, with peers that read at random, slowly, or never.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "support/budget/budget_queue.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

using namespace std::chrono_literals;
using Time = detail::Shedder::TimePoint;

constexpr std::size_t kFloor = 512;
constexpr std::chrono::seconds kShedAfter = 10s;
constexpr std::size_t kTicks = 300;

enum class Reads { kFast, kSlowly, kNever };

struct Member {
  Member(detail::MemoryPot& pot, const WriteHandoffConfig& config, Reads how)
      : queue(pot, kFloor, config), reads(how) {}

  BudgetQueue<> queue;
  const Reads reads;
  Time next_read{};
  std::unique_ptr<WriteProbe> waiter;
  Time waits_since{};
  std::chrono::nanoseconds longest_wait{0};
  std::size_t read_bytes = 0;
};

class Simulation {
 public:
  Simulation(std::size_t queues, std::size_t limit)
      : random_(seed()), pot_(limit, limit - limit / 8), shedder_(kShedAfter, kFloor, {}) {
    for (std::size_t i = 0; i < queues; ++i) {
      // One peer in ten is slow, one in twenty has stopped for ever.
      const Reads reads = i % 20 == 0 ? Reads::kNever : i % 10 == 1 ? Reads::kSlowly : Reads::kFast;
      const std::size_t limit_of_queue = (reads == Reads::kSlowly ? 16 : 256) * 1024;
      members_.emplace_back(pot_, WriteHandoffConfig{.max_pending_bytes = limit_of_queue}, reads);
      shedder_.enter(members_.back().queue);
    }
  }
  ~Simulation() {
    for (Member& each : members_) {
      shedder_.leave(each.queue);
      each.queue.end();
    }
  }

  // A tick of 100 ms: some write, some read, errands run, and memory is looked at.
  void tick() {
    now_ += 100ms;
    for (std::size_t i = 0; i < members_.size() / 3; ++i) {
      write(members_[random_() % members_.size()]);
    }
    for (Member& each : members_) {
      if (each.reads != Reads::kNever && now_ >= each.next_read) {
        read(each);
      }
      check_waiter(each);
    }
    look();
    if (++ticks_ % 5 == 0) {
      check();
    }
  }

  [[nodiscard]] std::string verdict() {
    for (const Member& each : members_) {
      if (each.queue.was_shed() && each.reads != Reads::kNever) {
        return "a queue was shed whose peer reads";
      }
      if (each.reads == Reads::kFast && each.read_bytes == 0) {
        return "a queue was starved";
      }
      if (each.reads == Reads::kFast && each.longest_wait > 2 * kShedAfter + 2s) {
        return "a write waited for longer than it takes to shed";
      }
    }
    return violation_;
  }
  [[nodiscard]] std::size_t shed() const { return shed_; }
  [[nodiscard]] std::size_t waits() const { return pot_.figures().waits; }
  [[nodiscard]] std::size_t stuck() const {
    return static_cast<std::size_t>(
        std::count_if(members_.begin(), members_.end(),
                      [](const Member& each) { return each.reads == Reads::kNever; }));
  }

 private:
  void write(Member& to) {
    const std::size_t n = 1 + random_() % (random_() % 8 == 0 ? 60'000 : 4000);
    if (to.queue.was_shed() || to.waiter != nullptr) {
      return;
    }
    auto waiter =
        std::make_unique<WriteProbe>(std::vector<Bytes>{Bytes::from_owner(std::string(n, 'x'))});
    if (to.queue.wait(*waiter) == detail::WriteQueue::Wait::kWaiting) {
      to.waiter = std::move(waiter);
      to.waits_since = now_;
    }
  }

  void read(Member& from) {
    const bool is_slow = from.reads == Reads::kSlowly;
    from.read_bytes += from.queue.read(is_slow ? 4096 : 64 * 1024);
    from.next_read = now_ + (is_slow ? 2000ms : 100ms) * (1 + random_() % 4);
  }

  void check_waiter(Member& of) {
    of.queue.run_errands();
    if (of.queue.was_shed()) {
      of.queue.cancel_write();
    }
    if (of.waiter != nullptr) {
      of.longest_wait = std::max<std::chrono::nanoseconds>(of.longest_wait, now_ - of.waits_since);
      if (of.waiter->resumed != 0) {
        of.waiter.reset();
      }
    }
  }

  void look() {
    const detail::PotFigures figures = pot_.figures();
    const std::size_t drawn = pot_.limit() - figures.free_bytes;
    const std::size_t mark = pot_.limit() - pot_.limit() / 8;
    if (pot_.is_tight() && shedder_.is_due(now_)) {
      shedder_.look(now_, {drawn - std::min(drawn, mark), figures.free_bytes});
      shed_ = shedder_.shed_queues();
    }
  }

  void check() {
    std::size_t charged = 0;
    std::size_t pending = 0;
    std::size_t drawn = 0;
    for (Member& each : members_) {
      const std::size_t of_queue = each.queue.charged();
      charged += std::max(of_queue, kFloor);
      pending += each.queue.queue().pending_bytes();
      drawn += of_queue - std::min(of_queue, kFloor) + each.queue.granted();
    }
    if (charged > pot_.limit()) {
      violation_ = "the bound was passed";
    }
    if (pending > pot_.limit()) {
      violation_ = "more is pending than may be";
    }
    const detail::PotFigures figures = pot_.figures();
    if (drawn > pot_.limit() - figures.free_bytes - figures.floors) {
      violation_ = "more is charged than was drawn";
    }
  }

  std::mt19937_64 random_;
  detail::MemoryPot pot_;
  detail::Shedder shedder_;
  std::deque<Member> members_;
  Time now_{};
  std::size_t ticks_ = 0;
  std::size_t shed_ = 0;
  std::string violation_;
};

// Peers that have stopped hold what they can; the budget is short, and sheds them.
TEST(MemoryBudgetSimulation, ShedsWhoIsStuckAndStarvesNobody) {
  SCOPED_TRACE(seed_note());
  Simulation simulation(10'000, 48 * 1024 * 1024);
  for (std::size_t tick = 0; tick < kTicks; ++tick) {
    simulation.tick();
    if (const std::string verdict = tick % 50 == 49 && tick > 150 ? simulation.verdict() : "";
        !verdict.empty()) {
      FAIL() << verdict << " after " << tick << " ticks";
    }
  }
  EXPECT_EQ(simulation.verdict(), "");
  EXPECT_GT(simulation.shed(), 0U);
  EXPECT_LE(simulation.shed(), simulation.stuck());
  EXPECT_GT(simulation.waits(), 0U);
}

// With memory for all, nobody waits and nobody is shed, stuck or not.
TEST(MemoryBudgetSimulation, WithMemoryEnoughNobodyIsShed) {
  SCOPED_TRACE(seed_note());
  Simulation simulation(1000, 1024 * 1024 * 1024);
  for (std::size_t tick = 0; tick < 300; ++tick) {
    simulation.tick();
  }
  EXPECT_EQ(simulation.verdict(), "");
  EXPECT_EQ(simulation.shed(), 0U);
  EXPECT_EQ(simulation.waits(), 0U);
}

}  // namespace
}  // namespace bytes_handoff::test
