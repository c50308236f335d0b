#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <functional>
#include <iosfwd>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "bytes_handoff/core/memory/block.hpp"
#include "bytes_handoff/core/memory/static_bytes.hpp"
#include "bytes_handoff/core/support/check.hpp"
#include "bytes_handoff/core/support/lifetimebound.hpp"
#include "bytes_handoff/core/support/saturating_sum.hpp"
#include "bytes_handoff/error.hpp"
#include "bytes_handoff/expected.hpp"

namespace bytes_handoff {

namespace detail {

struct BytesAccess;

/// What `Bytes::from_owner` takes: a movable contiguous container of bytes.
template <class T>
concept ByteOwner = std::ranges::contiguous_range<T> && std::ranges::sized_range<T> &&
    ByteLike<std::ranges::range_value_t<T>> && std::movable<T> && !std::ranges::borrowed_range<T>;

/// A view that is made from a pointer and a size, such as an Asio `const_buffer`.
template <class B>
concept BufferView = std::constructible_from<B, const void*, std::size_t> && requires(const B& b) {
  { b.data() } -> std::same_as<const void*>;
  { b.size() } -> std::same_as<std::size_t>;
};

template <class T>
struct ForeignOwner final : Owner {
  explicit ForeignOwner(T&& from)
      : Owner(1, &ForeignOwner::destroy_foreign), value(std::move(from)) {}
  static void destroy_foreign(Owner* owner) noexcept { delete static_cast<ForeignOwner*>(owner); }

  /// The `T` behind an owner; null when the owner is of another kind.
  static ForeignOwner* of(Owner* owner) noexcept {
    return owner != nullptr && owner->destroy == &ForeignOwner::destroy_foreign
               ? static_cast<ForeignOwner*>(owner)
               : nullptr;
  }

  T value;
};

/// Apart: GCC 12 warns of a container that is empty and destroyed where it was made.
template <class T>
[[gnu::noinline]] void destroy_moved(T&& owner) {
  [[maybe_unused]] const T gone(std::forward<T>(owner));
}

/// What is compared with bytes, and hashed as they are: text, and contiguous ranges of bytes.
template <class T>
concept ViewedAsBytes = (TextLike<T> && !std::same_as<T, std::nullptr_t>) || ByteRange<T>;

template <ViewedAsBytes T>
[[nodiscard]] std::string_view text_of(const T& bytes) {
  if constexpr (TextLike<T>) {
    return bytes;
  } else {
    return {reinterpret_cast<const char*>(std::ranges::data(bytes)), std::ranges::size(bytes)};
  }
}

}  // namespace detail

/// An immutable, owned, shared slice of bytes.
///
///     HandoffBuffer / BytesMut --- fills ---> [ block: count | data .................. ]
///                                                       ^        ^-----^ ^------^
///     Bytes --- one reference each ---------------------+         slice   slice
///
/// A `Bytes` keeps the memory behind it alive, on any thread. It hands bytes on without copying.
///
/// Do not keep a few bytes of a large block for long: they keep the whole block. See `compact`.
///
/// Ownership: one reference on the memory behind. Static storage and empty slices need none.
/// Threads: distinct objects on any threads at once, even if they share memory. One object on one
///     thread at a time; const members may run concurrently.
/// Cost: copy, slice and drop are O(1) and allocate nothing. A move does not touch the reference
///     count.
/// Errors: only functions that allocate throw: `std::bad_alloc`, and `std::length_error` for a copy
///     of more bytes than a block can have.
///
///     Bytes line = Bytes::copy_of("GET /\r\n");
///     Bytes verb = line.slice(0, 3).value();   // shares line's memory
class Bytes {
 public:
  /// Empty; owns nothing.
  constexpr Bytes() noexcept = default;

  Bytes(const Bytes& other) noexcept
      : data_(other.data_), size_(other.size_), owner_(other.owner_) {
    if (owner_ != nullptr) {
      owner_->add_references(1);
    }
  }

  /// The source is left empty.
  Bytes(Bytes&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        owner_(std::exchange(other.owner_, nullptr)) {}

  Bytes& operator=(const Bytes& other) noexcept {
    Bytes(other).swap(*this);
    return *this;
  }

  Bytes& operator=(Bytes&& other) noexcept {
    Bytes(std::move(other)).swap(*this);
    return *this;
  }

  ~Bytes() {
    if (owner_ != nullptr) {
      owner_->release(1);
    }
  }

  /// Copies `bytes`. The copy takes at most 64 bytes more than twice their size, bookkeeping
  /// included.
  ///
  /// Cost: O(n), one allocation.
  [[nodiscard("the copy is the result")]] static Bytes copy_of(std::span<const std::byte> bytes);
  [[nodiscard("the copy is the result")]] static Bytes copy_of(std::string_view text) {
    return copy_of(std::as_bytes(std::span(text)));
  }

  /// Refers to a string literal, or to a constexpr array or view of bytes. Nothing else compiles;
  /// for other bytes use `borrow_static`. A literal ends before its first zero byte.
  ///
  /// Cost: O(1). Owns nothing.
  [[nodiscard("the slice is the result")]] static Bytes from_static(
      detail::StaticBytes bytes) noexcept {
    return {bytes.data(), bytes.size(), nullptr};
  }

  /// Refers to bytes that are known only at run time, such as a table that is made at start.
  ///
  /// Nothing keeps them alive. They must stay in place, unchanged, until every slice of them is
  /// gone, on whichever thread. The program must see to that; neither compiler nor library can.
  ///
  /// Cost: O(1). Owns nothing.
  [[nodiscard("the slice is the result")]] static Bytes borrow_static(
      std::span<const std::byte> bytes) noexcept {
    return {bytes.data(), bytes.size(), nullptr};
  }
  [[nodiscard("the slice is the result")]] static Bytes borrow_static(
      std::string_view text) noexcept {
    return borrow_static(std::as_bytes(std::span(text)));
  }

  /// Takes a container in, and keeps it until the last slice is gone: `std::string`, `std::vector`,
  /// or any movable contiguous range of bytes that owns its elements. The container is destroyed on
  /// the thread that drops the last slice.
  ///
  /// To have the container back: `into_container` (`bytes/into_container.hpp`). An empty one is
  /// destroyed at once.
  ///
  /// Errors: if the allocation throws, `owner` is unchanged.
  /// Cost: one allocation. The bytes are not copied.
  template <detail::ByteOwner T>
  requires(!std::is_lvalue_reference_v<T>)
      [[nodiscard("the owner is destroyed with the result")]] static Bytes from_owner(T&& owner) {
    if (std::ranges::empty(owner)) {
      detail::destroy_moved<T>(std::forward<T>(owner));
      return {};
    }
    auto* foreign = new detail::ForeignOwner<T>(std::forward<T>(owner));
    Bytes slice(nullptr, 0, foreign);  // destroys it if the container throws below
    const auto bytes = std::as_bytes(std::span(std::as_const(foreign->value)));
    slice.data_ = bytes.data();
    slice.size_ = bytes.size();
    return slice;
  }

  /// Refers to `bytes`, and keeps `owner` until the last slice is gone. For memory that is no
  /// container's, such as a mapped file behind a `shared_ptr`.
  ///
  /// Moving `owner` must not move `bytes`. If `bytes` is empty, `owner` is destroyed at once.
  /// Errors and cost are as above.
  template <std::movable T>
  requires(!std::is_lvalue_reference_v<T>)
      [[nodiscard("the owner is destroyed with the result")]] static Bytes
      from_owner(T&& owner, std::span<const std::byte> bytes) {
    if (bytes.empty()) {
      [[maybe_unused]] const T gone(std::forward<T>(owner));
      return {};
    }
    return {bytes.data(), bytes.size(), new detail::ForeignOwner<T>(std::forward<T>(owner))};
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] const std::byte* data() const noexcept BYTES_HANDOFF_LIFETIMEBOUND { return data_; }
  [[nodiscard]] const std::byte* begin() const noexcept BYTES_HANDOFF_LIFETIMEBOUND {
    return data_;
  }
  [[nodiscard]] const std::byte* end() const noexcept BYTES_HANDOFF_LIFETIMEBOUND {
    return data_ + size_;
  }
  /// Precondition: `index < size()`.
  [[nodiscard]] std::byte operator[](std::size_t index) const noexcept {
    BYTES_HANDOFF_CHECK(index < size_, "Bytes::operator[]: the index is not below size()");
    return data_[index];
  }

  /// The bytes. Valid while this object, or another slice of the same memory, is alive.
  [[nodiscard]] std::span<const std::byte> span() const noexcept BYTES_HANDOFF_LIFETIMEBOUND {
    return {data_, size_};
  }
  [[nodiscard]] std::string_view view() const noexcept BYTES_HANDOFF_LIFETIMEBOUND {
    return {reinterpret_cast<const char*>(data_), size_};
  }

  /// Converts to an Asio `const_buffer` of either flavour. Valid as long as `span()`.
  template <detail::BufferView B>
  explicit(false) operator B()  // NOLINT(google-explicit-constructor)
      const noexcept BYTES_HANDOFF_LIFETIMEBOUND {
    return B(static_cast<const void*>(data_), size_);
  }

  /// The part that starts at `offset` and has `size` bytes. It shares this memory. O(1).
  ///
  /// Errors: refused if it would reach beyond `size()`.
  [[nodiscard("slice changes nothing: the part is the result")]] expected<Bytes, SplitOutOfBounds>
  slice(std::size_t offset, std::size_t size) const noexcept;

  /// Splits off and returns the first `n` bytes; this keeps the rest. O(1).
  ///
  /// Errors: refused if `n > size()`. Nothing changes then.
  [[nodiscard("the bytes that were split off are the result: advance drops them")]] expected<
      Bytes, SplitOutOfBounds>
  split_to(std::size_t n) noexcept;

  /// Drops the first `n` bytes. O(1).
  ///
  /// Errors: refused if `n > size()`. Nothing changes then.
  expected<void, SplitOutOfBounds> advance(std::size_t n) noexcept;

  /// Keeps at most the first `n` bytes. O(1).
  void truncate(std::size_t n) noexcept {
    size_ = n < size_ ? n : size_;
    if (size_ == 0) {
      clear();
    }
  }

  /// Drops everything, and the reference on the memory behind. O(1).
  void clear() noexcept { *this = Bytes(); }

  /// The same bytes in little memory: at most 64 bytes more than twice their size, bookkeeping
  /// included. For slices that are kept for long.
  ///
  /// Returns this slice if its memory is as small already, or is static, or came by `from_owner`.
  /// Otherwise it returns a copy.
  ///
  /// Cost: a copy is O(n) and one allocation; else O(1).
  [[nodiscard("compact changes nothing: the small slice is the result")]] Bytes compact() const;

  void swap(Bytes& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(owner_, other.owner_);
  }

  /// By content, as unsigned bytes from first to last. O(n).
  friend bool operator==(const Bytes& a, const Bytes& b) noexcept { return a.view() == b.view(); }
  friend std::strong_ordering operator<=>(const Bytes& a, const Bytes& b) noexcept {
    return a.view() <=> b.view();
  }
  /// As above, with `BytesMut`, with what converts to `std::string_view`, and with any contiguous
  /// range of bytes. A literal ends before its first zero byte.
  template <detail::ViewedAsBytes T>
  friend bool operator==(const Bytes& a, const T& b) {
    return a.view() == detail::text_of(b);
  }
  template <detail::ViewedAsBytes T>
  friend std::strong_ordering operator<=>(const Bytes& a, const T& b) {
    return a.view() <=> detail::text_of(b);
  }

  /// Prints printable ASCII as it is and other bytes as `\xNN`, and not more than
  /// `kMostPrintedBytes` of them. `bytes/escaped.hpp` has the same for other ways to print.
  friend std::ostream& operator<<(std::ostream& out, const Bytes& bytes);

 private:
  friend struct detail::BytesAccess;

  // Takes over one reference on `owner`.
  Bytes(const std::byte* data, std::size_t size, detail::Owner* owner) noexcept
      : data_(data), size_(size), owner_(owner) {}

  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  detail::Owner* owner_ = nullptr;
};

static_assert(sizeof(Bytes) <= 24);

/// Hashes bytes by content, and what views as bytes alike. With it a key is looked up without
/// making a `Bytes` of it. A `std::map` needs only `std::less<>` for that.
///
///     std::unordered_map<Bytes, int, BytesHash, std::equal_to<>> seen;
///     const auto found = seen.find(std::string_view("key"));
struct BytesHash {
  using is_transparent = void;
  template <detail::ViewedAsBytes T>
  [[nodiscard]] std::size_t operator()(const T& bytes) const {
    return std::hash<std::string_view>{}(detail::text_of(bytes));
  }
};

namespace detail {

/// How the library's own units make slices and take references out of them.
struct BytesAccess {
  /// Takes over one reference on `owner`.
  static Bytes adopt(const std::byte* data, std::size_t size, Owner* owner) noexcept {
    return {data, size, owner};
  }
  static Owner* owner(const Bytes& bytes) noexcept { return bytes.owner_; }
  /// Leaves `bytes` empty; the caller has its reference on the owner now.
  static Owner* release(Bytes& bytes) noexcept {
    bytes.data_ = nullptr;
    bytes.size_ = 0;
    return std::exchange(bytes.owner_, nullptr);
  }
};

}  // namespace detail

inline expected<Bytes, SplitOutOfBounds> Bytes::slice(std::size_t offset,
                                                      std::size_t size) const noexcept {
  if (offset > size_ || size > size_ - offset) {
    return unexpected(SplitOutOfBounds{detail::saturating_sum(offset, size), size_});
  }
  if (size == 0) {
    return Bytes();
  }
  if (owner_ != nullptr) {
    owner_->add_references(1);
  }
  return Bytes(data_ + offset, size, owner_);
}

inline expected<Bytes, SplitOutOfBounds> Bytes::split_to(std::size_t n) noexcept {
  if (n == size_) {
    return std::exchange(*this, Bytes());
  }
  auto front = slice(0, n);
  if (front) {
    data_ += n;
    size_ -= n;
  }
  return front;
}

inline expected<void, SplitOutOfBounds> Bytes::advance(std::size_t n) noexcept {
  if (n > size_) {
    return unexpected(SplitOutOfBounds{n, size_});
  }
  data_ += n;
  size_ -= n;
  if (size_ == 0) {
    clear();
  }
  return {};
}

}  // namespace bytes_handoff

/// By content: equal bytes hash alike, however they are owned.
template <>
struct std::hash<bytes_handoff::Bytes> {
  [[nodiscard]] std::size_t operator()(const bytes_handoff::Bytes& bytes) const noexcept {
    return bytes_handoff::BytesHash{}(bytes);
  }
};
