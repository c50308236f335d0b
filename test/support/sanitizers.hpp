#pragma once

// BYTES_HANDOFF_TEST_WITH_ASAN, BYTES_HANDOFF_TEST_WITH_TSAN: 1 where the test is compiled with
// that sanitizer, else 0. GCC says it with macros, Clang with features.

#if defined(__has_feature)
#define BYTES_HANDOFF_TEST_HAS_FEATURE(name) __has_feature(name)
#else
#define BYTES_HANDOFF_TEST_HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || BYTES_HANDOFF_TEST_HAS_FEATURE(address_sanitizer)
#define BYTES_HANDOFF_TEST_WITH_ASAN 1
#else
#define BYTES_HANDOFF_TEST_WITH_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__) || BYTES_HANDOFF_TEST_HAS_FEATURE(thread_sanitizer)
#define BYTES_HANDOFF_TEST_WITH_TSAN 1
#else
#define BYTES_HANDOFF_TEST_WITH_TSAN 0
#endif
