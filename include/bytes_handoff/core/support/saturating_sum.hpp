#pragma once

#include <cstddef>
#include <cstdint>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// The sum, or SIZE_MAX if it does not fit.
constexpr std::size_t saturating_sum(std::size_t a, std::size_t b) noexcept {
  return b > SIZE_MAX - a ? SIZE_MAX : a + b;
}

}  // namespace bytes_handoff::detail
