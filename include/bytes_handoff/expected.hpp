#pragma once

#include "bytes_handoff/core/support/abi.hpp"

#if BYTES_HANDOFF_EXPECTED_IS_STD
#if __has_include(<expected>)
#include <expected>
#endif
#if !defined(__cpp_lib_expected)
#error \
    "bytes_handoff was built with std::expected: compile this with -std=c++23 or later, or build it with BYTES_HANDOFF_EXPECTED=tl"
#include <the line above says what to do>
#endif
#elif !__has_include(<tl/expected.hpp>)
#error \
    "bytes_handoff was built with tl::expected: install it (Debian: libexpected-dev), or add its folder to the include path"
#include <the line above says what to do>
#else
#include <tl/expected.hpp>
#endif

namespace bytes_handoff {

#if BYTES_HANDOFF_EXPECTED_IS_STD
namespace expected_backend = std;
#else
namespace expected_backend = tl;
#endif

/// What the library's synchronous operations return: the value, or the full error.
///
/// `tl::expected`, or `std::expected` if the package was built with the CMake option
/// `BYTES_HANDOFF_EXPECTED=std`. The language mode of the code that uses it does not matter.
/// Portable code keeps to the members that both have. `value` of an `expected<void, E>` is not one:
/// some releases of `tl::expected` lack it.
using expected_backend::expected;

/// Wraps an error on its way into an `expected`: `return unexpected(LimitExceeded{...});`
using expected_backend::unexpected;

/// Thrown by `expected::value()` when there is no value.
using expected_backend::bad_expected_access;

/// Tag that constructs the error in place: `expected<T, E>(unexpect, args...)`.
using expected_backend::unexpect_t;
inline constexpr unexpect_t unexpect{};

}  // namespace bytes_handoff
