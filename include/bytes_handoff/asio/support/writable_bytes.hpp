#pragma once

#include <concepts>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"

// Arguments that a write refuses at compile time, and the hint that the compiler's message shows.
namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Hints are names of types: every compiler prints the template arguments of a deleted function.
// NOLINTBEGIN(readability-identifier-naming): read as sentences
struct move_it_into_a_variable_because_a_variable_keeps_what_is_refused;
struct copy_the_Bytes_which_is_cheap_into_a_variable_that_is_not_const;
struct slices_must_be_contiguous_as_in_a_vector_or_an_array;
struct make_Bytes_of_it_with_Bytes_from_owner_or_Bytes_copy_of;
struct make_Bytes_of_it_with_freeze;
// NOLINTEND(readability-identifier-naming)

template <class T>
concept Slice = std::same_as<std::remove_cvref_t<T>, Bytes>;
template <class T>
concept Slices = std::ranges::range<T> && std::same_as<std::ranges::range_value_t<T>, Bytes>;
template <class T>
concept Writable = std::convertible_to<T, Bytes&> || std::convertible_to<T, std::span<Bytes>>;

/// They could not keep a refused slice. A temporary span is accepted; it owns no slices.
template <class T>
concept UnwritableSlice = Slice<T> &&
    (!std::is_lvalue_reference_v<T> || std::is_const_v<std::remove_reference_t<T>>);
template <class T>
concept UnwritableSlices = Slices<T> &&
    (!std::ranges::borrowed_range<T> || !std::ranges::contiguous_range<T> ||
     std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<T>>>);

/// Bytes that are no `Bytes`: text, a container of bytes, a span of them.
template <class T>
concept OtherText = std::convertible_to<T, std::string_view>;
template <class T>
concept OtherRange = std::ranges::contiguous_range<T> && sizeof(std::ranges::range_value_t<T>) == 1;
template <class T>
concept OtherBytes = !Slice<T> && !Writable<T> && (OtherText<T> || OtherRange<T>);

template <class T>
concept UnwritableBytes = UnwritableSlice<T> || UnwritableSlices<T> || OtherBytes<T>;

template <class T>
[[nodiscard]] consteval auto why_unwritable() noexcept {
  if constexpr (std::same_as<std::remove_cvref_t<T>, BytesMut>) {
    return std::type_identity<make_Bytes_of_it_with_freeze>();
  } else if constexpr (OtherBytes<T>) {
    return std::type_identity<make_Bytes_of_it_with_Bytes_from_owner_or_Bytes_copy_of>();
  } else if constexpr (Slices<T> && !std::ranges::contiguous_range<T>) {
    return std::type_identity<slices_must_be_contiguous_as_in_a_vector_or_an_array>();
  } else if constexpr (std::ranges::borrowed_range<T>) {
    return std::type_identity<copy_the_Bytes_which_is_cheap_into_a_variable_that_is_not_const>();
  } else {
    return std::type_identity<move_it_into_a_variable_because_a_variable_keeps_what_is_refused>();
  }
}
/// The hint for an argument of the type `T`, as a forwarding reference deduces it.
template <class T>
using WhyUnwritable = typename decltype(why_unwritable<T>())::type;

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
