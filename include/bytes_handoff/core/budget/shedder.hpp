#pragma once

// Which queues are ended when memory gets short, and when.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>

#include "bytes_handoff/core/support/intrusive_list.hpp"
#include "bytes_handoff/core/support/sync.hpp"
#include "bytes_handoff/memory.hpp"

namespace bytes_handoff::detail {

/// A queue that may be shed. It is listed from `Shedder::enter` to `leave`.
class ShedMember : public ListNode {
 public:
  struct Look {
    std::uint64_t progress = 0;  // changes whenever bytes leave, or begin to wait
    bool has_pending = false;
  };

  explicit ShedMember(std::uint64_t tag = 0) noexcept : tag_(tag) {}

  // Under the list's lock; they may take the queue's.
  [[nodiscard]] virtual Look look() const noexcept = 0;
  /// Bytes that its items keep, whoever took them.
  [[nodiscard]] virtual std::size_t retained() noexcept = 0;
  /// Keeps it alive for `shed` or `watch`. False: it is being destroyed.
  [[nodiscard]] virtual bool try_hold() noexcept = 0;

  /// Outside of all locks, behind `try_hold`, which they end. What they ask for is done on the
  /// queue's executor, by its time.
  virtual void shed() noexcept = 0;
  /// Calls `BudgetState::look` once, or from time to time while the queue has something to write.
  /// False: its executor runs nothing any more.
  [[nodiscard]] virtual bool look_once() noexcept = 0;
  [[nodiscard]] virtual bool watch() noexcept = 0;

 protected:
  virtual ~ShedMember() = default;

 private:
  template <class Sync>
  friend class BasicShedder;

  const std::uint64_t tag_;
  // Under the list's lock.
  std::uint64_t progress_ = UINT64_MAX;            // at the last look
  std::chrono::steady_clock::time_point since_{};  // of the first look that saw it
  std::size_t held_ = 0;                           // at the look that chose it
  bool is_chosen_ = false;
  // A heap of candidates, during a look; the list of who was chosen, behind it.
  std::uint64_t rank_ = 0;
  ShedMember* child_ = nullptr;
  ShedMember* sibling_ = nullptr;
};

/// What there is to be done.
struct ShedDemand {
  std::size_t above_mark = 0;  // bytes that are drawn above the high mark
  std::size_t free = 0;
};

/// Looks at the queues of a budget, and chooses those that are ended.
///
/// Lock order: the list's, then a queue's, then the pot's. Cost of a look: O(queues), and O(items)
/// of those without progress. It allocates nothing.
template <class Sync>
class BasicShedder {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// `after`: how long a queue must have made no progress; zero: none is ever chosen. Queues that
  /// retain at most `floor` are left alone. No `rank`: the usual one.
  BasicShedder(std::chrono::nanoseconds after, std::size_t floor, ShedRank rank)
      : after_(after), floor_(floor), rank_(std::move(rank)) {}

  void enter(ShedMember& member) noexcept {
    const Lock lock(mutex_);
    members_.push_back(member);
  }
  void leave(ShedMember& member) noexcept {
    const Lock lock(mutex_);
    members_.remove(member);
  }

  /// Asks that `bytes` be free. It holds until a look has found that they are.
  void ask(std::size_t bytes) noexcept {
    const Lock lock(mutex_);
    asked_ = (std::max)(asked_, bytes);
    next_look_.store(kAtOnce, std::memory_order_relaxed);
  }

  /// Whether a look at `now` does anything. It takes no lock.
  [[nodiscard]] bool is_due(TimePoint now) const noexcept {
    return is_on() && now.time_since_epoch().count() >= next_look_.load(std::memory_order_relaxed);
  }
  /// Whether any queue is ever chosen.
  [[nodiscard]] bool is_on() const noexcept { return after_.count() != 0; }
  /// How long to wait between two looks.
  [[nodiscard]] std::chrono::nanoseconds pause() const noexcept {
    return (std::max)(after_ / 4, std::chrono::nanoseconds(std::chrono::milliseconds(1)));
  }

  /// Ends queues until what there is a demand for is free, or on the way.
  void look(TimePoint now, const ShedDemand& demand) noexcept {
    ShedMember* chosen = choose(now, demand);
    while (chosen != nullptr) {
      ShedMember* const member = std::exchange(chosen, chosen->sibling_);
      member->shed();  // it may be gone
    }
  }

  /// Has a queue that has something to write watch the time, or look once. False: there is none.
  [[nodiscard]] bool pass_watch() noexcept { return pass(&ShedMember::watch); }
  bool pass_look() noexcept { return pass(&ShedMember::look_once); }

  [[nodiscard]] bool is_asked() const noexcept {
    const Lock lock(mutex_);
    return asked_ != 0;
  }
  [[nodiscard]] std::uint64_t shed_queues() const noexcept {
    const Lock lock(mutex_);
    return shed_queues_;
  }
  [[nodiscard]] std::uint64_t shed_bytes() const noexcept {
    const Lock lock(mutex_);
    return shed_bytes_;
  }

 private:
  using Lock = std::lock_guard<typename Sync::Mutex>;

  // Queues that are asked, one behind the other. Those whose contexts are being destroyed fail.
  static constexpr std::size_t kMostAsked = 16;
  static constexpr TimePoint::rep kAtOnce = (TimePoint::min)().time_since_epoch().count();

  bool pass(bool (ShedMember::*errand)() noexcept) noexcept {
    for (std::size_t asked = 0; asked != kMostAsked; ++asked) {
      ShedMember* const member = hold_one_behind(asked);
      if (member == nullptr) {
        return false;
      }
      if ((member->*errand)()) {  // behind which it may be gone
        return true;
      }
    }
    return false;
  }
  // One with something to write, behind `n` others that have, too.
  [[nodiscard]] ShedMember* hold_one_behind(std::size_t n) noexcept {
    const Lock lock(mutex_);
    for (ShedMember* each = members_.front(); each != nullptr; each = members_.after(*each)) {
      if (!each->look().has_pending) {
        continue;
      }
      if (n != 0) {
        --n;
      } else if (each->try_hold()) {
        return each;
      }
    }
    return nullptr;
  }

  // The list of who is to be ended, each held.
  [[nodiscard]] ShedMember* choose(TimePoint now, const ShedDemand& demand) noexcept {
    const Lock lock(mutex_);
    if (!is_due(now)) {
      return nullptr;
    }
    next_look_.store((now + pause()).time_since_epoch().count(), std::memory_order_relaxed);
    if (asked_ <= demand.free) {
      asked_ = 0;
    }
    const std::size_t needed =
        (std::max)(demand.above_mark, asked_ - (std::min)(asked_, demand.free));
    std::size_t on_the_way = 0;
    ShedMember* candidates = nullptr;
    for (ShedMember* each = members_.front(); each != nullptr; each = members_.after(*each)) {
      if (is_candidate(*each, now, on_the_way)) {
        candidates = merge(candidates, each);
      }
    }
    ShedMember* chosen = nullptr;
    while (candidates != nullptr && needed > on_the_way) {
      ShedMember* const best = candidates;
      candidates = merge_pairs(best->child_);
      if (best->try_hold()) {
        best->is_chosen_ = true;
        best->since_ = now;
        best->sibling_ = std::exchange(chosen, best);
        on_the_way += (std::min)(best->held_, needed - on_the_way);
        ++shed_queues_;
        shed_bytes_ += best->held_;
      }
    }
    return chosen;
  }

  // Notes what it does, and how it ranks. Who was chosen, and is not gone two looks later, counts
  // no more.
  [[nodiscard]] bool is_candidate(ShedMember& member, TimePoint now,
                                  std::size_t& on_the_way) noexcept {
    const ShedMember::Look look = member.look();
    if (member.is_chosen_) {
      if (look.has_pending && now - member.since_ < 2 * pause()) {
        on_the_way += (std::min)(member.held_, SIZE_MAX - on_the_way);
      }
      return false;
    }
    if (std::exchange(member.progress_, look.progress) != look.progress || !look.has_pending) {
      member.since_ = now;
    }
    const auto silent = now - member.since_;
    if (silent < after_) {
      return false;
    }
    member.held_ = member.retained();
    member.child_ = member.sibling_ = nullptr;
    member.rank_ = member.held_ <= floor_ ? 0 : rank_of({member.held_, silent, member.tag_});
    return member.rank_ != 0;
  }

  [[nodiscard]] std::uint64_t rank_of(const ShedCandidate& candidate) const noexcept {
    return rank_ ? rank_(candidate) : usual_shed_rank(candidate);
  }

  // A pairing heap; a null one is empty.
  [[nodiscard]] static ShedMember* merge(ShedMember* a, ShedMember* b) noexcept {
    if (a == nullptr || b == nullptr) {
      return a == nullptr ? b : a;
    }
    if (b->rank_ > a->rank_) {
      std::swap(a, b);
    }
    b->sibling_ = std::exchange(a->child_, b);
    return a;
  }
  [[nodiscard]] static ShedMember* merge_pairs(ShedMember* first) noexcept {
    ShedMember* pairs = nullptr;  // the last one in front
    while (first != nullptr) {
      ShedMember* const a = first;
      ShedMember* const b = a->sibling_;
      first = b == nullptr ? nullptr : b->sibling_;
      a->sibling_ = nullptr;
      if (b != nullptr) {
        b->sibling_ = nullptr;
      }
      ShedMember* const pair = merge(a, b);
      pair->sibling_ = std::exchange(pairs, pair);
    }
    ShedMember* all = nullptr;
    while (pairs != nullptr) {
      ShedMember* const next = std::exchange(pairs->sibling_, nullptr);
      all = merge(all, std::exchange(pairs, next));
    }
    return all;
  }

  const std::chrono::nanoseconds after_;
  const std::size_t floor_;
  const ShedRank rank_;
  mutable typename Sync::Mutex mutex_;
  IntrusiveList<ShedMember> members_;
  std::size_t asked_ = 0;
  typename Sync::template Atomic<TimePoint::rep> next_look_{kAtOnce};
  std::uint64_t shed_queues_ = 0;
  std::uint64_t shed_bytes_ = 0;
};

using Shedder = BasicShedder<StdSync>;

}  // namespace bytes_handoff::detail
