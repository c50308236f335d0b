#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace programs {

/// A pattern for hosts: a name or an address, `*.name` for all below a name, or `*` for all. An
/// empty host matches only the last.
class HostPattern {
 public:
  /// Nothing is checked; see `is_valid`. Capitals count as small letters.
  explicit HostPattern(std::string_view text);

  [[nodiscard]] static bool is_valid(std::string_view text) noexcept;

  /// `host` has small letters, and no dot at its end.
  [[nodiscard]] bool matches(std::string_view host) const noexcept;
  /// The more specific a pattern, the higher: a whole name, then the longest `*.name`, then `*`.
  [[nodiscard]] std::size_t rank() const noexcept;

 private:
  std::string text_;  // without the `*`
  bool is_open_;      // it begins with `*`
};

}  // namespace programs
