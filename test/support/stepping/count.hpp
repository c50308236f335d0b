#pragma once

// How much a test does that can do more: BYTES_HANDOFF_TEST_COUNT steps, rounds, items or
// executions where that is set, for the long runs, else the usual number.

#include <cstdint>
#include <cstdlib>

#include "support/sanitizers.hpp"

namespace bytes_handoff::test {

[[nodiscard]] inline std::uint64_t count_or(std::uint64_t usual) {
  const char* given = std::getenv("BYTES_HANDOFF_TEST_COUNT");
  return given == nullptr ? usual : std::strtoull(given, nullptr, 10);
}

// Of a model. AddressSanitizer makes a step several times as expensive.
[[nodiscard]] inline std::uint64_t model_steps_or(std::uint64_t usual) {
  return count_or(BYTES_HANDOFF_TEST_WITH_ASAN ? usual / 4 : usual);
}

}  // namespace bytes_handoff::test
