#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace bytes_handoff::test {

/// Choices read from the bytes that a fuzzer made, for each as few as its range needs. After the
/// last byte every choice is the least one.
class GivenBytes {
 public:
  explicit GivenBytes(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  [[nodiscard]] bool is_empty() const { return rest_.empty(); }

  /// From `least` to `most`, both included.
  [[nodiscard]] std::size_t between(std::size_t least, std::size_t most) {
    const std::size_t range = most - least;
    std::size_t bytes = 0;
    while (bytes < sizeof(range) && (range >> (8 * bytes)) != 0) {
      ++bytes;
    }
    const std::uint64_t value = take(bytes);
    return least + static_cast<std::size_t>(range == SIZE_MAX ? value : value % (range + 1));
  }
  [[nodiscard]] bool one_in(std::size_t n) { return between(1, n) == 1; }
  /// Any number, in as many bytes as it says: most inputs need small ones.
  [[nodiscard]] std::uint64_t number() { return take(between(0, sizeof(std::uint64_t))); }

 private:
  std::uint64_t take(std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < std::min(bytes, rest_.size()); ++i) {
      value |= std::uint64_t{rest_[i]} << (8 * i);
    }
    rest_ = rest_.subspan(std::min(bytes, rest_.size()));
    return value;
  }

  std::span<const std::uint8_t> rest_;
};

}  // namespace bytes_handoff::test
