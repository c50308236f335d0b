#pragma once

// The memory that all members of a budget share: who draws credit from it, who waits for it, and in
// which order they are served. Decision record: docs/design/memory/0025-one-budget.md.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

#include "bytes_handoff/core/memory/advance.hpp"
#include "bytes_handoff/core/support/intrusive_list.hpp"
#include "bytes_handoff/core/support/sync.hpp"
#include "bytes_handoff/core/support/waiting.hpp"

namespace bytes_handoff::detail {

/// Waits for credit. It is in the line once, and may ask again once it has been resumed.
struct CreditWaiter : Waiting {
  /// Bytes that it asks for. Its own, while it is not in the line.
  std::size_t bytes = 0;

  // The pot's alone.
  std::size_t granted = 0;
  bool is_in_line = false;
};

/// What comes of asking for credit where one may wait. `kNever`: with the members that there are,
/// so much is never free.
enum class Draw : std::uint8_t { kDrawn, kWaits, kNever };

/// What a pot has counted. Exact at any quiet moment.
struct PotFigures {
  std::size_t free_bytes = 0;
  std::size_t ahead_bytes = 0;  // of these, what members have drawn ahead
  std::size_t floors = 0;
  std::size_t waiters = 0;
  std::size_t waiting_bytes = 0;  // that they ask for
  std::uint64_t waits = 0;
  std::uint64_t refusals = 0;
};

/// Credit of at most `limit` bytes. It is drawn before memory is used, and given back behind that.
/// What is not drawn is in the pot, in the stripe of a thread, or in the advance of a queue. So the
/// limit cannot be exceeded.
///
/// A draw or a release is one atomic operation on the thread's stripe, or on the queue's advance,
/// as a rule. The pot has a mutex, and serves both. It is tight above the high mark, and while
/// anyone waits. Then the stripes are empty, the advances are closed, and everything goes by the
/// mutex.
///
/// Threads: all functions, on any. No other lock is taken under the pot's.
template <class Sync>
class BasicMemoryPot {
 public:
  using Advance = BasicAdvance<Sync>;

  /// Preconditions: `high_mark <= limit`.
  BasicMemoryPot(std::size_t limit, std::size_t high_mark) noexcept
      : limit_(limit),
        reserve_(limit - high_mark),
        chunk_((std::min)(kMostChunk, limit / (4 * kStripes))),
        pot_(limit) {
    update_share();
  }
  BasicMemoryPot(const BasicMemoryPot&) = delete;
  BasicMemoryPot& operator=(const BasicMemoryPot&) = delete;

  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }

  /// Draws `n` bytes, or nothing. False while others wait: nobody draws past them.
  [[nodiscard]] bool try_draw(std::size_t n) noexcept {
    return try_draw_here(n) || try_draw_from_pot(n);
  }
  /// The same, where this thread's stripe has so much: it needs no lock, and calls nothing.
  [[nodiscard]] bool try_draw_here(std::size_t n) noexcept {
    if (!is_tight_.load(std::memory_order_seq_cst)) {
      Counter& stripe = this->stripe();
      std::size_t has = stripe.load(std::memory_order_relaxed);
      while (has >= n) {
        if (stripe.compare_exchange_strong(has, has - n, std::memory_order_acq_rel,
                                           std::memory_order_relaxed)) {
          return true;
        }
      }
    }
    return false;
  }
  /// The same, where it has not.
  [[nodiscard, gnu::noinline]] bool try_draw_from_pot(std::size_t n) noexcept {
    const Lock lock(mutex_);
    return draw(n);
  }
  /// Draws `n` bytes, or nothing, and opens the advance, unless memory is short. Draws `ahead`
  /// bytes more for it, where there is enough. It keeps up to `most`.
  [[nodiscard, gnu::noinline]] bool try_draw_and_open(std::size_t n, Advance& advance,
                                                      std::size_t ahead,
                                                      std::size_t most) noexcept {
    const Lock lock(mutex_);
    if (!try_draw_here(n) && !draw(n)) {
      return false;
    }
    open(advance, ahead, most);
    return true;
  }
  /// What one member may have drawn ahead. All of them together have no more than a quarter of the
  /// limit, once they have gone by it. 0: none does.
  [[nodiscard]] std::size_t share() const noexcept {
    return share_.load(std::memory_order_relaxed);
  }
  /// From when it is closed for good. Nobody waits for what it has: it would be closed.
  void close(Advance& advance) noexcept {
    const Lock lock(mutex_);
    if (advance.is_open()) {
      take_back(advance);
    }
  }

  /// Gives back what was drawn. Who is granted something is added to `woken`, to be resumed outside
  /// of all locks.
  void give_back(std::size_t n, WaitingList& woken) noexcept {
    if (!put_back(n)) [[unlikely]] {
      settle(woken);
    }
  }
  /// The same, in two parts. False: `settle` is to be called.
  [[nodiscard]] bool put_back(std::size_t n) noexcept {
    const std::size_t has = stripe().fetch_add(n, std::memory_order_seq_cst) + n;
    // Behind the addition: who makes the pot tight says so first, and then looks into the stripes.
    return !is_tight_.load(std::memory_order_seq_cst) && has <= 2 * chunk_;
  }
  [[gnu::noinline]] void settle(WaitingList& woken) noexcept {
    Counter& stripe = this->stripe();
    const Lock lock(mutex_);
    pot_ += stripe.exchange(0, std::memory_order_seq_cst);
    serve(woken);
    fill(stripe);
  }

  /// Draws `waiter.bytes`, or enters the line. Precondition: it is not in the line, and has been
  /// resumed if it was.
  [[nodiscard]] Draw draw_or_wait(CreditWaiter& waiter) noexcept {
    const Lock lock(mutex_);
    if (waiter.bytes > limit_ - floors_) {  // it would keep out all who come behind it
      ++refusals_;
      return Draw::kNever;
    }
    if (line_.empty() && take(waiter.bytes)) {
      return Draw::kDrawn;
    }
    waiter.granted = 0;
    waiter.is_in_line = true;
    waiting_bytes_ += waiter.bytes;
    largest_in_line_ = (std::max)(largest_in_line_, waiter.bytes);
    ++waits_;
    line_.push_back(waiter);
    become_tight();
    // A release may have come since the stripes were swept for `take`, and have seen nobody wait.
    if (line_.front() == &waiter && pot_ >= waiter.bytes) {
      remove(waiter);
      pot_ -= waiter.bytes;
      relax_if_roomy();
      return Draw::kDrawn;
    }
    return Draw::kWaits;
  }

  /// What a waiter was granted, once it has been resumed. It is the waiter's to give back.
  [[nodiscard]] std::size_t take_grant(CreditWaiter& waiter) noexcept {
    const Lock lock(mutex_);
    return std::exchange(waiter.granted, 0U);
  }

  /// Takes a waiter out of the line. False where it was granted something already: then it is being
  /// resumed, or was; the grant goes back.
  bool leave(CreditWaiter& waiter, WaitingList& woken) noexcept {
    const Lock lock(mutex_);
    const bool was_in_line = waiter.is_in_line;
    if (was_in_line) {
      remove(waiter);
    } else {
      pot_ += std::exchange(waiter.granted, 0U);
    }
    serve(woken);
    return was_in_line;
  }

  /// Draws what a member has for as long as it lives, also past those who wait. What they ask for
  /// can still be free one day.
  [[nodiscard]] bool try_take_floor(std::size_t n) noexcept {
    const Lock lock(mutex_);
    if (n > limit_ - floors_ - largest_in_line_ || !take(n)) {
      ++refusals_;
      return false;
    }
    floors_ += n;
    ++members_;
    update_share();
    return true;
  }
  void give_back_floor(std::size_t n, WaitingList& woken) noexcept {
    const Lock lock(mutex_);
    floors_ -= n;
    --members_;
    update_share();
    pot_ += n;
    serve(woken);
  }

  /// Whether so much may be free one day, with the members that there are.
  [[nodiscard]] bool could_ever_draw(std::size_t n) const noexcept {
    const Lock lock(mutex_);
    return n <= limit_ - floors_;
  }

  /// Whether more than the high mark is drawn, or somebody waits.
  [[nodiscard]] bool is_tight() const noexcept { return is_tight_.load(std::memory_order_relaxed); }

  [[nodiscard]] PotFigures figures() const noexcept {
    const Lock lock(mutex_);
    PotFigures figures;
    figures.free_bytes = pot_;
    for (const Stripe& each : stripes_) {
      figures.free_bytes += each.credit.load(std::memory_order_relaxed);
    }
    for (auto* each = advances_.front(); each != nullptr; each = advances_.after(*each)) {
      figures.ahead_bytes += each->bytes();
    }
    figures.free_bytes += figures.ahead_bytes;
    // What moves from one of these to another meanwhile may have been seen twice.
    figures.free_bytes = (std::min)(figures.free_bytes, limit_);
    figures.floors = floors_;
    figures.waiters = line_.size();
    figures.waiting_bytes = waiting_bytes_;
    figures.waits = waits_;
    figures.refusals = refusals_;
    return figures;
  }

 protected:  // for tests that compare whole states
  static constexpr std::size_t kStripes = 16;
  // What a stripe is filled with at once. It trades visits to the pot against credit that has to be
  // swept together when memory gets short.
  static constexpr std::size_t kMostChunk = 512 * 1024;
  // What a member has drawn ahead, or keeps, at most: a usual block. It trades the same.
  static constexpr std::size_t kMostShare = 128 * 1024;

  using Lock = std::lock_guard<typename Sync::Mutex>;
  using Counter = typename Sync::template Atomic<std::size_t>;
  struct alignas(64) Stripe {
    Counter credit{0};
  };

  [[nodiscard]] Counter& stripe() noexcept { return stripes_[Sync::thread() % kStripes].credit; }

  // Everything below runs under the lock.

  // For who does not wait, and whose stripe has not so much.
  [[nodiscard]] bool draw(std::size_t n) noexcept {
    if (!line_.empty() || !take(n)) {
      ++refusals_;
      return false;
    }
    fill(stripe());
    return true;
  }

  // Takes `n` bytes out of the pot, with what the stripes and advances have where that is needed.
  [[nodiscard]] bool take(std::size_t n) noexcept {
    if (pot_ < n || pot_ - n < reserve_) {
      become_tight();
    }
    if (pot_ < n) {
      relax_if_roomy();
      return false;
    }
    pot_ -= n;
    relax_if_roomy();
    return true;
  }

  // No stripe has credit while the pot is tight, and none is filled so that it becomes tight. Where
  // it is not tight, the pot has the reserve.
  void fill(Counter& stripe) noexcept {
    if (!is_tight_.load(std::memory_order_relaxed) && pot_ - reserve_ >= chunk_) {
      pot_ -= chunk_;
      stripe.fetch_add(chunk_, std::memory_order_seq_cst);
    }
  }

  // No advance is open while the pot is tight, and none is filled so that it becomes tight.
  void open(Advance& advance, std::size_t ahead, std::size_t most) noexcept {
    if (most == 0 || is_tight_.load(std::memory_order_relaxed)) {
      return;
    }
    if (!advance.is_open()) {
      advances_.push_back(advance);
      advance.open(most);
    }
    if (try_draw_here(ahead)) {
      advance.add(ahead);
    } else if (pot_ - reserve_ >= ahead + chunk_) {
      pot_ -= ahead;
      advance.add(ahead);
    }
  }

  void become_tight() noexcept {
    is_tight_.store(true, std::memory_order_seq_cst);
    for (Stripe& each : stripes_) {
      pot_ += each.credit.exchange(0, std::memory_order_seq_cst);
    }
    while (Advance* const each = advances_.front()) {
      take_back(*each);
    }
  }

  // Once it is closed, its member may destroy it.
  void take_back(Advance& advance) noexcept {
    advances_.remove(advance);
    pot_ += advance.close();
  }

  // Not before a chunk can go to a stripe: at the mark it would change with every draw.
  void relax_if_roomy() noexcept {
    if (line_.empty() && pot_ >= reserve_ && pot_ - reserve_ > chunk_) {
      is_tight_.store(false, std::memory_order_seq_cst);
    }
  }

  // Grants what the first in line ask for, for as long as there is enough.
  void serve(WaitingList& woken) noexcept {
    while (auto* first = static_cast<CreditWaiter*>(line_.front())) {
      if (first->bytes > pot_) {
        return;
      }
      remove(*first);
      pot_ -= first->bytes;
      first->granted = first->bytes;
      woken.push_back(*first);
    }
    relax_if_roomy();
  }

  void update_share() noexcept {
    const std::size_t of_each = limit_ / (4 * (std::max)(members_, std::size_t{1}));
    share_.store((std::min)({kMostShare, limit_ / (4 * kStripes), of_each}),
                 std::memory_order_relaxed);
  }

  void remove(CreditWaiter& waiter) noexcept {
    line_.remove(waiter);
    waiter.is_in_line = false;
    waiting_bytes_ -= waiter.bytes;
    if (line_.empty()) {
      largest_in_line_ = 0;
    }
  }

  // What each draw reads is apart from what is written under the lock.
  alignas(64) const std::size_t limit_;
  const std::size_t reserve_;  // what is free at the high mark
  const std::size_t chunk_;
  typename Sync::template Atomic<bool> is_tight_{false};
  Counter share_{0};

  alignas(64) mutable typename Sync::Mutex mutex_;
  std::size_t pot_;
  std::size_t floors_ = 0;
  std::size_t members_ = 0;  // that have one
  WaitingList line_;
  std::size_t waiting_bytes_ = 0;
  std::size_t largest_in_line_ = 0;  // since it was last empty
  std::uint64_t waits_ = 0;
  std::uint64_t refusals_ = 0;
  IntrusiveList<Advance> advances_;  // that are open
  std::array<Stripe, kStripes> stripes_;
};

using MemoryPot = BasicMemoryPot<StdSync>;

extern template class BasicMemoryPot<StdSync>;

}  // namespace bytes_handoff::detail
