#pragma once

#include <cstdint>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// Where a window begins. Equal origins have the same bytes, as far as both windows reach.
struct ScanOrigin {
  std::uint64_t generation = 0;  ///< of the buffer's bytes; 0: of none
  std::uint64_t position = 0;    ///< bytes of the buffer before the window
  friend bool operator==(const ScanOrigin&, const ScanOrigin&) = default;
};

/// A number that no other bytes of the process have.
[[nodiscard]] std::uint64_t new_generation() noexcept;

}  // namespace bytes_handoff::detail
