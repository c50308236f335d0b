#pragma once

#include <cstddef>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// Has the cache lines of an object come, which is used soon. They may lie beyond its end.
template <std::size_t kBytes>
[[gnu::always_inline]] inline void prefetch(const void* object) noexcept {
  constexpr std::size_t kLine = 64;
  const auto* const first = static_cast<const char*>(object);
#pragma GCC unroll 32
  for (std::size_t at = 0; at < kBytes; at += kLine) {
    __builtin_prefetch(first + at, 1);
  }
}

}  // namespace bytes_handoff::detail
