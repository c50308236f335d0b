#pragma once

#include <concepts>
#include <ranges>
#include <type_traits>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/bytes.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Refused by the compiler: arguments that could not keep a refused slice, since they are temporary
/// or const. A temporary span is accepted; it owns no slices.
template <class T>
concept UnwritableSlice = std::same_as<std::remove_cvref_t<T>, Bytes> &&
    (!std::is_lvalue_reference_v<T> || std::is_const_v<std::remove_reference_t<T>>);
template <class T>
concept UnwritableSlices = std::ranges::range<T> &&
    std::same_as<std::ranges::range_value_t<T>, Bytes> &&
    (!std::ranges::borrowed_range<T> ||
     std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<T>>>);
template <class T>
concept UnwritableBytes = UnwritableSlice<T> || UnwritableSlices<T>;

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
