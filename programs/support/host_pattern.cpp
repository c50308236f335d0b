#include "support/host_pattern.hpp"

#include "support/host_port.hpp"

namespace programs {

HostPattern::HostPattern(std::string_view text)
    : text_(lower_case(text.substr(text.starts_with('*') ? 1 : 0))),
      is_open_(text.starts_with('*')) {}

bool HostPattern::is_valid(std::string_view text) noexcept {
  if (text == "*") {
    return true;
  }
  return is_host_name(text.starts_with("*.") ? text.substr(2) : text) && !text.ends_with('.');
}

bool HostPattern::matches(std::string_view host) const noexcept {
  return is_open_ ? text_.empty() || (host.size() > text_.size() && host.ends_with(text_))
                  : host == text_;
}

std::size_t HostPattern::rank() const noexcept {
  return is_open_ ? text_.size() : text_.size() + 1024;
}

}  // namespace programs
