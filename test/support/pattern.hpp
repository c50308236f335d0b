#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bytes_handoff::test {

/// Text of `n` bytes in which every place differs from its neighbours near and far.
[[nodiscard]] inline std::string pattern(std::size_t n, std::size_t from = 0) {
  std::string text(n, '\0');
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t at = from + i;
    text[i] = static_cast<char>((at * 31 + at / 251 + (at >> 16U)) & 0xffU);
  }
  return text;
}

[[nodiscard]] inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// The arguments at which a size check can go wrong. Those beyond a limit of all or nothing are the
/// limit.
[[nodiscard]] inline std::array<std::size_t, 7> sizes_around(std::size_t limit) {
  return {0,
          1,
          limit - (limit != 0 ? 1U : 0U),
          limit,
          limit + (limit != SIZE_MAX ? 1U : 0U),
          SIZE_MAX / 2,
          SIZE_MAX};
}

}  // namespace bytes_handoff::test
