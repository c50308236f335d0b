#pragma once

#include <system_error>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// The number of errno that an error is, 0 for none, and -1 if it is none of the system's.
[[nodiscard]] inline int errno_of(const net_error_code& error) noexcept {
  if (!error) {
    return 0;
  }
  bool is_of_system = error.category() == net::error::get_system_category();
#if defined(BYTES_HANDOFF_BOOST_ASIO)
  is_of_system = is_of_system || error.category() == boost::system::generic_category();
#endif
  if (is_of_system) {
    return error.value();
  }
  const ErrorValue value = to_error_value(error);
  const bool is_std_of_system =
      value.has_std_category &&
      (value.category == &std::system_category() || value.category == &std::generic_category());
  return is_std_of_system ? value.value : -1;
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
