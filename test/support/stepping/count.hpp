#pragma once

// How much a test does that can do more: BYTES_HANDOFF_TEST_COUNT steps, rounds, items or
// executions where that is set, for the long runs, else the usual number.

#include <cstdint>
#include <cstdlib>

namespace bytes_handoff::test {

[[nodiscard]] inline std::uint64_t count_or(std::uint64_t usual) {
  const char* given = std::getenv("BYTES_HANDOFF_TEST_COUNT");
  return given == nullptr ? usual : std::strtoull(given, nullptr, 10);
}

}  // namespace bytes_handoff::test
