#include "support/host_port.hpp"

#include <algorithm>
#include <charconv>

namespace programs {

std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || rest != end) {
    return std::nullopt;
  }
  return value;
}

std::optional<HostPort> split_host_port(std::string_view text) noexcept {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const auto port = parse_number(text.substr(colon + 1));
  if (!port || *port > 65535) {
    return std::nullopt;
  }
  HostPort result{text.substr(0, colon), static_cast<std::uint16_t>(*port)};
  if (result.host.starts_with('[') && result.host.ends_with(']')) {
    result.host = result.host.substr(1, result.host.size() - 2);
    result.has_brackets = true;
  }
  const bool has_colon = result.host.find(':') != std::string_view::npos;
  if (result.host.empty() || has_colon != result.has_brackets) {
    return std::nullopt;
  }
  return result;
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') {
      c = static_cast<char>(c - 'A' + 'a');
    }
  }
  return result;
}

bool is_host_name(std::string_view text) noexcept {
  if (text.ends_with('.')) {
    text.remove_suffix(1);
  }
  const bool has_size = !text.empty() && text.size() <= 255;
  const bool has_empty_label =
      text.starts_with('.') || text.ends_with('.') || text.find("..") != std::string_view::npos;
  return has_size && !has_empty_label && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.' || c == '_';
         });
}

}  // namespace programs
