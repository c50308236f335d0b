#pragma once

#include "support/sanitizers.hpp"

namespace bytes_handoff::test {

/// Whether the library's pool keeps what is given back; it does not under AddressSanitizer.
inline constexpr bool kPooled = BYTES_HANDOFF_TEST_WITH_ASAN == 0;

}  // namespace bytes_handoff::test
