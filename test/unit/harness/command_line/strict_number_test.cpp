#include "command_line/strict_number.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

namespace stream_harness {
namespace {

using namespace std::chrono_literals;

constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();

TEST(ParseWholeNumber, ReadsPlainDecimalOnly) {
  EXPECT_EQ(parse_whole_number("0"), 0u);
  EXPECT_EQ(parse_whole_number("064"), 64u);
  EXPECT_EQ(parse_whole_number("00000000000000000000000000007"), 7u);
  EXPECT_EQ(parse_whole_number("18446744073709551615"), kMax);
  for (const char* text : {"", "-1", "+1", "0x10", "1e3", "nan", "inf", "5k", " 5", "5 ", "1.0",
                           "1_000", "18446744073709551616", "99999999999999999999999", "١"}) {
    EXPECT_EQ(parse_whole_number(text), std::nullopt) << "'" << text << "'";
  }
}

TEST(ParseSeconds, ReadsPlainDecimalWithAnOptionalFraction) {
  EXPECT_EQ(parse_seconds("0"), 0ns);
  EXPECT_EQ(parse_seconds("05"), 5s);
  EXPECT_EQ(parse_seconds("0.25"), 250ms);
  EXPECT_EQ(parse_seconds("1.000000001"), 1s + 1ns);
  EXPECT_EQ(parse_seconds("1.0000000019"), 1s + 1ns);
  EXPECT_EQ(parse_seconds("9223372036.854775807"), std::chrono::nanoseconds::max());
  for (const char* text : {"", ".", "1.", ".5", "-1", "+1", "nan", "inf", "1e3", "0x1", "1.5s",
                           "1.2.3", "1.-5", "9223372036.854775808", "99999999999999999999999"}) {
    EXPECT_EQ(parse_seconds(text), std::nullopt) << "'" << text << "'";
  }
  EXPECT_EQ(parse_seconds(std::string(400, '9')), std::nullopt);
}

TEST(CheckedArithmetic, GivesNothingWhereTheResultDoesNotFit) {
  EXPECT_EQ(checked_add(kMax - 1, 1), kMax);
  EXPECT_EQ(checked_add(kMax, 1), std::nullopt);
  EXPECT_EQ(checked_multiply(0, kMax), 0u);
  EXPECT_EQ(checked_multiply(kMax, 0), 0u);
  EXPECT_EQ(checked_multiply(std::uint64_t{1} << 32, (std::uint64_t{1} << 32) - 1),
            kMax - ((std::uint64_t{1} << 32) - 1));
  EXPECT_EQ(checked_multiply(std::uint64_t{1} << 32, std::uint64_t{1} << 32), std::nullopt);
}

}  // namespace
}  // namespace stream_harness
