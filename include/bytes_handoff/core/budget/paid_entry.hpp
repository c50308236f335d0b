#pragma once

// What a budget is charged for besides the blocks of its members: bytes of other owners.

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/core/memory/block.hpp"
#include "bytes_handoff/core/memory/block_payer.hpp"

namespace bytes_handoff::detail {

class BudgetState;

/// What is charged once: the bytes of one slice and who owns them, or a whole block of the library,
/// which any slice of it keeps.
struct EntryKey {
  Owner* owner = nullptr;
  const std::byte* data = nullptr;  // null for a block
  std::size_t size = 0;

  friend bool operator==(const EntryKey&, const EntryKey&) = default;
};

/// The owner of an entry in the log of a fan-out. Its bytes are charged to a budget until nobody
/// has this any more. It keeps the owner that they had.
///
/// Two logs have two of these for one entry. The budget counts them, and is charged once.
struct PaidEntry final : Owner {
  const EntryKey entry;
  Owner* const kept;

  /// Gives the slice such an owner, if its bytes are to be charged and are not yet. Where there is
  /// no memory the slice stays as it was: then each queue is charged for it. May be called under
  /// any lock but the budget's.
  static void pay_for(Bytes& slice, BudgetState& budget) noexcept;

  /// Null when the owner is of another kind.
  [[nodiscard]] static PaidEntry* of(Owner* owner) noexcept;

  /// Which budget is charged: as `BlockPayer::budget`.
  [[nodiscard]] const void* budget() const noexcept;
  /// Has the same budgets pay for a slice that takes the place of one with this owner.
  void pay_also_for(Bytes& slice) const noexcept;
  /// What it takes from the system, without what it keeps.
  [[nodiscard]] static std::size_t footprint() noexcept;

 private:
  friend class DroppedEntries;

  PaidEntry(const EntryKey& of, Owner* owner, BudgetState& budget) noexcept
      : Owner(1, &PaidEntry::destroy_entry), entry(of), kept(owner), budget_(&budget) {}
  static void destroy_entry(Owner* owner) noexcept;

  BudgetState* const budget_;
  PaidEntry* next_ = nullptr;  // once nobody else has it
};

/// Entries that nobody has any more, to be destroyed outside of locks: that may resume who waits.
class DroppedEntries {
 public:
  /// Takes a reference of the caller.
  void add(PaidEntry& entry) noexcept {
    if (entry.release_only(1)) {
      entry.next_ = std::exchange(first_, &entry);
    }
  }
  void destroy_all() noexcept {
    while (first_ != nullptr) {
      PaidEntry* const entry = std::exchange(first_, first_->next_);
      entry->destroy(entry);
    }
  }

 private:
  PaidEntry* first_ = nullptr;
};

/// The owner behind those that keep another one.
[[nodiscard]] Owner* root_of(Owner* owner) noexcept;

/// For what is no block.
[[nodiscard]] bool is_other_paid_from(Owner* owner, const void* budget) noexcept;

/// Whether the bytes of this owner are charged to the budget already. Preconditions for both:
/// neither is null.
[[nodiscard]] inline bool is_paid_from(Owner* owner, const void* budget) noexcept {
  if (const Block* const block = Block::of(owner)) {
    return block->budget == budget;
  }
  return is_other_paid_from(owner, budget);
}

/// What a queue is charged for a slice: its length, unless it is static, or charged to the same
/// budget already.
[[nodiscard]] inline std::size_t charge_of(Owner* owner, std::size_t size,
                                           const void* budget) noexcept {
  if (owner == nullptr) {
    return 0;
  }
  if (TightCopy::of(owner) != nullptr) {
    return size;
  }
  if (const Block* const block = Block::of(owner)) {
    return block->budget == budget ? 0 : size;
  }
  return is_other_paid_from(owner, budget) ? 0 : size;
}

/// Whether all of them are of one block, which the budget has been charged. Those of one read are.
[[nodiscard]] inline bool are_of_paid_block(std::span<const Bytes> slices,
                                            const void* budget) noexcept {
  if (slices.empty()) {
    return false;
  }
  Owner* const owner = BytesAccess::owner(slices.front());
  const Block* const block = Block::of(owner);
  if (block == nullptr || block->budget != budget) {
    return false;
  }
  for (const Bytes& slice : slices.subspan(1)) {
    if (BytesAccess::owner(slice) != owner) {
      return false;
    }
  }
  return true;
}

/// That slices have to be looked at more closely.
inline constexpr std::size_t kNotAtAGlance = SIZE_MAX;

/// What is charged for the slices, where that can be seen without a call: they are static, of
/// blocks, or copies.
[[nodiscard]] inline std::size_t charge_at_a_glance(std::span<const Bytes> slices,
                                                    const void* budget) noexcept {
  std::size_t charge = 0;
  for (const Bytes& slice : slices) {
    Owner* const owner = BytesAccess::owner(slice);
    if (owner == nullptr) {
      continue;
    }
    if (TightCopy::of(owner) != nullptr) {
      charge += slice.size();
    } else if (const Block* const block = Block::of(owner)) {
      charge += block->budget == budget ? 0 : slice.size();
    } else {
      return kNotAtAGlance;
    }
  }
  return charge;
}

}  // namespace bytes_handoff::detail
