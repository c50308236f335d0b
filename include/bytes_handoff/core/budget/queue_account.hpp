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

template <class Sync>
class BasicQueueAccount;

/// What a queue has in its budget for what is over its floor: credit that it has drawn ahead, and
/// its place in the pot's line.
///
/// Not thread safe: under the queue's lock. The pot's is taken under it.
template <class Sync>
class alignas(kCacheLine) BasicQueueCredit {
 public:
  using Pot = BasicMemoryPot<Sync>;
  using Advance = typename Pot::Advance;

  /// `floor` bytes are drawn already, and are given back by whoever drew them. `joins` pays for
  /// what the queue itself takes.
  BasicQueueCredit(Pot& pot, QueueCreditWaiter& waiter, std::size_t floor,
                   BlockPayer* joins = nullptr) noexcept
      : pot_(&pot), floor_left_(floor), floor_(floor), waiter_(&waiter), joins_(joins) {}
  BasicQueueCredit(const BasicQueueCredit&) = delete;
  BasicQueueCredit& operator=(const BasicQueueCredit&) = delete;
  ~BasicQueueCredit() { close_advance(); }

  [[nodiscard]] Pot& pot() const noexcept { return *pot_; }
  [[nodiscard]] std::size_t floor() const noexcept { return floor_; }
  [[nodiscard]] BlockPayer* joins() const noexcept { return joins_; }

  /// Draws `n` bytes, or nothing, of what has been drawn ahead.
  [[nodiscard]] bool try_draw_here(std::size_t n) noexcept { return advance_.try_draw_alone(n); }
  /// Draws `n` bytes, or nothing.
  [[nodiscard]] bool try_draw(std::size_t n) noexcept {
    if (n > granted_) {
      if (is_waiting_ || !draw(n - granted_)) {
        return false;
      }
      granted_ = n;
    }
    granted_ -= n;
    return true;
  }
  /// The same, or the queue waits for it, to be charged `charge` with it. Precondition: it does not
  /// wait already.
  [[nodiscard]] Draw draw_or_wait(std::size_t n, std::size_t charge) noexcept {
    if (n > granted_ && !advance_.try_draw_alone(n - granted_)) {
      waiter_->bytes = n - granted_;
      waiting_for_ = charge;
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
    granted_ = (std::max)(granted_, n) - n;
    return Draw::kDrawn;
  }
  /// Gives back what was drawn. Who is granted something is added to `woken`.
  void give_back(std::size_t n, WaitingList& woken) noexcept {
    give_to_pot(n == 0 ? 0 : advance_.put_back(n), woken);
  }

  /// The waiter has been resumed, and what it holds may go when this has returned.
  void take_grant() noexcept {
    granted_ += pot_->take_grant(*waiter_);
    is_waiting_ = false;
  }
  void leave_line(WaitingList& woken) noexcept {
    if (is_waiting_ && pot_->leave(*waiter_, woken)) {
      is_waiting_ = false;
      waiter_->let_go();
    }
  }
  void give_back_granted(WaitingList& woken) noexcept {
    give_to_pot(std::exchange(granted_, 0U), woken);
  }

  /// Draws nothing ahead any more, until the next draw.
  void close_advance() noexcept {
    if (advance_.is_open()) {
      pot_->close(advance_);
    }
  }

  [[nodiscard]] bool is_waiting() const noexcept { return is_waiting_; }
  /// What is to be charged with the grant.
  [[nodiscard]] std::size_t waiting_for() const noexcept { return waiting_for_; }
  /// Credit that was granted and is not charged yet.
  [[nodiscard]] std::size_t granted() const noexcept { return granted_; }

 private:
  // What is larger than what is drawn ahead at once, or is more than an open advance has, comes
  // from the thread's stripe, as a rule: that needs no lock. What leaves the queue fills the
  // advance.
  [[nodiscard]] bool draw(std::size_t n) noexcept {
    if (advance_.try_draw_alone(n)) {
      return true;
    }
    const std::size_t share = pot_->share();
    const std::size_t ahead = (std::min)(kMostAhead, share / 2);
    return ((n > ahead || advance_.is_open()) && pot_->try_draw_here(n)) ||
           pot_->try_draw_and_open(n, advance_, ahead, share);
  }
  void give_to_pot(std::size_t n, WaitingList& woken) noexcept {
    if (n != 0) {
      pot_->give_back(n, woken);
    }
  }

  // What is drawn ahead at once. It trades visits to the pot against credit that has to be swept
  // together when memory gets short.
  static constexpr std::size_t kMostAhead = 16 * 1024;

  friend class BasicQueueAccount<Sync>;

  // The first cache line has what each charge needs.
  Advance advance_;  // closed while it waits
  Pot* pot_;
  std::size_t charged_ = 0;  // the account's, as the next
  // Of the floor, that is not charged; 0 while it waits. As long as there is some, no credit is
  // drawn, and the end of a charge concerns nobody else.
  std::size_t floor_left_;
  std::size_t floor_;
  std::size_t granted_ = 0;  // that is not charged yet
  std::size_t waiting_for_ = 0;
  QueueCreditWaiter* waiter_;
  BlockPayer* joins_;
  bool is_waiting_ = false;  // until the waiter has been resumed, or has left the line
};

/// What a queue is charged for in its budget: the lengths of items whose owners are not charged
/// themselves, and room that permits hold. The first `floor` bytes are the queue's own. For those
/// over it the queue draws credit, ahead.
///
/// Its figures are with the credit, so that a queue without a budget has a pointer alone. A charge
/// within the floor touches one line of it, and looks at the pot.
///
/// Not thread safe: under the queue's lock.
template <class Sync>
class BasicQueueAccount {
 public:
  using Pot = BasicMemoryPot<Sync>;
  using Credit = BasicQueueCredit<Sync>;

  /// Null for no budget: then only `charged` may be called.
  explicit BasicQueueAccount(Credit* credit) noexcept : credit_(credit) {}
  BasicQueueAccount(const BasicQueueAccount&) = delete;
  BasicQueueAccount& operator=(const BasicQueueAccount&) = delete;

  [[nodiscard]] explicit operator bool() const noexcept { return credit_ != nullptr; }

  /// What is to be charged for a slice: its length, unless it is static, or charged to the same
  /// budget already.
  [[nodiscard]] std::size_t charge_of(Owner* owner, std::size_t size) const noexcept {
    return detail::charge_of(owner, size, budget());
  }

  [[nodiscard]] std::size_t charge_of(std::span<const Bytes> slices) const noexcept {
    std::size_t charge = 0;
    for (const Bytes& slice : slices) {
      charge += charge_of(BytesAccess::owner(slice), slice.size());
    }
    return charge;
  }

  /// Bytes that are charged.
  [[nodiscard]] std::size_t charged() const noexcept {
    return credit_ == nullptr ? 0 : credit_->charged_;
  }
  /// That of the payers of blocks (`BlockPayer::budget`).
  [[nodiscard]] const void* budget() const noexcept { return &pot(); }
  [[nodiscard]] Pot& pot() const noexcept { return credit_->pot(); }

  /// Charges `n` bytes, or nothing: what the floor has, or else what has been drawn ahead, while
  /// nobody is short of memory. Then nothing is drawn ahead.
  [[nodiscard]] bool try_charge_here(std::size_t n) noexcept {
    if (credit_->floor_left_ != 0) {
      if (n > credit_->floor_left_ || pot().is_tight()) {
        return false;
      }
      credit_->floor_left_ -= n;
    } else if (!credit_->try_draw_here(n)) {
      return false;
    }
    credit_->charged_ += n;
    return true;
  }
  /// Charges `n` bytes, or nothing.
  [[nodiscard]] bool try_charge(std::size_t n) noexcept {
    if (!credit_->try_draw(needed_for(n))) {
      return false;
    }
    add(n);
    return true;
  }
  /// The same for the first in the queue's line: if it cannot be charged, the queue waits for it.
  /// `kDrawn`: it is charged. Precondition: it does not wait already.
  [[nodiscard]] Draw charge_or_wait(std::size_t n) noexcept {
    const Draw draw = credit_->draw_or_wait(needed_for(n), n);
    add(draw == Draw::kDrawn ? n : 0);
    return draw;
  }
  /// Whether so much may ever be charged at once.
  [[nodiscard]] bool could_ever_charge(std::size_t n) const noexcept {
    return n <= credit_->floor() || pot().could_ever_draw(n - credit_->floor());
  }

  /// Gives back what was charged, if that concerns nobody else.
  [[nodiscard]] bool try_discharge_here(std::size_t n) noexcept {
    if (credit_->floor_left_ == 0) {
      return false;
    }
    credit_->floor_left_ += n;
    credit_->charged_ -= n;
    return true;
  }
  /// Gives back what was charged. Who is granted something is added to `woken`.
  void discharge(std::size_t n, WaitingList& woken) noexcept {
    const std::size_t of_over = (std::min)(n, over());
    credit_->charged_ -= n;
    credit_->give_back(of_over, woken);
    if (is_waiting() && needed_for(credit_->waiting_for()) <= credit_->granted()) {
      credit_->leave_line(woken);  // the floor is enough now
    }
    update_floor();
  }
  /// The same for all that is charged, once the queue holds nothing any more. Returns what is to be
  /// given back to the pot when that has been freed.
  [[nodiscard]] std::size_t forget_all() noexcept {
    credit_->close_advance();
    const std::size_t drawn = over();
    credit_->charged_ = 0;
    update_floor();
    return drawn;
  }

  /// The waiter has been resumed, and what it holds may go when this has returned.
  void take_grant() noexcept {
    credit_->take_grant();
    update_floor();
  }
  /// Nobody waits in the queue's line any more. A waiter that is being resumed comes all the same.
  void stop_waiting(WaitingList& woken) noexcept {
    credit_->leave_line(woken);
    update_floor();
    credit_->give_back_granted(woken);
  }
  [[nodiscard]] bool is_waiting() const noexcept { return credit_->is_waiting(); }

 private:
  // What is charged beside the floor.
  [[nodiscard]] std::size_t over() const noexcept {
    return credit_->charged_ - (std::min)(credit_->charged_, credit_->floor());
  }
  // Credit, to be charged `n` more.
  [[nodiscard]] std::size_t needed_for(std::size_t n) const noexcept {
    const std::size_t floor = credit_->floor();
    return n - (std::min)(n, floor - (std::min)(floor, credit_->charged_));
  }
  void add(std::size_t n) noexcept {
    credit_->charged_ += n;
    update_floor();
  }
  void update_floor() noexcept {
    const std::size_t floor = credit_->floor();
    credit_->floor_left_ = is_waiting() ? 0 : floor - (std::min)(floor, credit_->charged_);
  }

  Credit* credit_;
};

using QueueCredit = BasicQueueCredit<StdSync>;
using QueueAccount = BasicQueueAccount<StdSync>;

}  // namespace bytes_handoff::detail
