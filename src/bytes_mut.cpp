#include "bytes_handoff/bytes_mut.hpp"

#include <algorithm>
#include <stdexcept>

namespace bytes_handoff {

BytesMut BytesMut::with_capacity(std::size_t capacity, std::pmr::memory_resource* source) {
  if (capacity == 0) {
    return {};
  }
  detail::Block* block = detail::Block::make(capacity, source);
  return {block->data(), 0, block->capacity, block, detail::Block::kReferencesAtOnce};
}

BytesMut BytesMut::copy_of(std::span<const std::byte> bytes) {
  BytesMut copy = with_capacity(bytes.size());
  copy.extend(bytes);
  return copy;
}

// Nobody else can read a block whose only reference is this one.
BytesMut BytesMut::thaw(Bytes&& bytes) {
  detail::Block* const block = detail::Block::of(detail::BytesAccess::owner(bytes));
  if (block != nullptr && block->is_unique(1)) {
    return thaw_unseen(std::move(bytes));
  }
  BytesMut copy = copy_of(bytes.span());
  bytes.clear();
  return copy;
}

BytesMut BytesMut::split() noexcept {
  auto all = split_to(size_);
  return std::move(*all);
}

// Of those that this region holds; for a frozen slice, which has one.
void BytesMut::keep_one_reference() noexcept {
  if (block_->is_unique(held_)) {
    block_->reset_references(1);
  } else {
    block_->release(held_ - 1);
  }
}

void BytesMut::unsplit(BytesMut&& other) {
  if (size_ == 0 && capacity_ == 0) {
    *this = std::move(other);
    return;
  }
  const bool neighbours = other.block_ != nullptr && other.block_ == block_ && size_ == capacity_ &&
                          data_ + capacity_ == other.data_;
  if (!neighbours) {
    extend(other.span());
    other = BytesMut();
    return;
  }
  size_ += other.size_;
  capacity_ += other.capacity_;
  // Two regions hold at most one bulk each over what they have handed out, so this cannot wrap;
  // what is over one bulk goes back, so that many rejoined regions cannot either.
  held_ += std::exchange(other.held_, 0U);
  if (held_ > detail::Block::kReferencesAtOnce) {
    block_->release(held_ - detail::Block::kReferencesAtOnce);
    held_ = detail::Block::kReferencesAtOnce;
  }
  other.block_ = nullptr;
  other = BytesMut();
}

// Uses the whole block again when no one shares it. What others left behind this region needs no
// move. Moving the filled bytes must be paid for by at least as much room won, or bytes that drip
// in would be moved again and again.
bool BytesMut::reclaim(std::size_t additional) noexcept {
  if (block_ == nullptr || !block_->is_unique(held_) || additional > block_->capacity - size_) {
    return false;
  }
  const auto before = static_cast<std::size_t>(data_ - block_->data());
  const bool fits_behind = size_ != 0 && additional <= block_->capacity - before - size_;
  if (!fits_behind) {
    if (before < size_) {
      return false;
    }
    detail::take_up(block_->data(), block_->capacity);
    if (size_ != 0) {
      std::memcpy(block_->data(), data_, size_);
    }
    data_ = block_->data();
  }
  capacity_ = static_cast<std::size_t>(block_->end() - data_);
  detail::give_up(data_ + size_, capacity_ - size_);
  return true;
}

void BytesMut::grow(std::size_t additional) {
  if (reclaim(additional)) {
    return;
  }
  if (additional > detail::kLargestBlock - size_) {
    throw std::length_error("bytes_handoff: no block can be this large");
  }
  const std::size_t least =
      std::max(size_ + additional, std::min(2 * size_, detail::kLargestBlock));
  BytesMut larger = with_capacity(least, block_ == nullptr ? nullptr : block_->source);
  if (size_ != 0) {
    std::memcpy(larger.data_, data_, size_);
  }
  larger.size_ = size_;
  larger.swap(*this);
}

}  // namespace bytes_handoff
