#pragma once

#include <cstddef>

namespace bytes_handoff::test {

/// What the library has allocated (`library_allocations`) and not given back, on this thread.
[[nodiscard]] std::size_t live_library_allocations() noexcept;

}  // namespace bytes_handoff::test
