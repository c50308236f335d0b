#pragma once

// What a stream of the user's own may throw, and the error that it must become.

#include <new>
#include <system_error>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/error.hpp"

namespace bytes_handoff::test {

enum class Throws { nothing, net_system_error, std_system_error, bad_alloc, number };

inline constexpr Throws kThrows[] = {Throws::net_system_error, Throws::std_system_error,
                                     Throws::bad_alloc, Throws::number};

inline void throw_as(Throws what) {
  switch (what) {
    case Throws::nothing:
      return;
    case Throws::net_system_error:
      throw net_system_error(net::error::host_unreachable);
    case Throws::std_system_error:
      throw std::system_error(std::make_error_code(std::errc::host_unreachable));
    case Throws::bad_alloc:
      throw std::bad_alloc();
    case Throws::number:
      throw 1;  // NOLINT: what a user's stream may do
  }
}

[[nodiscard]] inline net_error_code error_of(Throws what) {
  switch (what) {
    case Throws::nothing:
      return {};
    case Throws::net_system_error:
      return net::error::host_unreachable;
    case Throws::std_system_error:
      return std::make_error_code(std::errc::host_unreachable);
    case Throws::bad_alloc:
      return net::error::no_memory;
    case Throws::number:
      return make_error_code(Errc::stream_exception);
  }
  return {};
}

}  // namespace bytes_handoff::test
