#pragma once

#include <cstddef>
#include <memory_resource>

#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/memory/block.hpp"
#include "bytes_handoff/core/memory/block_payer.hpp"

namespace bytes_handoff::detail {

/// What the library needs of a region and users do not.
struct RegionAccess {
  /// As `BytesMut::with_capacity`, for at least one byte. `payer` pays for the block, unless it is
  /// null. Throws MemoryShort if it does not.
  [[nodiscard]] static BytesMut make_paid(std::size_t capacity, std::pmr::memory_resource* source,
                                          BlockPayer* payer, PaidFrom from = PaidFrom::kBudget) {
    return BytesMut::of_block(from == PaidFrom::kBudget
                                  ? Block::make_paid(capacity, source, payer)
                                  : Block::make_paid_from_floor(capacity, source, payer));
  }

  /// Has `payer` pay for the region's block, if that is not paid for and nobody shares it. Throws
  /// MemoryShort if it does not.
  static void pay_for(BytesMut& region, BlockPayer& payer) {
    Block* const block = region.block_;
    if (block == nullptr || block->payer != nullptr || !block->is_unique(region.held_)) {
      return;
    }
    const std::size_t bytes = Block::cost(block->capacity, block->source);
    if (!payer.try_pay(bytes, PaidFrom::kBudget)) {
      throw MemoryShort(bytes);
    }
    block->was_paid_by(payer, PaidFrom::kBudget, bytes);
  }

  /// `payer` has paid `paid` for what the region's block takes the place of. It has paid for the
  /// block now, and is paid back the rest. Preconditions: the block is not paid for, nobody else
  /// has seen it, and its cost is at most `paid`.
  static void take_over_payment(BytesMut& region, BlockPayer& payer, std::size_t paid) noexcept {
    Block* const block = region.block_;
    const std::size_t cost = Block::cost(block->capacity, block->source);
    block->was_paid_by(payer, PaidFrom::kBudget, cost);
    payer.pay_back(paid - cost, PaidFrom::kBudget);
  }

  /// Bytes that the region's block takes from the system.
  [[nodiscard]] static std::size_t held_bytes(const BytesMut& region) noexcept {
    const Block* const block = region.block_;
    return block == nullptr ? 0 : Block::cost(block->capacity, block->source);
  }

  /// A block with the references on it that were held, to be dropped elsewhere.
  struct Held {
    Block* block;
    std::size_t references;
  };
  /// Leaves the region empty. No block: it had none.
  [[nodiscard]] static Held release(BytesMut& region) noexcept {
    const Held held{region.block_, region.held_};
    region.data_ = nullptr;
    region.size_ = region.capacity_ = 0;
    region.block_ = nullptr;
    region.held_ = 0;
    return held;
  }
};

}  // namespace bytes_handoff::detail
