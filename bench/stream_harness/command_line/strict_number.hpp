#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace stream_harness {

/// Reads a whole number in plain decimal: ASCII digits and nothing else, leading zeros allowed
/// (`064` is 64). Nothing for an empty text, a sign, a base prefix, trailing text, or a value that
/// does not fit.
[[nodiscard]] std::optional<std::uint64_t> parse_whole_number(std::string_view text) noexcept;

/// Reads seconds in plain decimal: digits, optionally a point and more digits (`5`, `0.25`). Digits
/// past the ninth after the point are checked and dropped. Nothing for anything else (a sign, an
/// exponent, `nan`, `inf`), and for what does not fit into nanoseconds of 64 bits (292 years).
[[nodiscard]] std::optional<std::chrono::nanoseconds> parse_seconds(std::string_view text) noexcept;

/// `a + b` and `a * b`; nothing where the result does not fit.
[[nodiscard]] std::optional<std::uint64_t> checked_add(std::uint64_t a, std::uint64_t b) noexcept;
[[nodiscard]] std::optional<std::uint64_t> checked_multiply(std::uint64_t a,
                                                            std::uint64_t b) noexcept;

}  // namespace stream_harness
