#pragma once

#include <system_error>
#include <type_traits>
#include <utility>

#include "bytes_handoff/detail/net.hpp"
#include "bytes_handoff/detail/outcome.hpp"
#include "bytes_handoff/error.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

using NetCategory = std::remove_cvref_t<decltype(std::declval<net_error_code>().category())>;

inline net_error_code to_net_error(Errc code) noexcept {
  return net_error_code(make_error_code(code));
}

/// Whether Boost's error code holds one of the standard library, of a category that Boost does not
/// know; then its own value and category are not those that it was made of.
inline bool holds_std_error(const net_error_code& error) noexcept {
  if constexpr (std::is_same_v<NetCategory, std::error_category>) {
    return false;
  } else {
    static const auto& of_held = to_net_error(Errc::closed).category();
    return error.category() == of_held;
  }
}

/// The shell's error code, taken apart for the core to keep.
inline ErrorValue to_error_value(const net_error_code& error) noexcept {
  if (holds_std_error(error)) {
    const std::error_code held = error;
    return {held.value(), true, &held.category()};
  }
  return {error.value(), std::is_same_v<NetCategory, std::error_category>, &error.category()};
}

/// What the core kept, put together again: it compares as what was taken apart.
inline net_error_code to_net_error(const ErrorValue& error) noexcept {
  if (error.category == nullptr) {
    return {};
  }
  if (error.has_std_category) {
    return std::error_code(error.value, *static_cast<const std::error_category*>(error.category));
  }
  return {error.value, *static_cast<const NetCategory*>(error.category)};
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
