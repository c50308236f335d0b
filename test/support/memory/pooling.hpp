#pragma once

#include "support/sanitizers.hpp"

namespace bytes_handoff::test {

/// Whether the library's pool keeps what is given back. It does not under AddressSanitizer, nor by
/// GCC on Windows.
#if defined(__MINGW32__) && !defined(__clang__)
inline constexpr bool kPooled = false;
#else
inline constexpr bool kPooled = BYTES_HANDOFF_TEST_WITH_ASAN == 0;
#endif

}  // namespace bytes_handoff::test
