#pragma once

#include <algorithm>
#include <chrono>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// `now + by`, or the latest time that there is.
[[nodiscard]] inline std::chrono::steady_clock::time_point later(
    std::chrono::steady_clock::time_point now, std::chrono::steady_clock::duration by) noexcept {
  const auto most = (std::chrono::steady_clock::time_point::max)() - now;
  return by < most ? now + by : (std::chrono::steady_clock::time_point::max)();
}

/// How often to look, in the time for which something may be silent.
inline constexpr int kLooksAtSilence = 4;

/// The time between two of these looks: never none.
[[nodiscard]] constexpr std::chrono::nanoseconds look_pause(
    std::chrono::nanoseconds silence) noexcept {
  return (std::max)(silence / kLooksAtSilence, std::chrono::nanoseconds(1));
}

}  // namespace bytes_handoff::detail
