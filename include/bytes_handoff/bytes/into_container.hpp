#pragma once

#include <concepts>
#include <ranges>
#include <span>
#include <utility>

#include "bytes_handoff/bytes.hpp"

namespace bytes_handoff {

namespace detail {

template <class T>
using ElementPointer = const std::ranges::range_value_t<T>*;

/// What `into_container` makes: a container of bytes, such as `std::string`.
template <class T>
concept ByteContainer =
    ByteOwner<T> && std::constructible_from<T, ElementPointer<T>, ElementPointer<T>>;

/// The container that `bytes` are, if no one else has a slice of it; else null.
template <ByteContainer T>
[[nodiscard]] T* whole_container(const Bytes& bytes) noexcept {
  ForeignOwner<T>* const foreign = ForeignOwner<T>::of(BytesAccess::owner(bytes));
  if (foreign == nullptr || !foreign->is_unique(1)) {
    return nullptr;
  }
  const auto held = std::as_bytes(std::span(std::as_const(foreign->value)));
  return held.data() == bytes.data() && held.size() == bytes.size() ? &foreign->value : nullptr;
}

}  // namespace detail

/// The bytes as a container; `bytes` is left empty.
///
/// Takes back the `T` that `Bytes::from_owner` took in, with its capacity. `bytes` must be all of
/// it, and no other slice of it may be left. Otherwise, and if they have a tag, they are copied.
///
/// Errors: if the copy throws, `bytes` is unchanged.
/// Cost: O(1), or O(n) and the allocations of a `T`.
///
///     Bytes bytes = Bytes::from_owner(std::move(text));
///     text = into_container<std::string>(std::move(bytes));   // no copy
template <detail::ByteContainer T>
[[nodiscard("the container is the result")]] T into_container(Bytes&& bytes) {
  if (T* const whole = detail::whole_container<T>(bytes)) {
    T container(std::move(*whole));
    bytes.clear();
    return container;
  }
  const auto* const first = reinterpret_cast<detail::ElementPointer<T>>(bytes.data());
  T copy(first, first + bytes.size());
  bytes.clear();
  return copy;
}

}  // namespace bytes_handoff
