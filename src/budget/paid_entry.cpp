#include "bytes_handoff/core/budget/paid_entry.hpp"

#include <new>

#include "bytes_handoff/core/budget/budget_state.hpp"
#include "bytes_handoff/core/kernel/piped_piece.hpp"
#include "bytes_handoff/core/memory/pool.hpp"
#include "bytes_handoff/core/memory/tagged.hpp"

namespace bytes_handoff::detail {
namespace {

EntryKey key_of(const Bytes& slice, Owner* owner) noexcept {
  Owner* const root = root_of(owner);
  if (const Block* const block = Block::of(root)) {
    return {root, nullptr, Block::cost(block->capacity, block->source)};
  }
  return {root, slice.data(), slice.size()};
}

}  // namespace

Owner* root_of(Owner* owner) noexcept {
  if (const PaidEntry* const paid = PaidEntry::of(owner)) {
    return root_of(paid->kept);
  }
  TaggedOwner* const tagged = TaggedOwner::of(owner);
  return tagged == nullptr || tagged->is_copy() || tagged->kept() == nullptr
             ? owner
             : root_of(tagged->kept());
}

// The memory first, so that nothing is to be given back where there is none.
void PaidEntry::pay_for(Bytes& slice, BudgetState& budget) noexcept {
  Owner* const owner = BytesAccess::owner(slice);
  if (owner == nullptr || slice.empty() || is_paid_from(owner, &budget.pot())) {
    return;
  }
  const EntryKey entry = key_of(slice, owner);
  void* memory = nullptr;
  try {
    memory = pool_allocate_small(sizeof(PaidEntry));
  } catch (const std::bad_alloc&) {
    return;
  }
  if (!budget.try_charge(entry)) {
    pool_deallocate_small(memory, sizeof(PaidEntry));
    return;
  }
  const std::span<const std::byte> bytes = slice.span();
  static_cast<void>(BytesAccess::release(slice));  // the reference is the new owner's
  slice = BytesAccess::adopt(bytes.data(), bytes.size(),
                             ::new (memory) PaidEntry(entry, owner, budget));
}

void PaidEntry::pay_also_for(Bytes& slice) const noexcept {
  for (const PaidEntry* each = this; each != nullptr; each = of(each->kept)) {
    pay_for(slice, *each->budget_);
  }
}

PaidEntry* PaidEntry::of(Owner* owner) noexcept {
  return owner != nullptr && owner->destroy == &PaidEntry::destroy_entry
             ? static_cast<PaidEntry*>(owner)
             : nullptr;
}

const void* PaidEntry::budget() const noexcept { return &budget_->pot(); }

std::size_t PaidEntry::footprint() noexcept {
  return kMostSystemOverhead + small_slot_size(small_class_of(sizeof(PaidEntry)));
}

void PaidEntry::destroy_entry(Owner* owner) noexcept {
  auto* const paid = static_cast<PaidEntry*>(owner);
  const EntryKey entry = paid->entry;
  Owner* const kept = paid->kept;
  BudgetState& budget = *paid->budget_;
  paid->~PaidEntry();
  pool_deallocate_small(paid, sizeof(PaidEntry));
  kept->release(1);
  budget.discharge(entry);
}

bool is_other_paid_from(Owner* owner, const void* budget) noexcept {
  if (PaidEntry* const paid = PaidEntry::of(owner)) {
    return paid->budget() == budget || is_paid_from(paid->kept, budget);
  }
  if (TaggedOwner* const tagged = TaggedOwner::of(owner)) {
    return !tagged->is_copy() && tagged->kept() != nullptr && is_paid_from(tagged->kept(), budget);
  }
#if BYTES_HANDOFF_HAS_SPLICE
  if (const PipedPiece* const piece = PipedPiece::of(owner)) {
    return piece->is_paid_from(budget);
  }
#endif
  return false;
}

}  // namespace bytes_handoff::detail
