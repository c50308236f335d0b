#pragma once

#include <exception>
#include <new>
#include <system_error>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/error.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What a stream has thrown, as an error code; only inside of a `catch`. Never success.
inline net_error_code error_of_current_exception() noexcept {
  net_error_code error;
  try {
    throw;
  } catch (const net_system_error& thrown) {
    error = thrown.code();
#if defined(BYTES_HANDOFF_BOOST_ASIO)
  } catch (const std::system_error& thrown) {
    error = thrown.code();
#endif
  } catch (const std::bad_alloc&) {
    error = net::error::no_memory;
  } catch (...) {  // NOLINT: the error of our own says so
  }
  return error ? error : to_net_error(Errc::stream_exception);
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
