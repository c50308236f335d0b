#pragma once

#include <concepts>
#include <cstddef>
#include <ranges>
#include <string_view>
#include <type_traits>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

template <class T>
concept ByteLike =
    std::same_as<std::remove_cv_t<T>, std::byte> || std::same_as < std::remove_cv_t<T>,
char > || std::same_as<std::remove_cv_t<T>, unsigned char>;

template <class T>
concept TextLike = std::convertible_to<const T&, std::string_view>;

template <class T>
concept ByteRange =
    std::ranges::contiguous_range<const T> && ByteLike<std::ranges::range_value_t<const T>>;

/// Bytes that never change and never go. Only the compiler makes one: from a string literal, a
/// constexpr array of bytes, or a constexpr view of either.
class StaticBytes {
 public:
  template <TextLike Text>
  // NOLINTNEXTLINE(google-explicit-constructor): a literal is passed where one is taken
  explicit(false) consteval StaticBytes(const Text& text)
      : StaticBytes(static_cast<std::string_view>(text).data(),
                    static_cast<std::string_view>(text).size()) {}

  template <ByteRange Range>
  requires(!TextLike<Range>)
      // NOLINTNEXTLINE(google-explicit-constructor): as above
      explicit(false) consteval StaticBytes(const Range& range)
      : StaticBytes(std::ranges::data(range), std::ranges::size(range)) {}

  [[nodiscard]] constexpr const std::byte* data() const noexcept {
    return static_cast<const std::byte*>(data_);
  }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }

 private:
  // Reads a byte, so that an array that may still change is refused.
  template <class Byte>
  consteval StaticBytes(const Byte* data, std::size_t size) : data_(data), size_(size) {
    if (size != 0) {
      [[maybe_unused]] const Byte first = *data;
    }
  }

  const void* data_;
  std::size_t size_;
};

}  // namespace bytes_handoff::detail
