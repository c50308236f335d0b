#pragma once

#include <chrono>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// Throws `std::invalid_argument` otherwise. `member` is its full name.
void require_not_negative(const char* member, std::chrono::nanoseconds value);

}  // namespace bytes_handoff::detail
