#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <functional>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "bytes_handoff/core/memory/block.hpp"
#include "bytes_handoff/error.hpp"
#include "bytes_handoff/expected.hpp"

namespace bytes_handoff {

namespace detail {

struct BytesAccess;

template <class T>
concept ByteLike =
    std::same_as<std::remove_cv_t<T>, std::byte> || std::same_as < std::remove_cv_t<T>,
char > || std::same_as<std::remove_cv_t<T>, unsigned char>;

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
  T value;
};

}  // namespace detail

/// An immutable, owned, shared slice of bytes.
///
///     HandoffBuffer / BytesMut --- fills ---> [ block: count | data .................. ]
///                                                       ^        ^-----^ ^------^
///     Bytes --- one reference each ---------------------+         slice   slice
///
/// A `Bytes` keeps the memory behind it alive for as long as it lives, on whichever thread. Use it
/// to hand bytes on without copying; do not use it to keep a few bytes of a large block for long
/// (see `compact()`).
///
/// Ownership: a reference on the memory behind, or none for static storage and empty slices: one
/// that becomes empty lets go of its memory.
/// Thread safety: distinct objects may be used on any threads at once, even when they share memory;
/// one object by one thread at a time, except that const members may run concurrently.
/// Cost: copy, slice and drop are O(1) and allocate nothing; a move touches no shared memory.
/// Exceptions: only the functions that allocate throw (std::bad_alloc, and std::length_error for a
/// copy of more bytes than a block can have).
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

  /// Copies `bytes` into memory of its own: at most twice as large plus 64 bytes, all bookkeeping
  /// included. One allocation, O(n).
  [[nodiscard]] static Bytes copy_of(std::span<const std::byte> bytes);
  [[nodiscard]] static Bytes copy_of(std::string_view text) {
    return copy_of(std::as_bytes(std::span(text)));
  }

  /// Refers to bytes that outlive every slice of them, such as a literal. O(1), owns nothing.
  [[nodiscard]] static Bytes from_static(std::span<const std::byte> bytes) noexcept {
    return {bytes.data(), bytes.size(), nullptr};
  }
  [[nodiscard]] static Bytes from_static(std::string_view text) noexcept {
    return from_static(std::as_bytes(std::span(text)));
  }

  /// Takes a container in (std::string, std::vector, or any movable contiguous range of bytes that
  /// owns its elements) and keeps it until the last slice goes. One allocation, no copy of the
  /// bytes. The container is destroyed on the thread that drops the last slice. When the allocation
  /// throws, `owner` is untouched.
  template <detail::ByteOwner T>
  requires(!std::is_lvalue_reference_v<T>) [[nodiscard]] static Bytes from_owner(T&& owner) {
    if (std::ranges::empty(owner)) {
      return {};
    }
    auto* foreign = new detail::ForeignOwner<T>(std::forward<T>(owner));
    const auto bytes = std::as_bytes(std::span(std::as_const(foreign->value)));
    return {bytes.data(), bytes.size(), foreign};
  }

  /// Refers to `bytes`, and keeps `owner` until the last slice goes: for memory that is not a
  /// container's, such as a mapped file behind a `shared_ptr`. `bytes` must stay where they are
  /// when `owner` is moved. Else as above; `owner` goes at once when there are no bytes.
  template <std::movable T>
  requires(!std::is_lvalue_reference_v<T>) [[nodiscard]] static Bytes
      from_owner(T&& owner, std::span<const std::byte> bytes) {
    if (bytes.empty()) {
      [[maybe_unused]] const T gone(std::forward<T>(owner));
      return {};
    }
    return {bytes.data(), bytes.size(), new detail::ForeignOwner<T>(std::forward<T>(owner))};
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  [[nodiscard]] const std::byte* begin() const noexcept { return data_; }
  [[nodiscard]] const std::byte* end() const noexcept { return data_ + size_; }
  /// Precondition: `index < size()`.
  [[nodiscard]] std::byte operator[](std::size_t index) const noexcept { return data_[index]; }

  /// The bytes; valid while this object, or another slice of the same memory, is alive.
  [[nodiscard]] std::span<const std::byte> span() const noexcept { return {data_, size_}; }
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(data_), size_};
  }

  /// Converts to an Asio `const_buffer` of either flavour; valid as long as `span()`.
  template <detail::BufferView B>
  explicit(false) operator B() const noexcept {  // NOLINT(google-explicit-constructor)
    return B(static_cast<const void*>(data_), size_);
  }

  /// The part that starts at `offset` and has `size` bytes, sharing this memory. O(1).
  [[nodiscard]] expected<Bytes, SplitOutOfBounds> slice(std::size_t offset,
                                                        std::size_t size) const noexcept;

  /// Splits off and returns the first `n` bytes; this keeps the rest. O(1).
  [[nodiscard]] expected<Bytes, SplitOutOfBounds> split_to(std::size_t n) noexcept;

  /// Drops the first `n` bytes. O(1).
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

  /// The same bytes in memory that is at most twice as large plus 64 bytes, all bookkeeping
  /// included. Returns this slice where that holds or cannot be told (static storage, foreign
  /// owners), else a copy. For slices that are kept for long. O(n) when it copies; one allocation.
  [[nodiscard]] Bytes compact() const;

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
    const std::size_t end = offset + size;
    return unexpected(SplitOutOfBounds{end < offset ? SIZE_MAX : end, size_});
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
    return std::hash<std::string_view>{}(bytes.view());
  }
};
