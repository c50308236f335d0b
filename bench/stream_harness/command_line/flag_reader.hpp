#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "command_line/flags.hpp"
#include "command_line/host_port.hpp"
#include "command_line/options.hpp"

namespace stream_harness {

/// Reads the values of the flags one after the other, each into a target that stays as it is where
/// the flag was not given. The first flag that breaks its rule is kept as the error.
class FlagReader {
 public:
  /// `values` must outlive the reader.
  explicit FlagReader(const FlagValues& values) : values_(values) {}

  [[nodiscard]] bool given(std::string_view flag) const { return values_.is_set(flag); }

  /// `all`: the values that it may have, as a range.
  template <class Enum, class Values = std::initializer_list<Enum>>
  void choice(std::string_view flag, Enum& target, const Values& all) {
    const auto text = values_.find(flag);
    if (!text) return;
    std::string rule = "must be one of";
    for (const Enum candidate : all) {
      if (to_text(candidate) == *text) {
        target = candidate;
        return;
      }
      rule += ' ';
      rule += to_text(candidate);
    }
    fail(flag, rule);
  }

  template <class Number>
  void number(std::string_view flag, Number& target, std::uint64_t least) {
    static_assert(sizeof(Number) == sizeof(std::uint64_t));
    std::uint64_t value = target;
    read_number(flag, value, least);
    target = value;
  }

  void seconds(std::string_view flag, std::chrono::nanoseconds& target);
  void address(std::string_view flag, HostPort& target);

  /// `value` is what the flag is, or stands for.
  void at_most(std::string_view flag, std::uint64_t value, std::uint64_t most,
               std::string_view why = {});

  /// The error is one line of the flag, its value and the rule.
  void fail(std::string_view flag, std::string_view rule);
  [[nodiscard]] bool failed() const { return !error_.empty(); }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  void read_number(std::string_view flag, std::uint64_t& target, std::uint64_t least);

  const FlagValues& values_;
  std::string error_;
};

}  // namespace stream_harness
