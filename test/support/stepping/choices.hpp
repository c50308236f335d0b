#pragma once

#include <cstddef>
#include <cstdint>

#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {

/// What one operation of a model test chooses: the digits of a number first, so that whoever made
/// the number, a fuzzer for one, decides; when they are used up, what a generator makes of it.
class Choices {
 public:
  explicit Choices(std::uint64_t number) : digits_(number), more_(number) {}

  /// From `least` to `most`, both included.
  [[nodiscard]] std::size_t between(std::size_t least, std::size_t most) {
    const std::uint64_t range = most - least + 1;
    if (range == 0 || range > values_left_) {
      values_left_ = 0;
      return more_.between(least, most);
    }
    const std::uint64_t digit = digits_ % range;
    digits_ /= range;
    values_left_ /= range;
    return least + static_cast<std::size_t>(digit);
  }
  [[nodiscard]] bool one_in(std::size_t n) { return between(1, n) == 1; }

 private:
  std::uint64_t digits_;
  std::uint64_t values_left_ = UINT64_MAX;  // that digits_ can still have
  Random more_;
};

}  // namespace bytes_handoff::test
