#include "bytes_handoff/framers.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace bytes_handoff {
namespace {

FrameWindow window_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string what(auto make) {
  try {
    make();
  } catch (const std::invalid_argument& refused) {
    return refused.what();
  }
  return "it was not refused";
}

static_assert(Framer<DelimiterFramer>);
static_assert(Framer<LengthFramer> && Framer<const LengthFramer>);
static_assert(!Framer<const DelimiterFramer>, "it keeps what it has looked at");
static_assert(!Framer<int>);

TEST(FrameWindow, ShowsTheBytes) {
  const FrameWindow window = window_of("text");
  EXPECT_EQ(window.view(), "text");
  EXPECT_EQ(window.size(), 4U);
  EXPECT_EQ(window.bytes().data(), reinterpret_cast<const std::byte*>(window.view().data()));
}

TEST(FrameScan, OfAWholeFrameSaysWhereItsContentIs) {
  const FrameScan scan = FrameScan::complete(7, 2, 5);
  EXPECT_TRUE(scan.is_complete());
  EXPECT_FALSE(scan.is_error());
  EXPECT_EQ(scan.size(), 7U);
  EXPECT_EQ(scan.content_first(), 2U);
  EXPECT_EQ(scan.content_last(), 5U);
  const FrameScan whole = FrameScan::complete(7);
  EXPECT_EQ(whole.content_first(), 0U);
  EXPECT_EQ(whole.content_last(), 7U);
}

TEST(FrameScan, OfMissingBytesSaysHowManyAreNeeded) {
  const FrameScan scan = FrameScan::need_at_least(9);
  EXPECT_FALSE(scan.is_complete());
  EXPECT_FALSE(scan.is_error());
  EXPECT_EQ(scan.needed(), 9U);
}

TEST(FrameScan, OfAnErrorHasItsFigures) {
  const FrameScan scan = FrameScan::error(Errc::frame_too_long, UINT64_MAX, 10);
  EXPECT_FALSE(scan.is_complete());
  EXPECT_TRUE(scan.is_error());
  EXPECT_EQ(scan.error_code(), Errc::frame_too_long);
  EXPECT_EQ(scan.length(), UINT64_MAX);
  EXPECT_EQ(scan.limit(), 10U);
  const auto own = std::make_error_code(std::errc::bad_message);
  EXPECT_EQ(FrameScan::error(own).error_code(), own);
}

TEST(FrameScan, OfNoBytesOrNoErrorIsAnError) {
  EXPECT_EQ(FrameScan::complete(0).error_code(), Errc::malformed_frame);
  EXPECT_EQ(FrameScan::complete(0, 1, 2).error_code(), Errc::malformed_frame);
  EXPECT_EQ(FrameScan::error(std::error_code()).error_code(), Errc::malformed_frame);
}

TEST(FrameError, SaysWhatIsWrongWhereAndByHowMuch) {
  EXPECT_FALSE(FrameError());
  EXPECT_EQ(FrameError().message(), "no error");
  const FrameError error{Errc::frame_too_long, 1000, 65, 64};
  EXPECT_TRUE(error);
  EXPECT_EQ(error.message(),
            "a frame is too long: the frame at byte 1000 has at least 65 bytes, the limit is 64");
  EXPECT_EQ((FrameError{Errc::frame_too_long, 0, 1, 0}).message(),
            "a frame is too long: the frame at byte 0 has at least 1 bytes, the limit is 0");
  EXPECT_EQ((FrameError{Errc::malformed_frame, 7}).message(),
            "the bytes are no frame: the frame at byte 7");
}

// Windows without a buffer: no state is kept between two of them.
TEST(ScanMark, KeepsNothingOfAWindowWithoutABuffer) {
  ScanMark mark;
  const FrameWindow window = window_of("text");
  EXPECT_EQ(mark.looked_at(window), 0U);
  mark.set(window, 4);
  EXPECT_EQ(mark.looked_at(window), 0U);
}

TEST(DelimiterFramer, RefusesWhatCanNeverWork) {
  EXPECT_EQ(what([] { DelimiterFramer(""); }),
            "DelimiterFramer: the delimiter is empty, it must have at least 1 byte");
  EXPECT_EQ(
      what([] { DelimiterFramer("\r\n", {.max_content = SIZE_MAX - 1}); }),
      "DelimiterFramerConfig::max_content is 18446744073709551614, with the delimiter it must "
      "be at most 18446744073709551615");
  EXPECT_NO_THROW(DelimiterFramer("\r\n", {.max_content = SIZE_MAX - 2}));
  EXPECT_NO_THROW(DelimiterFramer("\n", {.max_content = 0}));
}

TEST(DelimiterFramer, FindsALineAndLeavesTheDelimiterOut) {
  DelimiterFramer framer("\r\n");
  const FrameScan scan = framer.scan(window_of("one\r\ntwo"));
  ASSERT_TRUE(scan.is_complete());
  EXPECT_EQ(scan.size(), 5U);
  EXPECT_EQ(scan.content_first(), 0U);
  EXPECT_EQ(scan.content_last(), 3U);
}

TEST(DelimiterFramer, KeepsTheDelimiterIfAsked) {
  DelimiterFramer framer("\r\n", {.keep_delimiter = true});
  EXPECT_EQ(framer.scan(window_of("one\r\ntwo")).content_last(), 5U);
}

TEST(DelimiterFramer, NeedsOneByteMoreWhereTheDelimiterMayHaveBegun) {
  DelimiterFramer framer("aab", {.max_content = 1});
  EXPECT_EQ(framer.scan(window_of("xa")).needed(), 3U);
  EXPECT_EQ(framer.scan(window_of("aa")).needed(), 3U) << "it may begin at either";
  EXPECT_EQ(framer.scan(window_of("aaa")).needed(), 4U);
  EXPECT_TRUE(framer.scan(window_of("aaab")).is_complete());
  EXPECT_EQ(framer.scan(window_of("aaaa")).error_code(), Errc::frame_too_long);
  EXPECT_EQ(framer.scan(window_of("xx")).error_code(), Errc::frame_too_long);
}

TEST(DelimiterFramer, ADelimiterMayHaveZeroesAndBytesThatAreNoText) {
  constexpr std::string_view kDelimiter("\0\xff\0", 3);
  DelimiterFramer framer(kDelimiter);
  EXPECT_EQ(framer.scan(window_of(std::string_view("a\0\xff\0b", 5))).size(), 4U);
}

TEST(DelimiterFramer, ADelimiterMayBeLongerThanItsFrames) {
  const std::string delimiter = std::string(200, '-') + "+" + std::string(200, '-');
  DelimiterFramer framer(delimiter, {.max_content = 3});
  for (const std::size_t content : {0U, 1U, 3U}) {
    const std::string text = std::string(content, '-') + delimiter;
    ASSERT_EQ(framer.scan(window_of(text)).size(), text.size());
    for (std::size_t n = 1; n < text.size(); ++n) {
      ASSERT_EQ(framer.scan(window_of(std::string_view(text).substr(0, n))).needed(), n + 1);
    }
  }
  EXPECT_TRUE(framer.scan(window_of("----" + delimiter)).is_error());
}

TEST(DelimiterFramer, TheGreatestLimitIsOne) {
  DelimiterFramer framer("ab", {.max_content = SIZE_MAX - 2});
  EXPECT_EQ(framer.scan(window_of("xab")).size(), 3U);
  EXPECT_EQ(framer.scan(window_of("xxa")).needed(), 4U);
}

TEST(LengthFramer, RefusesWhatCanNeverWork) {
  EXPECT_EQ(what([] { LengthFramer({.length_bytes = 9}); }),
            "LengthFramerConfig::length_bytes is 9, it must be 1 to 8, or kVarint");
  EXPECT_EQ(what([] { LengthFramer({.max_content = SIZE_MAX - 9}); }),
            "LengthFramerConfig::max_content is 18446744073709551606, it must be at most "
            "18446744073709551605");
  EXPECT_EQ(what([] { LengthFramer({.byte_order = static_cast<std::endian>(7)}); }),
            "LengthFramerConfig::byte_order is neither big nor little");
  EXPECT_NO_THROW(LengthFramer({.max_content = SIZE_MAX - 10}));
}

TEST(LengthFramer, ReadsTheLengthInEitherOrder) {
  const LengthFramer big({.length_bytes = 2});
  const LengthFramer little({.length_bytes = 2, .byte_order = std::endian::little});
  EXPECT_EQ(big.scan(window_of(std::string_view("\x01\x02", 2))).needed(), 2U + 0x102);
  EXPECT_EQ(little.scan(window_of(std::string_view("\x01\x02", 2))).needed(), 2U + 0x201);
}

TEST(LengthFramer, NeedsTheHeaderFirstAndThenTheWholeFrame) {
  const LengthFramer framer({.length_bytes = 4});
  EXPECT_EQ(framer.scan(window_of(std::string_view("\0", 1))).needed(), 4U);
  EXPECT_EQ(framer.scan(window_of(std::string_view("\0\0\0\5hal", 7))).needed(), 9U);
  const FrameScan scan = framer.scan(window_of(std::string_view("\0\0\0\5hallo!", 10)));
  ASSERT_TRUE(scan.is_complete());
  EXPECT_EQ(scan.size(), 9U);
  EXPECT_EQ(scan.content_first(), 4U);
  EXPECT_EQ(scan.content_last(), 9U);
}

TEST(LengthFramer, TellsTheLengthThatIsTooGreat) {
  const LengthFramer framer({.length_bytes = 8, .max_content = 10});
  const FrameScan scan = framer.scan(window_of("\xff\xff\xff\xff\xff\xff\xff\xff"));
  EXPECT_EQ(scan.error_code(), Errc::frame_too_long);
  EXPECT_EQ(scan.length(), UINT64_MAX);
  EXPECT_EQ(scan.limit(), 10U);
}

TEST(LengthFramer, NothingWrapsAtTheGreatestLimit) {
  const LengthFramer framer({.length_bytes = 8, .max_content = SIZE_MAX - 10});
  EXPECT_EQ(framer.scan(window_of("\xff\xff\xff\xff\xff\xff\xff\xf5")).needed(), SIZE_MAX - 2);
  EXPECT_TRUE(framer.scan(window_of("\xff\xff\xff\xff\xff\xff\xff\xf6")).is_error());
}

TEST(LengthFramer, AVarintHasAtMost64Bits) {
  const LengthFramer framer(
      {.length_bytes = LengthFramerConfig::kVarint, .max_content = SIZE_MAX - 10});
  const std::string nine(9, '\x80');
  EXPECT_EQ(framer.scan(window_of(nine)).needed(), 10U);
  EXPECT_EQ(framer.scan(window_of(nine + '\1')).needed(), 10 + (std::size_t{1} << 63));
  EXPECT_EQ(framer.scan(window_of(nine + '\2')).error_code(), Errc::malformed_frame);
  EXPECT_EQ(framer.scan(window_of(nine + '\x80')).error_code(), Errc::malformed_frame);
  EXPECT_EQ(framer.scan(window_of(nine + std::string(1, '\0'))).size(), 10U);
}

}  // namespace
}  // namespace bytes_handoff
