#pragma once

#include <system_error>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// The error of a read that also brought a whole frame. The next read tells it, since a socket may
/// not say it again. The core only keeps it and gives it back.
struct KeptError {
  /// None: nothing is kept.
  std::error_code code;
  /// Of the same value in Boost's own error type, where the error is one of that. Then Boost's code
  /// is made of it, and compares as what was kept.
  const void* boost_category = nullptr;

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(code); }
};

}  // namespace bytes_handoff::detail
