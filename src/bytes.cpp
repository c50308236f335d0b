#include "bytes_handoff/bytes.hpp"

namespace bytes_handoff {

Bytes Bytes::copy_of(std::span<const std::byte> bytes) {
  if (bytes.empty()) {
    return {};
  }
  detail::Block* block = detail::Block::make(bytes.size());
  block->reset_references(1);
  std::memcpy(block->data(), bytes.data(), bytes.size());
  return {block->data(), bytes.size(), block};
}

Bytes Bytes::compact() const {
  const detail::Block* block = detail::Block::of(owner_);
  const bool fits = block == nullptr || block->capacity <= detail::kSmallestPooled ||
                    block->capacity / 2 <= size_;
  return fits ? *this : copy_of(span());
}

}  // namespace bytes_handoff
