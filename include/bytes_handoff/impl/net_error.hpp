#pragma once

#include "bytes_handoff/detail/net.hpp"
#include "bytes_handoff/detail/outcome.hpp"
#include "bytes_handoff/error.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// The shell's error code, taken apart for the core to keep.
inline ErrorValue to_error_value(const net_error_code& error) noexcept {
  return {error.value(), &error.category()};
}

inline net_error_code to_net_error(Errc code) noexcept {
  return net_error_code(make_error_code(code));
}

/// What the core kept: the library's own code, or what `to_error_value` took apart, with its
/// category, so that it compares to what the backend defines.
inline net_error_code to_net_error(const ErrorValue& error) noexcept {
  if (error.category == nullptr) {
    return {};
  }
  if (error.category == &error_category()) {
    return to_net_error(static_cast<Errc>(error.value));
  }
  using Category = std::remove_cvref_t<decltype(std::declval<net_error_code>().category())>;
  return {error.value, *static_cast<const Category*>(error.category)};
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
