#pragma once

#include <bytes_handoff/expected.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/config_file.hpp"
#include "support/host_pattern.hpp"

namespace connect_proxy {

/// The hosts and ports that may be reached: lines `allow HOST PORT` of a file.
///
/// HOST is a name, an address, `*.NAME` or `*`. PORT is a port, `FIRST-LAST` or `*`.
class AllowList {
 public:
  /// Errors: one line for a person, which names the file, the line and the rule.
  [[nodiscard]] static bytes_handoff::expected<AllowList, std::string> read(
      const std::string& path);

  /// Whether a line allows it. `host` has small letters, no brackets, and no dot at its end.
  [[nodiscard]] bool has(std::string_view host, std::uint16_t port) const noexcept;

 private:
  struct Line {
    programs::HostPattern host;
    std::uint64_t first_port = 1;
    std::uint64_t last_port = 65535;
  };

  /// The rule that the words break; null if they break none.
  [[nodiscard]] const char* add(const std::vector<std::string>& words);

  std::vector<Line> lines_;
};

}  // namespace connect_proxy
