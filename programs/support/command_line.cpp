#include "support/command_line.hpp"

#include <algorithm>
#include <asio/ip/address.hpp>
#include <bytes_handoff/bytes/escaped.hpp>
#include <iostream>
#include <sstream>
#include <utility>

#include "support/host_port.hpp"

namespace programs {
namespace {

using bytes_handoff::Escaped;
using std::chrono::nanoseconds;

constexpr nanoseconds kDay = std::chrono::hours(24);

std::string seconds_text(nanoseconds time) {
  std::ostringstream text;
  text << std::chrono::duration<double>(time).count();
  return text.str();
}

std::optional<nanoseconds> parse_seconds(const std::string& text) {
  const auto point = text.find('.');
  const auto whole = parse_number(text.substr(0, point));
  std::string fraction = point == std::string::npos ? "0" : text.substr(point + 1);
  const bool is_short = fraction.size() <= 9;
  fraction.resize(9, '0');
  const auto nanos = parse_number(fraction);
  const bool has_digits = point == std::string::npos || point + 1 < text.size();
  if (!whole || *whole > 86'400 || !nanos || !is_short || !has_digits) {
    return std::nullopt;
  }
  return std::chrono::seconds(*whole) + nanoseconds(*nanos);
}

}  // namespace

std::optional<asio::ip::tcp::endpoint> parse_endpoint(std::string_view text) {
  const auto parts = split_host_port(text);
  if (!parts) {
    return std::nullopt;
  }
  asio::error_code error;
  const auto address = asio::ip::make_address(parts->host, error);
  if (error || address.is_v6() != parts->has_brackets) {
    return std::nullopt;
  }
  return asio::ip::tcp::endpoint(address, parts->port);
}

std::string to_text(const asio::ip::tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  const std::string port = std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + host + "]:" + port : host + ":" + port;
}

CommandLine::CommandLine(std::string program, std::string description)
    : program_(std::move(program)), description_(std::move(description)) {}

void CommandLine::add(std::string name, std::string value, std::string what,
                      const std::string& by_default, Setter set) {
  if (!by_default.empty()) {
    what += " (default: " + by_default + ")";
  }
  flags_.push_back({std::move(name), std::move(value), std::move(what), std::move(set)});
}

void CommandLine::text(std::string flag, std::string value, std::string& target, std::string what,
                       bool needed) {
  add(std::move(flag), std::move(value), std::move(what), target,
      [&target, needed](const std::string& text) -> std::optional<std::string> {
        if (needed && text.empty()) {
          return "must not be empty";
        }
        target = text;
        return std::nullopt;
      });
  flags_.back().is_needed = needed;
}

void CommandLine::number(std::string flag, std::size_t& target, std::size_t least, std::size_t most,
                         std::string what) {
  add(std::move(flag), "N", std::move(what), std::to_string(target),
      [&target, least, most](const std::string& text) -> std::optional<std::string> {
        const auto value = parse_number(text);
        if (!value || *value < least || *value > most) {
          return "must be a whole number in plain decimal, from " + std::to_string(least) + " to " +
                 std::to_string(most);
        }
        target = *value;
        return std::nullopt;
      });
}

void CommandLine::seconds(std::string flag, nanoseconds& target, nanoseconds least,
                          std::string what) {
  add(std::move(flag), "SECONDS", std::move(what), seconds_text(target),
      [&target, least](const std::string& text) -> std::optional<std::string> {
        const auto value = parse_seconds(text);
        if (!value || *value < least || *value > kDay) {
          return "must be seconds in plain decimal, from " + seconds_text(least) + " to 86400";
        }
        target = *value;
        return std::nullopt;
      });
}

void CommandLine::endpoint(std::string flag, asio::ip::tcp::endpoint& target, std::string what) {
  add(std::move(flag), "ADDRESS:PORT", std::move(what), to_text(target),
      [&target](const std::string& text) -> std::optional<std::string> {
        const auto value = parse_endpoint(text);
        if (!value) {
          return kEndpointRule;
        }
        target = *value;
        return std::nullopt;
      });
}

void CommandLine::endpoints(std::string flag, std::vector<asio::ip::tcp::endpoint>& target,
                            std::string what) {
  add(std::move(flag), "ADDRESS:PORT,...", std::move(what), "",
      [&target](const std::string& text) -> std::optional<std::string> {
        target.clear();
        for (std::size_t first = 0; first <= text.size();) {
          const std::size_t last = std::min(text.find(',', first), text.size());
          const auto value = parse_endpoint(std::string_view(text).substr(first, last - first));
          if (!value || value->port() == 0) {
            return std::string("each ") + kEndpointRule + ", and not 0";
          }
          target.push_back(*value);
          first = last + 1;
        }
        return std::nullopt;
      });
  flags_.back().is_needed = true;
}

void CommandLine::set(std::string flag, bool& target, std::string what) {
  add(std::move(flag), "", std::move(what), "",
      [&target](const std::string&) -> std::optional<std::string> {
        target = true;
        return std::nullopt;
      });
}

CommandLine::Flag* CommandLine::find(std::string_view name) {
  const auto found =
      std::find_if(flags_.begin(), flags_.end(), [&](const Flag& f) { return f.name == name; });
  return found == flags_.end() ? nullptr : &*found;
}

// What is wrong, if anything is.
std::optional<std::string> CommandLine::take(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto equals = words[i].starts_with("--") ? words[i].find('=') : std::string::npos;
    const std::string name = words[i].substr(0, equals);
    Flag* const flag = find(name);
    if (flag == nullptr) {
      return "'" + std::string(Escaped(words[i]).view()) + "': not a flag; --help lists them";
    }
    std::string value;
    if (flag->value.empty()) {
      if (equals != std::string::npos) {
        return name + ": takes no value";
      }
    } else if (equals != std::string::npos) {
      value = words[i].substr(equals + 1);
    } else if (i + 1 < words.size() && find(words[i + 1]) == nullptr) {
      value = words[++i];
    } else {
      return name + ": its value is missing: " + flag->value;
    }
    if (const auto rule = flag->set(value)) {
      return name + " '" + std::string(Escaped(value).view()) + "': " + *rule;
    }
    flag->is_given = true;
  }
  for (const Flag& flag : flags_) {
    if (flag.is_needed && !flag.is_given) {
      return flag.name + ": must be given: " + flag.what;
    }
  }
  return std::nullopt;
}

std::optional<int> CommandLine::read(int argc, const char* const* argv) {
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (std::find(words.begin(), words.end(), "--help") != words.end()) {
    print_help();
    return 0;
  }
  if (const auto wrong = take(words)) {
    return refuse(*wrong);
  }
  return std::nullopt;
}

int CommandLine::refuse(std::string_view what) const {
  std::cerr << program_ << ": " << what << '\n';
  return 2;
}

void CommandLine::print_help() const {
  std::cout << "usage: " << program_ << " [flags]\n\n" << description_ << "\n\n";
  for (const Flag& flag : flags_) {
    std::cout << "  " << flag.name << (flag.value.empty() ? "" : " ") << flag.value << "\n      "
              << flag.what << '\n';
  }
  std::cout << "  --help\n      print this help and exit\n";
}

}  // namespace programs
