#pragma once

#include <chrono>

namespace bytes_handoff::detail {

/// `now + by`, or the latest time that there is.
[[nodiscard]] inline std::chrono::steady_clock::time_point later(
    std::chrono::steady_clock::time_point now, std::chrono::steady_clock::duration by) noexcept {
  const auto most = std::chrono::steady_clock::time_point::max() - now;
  return by < most ? now + by : std::chrono::steady_clock::time_point::max();
}

}  // namespace bytes_handoff::detail
