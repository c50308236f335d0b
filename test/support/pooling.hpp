#pragma once

namespace bytes_handoff::test {

/// Whether the library's pool keeps what is given back; it does not under AddressSanitizer.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kPooled = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool kPooled = false;
#else
inline constexpr bool kPooled = true;
#endif
#else
inline constexpr bool kPooled = true;
#endif

}  // namespace bytes_handoff::test
