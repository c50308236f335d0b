// Every order of the steps of small programs in which credit is drawn ahead, or kept.
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

using AdvancePot = detail::BasicMemoryPot<SteppingSync>;

struct AdvanceShape {
  std::size_t high_mark = 0;  // 0: the limit
  bool has_rival = false;     // another queue, which draws ahead, too
  bool ends = false;          // the queue goes, with what it has drawn ahead
};

/// A queue that is charged over its floor and draws ahead, beside one who waits for all there is.
class AdvanceProgram {
 public:
  explicit AdvanceProgram(const AdvanceShape& shape)
      : shape_(shape), pot_(kLimit, shape.high_mark == 0 ? kLimit : shape.high_mark) {
    queue_ = std::make_unique<Account>(pot_, waiter_, 0);
    is_charged_ = queue_->try_charge(1);
    drawn_ = 1;
    has_ahead_ = pot_.figures().ahead_bytes != 0;
  }

  [[nodiscard]] std::vector<std::function<void()>> bodies() {
    std::vector<std::function<void()>> all;
    all.emplace_back([this] {
      discharge(*queue_, 1);
      write(*queue_);
      if (shape_.ends) {
        queue_.reset();
      }
    });
    all.emplace_back([this] { wait(); });
    if (shape_.has_rival) {
      all.emplace_back([this] { write(rival_); });
    }
    return all;
  }
  [[nodiscard]] std::string verdict() {
    if (!violation_.empty()) {
      return violation_;
    }
    const detail::PotFigures figures = pot_.figures();
    return !is_charged_ || !has_ahead_    ? "nothing was drawn ahead"
           : figures.free_bytes != kLimit ? "credit was lost, or made"
           : figures.waiters != 0         ? "somebody waits"
           : !pot_.try_draw(kLimit)       ? "credit cannot be taken back"
                                          : "";
  }

 private:
  using Account = LoneAccount<SteppingSync>;
  static constexpr std::size_t kLimit = 640;  // five are drawn ahead

  void write(Account& queue) {
    if (queue.try_charge(3)) {
      use(3);
      discharge(queue, 3);
    }
  }
  void use(std::size_t n) {
    drawn_ += n;
    if (drawn_ > kLimit) {
      violation_ = "the bound was passed";
    }
    Stepper::mark();
  }
  void discharge(Account& queue, std::size_t n) {
    drawn_ -= n;
    detail::WaitingList woken;
    queue.discharge(n, woken);
    detail::resume_all(woken);
  }
  void wait() {
    std::size_t granted = kLimit;
    if (pot_.draw_or_wait(all_) != detail::Draw::kDrawn) {
      Stepper::wait_until([&] { return all_.resumed != 0; });
      granted = pot_.take_grant(all_);
    }
    use(granted);
    drawn_ -= granted;
    give_back(pot_, granted);
  }

  const AdvanceShape shape_;
  AdvancePot pot_;
  QueueCreditProbe waiter_;
  QueueCreditProbe rival_waiter_;
  std::unique_ptr<Account> queue_;
  Account rival_{pot_, rival_waiter_, 0};
  CreditProbe all_{kLimit};
  bool is_charged_ = false;
  bool has_ahead_ = false;
  std::size_t drawn_ = 0;
  std::string violation_;
};

void explore_advance(const AdvanceShape& shape, std::size_t least, std::size_t preemptions) {
  Bounds bounds;
  bounds.preemptions = preemptions;
  explore_all_of<AdvanceProgram>(shape, least, bounds);
}

TEST(AdvanceInterleavings, ChargesMeetWhoBeginsToWait) { explore_advance({}, 500, 3); }

TEST(AdvanceInterleavings, WithAHighMark) {
  AdvanceShape shape;
  shape.high_mark = 500;
  explore_advance(shape, 500, 3);
}

TEST(AdvanceInterleavings, WithAnotherQueue) {
  AdvanceShape shape;
  shape.has_rival = true;
  explore_advance(shape, 500, 2);
}

TEST(AdvanceInterleavings, WithAQueueThatGoes) {
  AdvanceShape shape;
  shape.ends = true;
  explore_advance(shape, 500, 3);
}

/// A member keeps what it is paid back for a block. Its lifetime is counted in what blocks were
/// paid and in what it keeps, as that of `MemberAccount`. It ends, as a block of it is freed and
/// somebody waits for all there is.
class HolderProgram {
 public:
  explicit HolderProgram(bool pays_again) : pays_again_(pays_again) {
    if (pot_.try_draw_and_open(kBlock, kept_, 0, pot_.share())) {
      holds_.fetch_add(kBlock, std::memory_order_relaxed);
    }
  }

  [[nodiscard]] std::vector<std::function<void()>> bodies() {
    std::vector<std::function<void()>> all;
    all.emplace_back([this] { free_block(); });
    all.emplace_back([this] {
      if (pays_again_ && kept_.try_draw(kBlock)) {
        free_block();
      }
      pot_.close(kept_);
      let_go(1);
    });
    all.emplace_back([this] {
      if (pot_.draw_or_wait(all_) != detail::Draw::kDrawn) {
        Stepper::wait_until([&] { return all_.resumed != 0; });
        static_cast<void>(pot_.take_grant(all_));
      }
      give_back(pot_, kLimit);
    });
    return all;
  }
  [[nodiscard]] std::string verdict() {
    return ends_ != 1                                    ? "it has not ended once"
           : is_touched_                                 ? "it was used behind its end"
           : kept_.is_open()                             ? "the pot has what has ended"
           : pot_.figures().free_bytes != kLimit         ? "credit was lost, or made"
           : holds_.load(std::memory_order_relaxed) != 0 ? "it counts too much"
                                                         : "";
  }

 private:
  using Kept = AdvancePot::Advance;
  static constexpr std::size_t kLimit = 640;
  static constexpr std::size_t kBlock = 7;

  void free_block() {
    is_touched_ = is_touched_ || ends_ != 0;
    if (!kept_.try_put_back(kBlock)) {
      give_back(pot_, kBlock);
      let_go(kBlock);
    }
  }
  void let_go(std::size_t n) {
    is_touched_ = is_touched_ || ends_ != 0;
    if (holds_.fetch_sub(n, std::memory_order_acq_rel) == n) {
      ++ends_;
    }
  }

  const bool pays_again_;
  AdvancePot pot_{kLimit, kLimit};
  Kept::Counter holds_{1};
  Kept kept_{&holds_};
  CreditProbe all_{kLimit};
  int ends_ = 0;
  bool is_touched_ = false;
};

void explore_holder(bool pays_again) {
  Bounds bounds;
  bounds.preemptions = 3;
  explore_all_of<HolderProgram>(pays_again, 500, bounds);
}

TEST(AdvanceInterleavings, AMemberEndsAsItsBlockIsFreed) { explore_holder(false); }

TEST(AdvanceInterleavings, AMemberPaysAndEndsAsItsBlockIsFreed) { explore_holder(true); }

}  // namespace
}  // namespace bytes_handoff::test
