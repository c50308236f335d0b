#pragma once

#include "bytes_handoff/core/support/abi.hpp"

// Asserts what only a run can find: `BYTES_HANDOFF_CHECK(condition, "what was done wrong")`. Does
// nothing in a package that was built without the option BYTES_HANDOFF_CHECKS. The package decides,
// and not the code that uses it: NDEBUG plays no part.
#if BYTES_HANDOFF_CHECKS
#define BYTES_HANDOFF_CHECK(holds, wrong) \
  ((holds) ? static_cast<void>(0) : ::bytes_handoff::detail::check_failed(wrong))
#else
#define BYTES_HANDOFF_CHECK(holds, wrong) static_cast<void>(0)
#endif

namespace bytes_handoff::detail {

/// Writes what was done wrong to standard error, and aborts. In the library with or without checks.
[[noreturn]] void check_failed(const char* wrong) noexcept;

}  // namespace bytes_handoff::detail
