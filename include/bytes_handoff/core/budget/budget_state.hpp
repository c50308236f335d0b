#pragma once

// A memory budget as its members see it, and what each of them has there.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "bytes_handoff/core/budget/account_pointer.hpp"
#include "bytes_handoff/core/budget/memory_pot.hpp"
#include "bytes_handoff/core/budget/paid_entry.hpp"
#include "bytes_handoff/core/budget/shedder.hpp"
#include "bytes_handoff/core/memory/block_payer.hpp"
#include "bytes_handoff/core/support/counted_pointer.hpp"
#include "bytes_handoff/memory.hpp"

namespace bytes_handoff::detail {

/// Counts handles and accounts.
struct BudgetReference {
  static void add(BudgetState* state) noexcept;
  static void drop(BudgetState* state) noexcept;
};
using BudgetPointer = CountedPointer<BudgetState, BudgetReference>;

class BudgetState {
 public:
  using Clock = std::chrono::steady_clock;

  /// With one reference. Precondition: `throw_if_invalid(config)` does not.
  explicit BudgetState(const MemoryBudgetConfig& config);
  BudgetState(const BudgetState&) = delete;
  BudgetState& operator=(const BudgetState&) = delete;

  [[nodiscard]] MemoryPot& pot() noexcept { return pot_; }
  [[nodiscard]] Shedder& shedder() noexcept { return shedder_; }
  [[nodiscard]] std::size_t floor() const noexcept { return floor_; }

  /// Whether looks are needed: memory is short, or was asked for.
  [[nodiscard]] bool needs_looks() const noexcept { return pot_.is_tight() || shedder_.is_asked(); }
  /// Looks at the queues, if the time has come. Outside of locks.
  void look(Clock::time_point now) noexcept;
  /// The same, where memory has become short. From then on a queue watches the time.
  void look_and_watch(Clock::time_point now) noexcept;

  /// Asks that so many bytes be free. A queue looks on its executor. Outside of locks.
  void ask(std::size_t bytes) noexcept;

  /// Sees to it that a queue looks from time to time, if that is needed. Outside of locks.
  void need_watch() noexcept;
  /// Of the queue that watches: whether it is to go on. If not, another queue may do so.
  [[nodiscard]] bool keeps_watching(bool has_pending) noexcept;
  /// The queue that watches has ended.
  void stop_watching() noexcept;

  /// Charges an entry, unless it is charged already: for each of these a `discharge`, before which
  /// the budget is not destroyed. False: there is no memory for it.
  [[nodiscard]] bool try_charge(const EntryKey& entry) noexcept;
  void discharge(const EntryKey& entry) noexcept;

  [[nodiscard]] MemoryBudgetStatistics statistics() const noexcept;

 private:
  friend BudgetReference;

  struct EntryHash {
    [[nodiscard]] std::size_t operator()(const EntryKey& entry) const noexcept {
      constexpr std::size_t kGolden = 0x9E3779B97F4A7C15;
      const std::size_t of_owner = std::hash<const void*>{}(entry.owner) * kGolden;
      return of_owner ^ std::hash<const void*>{}(entry.data) ^ entry.size;
    }
  };

  const std::size_t high_mark_;
  const std::size_t floor_;
  MemoryPot pot_;
  Shedder shedder_;
  std::atomic<bool> is_watched_{false};
  std::mutex entries_mutex_;  // the pot's lock is taken under it
  std::unordered_map<EntryKey, std::size_t, EntryHash> entries_;  // how often each is charged
  std::atomic<std::size_t> references_{1};
};

/// What users of a budget do not need.
struct BudgetAccess {
  [[nodiscard]] static BudgetState* state(const MemoryBudget& budget) noexcept {
    return budget.state_;
  }
};

/// What a buffer or a queue has in its budget: its floor, and the blocks that it has taken and that
/// are not freed. It outlives the member with those blocks. Two buffers have one where the first
/// was moved into the second.
///
/// Threads: any.
class MemberAccount final : public BlockPayer {
 public:
  /// Null for no budget. Throws what `new` throws, and `std::system_error` with `memory_exhausted`
  /// if the floor does not fit.
  [[nodiscard]] static AccountPointer make(const MemoryBudget& budget);

  [[nodiscard]] BudgetState& state() const noexcept { return *state_; }

  /// Credit that was granted to who waited: the next block is paid from it, unless what is kept by
  /// then pays for that. What is left of it then goes back.
  void add_credit(std::size_t bytes) noexcept;
  void give_back_credit() noexcept;

 private:
  friend AccountReference;

  explicit MemberAccount(BudgetPointer state) noexcept;
  ~MemberAccount();
  [[nodiscard]] bool try_pay_anew(std::size_t bytes, PaidFrom from) noexcept override;
  void give_back(std::size_t bytes, PaidFrom from) noexcept override;
  [[nodiscard]] bool try_draw(std::size_t bytes) noexcept;
  void give_back_drawn(std::size_t bytes) noexcept;
  void end_membership() noexcept;
  void let_go(std::size_t held) noexcept;

  const BudgetPointer state_;
  std::atomic<std::size_t> members_{1};
  // What blocks have been paid, and what is kept, in bytes; and 1 while there are members. Nobody
  // needs the account when it is 0. So a block that is paid from what is kept counts nothing.
  std::atomic<std::size_t> held_{1};
  std::atomic<std::size_t> floor_left_;
  std::atomic<std::size_t> credit_{0};
};

}  // namespace bytes_handoff::detail
