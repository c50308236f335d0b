#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <span>
#include <string_view>
#include <utility>

#include "bytes_handoff/bytes.hpp"

namespace bytes_handoff {

/// A unique, growable region of bytes: `size()` bytes that are filled, and spare room behind them.
///
/// Splitting hands out regions of one block that never overlap, so each may be written without the
/// others noticing; `freeze` turns a region into a shared, immutable `Bytes`. When nobody else
/// holds a region of the block any more, `reserve` uses the whole block again instead of a new one.
///
/// Use it to assemble or edit bytes before they are handed on; a stream's unread input belongs in a
/// `HandoffBuffer`, which bounds it.
///
/// Ownership: references on one block, or none while empty. Not copyable.
/// Thread safety: distinct objects may be used on any threads at once, even when they share a
/// block; one object by one thread at a time. Cost: `split_to`, `split`, `freeze`, `advance`,
/// `truncate`, `clear` and moves are O(1) and allocate nothing; splitting touches no shared memory
/// but once in a million splits. Views (`span()`, `view()`, `spare()`) survive `split_to`, `split`,
/// `freeze`, `advance`, `truncate` and moves for as long as some owner of the block lives;
/// `reserve`, `try_reclaim`, `extend` and `unsplit` invalidate them.
///
///     BytesMut out = BytesMut::with_capacity(512);
///     out.extend("HTTP/1.1 200 OK\r\n\r\n");
///     Bytes head = std::move(out).freeze();
class BytesMut {
 public:
  /// Empty; owns nothing.
  BytesMut() noexcept = default;

  /// The source is left empty, owning nothing.
  BytesMut(BytesMut&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)),
        block_(std::exchange(other.block_, nullptr)),
        held_(std::exchange(other.held_, 0U)) {}
  BytesMut& operator=(BytesMut&& other) noexcept {
    BytesMut(std::move(other)).swap(*this);
    return *this;
  }
  ~BytesMut() {
    if (block_ != nullptr) {
      block_->release(held_);
    }
  }

  /// Empty with room for at least `capacity` bytes (none, and no memory, for 0), in a block from
  /// `source` (null: the library's pool), which must outlive every slice of the block. Throws what
  /// the source throws, and std::length_error for a size that no block can have.
  [[nodiscard]] static BytesMut with_capacity(std::size_t capacity,
                                              std::pmr::memory_resource* source = nullptr);

  /// A copy of `bytes`. One allocation, O(n).
  [[nodiscard]] static BytesMut copy_of(std::span<const std::byte> bytes);
  [[nodiscard]] static BytesMut copy_of(std::string_view text) {
    return copy_of(std::as_bytes(std::span(text)));
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Bytes that fit in all before `reserve` has to look for memory.
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::byte* data() noexcept { return data_; }
  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::span<std::byte> span() noexcept { return {data_, size_}; }
  [[nodiscard]] std::span<const std::byte> span() const noexcept { return {data_, size_}; }
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(data_), size_};
  }

  /// Room behind the filled bytes, its contents unspecified; `commit` makes part of it filled.
  [[nodiscard]] std::span<std::byte> spare() noexcept { return {data_ + size_, capacity_ - size_}; }
  /// Counts the first `n` bytes of `spare()` as filled. Precondition: `n <= spare().size()`.
  void commit(std::size_t n) noexcept { size_ += n; }

  /// Makes room for at least `additional` bytes more. O(1) when it is there; else the filled bytes
  /// move to the front of the block when nobody shares it and that is enough, or to a block of at
  /// least twice the size: amortized O(1) a byte. On an exception nothing has changed.
  void reserve(std::size_t additional) {
    if (additional > capacity_ - size_) {
      grow(additional);
    }
  }

  /// As `reserve`, but never takes new memory: false, and nothing changed, where that would be
  /// needed.
  [[nodiscard]] bool try_reclaim(std::size_t additional) noexcept {
    return additional <= capacity_ - size_ || reclaim(additional);
  }

  /// Appends a copy of `bytes`, which must not lie in this region. Throws like `reserve`.
  void extend(std::span<const std::byte> bytes);
  void extend(std::string_view text) { extend(std::as_bytes(std::span(text))); }

  /// Splits off and returns the first `n` bytes, without spare room; this keeps the rest and all
  /// the room behind it. O(1).
  [[nodiscard]] expected<BytesMut, SplitOutOfBounds> split_to(std::size_t n) noexcept;

  /// As `split_to`, frozen.
  [[nodiscard]] expected<Bytes, SplitOutOfBounds> split_to_frozen(std::size_t n) noexcept;

  /// Splits off and returns all filled bytes; this keeps the room behind them. O(1).
  [[nodiscard]] BytesMut split() noexcept;

  /// The filled bytes as an immutable slice; this is left empty, owning nothing. O(1).
  [[nodiscard]] Bytes freeze() && noexcept;

  /// Appends `other`. O(1) when it starts in the same block where this one's room ends, as after
  /// `split_to` or `split`; else its bytes are copied, which may throw like `reserve` (then both
  /// are unchanged). `other` is left empty.
  void unsplit(BytesMut&& other);

  /// Drops the first `n` bytes. O(1).
  expected<void, SplitOutOfBounds> advance(std::size_t n) noexcept;

  /// Keeps at most the first `n` bytes; the room stays. O(1).
  void truncate(std::size_t n) noexcept { size_ = n < size_ ? n : size_; }

  /// Drops all bytes; the room stays. O(1).
  void clear() noexcept { size_ = 0; }

  /// Whether no other region or slice shares the block. True when it owns nothing.
  [[nodiscard]] bool is_unique() const noexcept {
    return block_ == nullptr || block_->is_unique(held_);
  }

  /// Bytes of memory that the block takes, header included; 0 when it owns nothing.
  [[nodiscard]] std::size_t footprint() const noexcept {
    return block_ == nullptr ? 0 : block_->footprint();
  }

  void swap(BytesMut& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(block_, other.block_);
    std::swap(held_, other.held_);
  }

 private:
  // Takes over `held` references on `block`.
  BytesMut(std::byte* data, std::size_t size, std::size_t capacity, detail::Block* block,
           std::uint32_t held) noexcept
      : data_(data), size_(size), capacity_(capacity), block_(block), held_(held) {}

  void grow(std::size_t additional);
  void keep_one_reference() noexcept;
  [[nodiscard]] bool reclaim(std::size_t additional) noexcept;

  // One reference to give away. Precondition: `block_` is not null.
  void take_reference() noexcept {
    if (held_ == 1) {
      block_->add_references(detail::Block::kReferencesAtOnce);
      held_ += detail::Block::kReferencesAtOnce;
    }
    --held_;
  }

  void drop_front(std::size_t n) noexcept {
    data_ += n;
    size_ -= n;
    capacity_ -= n;
  }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;  // counted from data_
  detail::Block* block_ = nullptr;
  std::uint32_t held_ = 0;  // references on block_ that this region may hand out
};

inline expected<Bytes, SplitOutOfBounds> BytesMut::split_to_frozen(std::size_t n) noexcept {
  if (n > size_) {
    return unexpected(SplitOutOfBounds{n, size_});
  }
  if (n == 0) {
    return Bytes();
  }
  take_reference();
  Bytes front = detail::BytesAccess::adopt(data_, n, block_);
  drop_front(n);
  return front;
}

inline expected<BytesMut, SplitOutOfBounds> BytesMut::split_to(std::size_t n) noexcept {
  if (n > size_) {
    return unexpected(SplitOutOfBounds{n, size_});
  }
  if (n == 0) {
    return BytesMut();
  }
  take_reference();
  BytesMut front(data_, n, n, block_, 1);
  drop_front(n);
  return front;
}

inline Bytes BytesMut::freeze() && noexcept {
  if (size_ == 0) {
    *this = BytesMut();
    return {};
  }
  if (held_ != 1) {
    keep_one_reference();
  }
  held_ = 0;
  capacity_ = 0;
  return detail::BytesAccess::adopt(std::exchange(data_, nullptr), std::exchange(size_, 0),
                                    std::exchange(block_, nullptr));
}

inline expected<void, SplitOutOfBounds> BytesMut::advance(std::size_t n) noexcept {
  if (n > size_) {
    return unexpected(SplitOutOfBounds{n, size_});
  }
  drop_front(n);
  return {};
}

}  // namespace bytes_handoff
