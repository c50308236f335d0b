#include "bytes_handoff/bytes.hpp"

#include "bytes_handoff/message_stream.hpp"

namespace bytes_handoff {
namespace {

// A block is aligned, its data starts on a cache line, and the pool caches it up to a size. It is
// not tight for the smallest sizes, and just above a power of two.
bool is_block_tight(std::size_t size) {
  return size > detail::kLargestPooled ||
         (size > detail::kLargestSmall &&
          detail::is_tight(detail::Block::retained_at_most(detail::block_capacity_for(size)),
                           size));
}

}  // namespace

Bytes Bytes::copy_of(std::span<const std::byte> bytes) {
  if (bytes.empty()) {
    return {};
  }
  const std::size_t size = bytes.size();
  if (is_block_tight(size)) {
    detail::Block* block = detail::Block::make_exact(size);
    block->reset_references(1);
    std::memcpy(block->data(), bytes.data(), size);
    return {block->data(), size, block};
  }
  detail::TightCopy* copy = detail::TightCopy::make(size);
  std::memcpy(copy->data(), bytes.data(), size);
  return {copy->data(), size, copy};
}

Bytes Bytes::compact() const {
  if (detail::is_tight(detail::retained_by(owner_), size_)) {
    return *this;
  }
  const MessageTag tag = message_tag(*this);
  return tag == 0 ? copy_of(span()) : tag_message(*this, tag);
}

}  // namespace bytes_handoff
