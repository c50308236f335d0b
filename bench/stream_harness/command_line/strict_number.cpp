#include "command_line/strict_number.hpp"

#include <limits>

namespace stream_harness {
namespace {

constexpr std::uint64_t kNanosPerSecond = 1'000'000'000;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// The digits after the point, scaled to nanoseconds.
std::optional<std::uint64_t> parse_nano_fraction(std::string_view digits) noexcept {
  if (digits.empty()) return std::nullopt;
  std::uint64_t nanos = 0;
  std::uint64_t unit = kNanosPerSecond;
  for (const char c : digits) {
    if (!is_digit(c)) return std::nullopt;
    unit /= 10;
    nanos += unit * static_cast<std::uint64_t>(c - '0');
  }
  return nanos;
}

}  // namespace

std::optional<std::uint64_t> checked_add(std::uint64_t a, std::uint64_t b) noexcept {
  if (b > std::numeric_limits<std::uint64_t>::max() - a) return std::nullopt;
  return a + b;
}

std::optional<std::uint64_t> checked_multiply(std::uint64_t a, std::uint64_t b) noexcept {
  if (a != 0 && b > std::numeric_limits<std::uint64_t>::max() / a) return std::nullopt;
  return a * b;
}

std::optional<std::uint64_t> parse_whole_number(std::string_view text) noexcept {
  if (text.empty()) return std::nullopt;
  std::optional<std::uint64_t> value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = checked_multiply(*value, 10);
    if (value) value = checked_add(*value, static_cast<std::uint64_t>(c - '0'));
    if (!value) return std::nullopt;
  }
  return value;
}

std::optional<std::chrono::nanoseconds> parse_seconds(std::string_view text) noexcept {
  const auto point = text.find('.');
  const auto seconds = parse_whole_number(text.substr(0, point));
  std::optional<std::uint64_t> nanos = 0;
  if (point != std::string_view::npos) nanos = parse_nano_fraction(text.substr(point + 1));
  if (!seconds || !nanos) return std::nullopt;

  auto total = checked_multiply(*seconds, kNanosPerSecond);
  if (total) total = checked_add(*total, *nanos);
  constexpr auto kLargest = std::numeric_limits<std::int64_t>::max();
  if (!total || *total > static_cast<std::uint64_t>(kLargest)) return std::nullopt;
  return std::chrono::nanoseconds(static_cast<std::int64_t>(*total));
}

}  // namespace stream_harness
