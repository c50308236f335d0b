#include "bytes_handoff/core/memory/block.hpp"

#include <bit>
#include <new>
#include <stdexcept>
#include <utility>

#include "bytes_handoff/core/budget/paid_entry.hpp"
#include "bytes_handoff/core/memory/poison.hpp"
#include "bytes_handoff/core/memory/tagged.hpp"

namespace bytes_handoff::detail {

Block::Block(std::size_t data_capacity, std::pmr::memory_resource* memory) noexcept
    : Owner(kReferencesAtOnce, &Block::destroy_block), capacity(data_capacity), source(memory) {}

std::size_t block_capacity_for(std::size_t least_capacity) {
  if (least_capacity > kLargestBlock) {
    throw std::length_error("bytes_handoff: no block can be this large");
  }
  return least_capacity <= kSmallestPooled ? kSmallestPooled : std::bit_ceil(least_capacity);
}

Block* Block::make(std::size_t least_capacity, std::pmr::memory_resource* source) {
  return make_rounded(block_capacity_for(least_capacity), source);
}

inline Block* Block::make_rounded(std::size_t capacity, std::pmr::memory_resource* source) {
  const std::size_t size = sizeof(Block) + capacity;
  if (source == nullptr) [[likely]] {
    return ::new (pool_allocate(size)) Block(capacity, source);
  }
  return ::new (source->allocate(size, alignof(Block))) Block(capacity, source);
}

template <PaidFrom kFrom>
inline Block* Block::make_paid_from(std::size_t least_capacity, std::pmr::memory_resource* source,
                                    BlockPayer* payer) {
  if (payer == nullptr) {
    return make(least_capacity, source);
  }
  const std::size_t capacity = block_capacity_for(least_capacity);
  const std::size_t bytes = cost(capacity, source);
  if (!payer->try_pay(bytes, kFrom)) [[unlikely]] {
    throw MemoryShort(bytes);
  }
  try {
    Block* const block = make_rounded(capacity, source);
    block->was_paid_by(*payer, kFrom, bytes);
    return block;
  } catch (...) {
    payer->pay_back(bytes, kFrom);
    throw;
  }
}

Block* Block::make_paid(std::size_t least_capacity, std::pmr::memory_resource* source,
                        BlockPayer* payer) {
  return make_paid_from<PaidFrom::kBudget>(least_capacity, source, payer);
}

Block* Block::make_paid_from_floor(std::size_t least_capacity, std::pmr::memory_resource* source,
                                   BlockPayer* payer) {
  return make_paid_from<PaidFrom::kFloor>(least_capacity, source, payer);
}

Block* Block::make_exact(std::size_t capacity) {
  const std::size_t rounded_up = block_capacity_for(capacity);
  const std::size_t lines = (capacity + kCacheLine - 1) / kCacheLine * kCacheLine;
  const std::size_t taken = capacity > kLargestPooled ? lines : rounded_up;
  return ::new (pool_allocate(sizeof(Block) + taken)) Block(taken, nullptr);
}

void Block::destroy_block(Owner* owner) noexcept {
  auto* block = static_cast<Block*>(owner);
  const std::size_t size = block->footprint();
  std::pmr::memory_resource* const source = block->source;
  BlockPayer* const payer = block->payer;
  const std::size_t paid = block->paid;
  const PaidFrom paid_from = block->paid_from;
  take_up(block->data(), block->capacity);
  block->~Block();
  if (source == nullptr) [[likely]] {
    pool_deallocate(block, size);
  } else {
    source->deallocate(block, size, alignof(Block));
  }
  if (payer != nullptr) {
    payer->pay_back(paid, paid_from);
  }
}

TightCopy* TightCopy::make(std::size_t size) {
  const std::size_t total = sizeof(TightCopy) + size;
  void* memory = total <= kLargestSmall ? pool_allocate_small(total) : ::operator new(total);
  return ::new (memory) TightCopy(size);
}

void TightCopy::destroy_copy(Owner* owner) noexcept {
  auto* copy = static_cast<TightCopy*>(owner);
  const std::size_t total = sizeof(TightCopy) + copy->size;
  copy->~TightCopy();
  if (total <= kLargestSmall) {
    pool_deallocate_small(copy, total);
  } else {
    ::operator delete(copy);
  }
}

std::size_t retained_by(Owner* owner) noexcept {
  if (const Block* block = Block::of(owner)) {
    return Block::cost(block->capacity, block->source);
  }
  if (const TightCopy* copy = TightCopy::of(owner)) {
    const std::size_t total = sizeof(TightCopy) + copy->size;
    return kMostSystemOverhead +
           (total <= kLargestSmall ? small_slot_size(small_class_of(total)) : total);
  }
  if (TaggedOwner* const tagged = TaggedOwner::of(owner)) {
    return tagged->footprint() + (tagged->is_copy() ? 0 : retained_by(tagged->kept()));
  }
  if (const PaidEntry* const paid = PaidEntry::of(owner)) {
    return PaidEntry::footprint() + retained_by(paid->kept);
  }
  return 0;
}

void DroppedBlocks::release(Owner* owner, std::size_t count) noexcept {
  Block* const block = Block::of(owner);
  if (block == nullptr || block->payer == nullptr) {
    owner->release(count);
  } else if (block->release_only(count)) {
    take_up(block->data(), sizeof(void*));
    ::new (static_cast<void*>(block->data())) Block*(std::exchange(first_, block));
  }
}

void DroppedBlocks::destroy_all() noexcept {
  while (first_ != nullptr) {
    Block* const block = first_;
    first_ = *std::launder(reinterpret_cast<Block**>(block->data()));
    block->destroy(block);
  }
}

bool is_wasteful(Owner* owner, std::size_t bytes, std::size_t items) noexcept {
  std::size_t footprint = 0;
  if (const Block* block = Block::of(owner)) {
    footprint = block->footprint();
  } else if (const TightCopy* copy = TightCopy::of(owner)) {
    footprint = sizeof(TightCopy) + copy->size;
  }
  return footprint / 2 > bytes && footprint - 2 * bytes > 64 * items;
}

}  // namespace bytes_handoff::detail
