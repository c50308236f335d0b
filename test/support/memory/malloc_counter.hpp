#pragma once

// Counts the calls of malloc and its kin, aligned ones included, which
// support/memory/malloc_counter.cpp puts in front of those of the C library: Asio allocates past
// the global `operator new`.

#include <cstddef>

namespace bytes_handoff::test {

/// What this thread has allocated since it began. Always 0 under a sanitizer, which has a malloc of
/// its own.
[[nodiscard]] std::size_t malloc_calls() noexcept;

}  // namespace bytes_handoff::test
