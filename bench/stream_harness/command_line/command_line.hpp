#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "bytes_handoff/expected.hpp"
#include "command_line/options.hpp"

namespace stream_harness {

/// The flags as they were typed, not yet read: the last text of each flag that was given.
class FlagValues {
 public:
  void set(const std::string& flag, std::string value) { values_[flag] = std::move(value); }

  [[nodiscard]] std::optional<std::string> find(std::string_view flag) const {
    const auto found = values_.find(flag);
    if (found == values_.end()) return std::nullopt;
    return found->second;
  }

  [[nodiscard]] bool is_set(std::string_view flag) const { return values_.count(flag) != 0; }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

/// Splits the command line into flags and their texts; knows all names, no rules. Both
/// `--flag value` and `--flag=value`. The early exit is the usage text for `--help`, or an argument
/// error for an unknown name, a stray word or a missing value.
[[nodiscard]] bytes_handoff::expected<FlagValues, EarlyExit> read_flags(int argc,
                                                                        const char* const* argv);

/// The early exit for wrong arguments: one line, status 2.
[[nodiscard]] EarlyExit argument_error(std::string_view message);

/// The text on one line: control characters are shown as `\xNN`.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace stream_harness
