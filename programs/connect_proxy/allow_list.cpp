#include "connect_proxy/allow_list.hpp"

#include <algorithm>
#include <utility>

#include "support/host_port.hpp"

namespace connect_proxy {

using bytes_handoff::unexpected;

bytes_handoff::expected<AllowList, std::string> AllowList::read(const std::string& path) {
  const auto lines = programs::read_config(path);
  if (!lines) {
    return unexpected<std::string>(lines.error());
  }
  AllowList list;
  for (const programs::ConfigLine& line : *lines) {
    if (const char* const rule = list.add(line.words)) {
      return unexpected<std::string>(programs::config_error(path, line, rule));
    }
  }
  return list;
}

const char* AllowList::add(const std::vector<std::string>& words) {
  if (words.size() != 3 || words[0] != "allow") {
    return "must be: allow HOST PORT";
  }
  const bool is_ipv6 = words[1].find(':') != std::string::npos;
  if (!is_ipv6 && !programs::HostPattern::is_valid(words[1])) {
    return "the host must be a name, an address without brackets, *.NAME or *";
  }
  Line line{programs::HostPattern(words[1])};
  if (const std::string& ports = words[2]; ports != "*") {
    const auto dash = ports.find('-');
    const auto first = programs::parse_number(ports.substr(0, dash));
    const auto last =
        dash == std::string::npos ? first : programs::parse_number(ports.substr(dash + 1));
    if (!first || !last || *first == 0 || *last < *first || *last > 65535) {
      return "the port must be PORT, FIRST-LAST or *, from 1 to 65535";
    }
    line.first_port = *first;
    line.last_port = *last;
  }
  lines_.push_back(std::move(line));
  return nullptr;
}

bool AllowList::has(std::string_view host, std::uint16_t port) const noexcept {
  return std::any_of(lines_.begin(), lines_.end(), [&](const Line& line) {
    return line.first_port <= port && port <= line.last_port && line.host.matches(host);
  });
}

}  // namespace connect_proxy
