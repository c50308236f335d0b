#pragma once

#include <atomic>
#include <system_error>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/core/queue/outcome.hpp"
#include "bytes_handoff/core/reading/kept_error.hpp"
#include "bytes_handoff/error.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

using NetCategory = std::remove_cvref_t<decltype(std::declval<net_error_code>().category())>;

inline net_error_code to_net_error(Errc code) noexcept {
  return net_error_code(make_error_code(code));
}

/// Whether Boost's error code holds one of the standard library, of a category that Boost does not
/// know. Then its own value and category differ from those that it was made of.
inline bool holds_std_error(const net_error_code& error) noexcept {
  if constexpr (std::is_same_v<NetCategory, std::error_category>) {
    return false;
  } else {
    // Without a guarded initialization, which a fork on another thread could leave locked.
    static constinit std::atomic<const NetCategory*> known{nullptr};
    const NetCategory* of_held = known.load(std::memory_order_relaxed);
    if (of_held == nullptr) {
      of_held = &to_net_error(Errc::closed).category();
      known.store(of_held, std::memory_order_relaxed);
    }
    return error.category() == *of_held;
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

/// Whether an error that a write was told says that the connection is lost. The system tells that
/// once, and a read finds an end behind it. A peer that has ended in order before makes it another
/// error (Linux: EPIPE).
inline bool is_of_lost_connection(const ErrorValue& error) noexcept {
  using namespace net::error;
  for (const basic_errors lost :
       {connection_reset, timed_out, connection_aborted, host_unreachable, network_unreachable}) {
    if (error == to_error_value(lost)) {
      return true;
    }
  }
  return false;
}

/// An error of a read, for a buffer to keep.
inline KeptError to_kept_error(const net_error_code& error) noexcept {
  if constexpr (std::is_same_v<NetCategory, std::error_category>) {
    return {error, nullptr};
  } else {
    return {error, holds_std_error(error) ? nullptr : &error.category()};
  }
}

/// What a buffer kept. It compares as what was kept, if the same Asio kept it.
inline net_error_code to_net_error(const KeptError& error) noexcept {
  if constexpr (!std::is_same_v<NetCategory, std::error_category>) {
    if (error.boost_category != nullptr) {
      return {error.code.value(), *static_cast<const NetCategory*>(error.boost_category)};
    }
  }
  return error.code;
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
