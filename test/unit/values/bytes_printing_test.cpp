// How bytes are printed: on streams, by std::format, and as text for others.
#include <gtest/gtest.h>

#include <cstdint>
#include <iomanip>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "bytes_handoff/bytes/escaped.hpp"
#include "bytes_handoff/bytes/format.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/pattern.hpp"

namespace bytes_handoff {
namespace {

template <class T>
std::string printed(const T& bytes) {
  std::ostringstream out;
  out << bytes;
  return out.str();
}

TEST(BytesPrinting, ShowsPrintableAsciiAsItIsAndTheRestAsTwoDigits) {
  constexpr std::pair<std::string_view, std::string_view> kTable[] = {
      {"", ""},
      {"GET / HTTP/1.1", "GET / HTTP/1.1"},
      {"\"~'", "\"~'"},
      {"line\r\n", R"(line\x0d\x0a)"},
      {std::string_view("\0\x1f\x7f\x80\xff", 5), R"(\x00\x1f\x7f\x80\xff)"},
      {R"(\x41 is no A)", R"(\x5cx41 is no A)"},
      {"\xc3\xa9", R"(\xc3\xa9)"},
  };
  for (const auto& [text, expected] : kTable) {
    EXPECT_EQ(Escaped(text).view(), expected);
    EXPECT_EQ(printed(Bytes::copy_of(text)), expected);
    EXPECT_EQ(printed(BytesMut::copy_of(text)), expected);
    EXPECT_EQ(printed(Escaped(test::bytes_of(text))), expected);
  }
}

TEST(BytesPrinting, GivesEveryByteATextOfItsOwn) {
  std::set<std::string> seen;
  for (int code = 0; code < 256; ++code) {
    const std::string text(1, static_cast<char>(code));
    const std::string shown(Escaped(text).view());
    EXPECT_TRUE(seen.insert(shown).second) << code;
    EXPECT_TRUE(shown == text || (shown.size() == 4 && shown.starts_with("\\x"))) << code;
    EXPECT_EQ(shown == text, code >= 0x20 && code < 0x7f && code != '\\') << code;
  }
}

TEST(BytesPrinting, IsBoundedAndSaysHowMuchThereIs) {
  const auto shown = [](std::size_t size, char byte) {
    return std::string(Escaped(std::string(size, byte)).view());
  };
  EXPECT_EQ(shown(kMostPrintedBytes, 'x'), std::string(kMostPrintedBytes, 'x'));
  EXPECT_EQ(shown(kMostPrintedBytes + 1, 'x'),
            std::string(kMostPrintedBytes, 'x') + "... (129 bytes)");
  EXPECT_EQ(shown(70'000, '\0').size(), 4 * kMostPrintedBytes + 17);
  EXPECT_TRUE(shown(70'000, '\0').ends_with(R"(\x00... (70000 bytes))"));
}

TEST(BytesPrinting, OfTheLargestSizeFits) {
  // Only the first bytes of the view are looked at.
  const std::string text(kMostPrintedBytes, '\n');
  const Escaped escaped(std::string_view(text.data(), SIZE_MAX / 2));
  EXPECT_TRUE(escaped.view().ends_with(R"(\x0a... (9223372036854775807 bytes))"));
}

TEST(BytesPrinting, TakesTheWidthOfTheStreamAndLeavesItAsItWas) {
  std::ostringstream out;
  out << std::hex << std::setfill('.') << std::setw(6) << Bytes::copy_of("a\n") << std::left
      << std::setw(4) << BytesMut::copy_of("b") << Bytes::copy_of("c") << 255;
  EXPECT_EQ(out.str(), R"(.a\x0ab...cff)");
}

TEST(BytesPrinting, AllocatesNothing) {
  const std::string text = test::pattern(1000);
  test::AllocationScope counted;
  EXPECT_FALSE(Escaped(text).view().empty());
  EXPECT_EQ(counted.allocations(), 0U);
}

TEST(BytesPrinting, IsWhatAFailedTestShows) {
  EXPECT_EQ(testing::PrintToString(Bytes::from_static("a\n")), R"(a\x0a)");
  EXPECT_EQ(testing::PrintToString(BytesMut::copy_of("a\n")), R"(a\x0a)");
}

#if defined(__cpp_lib_format)
TEST(BytesPrinting, ByStdFormatTakesTheOptionsOfAString) {
  const Bytes bytes = Bytes::copy_of("ab\n");
  const BytesMut region = BytesMut::copy_of("xy");
  EXPECT_EQ(std::format("{} {}", bytes, region), R"(ab\x0a xy)");
  EXPECT_EQ(std::format("[{:>8}|{:*<4}|{:.1}]", bytes, region, region), R"([  ab\x0a|xy**|x])");
  EXPECT_EQ(std::format("{}", Bytes::copy_of(std::string(200, 'x'))),
            std::string(kMostPrintedBytes, 'x') + "... (200 bytes)");
  EXPECT_EQ(std::format("{}", Bytes()), "");
}
#endif

}  // namespace
}  // namespace bytes_handoff
