#pragma once

#include <cstdint>

namespace stream_harness {

/// Raises the soft limit of open descriptors to the hard one, and returns the limit that then
/// holds. Where the limit cannot be had, the result is 0.
std::uint64_t raise_descriptor_limit() noexcept;

}  // namespace stream_harness
