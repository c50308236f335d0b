#include "command_line/flag_reader.hpp"

#include "command_line/strict_number.hpp"

namespace stream_harness {

void FlagReader::read_number(std::string_view flag, std::uint64_t& target, std::uint64_t least) {
  const auto text = values_.find(flag);
  if (!text) return;
  const auto value = parse_whole_number(*text);
  if (!value) return fail(flag, "must be a whole number in plain decimal, below 2^64");
  if (*value < least) return fail(flag, "must be at least " + std::to_string(least));
  target = *value;
}

void FlagReader::seconds(std::string_view flag, std::chrono::nanoseconds& target) {
  const auto text = values_.find(flag);
  if (!text) return;
  const auto value = parse_seconds(*text);
  if (!value) {
    return fail(flag, "must be a number of seconds in plain decimal, at most 9223372036");
  }
  target = *value;
}

void FlagReader::address(std::string_view flag, HostPort& target) {
  const auto text = values_.find(flag);
  if (!text) return;
  const auto value = parse_host_port(*text);
  if (!value) {
    return fail(flag,
                "must be a numeric IPv4:PORT or [IPv6]:PORT, the port at most 65535; a "
                "link-local IPv6 may have the %SCOPE of an interface of this machine");
  }
  target = *value;
}

void FlagReader::at_most(std::string_view flag, std::uint64_t value, std::uint64_t most,
                         std::string_view why) {
  if (value > most) fail(flag, "must be at most " + std::to_string(most) + std::string(why));
}

void FlagReader::fail(std::string_view flag, std::string_view rule) {
  if (failed()) return;
  const auto given_text = values_.find(flag);
  const std::string value = given_text ? " '" + printable(*given_text) + "'" : std::string();
  error_ = std::string(flag) + value + ": " + std::string(rule);
}

}  // namespace stream_harness
