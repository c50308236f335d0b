#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iosfwd>
#include <memory_resource>
#include <span>
#include <string_view>
#include <utility>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/core/memory/poison.hpp"
#include "bytes_handoff/core/support/check.hpp"

namespace bytes_handoff {

namespace detail {
struct RegionAccess;
}  // namespace detail

/// A unique, growable region of bytes: `size()` bytes that are filled, and spare room behind them.
///
/// Splitting hands out regions of one block. They never overlap, so each may be written without
/// the others noticing. `freeze` turns a region into a shared, immutable `Bytes`. `reserve` uses
/// the whole block again once no other region or slice is left in it.
///
/// It assembles or edits bytes before they are handed on. Not for a stream's unread input, which
/// needs a bound: see `HandoffBuffer`.
///
/// Ownership: references on one block, or none while empty. Not copyable.
/// Views: `reserve`, `try_reclaim`, `extend`, `resize` and `unsplit` invalidate them. Otherwise
/// they stay
///     valid while any owner of these bytes lives.
/// Threads: distinct objects on any threads at once, even if they share a block. One object on one
///     thread at a time.
/// Cost: every function is O(1) and allocates nothing, unless it says otherwise. Splitting touches
///     the reference count once in a million splits.
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
      detail::give_up(data_, capacity_);
      block_->release(held_);
    }
  }

  /// Empty, with room for at least `capacity` bytes. For 0 it takes no memory.
  ///
  /// The block comes from `source`, which must outlive every slice of it. Null: the library's
  /// pool (`memory.hpp`).
  ///
  /// Errors: throws what the source throws, and `std::length_error` for a size that no block can
  ///     have.
  [[nodiscard("the region is the result")]] static BytesMut with_capacity(
      std::size_t capacity, std::pmr::memory_resource* source = nullptr);

  /// A copy of `bytes`. One allocation, O(n).
  [[nodiscard("the copy is the result")]] static BytesMut copy_of(std::span<const std::byte> bytes);
  [[nodiscard("the copy is the result")]] static BytesMut copy_of(std::string_view text) {
    return copy_of(std::as_bytes(std::span(text)));
  }

  /// The same bytes, to be written to; `bytes` is left empty. The opposite of `freeze`.
  ///
  /// Takes over the memory if it is a block that nothing else shares. Otherwise it copies, also
  /// what is static, came by `from_owner` or has a tag, and most of what `Bytes::copy_of` made.
  ///
  /// Errors: if the allocation of a copy throws, `bytes` is unchanged.
  /// Cost: O(1), or a copy as `copy_of`.
  [[nodiscard("the region is the result")]] static BytesMut thaw(Bytes&& bytes);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Filled and spare bytes together.
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::byte* data() noexcept BYTES_HANDOFF_LIFETIMEBOUND { return data_; }
  [[nodiscard]] const std::byte* data() const noexcept BYTES_HANDOFF_LIFETIMEBOUND { return data_; }
  [[nodiscard]] std::span<std::byte> span() noexcept BYTES_HANDOFF_LIFETIMEBOUND {
    return {data_, size_};
  }
  [[nodiscard]] std::span<const std::byte> span() const noexcept BYTES_HANDOFF_LIFETIMEBOUND {
    return {data_, size_};
  }
  [[nodiscard]] std::string_view view() const noexcept BYTES_HANDOFF_LIFETIMEBOUND {
    return {reinterpret_cast<const char*>(data_), size_};
  }

  [[nodiscard]] std::byte* begin() noexcept BYTES_HANDOFF_LIFETIMEBOUND { return data_; }
  [[nodiscard]] std::byte* end() noexcept BYTES_HANDOFF_LIFETIMEBOUND { return data_ + size_; }
  [[nodiscard]] const std::byte* begin() const noexcept BYTES_HANDOFF_LIFETIMEBOUND {
    return data_;
  }
  [[nodiscard]] const std::byte* end() const noexcept BYTES_HANDOFF_LIFETIMEBOUND {
    return data_ + size_;
  }
  /// Precondition: `index < size()`.
  [[nodiscard]] std::byte& operator[](std::size_t index) noexcept BYTES_HANDOFF_LIFETIMEBOUND {
    BYTES_HANDOFF_CHECK(index < size_, "BytesMut::operator[]: the index is not below size()");
    return data_[index];
  }
  [[nodiscard]] std::byte operator[](std::size_t index) const noexcept {
    BYTES_HANDOFF_CHECK(index < size_, "BytesMut::operator[]: the index is not below size()");
    return data_[index];
  }

  /// Room behind the filled bytes. Its contents are unspecified. `commit` makes part of it filled.
  [[nodiscard]] std::span<std::byte> spare() noexcept BYTES_HANDOFF_LIFETIMEBOUND {
    detail::take_up(data_ + size_, capacity_ - size_);
    return {data_ + size_, capacity_ - size_};
  }
  /// Counts the first `n` bytes of `spare()` as filled. Precondition: `n <= spare().size()`.
  void commit(std::size_t n) noexcept {
    BYTES_HANDOFF_CHECK(n <= capacity_ - size_, "BytesMut::commit: more bytes than spare() has");
    size_ += n;
  }

  /// Makes room for at least `additional` bytes more.
  ///
  /// All of a block that nobody shares is room. What is behind this region is taken first, then
  /// what is before it: the filled bytes move to the front. Otherwise they move to another block,
  /// of at least twice their size.
  ///
  /// Errors: throws what the source throws. Nothing changes then.
  /// Cost: O(1) if the room is there; amortized O(1) a byte.
  void reserve(std::size_t additional) {
    if (additional > capacity_ - size_) {
      grow(additional);
    }
  }

  /// As `reserve`, but takes no new memory. Returns false, and changes nothing, if it would need
  /// some.
  [[nodiscard]] bool try_reclaim(std::size_t additional) noexcept {
    return additional <= capacity_ - size_ || reclaim(additional);
  }

  /// Appends a copy of `bytes`, which must not lie in this region.
  ///
  /// Errors and cost: as `reserve`, and O(n) for the copy.
  void extend(std::span<const std::byte> bytes);
  void extend(std::string_view text) { extend(std::as_bytes(std::span(text))); }

  /// Makes `size()` be `n`: drops what is behind, or appends bytes that are `value`.
  ///
  /// Errors and cost: as `extend`.
  void resize(std::size_t n, std::byte value = std::byte{});

  /// Splits off and returns the first `n` bytes, without spare room. This keeps the rest and the
  /// room behind it. O(1).
  ///
  /// Errors: refused if `n > size()`. Nothing changes then.
  [[nodiscard("the bytes that were split off are the result: advance drops them")]] expected<
      BytesMut, SplitOutOfBounds>
  split_to(std::size_t n) noexcept;

  /// As `split_to`, frozen.
  [[nodiscard("the bytes that were split off are the result: advance drops them")]] expected<
      Bytes, SplitOutOfBounds>
  split_to_frozen(std::size_t n) noexcept;

  /// Splits off and returns all filled bytes; this keeps the room behind them. O(1).
  [[nodiscard("the bytes that were split off are the result: clear drops them")]] BytesMut
  split() noexcept;

  /// The filled bytes as an immutable slice; this is left empty, owning nothing. O(1).
  [[nodiscard("the frozen bytes are the result")]] Bytes freeze() && noexcept;

  /// Appends `other`, which is left empty. If this has no spare room and `other` starts right
  /// behind it, as after a split, they rejoin without a copy. Otherwise the bytes of `other` are
  /// copied.
  ///
  /// Errors: a copy may throw as `reserve` does. Both are unchanged then.
  /// Cost: O(1) if they rejoin; a copy is as `extend`.
  void unsplit(BytesMut&& other);

  /// Drops the first `n` bytes. O(1).
  ///
  /// Errors: refused if `n > size()`. Nothing changes then.
  expected<void, SplitOutOfBounds> advance(std::size_t n) noexcept;

  /// Keeps at most the first `n` bytes; the room stays. O(1).
  void truncate(std::size_t n) noexcept { size_ = n < size_ ? n : size_; }

  /// Drops all bytes; the room stays. O(1).
  void clear() noexcept { size_ = 0; }

  /// Whether no other region or slice shares the block. True if this owns nothing.
  [[nodiscard]] bool is_unique() const noexcept {
    return block_ == nullptr || block_->is_unique(held_);
  }

  /// Bytes of memory that the block takes, header included. 0 if this owns nothing.
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

  /// By content, and with the same other types as `Bytes`. O(n).
  friend bool operator==(const BytesMut& a, const BytesMut& b) noexcept {
    return a.view() == b.view();
  }
  friend std::strong_ordering operator<=>(const BytesMut& a, const BytesMut& b) noexcept {
    return a.view() <=> b.view();
  }
  template <detail::ViewedAsBytes T>
  requires(!std::same_as<T, Bytes>) friend bool operator==(const BytesMut& a, const T& b) {
    return a.view() == detail::text_of(b);
  }
  template <detail::ViewedAsBytes T>
  requires(!std::same_as<T, Bytes>) friend std::strong_ordering operator<=>(const BytesMut& a,
                                                                            const T& b) {
    return a.view() <=> detail::text_of(b);
  }

  /// Prints the filled bytes as `Bytes` are printed.
  friend std::ostream& operator<<(std::ostream& out, const BytesMut& bytes);

 private:
  friend class HandoffBuffer;
  friend struct detail::RegionAccess;

  // The region of a slice that was split off from one, and that nobody else has seen.
  [[nodiscard]] static BytesMut thaw_unseen(Bytes&& slice) noexcept;

  // The slice `[first, last)` of the first `n` bytes, which are dropped. Precondition:
  // `first < last <= n <= size()`.
  [[nodiscard]] Bytes take(std::size_t n, std::size_t first, std::size_t last) noexcept;

  // Takes over `held` references on `block`.
  BytesMut(std::byte* data, std::size_t size, std::size_t capacity, detail::Block* block,
           std::uint32_t held) noexcept
      : data_(data), size_(size), capacity_(capacity), block_(block), held_(held) {}

  void grow(std::size_t additional);
  void keep_one_reference() noexcept;
  [[nodiscard]] bool reclaim(std::size_t additional) noexcept;

  [[nodiscard]] static BytesMut of_block(detail::Block* block) noexcept {
    return {block->data(), 0, block->capacity, block, detail::Block::kReferencesAtOnce};
  }

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

inline void BytesMut::extend(std::span<const std::byte> bytes) {
  if (bytes.empty()) {
    return;
  }
  reserve(bytes.size());
  detail::take_up(data_ + size_, bytes.size());
  std::memcpy(data_ + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

inline void BytesMut::resize(std::size_t n, std::byte value) {
  if (n > size_) {
    reserve(n - size_);
    detail::take_up(data_ + size_, n - size_);
    std::memset(data_ + size_, static_cast<int>(value), n - size_);
  }
  size_ = n;
}

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

inline BytesMut BytesMut::thaw_unseen(Bytes&& slice) noexcept {
  auto* const data = const_cast<std::byte*>(slice.data());  // NOLINT: it was this type's
  const std::size_t n = slice.size();
  auto* const block = static_cast<detail::Block*>(detail::BytesAccess::release(slice));
  return BytesMut(data, n, n, block, 1);
}

[[gnu::always_inline]] inline Bytes BytesMut::take(std::size_t n, std::size_t first,
                                                   std::size_t last) noexcept {
  take_reference();
  Bytes slice = detail::BytesAccess::adopt(data_ + first, last - first, block_);
  drop_front(n);
  return slice;
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
