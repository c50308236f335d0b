#pragma once

#include <bytes_handoff/expected.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace programs {

/// A line of a configuration: its words, which blanks separate. Never empty.
struct ConfigLine {
  std::size_t number;  ///< from 1
  std::vector<std::string> words;
};

/// The lines of a file that have words. What is behind a `#` is a comment.
///
/// Errors: one line for a person, if the file cannot be read, has more than 1 MiB, or has a control
/// character.
[[nodiscard]] bytes_handoff::expected<std::vector<ConfigLine>, std::string> read_config(
    const std::string& path);

/// `PATH:LINE: what`.
[[nodiscard]] std::string config_error(const std::string& path, const ConfigLine& line,
                                       std::string_view what);

}  // namespace programs
