#pragma once

#include <cstdint>
#include <string>

namespace stream_harness {

/// Raises the soft limit of open descriptors to the hard one, and returns the limit that then
/// holds. Where the limit cannot be had, the result is 0.
std::uint64_t raise_descriptor_limit() noexcept;

/// Raises the limit, and says in one line why a run of so many connections and workers, which need
/// their reactors and acceptors, does not fit into it; empty where it does.
[[nodiscard]] std::string descriptor_shortage(std::uint64_t connections,
                                              std::uint64_t descriptors_per_connection,
                                              std::uint64_t workers);

}  // namespace stream_harness
