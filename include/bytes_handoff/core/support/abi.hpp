#pragma once

// Every header of the library includes this one before it declares anything, itself or through
// another. So what the library cannot be used with is told first, in one line. Clang 14 and 15 are
// not supported, and let through: editors and clang-tidy are built on them.

#if defined(_MSVC_LANG) ? _MSVC_LANG < 202002L : __cplusplus < 202002L
#error \
    "bytes_handoff needs C++20: compile with -std=c++20 or later (CMake: target_compile_features(app PRIVATE cxx_std_20))"
#include <the line above says what to do>
#elif !defined(__apple_build_version__) && \
    (defined(__clang__) ? __clang_major__ < 14 : defined(__GNUC__) && __GNUC__ < 12)
#error \
    "bytes_handoff needs GCC 12, Clang 16, or a later one: choose another compiler (CMake: -DCMAKE_CXX_COMPILER=g++-12)"
#include <the line above says what to do>
#elif !defined(__cpp_exceptions)
#error "bytes_handoff needs exceptions: compile without -fno-exceptions"
#include <the line above says what to do>
#elif !__has_include("bytes_handoff/core/support/package_config.hpp")
#error \
    "bytes_handoff is built by CMake, which makes one header: use the target bytes_handoff::core, or what cmake --install leaves"
#include <the line above says what to do>
#endif

#include "bytes_handoff/core/support/package_config.hpp"

// The target of the library says which build is linked, these headers of which build they are.
#if defined(BYTES_HANDOFF_LINKED_BUILD) && !BYTES_HANDOFF_LINKED_BUILD
#error \
    "bytes_handoff: these headers are of another build than the library that is linked: remove one of them from the include path"
#include <the line above says what to do>
#endif

namespace bytes_handoff::detail {

/// Its name says what is part of the ABI: version, `expected`, checks. A program with code of two
/// builds does not link.
extern const char BYTES_HANDOFF_BUILD;

/// Refers to it from every unit that includes a header of the library.
[[gnu::used]] inline constexpr const char* kBuild = &BYTES_HANDOFF_BUILD;

}  // namespace bytes_handoff::detail
