#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/core/budget/memory_pot.hpp"
#include "bytes_handoff/core/budget/paid_entry.hpp"
#include "bytes_handoff/core/memory/block.hpp"
#include "bytes_handoff/core/support/waiting.hpp"

namespace bytes_handoff::detail {

/// Waits for credit on behalf of a queue. Resumed, it sees to it that the queue's
/// `admit_with_credit` is called.
struct QueueCreditWaiter : CreditWaiter {
  /// What keeps the queue alive while this is in the line, or being resumed. Under the queue's
  /// lock; `let_go` is never the last one there.
  virtual void hold() noexcept = 0;
  virtual void let_go() noexcept = 0;
};

/// What a queue is charged for in its budget: the lengths of items whose owners are not charged
/// themselves, and room that permits hold. The first `floor` bytes are the queue's own. For those
/// over it the queue draws ahead.
///
/// Not thread safe: under the queue's lock. The pot's is taken under it.
template <class Sync>
class alignas(kCacheLine) BasicQueueAccount {
 public:
  using Pot = BasicMemoryPot<Sync>;
  using Advance = typename Pot::Advance;

  /// `floor` bytes are drawn already, and are given back by whoever drew them. `budget` is that of
  /// the payers of blocks (`BlockPayer::budget`); `joins` pays for what the queue itself takes.
  BasicQueueAccount(Pot& pot, QueueCreditWaiter& waiter, std::size_t floor,
                    const void* budget = nullptr, BlockPayer* joins = nullptr) noexcept
      : waiter_(&waiter),
        budget_(budget == nullptr ? this : budget),
        joins_(joins),
        floor_left_(floor),
        pot_(&pot),
        floor_(floor) {}
  BasicQueueAccount(const BasicQueueAccount&) = delete;
  BasicQueueAccount& operator=(const BasicQueueAccount&) = delete;
  ~BasicQueueAccount() { close_advance(); }

  /// What is to be charged for a slice: its length, unless it is static, or charged to the same
  /// budget already.
  [[nodiscard]] std::size_t charge_of(Owner* owner, std::size_t size) const noexcept {
    return detail::charge_of(owner, size, budget_);
  }

  [[nodiscard]] std::size_t charge_of(std::span<const Bytes> slices) const noexcept {
    const void* const budget = budget_;
    std::size_t charge = 0;
    for (const Bytes& slice : slices) {
      charge += detail::charge_of(BytesAccess::owner(slice), slice.size(), budget);
    }
    return charge;
  }

  /// Bytes that are charged.
  [[nodiscard]] std::size_t charged() const noexcept { return floor_ - floor_left_ + over_; }
  [[nodiscard]] std::size_t floor() const noexcept { return floor_; }
  [[nodiscard]] const void* budget() const noexcept { return budget_; }
  [[nodiscard]] BlockPayer* joins() const noexcept { return joins_; }
  [[nodiscard]] Pot& pot() const noexcept { return *pot_; }

  /// Charges `n` bytes, or nothing: what the floor has, or else what has been drawn ahead, while
  /// nobody is short of memory. Then nothing is drawn ahead.
  [[nodiscard]] bool try_charge_here(std::size_t n) noexcept {
    if (n <= floor_left_) [[unlikely]] {
      if (pot_->is_tight()) {
        return false;
      }
      floor_left_ -= n;
      return true;
    }
    if (!advance_.try_draw(n)) {
      return false;
    }
    over_ += n;
    return true;
  }
  /// Charges `n` bytes, or nothing.
  [[nodiscard]] bool try_charge(std::size_t n) noexcept {
    const std::size_t needed = needed_for(n);
    if (needed > credit_) {
      if (is_waiting_ || !try_draw(needed - credit_)) {
        return false;
      }
      credit_ = needed;
    }
    charge(n, needed);
    return true;
  }

  /// The same for the first in the queue's line: if it cannot be charged, the queue waits for it.
  /// `kDrawn`: it is charged. Precondition: it does not wait already.
  [[nodiscard]] Draw charge_or_wait(std::size_t n) noexcept {
    const std::size_t needed = needed_for(n);
    if (needed > credit_ && !advance_.try_draw(needed - credit_)) {
      waiter_->bytes = needed - credit_;
      waiting_for_ = n;
      waiter_->hold();
      const Draw draw = pot_->draw_or_wait(*waiter_);
      is_waiting_ = draw == Draw::kWaits;
      if (!is_waiting_) {
        waiter_->let_go();
      }
      if (draw != Draw::kDrawn) {
        return draw;
      }
    }
    credit_ = (std::max)(credit_, needed);
    charge(n, needed);
    return Draw::kDrawn;
  }

  /// Whether so much may ever be charged at once.
  [[nodiscard]] bool could_ever_charge(std::size_t n) const noexcept {
    return n <= floor_ || pot_->could_ever_draw(n - floor_);
  }

  /// Gives back what was charged, if that concerns nobody else.
  [[nodiscard]] bool discharge_floor(std::size_t n) noexcept {
    if (over_ != 0 || is_waiting_) {
      return false;
    }
    floor_left_ += n;
    return true;
  }
  /// Gives back what was charged. Who is granted something is added to `woken`.
  void discharge(std::size_t n, WaitingList& woken) noexcept {
    const std::size_t of_over = (std::min)(n, over_);
    over_ -= of_over;
    floor_left_ += n - of_over;
    give_back(of_over == 0 ? 0 : advance_.put_back(of_over), woken);
    if (is_waiting_ && needed_for(waiting_for_) <= credit_) {
      leave_line(woken);  // the floor is enough now
    }
  }
  /// The same for all that is charged, once the queue holds nothing any more. Returns what is to be
  /// given back to the pot when that has been freed.
  [[nodiscard]] std::size_t forget_all() noexcept {
    close_advance();
    floor_left_ = floor_;
    return std::exchange(over_, 0U);
  }

  /// The waiter has been resumed, and what it holds may go when this has returned.
  void take_grant() noexcept {
    credit_ += pot_->take_grant(*waiter_);
    is_waiting_ = false;
  }

  /// Nobody waits in the queue's line any more. A waiter that is being resumed comes all the same.
  void stop_waiting(WaitingList& woken) noexcept {
    leave_line(woken);
    give_back(std::exchange(credit_, 0U), woken);
  }

  [[nodiscard]] bool is_waiting() const noexcept { return is_waiting_; }
  /// Credit that was granted and is not charged yet.
  [[nodiscard]] std::size_t credit() const noexcept { return credit_; }

 private:
  [[nodiscard]] std::size_t needed_for(std::size_t n) const noexcept {
    return n - (std::min)(n, floor_left_);
  }
  // `needed` of it is credit.
  void charge(std::size_t n, std::size_t needed) noexcept {
    credit_ -= needed;
    over_ += needed;
    floor_left_ -= n - needed;
  }
  // What is larger than what is drawn ahead at once, or is more than an open advance has, comes
  // from the thread's stripe, as a rule: that needs no lock. What leaves the queue fills the
  // advance.
  [[nodiscard]] bool try_draw(std::size_t n) noexcept {
    if (advance_.try_draw(n)) {
      return true;
    }
    const std::size_t share = pot_->share();
    const std::size_t ahead = (std::min)(kMostAhead, share / 2);
    return ((n > ahead || advance_.is_open()) && pot_->try_draw_here(n)) ||
           pot_->try_draw_and_open(n, advance_, ahead, share);
  }
  void close_advance() noexcept {
    if (advance_.is_open()) {
      pot_->close(advance_);
    }
  }
  void leave_line(WaitingList& woken) noexcept {
    if (is_waiting_ && pot_->leave(*waiter_, woken)) {
      is_waiting_ = false;
      waiter_->let_go();
    }
  }
  void give_back(std::size_t n, WaitingList& woken) noexcept {
    if (n != 0) {
      pot_->give_back(n, woken);
    }
  }

  // What is drawn ahead at once. It trades visits to the pot against credit that has to be swept
  // together when memory gets short.
  static constexpr std::size_t kMostAhead = 16 * 1024;

  std::size_t credit_ = 0;  // that was granted and is not charged yet
  QueueCreditWaiter* waiter_;
  const void* budget_;
  std::size_t waiting_for_ = 0;  // what is to be charged with the grant
  BlockPayer* joins_;
  // What each charge and its end need, in one cache line. It begins with the advance's number,
  // behind what the pot alone needs of that.
  alignas(2 * sizeof(void*)) Advance advance_;  // closed while it waits
  std::size_t floor_left_;                      // that is not charged
  std::size_t over_ = 0;                        // what is charged beside the floor
  Pot* pot_;
  bool is_waiting_ = false;  // until the waiter has been resumed, or has left the line
  std::size_t floor_;
};

using QueueAccount = BasicQueueAccount<StdSync>;

}  // namespace bytes_handoff::detail
