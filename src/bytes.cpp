#include "bytes_handoff/bytes.hpp"

namespace bytes_handoff {

// In a block where that is tight, which begins above the smallest sizes, and just above a power of
// two it is not: a block is aligned, comes from the pool, and its data starts on a cache line.
Bytes Bytes::copy_of(std::span<const std::byte> bytes) {
  if (bytes.empty()) {
    return {};
  }
  const std::size_t size = bytes.size();
  const std::size_t block_takes = detail::Block::retained_at_most(detail::block_capacity_for(size));
  if (size > detail::kLargestSmall && detail::is_tight(block_takes, size)) {
    detail::Block* block = detail::Block::make(size);
    block->reset_references(1);
    std::memcpy(block->data(), bytes.data(), size);
    return {block->data(), size, block};
  }
  detail::TightCopy* copy = detail::TightCopy::make(size);
  std::memcpy(copy->data(), bytes.data(), size);
  return {copy->data(), size, copy};
}

Bytes Bytes::compact() const {
  return detail::is_tight(detail::retained_by(owner_), size_) ? *this : copy_of(span());
}

}  // namespace bytes_handoff
