#pragma once

#include <cstddef>
#include <cstdint>

namespace stream_harness {

/// The number of processors that this process may run on; at least 1.
[[nodiscard]] std::size_t available_processors();

/// The memory of this machine, or what this process may have of it; 2^64 - 1 where that is unknown.
[[nodiscard]] std::uint64_t memory_bytes();

}  // namespace stream_harness
