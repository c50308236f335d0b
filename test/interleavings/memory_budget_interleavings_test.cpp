// Every order of the steps of small programs in a memory budget: its pot alone, and two queues.
#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "interleavings/explore_all.hpp"
#include "support/budget/budget_queue.hpp"

namespace bytes_handoff::test {
namespace {

using SteppedPot = detail::BasicMemoryPot<SteppingSync>;

// ---- The pot, with stripes that have credit.

struct PotShape {
  std::size_t high_mark = 0;  // 0: the limit
  bool cancels = false;
  bool has_second_waiter = false;
};

/// Two threads that draw and release little, beside one or two who wait for all there is.
class PotProgram {
 public:
  explicit PotProgram(const PotShape& shape)
      : shape_(shape), pot_(kLimit, shape.high_mark == 0 ? kLimit : shape.high_mark) {
    is_drawn_ = pot_.try_draw(1);  // so that a stripe has a chunk
  }

  [[nodiscard]] std::vector<std::function<void()>> bodies() {
    std::vector<std::function<void()>> all;
    all.emplace_back([this] { give(1); });
    all.emplace_back([this] {
      if (pot_.try_draw(3)) {
        use(3);
      }
    });
    all.emplace_back([this] { wait(first_); });
    if (shape_.has_second_waiter) {
      all.emplace_back([this] { wait(second_); });
    }
    if (shape_.cancels) {
      all.emplace_back([this] { cancel(); });
    }
    return all;
  }
  [[nodiscard]] std::string verdict() {
    if (!violation_.empty()) {
      return violation_;
    }
    const detail::PotFigures figures = pot_.figures();
    return !is_drawn_                             ? "nothing was drawn"
           : figures.free_bytes != kLimit         ? "credit was lost, or made"
           : figures.waiters != 0                 ? "somebody waits"
           : first_.resumed + second_.resumed > 2 ? "somebody was resumed twice"
                                                  : "";
  }

 private:
  static constexpr std::size_t kLimit = 640;  // a chunk is a 64th of it

  void use(std::size_t n) {
    drawn_ += n;
    if (drawn_ > kLimit) {
      violation_ = "the bound was passed";
    }
    Stepper::mark();
    drawn_ -= n;
    give(n);
  }
  void give(std::size_t n) { give_back(pot_, n); }
  void wait(CreditProbe& waiter) {
    if (pot_.draw_or_wait(waiter) == detail::Draw::kDrawn) {
      use(waiter.bytes);
      return;
    }
    Stepper::wait_until([&] { return waiter.resumed != 0 || (&waiter == &first_ && has_left_); });
    if (const std::size_t granted = pot_.take_grant(waiter); granted != 0) {
      use(granted);
    }
  }
  // The first, if it waits.
  void cancel() {
    if (!first_.is_in_line) {
      return;
    }
    detail::WaitingList woken;
    has_left_ = pot_.leave(first_, woken);
    detail::resume_all(woken);
  }

  const PotShape shape_;
  SteppedPot pot_;
  bool is_drawn_ = false;
  CreditProbe first_{kLimit};
  CreditProbe second_{5};
  std::size_t drawn_ = 0;
  bool has_left_ = false;
  std::string violation_;
};

void explore_pot(const PotShape& shape, std::size_t least, std::size_t preemptions = 2) {
  Bounds bounds;
  bounds.preemptions = preemptions;
  explore_all_of<PotProgram>(shape, least, bounds);
}

TEST(MemoryPotInterleavings, AReleaseMeetsWhoBeginsToWait) { explore_pot({}, 500); }

TEST(MemoryPotInterleavings, WithAHighMark) {
  PotShape shape;
  shape.high_mark = 320;
  explore_pot(shape, 500);
}

TEST(MemoryPotInterleavings, WithTwoWhoWait) {
  PotShape shape;
  shape.has_second_waiter = true;
  explore_pot(shape, 500, 1);
}

TEST(MemoryPotInterleavings, WithACancellation) {
  PotShape shape;
  shape.has_second_waiter = true;
  shape.cancels = true;
  explore_pot(shape, 500, 1);
}

// ---- Two queues.

struct TwoQueuesShape {
  bool cancels = false;
  bool closes = false;
  bool sheds = false;     // the queue whose peer reads
  bool rival = false;     // writes into that queue, too, and does not wait
  std::size_t reads = 2;  // of a part each
};

/// One queue holds the budget, and its peer reads. A write waits in the other one.
class TwoQueuesProgram {
 public:
  explicit TwoQueuesProgram(const TwoQueuesShape& shape)
      : shape_(shape), pot_(20, 20), rich_(pot_, 2, {}), poor_(pot_, 2, {}) {
    are_in_ =
        rich_.try_write(Bytes::copy_of("aaaaaaaa")) && rich_.try_write(Bytes::copy_of("bbbbbbbb"));
  }
  ~TwoQueuesProgram() {
    rich_.end();
    poor_.end();
  }
  TwoQueuesProgram(const TwoQueuesProgram&) = delete;
  TwoQueuesProgram& operator=(const TwoQueuesProgram&) = delete;

  [[nodiscard]] std::vector<std::function<void()>> bodies() {
    std::vector<std::function<void()>> all;
    all.emplace_back([this] { read(); });
    all.emplace_back([this] {
      outcome_ = poor_.wait(write_);
      has_begun_ = true;
    });
    all.emplace_back([this] { run_poor(); });
    if (shape_.cancels) {
      all.emplace_back([this] {
        poor_.step([&](auto& effects) {
          poor_.queue().cancel(write_, effects);
          return 0;
        });
      });
    }
    if (shape_.closes) {
      all.emplace_back([this] {
        poor_.step([&](auto& effects) {
          poor_.queue().close(Waiters::refuse, effects);
          return 0;
        });
      });
    }
    if (shape_.rival) {
      all.emplace_back([this] { static_cast<void>(rich_.try_write(Bytes::copy_of("cccc"))); });
    }
    return all;
  }

  [[nodiscard]] std::string verdict() {
    const bool is_in = outcome_ == Queue::Wait::kAdmitted || write_.was_admitted();
    if (!are_in_) {
      return "what fits was refused";
    }
    if (!is_in && !write_.refusal) {
      return "the write has no outcome";
    }
    if (!is_in && !shape_.cancels && !shape_.closes) {
      return "the write was not admitted";
    }
    const std::size_t over = poor_.charged() - std::min<std::size_t>(poor_.charged(), 2) +
                             rich_.charged() - std::min<std::size_t>(rich_.charged(), 2);
    if (pot_.figures().free_bytes + over + 4 != 20) {
      return "what is drawn is not what is charged";
    }
    return poor_.holds() != 0                                 ? "the queue is held for ever"
           : poor_.granted() != 0                             ? "credit was left over"
           : is_in && poor_.charged() != 10 && !shape_.closes ? "the charge is wrong"
                                                              : "";
  }

 private:
  using Queue = BudgetQueue<SteppingSync>::Queue;

  void read() {
    for (std::size_t i = 0; i < shape_.reads && !shape_.sheds; ++i) {
      rich_.read(16 / shape_.reads);
    }
    if (shape_.sheds) {
      rich_.shed();
      rich_.run_errands();
      rich_.cancel_write();
    }
  }
  // The executor of the queue in which the write waits.
  void run_poor() {
    Stepper::wait_until([this] {
      return has_begun_ &&
             (outcome_ != Queue::Wait::kWaiting || write_.resumed != 0 || poor_.has_errand());
    });
    poor_.run_errands();
    Stepper::wait_until(
        [this] { return write_.resumed != 0 || outcome_ != Queue::Wait::kWaiting; });
    Stepper::wait_until([this] { return poor_.holds() == 0 || poor_.has_errand(); });
    poor_.run_errands();
  }

  const TwoQueuesShape shape_;
  SteppedPot pot_;
  BudgetQueue<SteppingSync> rich_;
  BudgetQueue<SteppingSync> poor_;
  WriteProbe write_{std::vector<Bytes>{Bytes::copy_of("0123456789")}};
  Queue::Wait outcome_ = Queue::Wait::kWaiting;
  bool has_begun_ = false;
  bool are_in_ = false;
};

void explore_queues(const TwoQueuesShape& shape, std::size_t least) {
  Bounds bounds;
  bounds.points = kLocks | kMarks;
  bounds.preemptions = 3;
  explore_all_of<TwoQueuesProgram>(shape, least, bounds);
}

TEST(TwoQueuesInterleavings, AWaitingWriteComesIn) { explore_queues({}, 100); }

TEST(TwoQueuesInterleavings, WithACancellation) {
  TwoQueuesShape shape;
  shape.cancels = true;
  explore_queues(shape, 500);
}

TEST(TwoQueuesInterleavings, WithAClose) {
  TwoQueuesShape shape;
  shape.closes = true;
  explore_queues(shape, 500);
}

TEST(TwoQueuesInterleavings, WithACancellationAndAClose) {
  TwoQueuesShape shape;
  shape.cancels = true;
  shape.closes = true;
  explore_queues(shape, 1'000);
}

TEST(TwoQueuesInterleavings, WithShedding) {
  TwoQueuesShape shape;
  shape.sheds = true;
  shape.cancels = true;
  explore_queues(shape, 200);
}

TEST(TwoQueuesInterleavings, WithARivalInTheOtherQueue) {
  TwoQueuesShape shape;
  shape.rival = true;
  shape.cancels = true;
  explore_queues(shape, 500);
}

}  // namespace
}  // namespace bytes_handoff::test
