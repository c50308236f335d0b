#pragma once

#include <array>
#include <cerrno>
#include <system_error>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// An error of Asio's that an accept may end with, and its number of errno. On Windows the two are
/// not the same number.
struct NumberedError {
  net::error::basic_errors error;
  int number;
};
inline constexpr std::array kNumberedErrors{
    NumberedError{net::error::access_denied, EACCES},
    NumberedError{net::error::bad_descriptor, EBADF},
    NumberedError{net::error::connection_aborted, ECONNABORTED},
    NumberedError{net::error::connection_reset, ECONNRESET},
    NumberedError{net::error::host_unreachable, EHOSTUNREACH},
    NumberedError{net::error::interrupted, EINTR},
    NumberedError{net::error::network_down, ENETDOWN},
    NumberedError{net::error::network_unreachable, ENETUNREACH},
    NumberedError{net::error::no_buffer_space, ENOBUFS},
    NumberedError{net::error::no_descriptors, EMFILE},
    NumberedError{net::error::no_memory, ENOMEM},
    NumberedError{net::error::no_protocol_option, ENOPROTOOPT},
    NumberedError{net::error::operation_aborted, ECANCELED},
    NumberedError{net::error::operation_not_supported, EOPNOTSUPP},
    NumberedError{net::error::try_again, EAGAIN},
};

/// Of a number that the system has given, which is none of the above.
[[nodiscard]] inline int errno_of_system(int value) noexcept {
#if defined(_WIN32)
  const std::error_condition condition = std::system_category().default_error_condition(value);
  return condition.category() == std::generic_category() ? condition.value() : -1;
#else
  return value;
#endif
}

/// The number of errno that an error is, 0 for none, and -1 if it is none of the system's.
[[nodiscard]] inline int errno_of(const net_error_code& error) noexcept {
  if (!error) {
    return 0;
  }
  for (const NumberedError& known : kNumberedErrors) {
    if (error == known.error) {
      return known.number;
    }
  }
#if defined(BYTES_HANDOFF_BOOST_ASIO)
  if (error.category() == boost::system::generic_category()) {
    return error.value();
  }
#endif
  if (error.category() == net::error::get_system_category()) {
    return errno_of_system(error.value());
  }
  const ErrorValue value = to_error_value(error);
  if (value.has_std_category && value.category == &std::generic_category()) {
    return value.value;
  }
  const bool is_of_system = value.has_std_category && value.category == &std::system_category();
  return is_of_system ? errno_of_system(value.value) : -1;
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
