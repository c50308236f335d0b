#include "bytes_handoff/core/framing/find_frame.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "bytes_handoff/front_end.hpp"
#include "support/pattern.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff::detail {
namespace {

using test::feed;

/// Says what it is told to.
struct ToldFramer {
  FrameScan scan(const FrameWindow&) {
    ++scans;
    return answer;
  }
  FrameScan answer = FrameScan::need_at_least(1);
  int scans = 0;
};

class FindFrame : public testing::Test {
 protected:
  FindFrame() { feed(buffer, "four"); }

  [[nodiscard]] FrameScan find(FrameScan answer) {
    framer.answer = answer;
    return find_frame(buffer, framer);
  }

  HandoffBuffer buffer = HandoffBuffer({.max_size = 10});
  ToldFramer framer;
};

TEST_F(FindFrame, AsksNobodyAboutAnEmptyBuffer) {
  HandoffBuffer empty;
  framer.answer = FrameScan::error(Errc::malformed_frame);
  EXPECT_EQ(find_frame(empty, framer).needed(), 1U);
  EXPECT_EQ(framer.scans, 0);
}

TEST_F(FindFrame, NeedsMoreThanThereIs) {
  for (const std::size_t needed : {0U, 1U, 4U, 5U}) {
    EXPECT_EQ(find(FrameScan::need_at_least(needed)).needed(), 5U);
  }
  EXPECT_EQ(find(FrameScan::need_at_least(10)).needed(), 10U);
}

TEST_F(FindFrame, AFrameThatTheBufferCanNeverHoldIsAnError) {
  for (const std::size_t needed : {std::size_t{11}, SIZE_MAX}) {
    const FrameScan scan = find(FrameScan::need_at_least(needed));
    EXPECT_EQ(scan.error_code(), Errc::limit_exceeded);
    EXPECT_EQ(scan.length(), needed);
    EXPECT_EQ(scan.limit(), 10U);
  }
  feed(buffer, "andsix");
  const FrameScan scan = find(FrameScan::need_at_least(1));
  EXPECT_EQ(scan.error_code(), Errc::limit_exceeded);
  EXPECT_EQ(scan.length(), 11U);
}

TEST_F(FindFrame, AnAnswerThatBreaksTheRulesIsAnError) {
  for (const FrameScan& wrong :
       {FrameScan::complete(0), FrameScan::complete(5), FrameScan::complete(SIZE_MAX),
        FrameScan::complete(4, 3, 2), FrameScan::complete(3, 0, 4), FrameScan::complete(4, 5, 5),
        FrameScan::complete(4, 0, SIZE_MAX), FrameScan::complete(4, SIZE_MAX, 0),
        FrameScan::error(std::error_code())}) {
    const FrameScan scan = find(wrong);
    EXPECT_FALSE(scan.is_complete());
    EXPECT_EQ(scan.error_code(), Errc::malformed_frame);
  }
  EXPECT_TRUE(find(FrameScan::complete(4, 4, 4)).is_complete());
  EXPECT_TRUE(find(FrameScan::complete(1, 0, 0)).is_complete());
}

TEST_F(FindFrame, AnErrorHasThePositionOfItsFrame) {
  ASSERT_TRUE(buffer.advance(3));
  const FrameError error = error_of(find(FrameScan::error(Errc::frame_too_long, 8, 7)), buffer);
  EXPECT_EQ(error.code, Errc::frame_too_long);
  EXPECT_EQ(error.position, 3U);
  EXPECT_EQ(error.length, 8U);
  EXPECT_EQ(error.limit, 7U);
}

/// Looks at each byte for an exclamation mark, and counts how often it looks.
struct CountingFramer {
  FrameScan scan(const FrameWindow& window) {
    for (std::size_t i = mark.looked_at(window); i < window.size(); ++i) {
      ++looks;
      if (window.view()[i] == '!') {
        mark.set(window, i);
        return FrameScan::complete(i + 1);
      }
    }
    mark.set(window, window.size());
    return FrameScan::need_at_least(window.size() + 1);
  }
  ScanMark mark;
  std::size_t looks = 0;
};

class ScanMarkOfABuffer : public testing::Test {
 protected:
  /// How many bytes a scan looks at now.
  std::size_t looks(HandoffBuffer& at) {
    const std::size_t before = framer.looks;
    static_cast<void>(find_frame(at, framer));
    return framer.looks - before;
  }

  HandoffBuffer buffer = HandoffBuffer({.max_size = 100'000, .block_size = 256});
  CountingFramer framer;
};

TEST_F(ScanMarkOfABuffer, EachByteOfALineThatDripsInIsLookedAtOnce) {
  constexpr std::size_t kBytes = 5000;
  for (std::size_t i = 0; i < kBytes; ++i) {
    feed(buffer, "x");
    EXPECT_EQ(looks(buffer), 1U);
  }
  feed(buffer, "!");
  EXPECT_EQ(looks(buffer), 1U);
  EXPECT_EQ(looks(buffer), 1U) << "who asks again finds it at once";
  EXPECT_EQ(framer.looks, kBytes + 2);
}

TEST_F(ScanMarkOfABuffer, IsKeptWhileTheBytesMoveToAnotherBlock) {
  feed(buffer, std::string(200, 'x'));
  EXPECT_EQ(looks(buffer), 200U);
  ASSERT_TRUE(buffer.reserve_read_capacity(10'000));
  EXPECT_EQ(looks(buffer), 0U);
  static_cast<void>(front_end::begin_read(buffer).value());
  front_end::pause_read(buffer);
  static_cast<void>(front_end::begin_read(buffer).value());
  front_end::end_read(buffer, 0);
  EXPECT_EQ(looks(buffer), 0U);
}

TEST_F(ScanMarkOfABuffer, MovesWithTheBuffer) {
  feed(buffer, "xxxx");
  EXPECT_EQ(looks(buffer), 4U);
  HandoffBuffer made = std::move(buffer);
  EXPECT_EQ(looks(made), 0U);
  EXPECT_EQ(made.position(), 0U);
  buffer = std::move(made);
  EXPECT_EQ(looks(buffer), 0U);
}

// Each leaves other bytes where the mark was.
TEST_F(ScanMarkOfABuffer, IsForgottenWhenBytesLeave) {
  const std::pair<const char*, std::function<void()>> ways[] = {
      {"advance", [&] { ASSERT_TRUE(buffer.advance(2)); }},
      {"split_prefix", [&] { ASSERT_TRUE(buffer.split_prefix(2)); }},
      {"split_prefix_mut", [&] { ASSERT_TRUE(buffer.split_prefix_mut(2)); }},
      {"take_tail", [&] { static_cast<void>(buffer.take_tail()); }},
      {"freeze_all", [&] { static_cast<void>(buffer.freeze_all()); }},
      {"take_all", [&] { static_cast<void>(BufferAccess::take_all(buffer)); }},
      {"a part put back", [&] {
         Bytes all = BufferAccess::take_all(buffer);
         ASSERT_TRUE(all.advance(1));
         BufferAccess::put_back(buffer, std::move(all));
       }}};
  for (const auto& [name, leave] : ways) {
    SCOPED_TRACE(name);
    static_cast<void>(buffer.freeze_all());
    feed(buffer, "xxxx");
    EXPECT_EQ(looks(buffer), 4U);
    leave();
    feed(buffer, "xxx");
    EXPECT_EQ(looks(buffer), buffer.size());
  }
}

TEST_F(ScanMarkOfABuffer, IsForgottenInAnotherBuffer) {
  feed(buffer, "xxxx");
  EXPECT_EQ(looks(buffer), 4U);
  HandoffBuffer other;
  feed(other, "yyyyyy");
  EXPECT_EQ(looks(other), 6U);
  EXPECT_EQ(looks(buffer), 4U) << "there is one mark";
}

TEST_F(ScanMarkOfABuffer, IsForgottenInABufferAtTheSamePlace) {
  feed(buffer, "xxxx");
  EXPECT_EQ(looks(buffer), 4U);
  buffer = HandoffBuffer();
  feed(buffer, "yyyyyy");
  EXPECT_EQ(looks(buffer), 6U);
  HandoffBuffer moved = std::move(buffer);
  feed(buffer, "zzz");  // NOLINT(bugprone-use-after-move): it is empty, and may be used
  EXPECT_EQ(looks(buffer), 3U);
  BytesMut tail = moved.take_tail();
  buffer = HandoffBuffer::from_tail(tail, {}).value();
  EXPECT_EQ(looks(buffer), 6U);
}

TEST_F(ScanMarkOfABuffer, IsKeptIfAllIsPutBack) {
  feed(buffer, "xxxx");
  EXPECT_EQ(looks(buffer), 4U);
  BufferAccess::put_back(buffer, BufferAccess::take_all(buffer));
  EXPECT_EQ(looks(buffer), 0U);
  EXPECT_EQ(buffer.position(), 0U);
}

/// Drips `text` in. After each byte, all of it but the last few bytes is overwritten by delimiters.
/// So a framer that looks at them again finds one.
void drip_over_planted(std::string_view delimiter, std::string_view text) {
  HandoffBuffer buffer({.max_size = 1000});
  DelimiterFramer framer(delimiter);
  const std::size_t kept = delimiter.size() - 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    feed(buffer, text.substr(i, 1));
    ASSERT_FALSE(find_frame(buffer, framer).is_complete()) << i;
    auto* const bytes = const_cast<std::byte*>(buffer.peek().data());  // NOLINT: the test's block
    for (std::size_t at = 0; at + kept < i + 1; ++at) {
      bytes[at] = static_cast<std::byte>(delimiter[at % delimiter.size()]);
    }
  }
  feed(buffer, delimiter);
  for (int asked = 0; asked < 2; ++asked) {
    const FrameScan scan = find_frame(buffer, framer);
    ASSERT_TRUE(scan.is_complete());
    ASSERT_EQ(scan.size(), text.size() + delimiter.size()) << "asked before: " << asked;
  }
}

TEST(DelimiterFramerOfABuffer, LooksAtNoByteTwice) {
  drip_over_planted("\n", std::string(60, 'x'));
  drip_over_planted("\r\n", std::string(60, 'x'));
  drip_over_planted("\r\n", "\r\r\r\r\r\r\r\r\r\r\r\rx\r\r\rx\r\r");
  drip_over_planted("aab", std::string(60, 'a'));
  drip_over_planted("aaaaaab", std::string(60, 'a'));
}

TEST(DelimiterFramerOfABuffer, CopiesOfAFramerSearchOnTheirOwn) {
  HandoffBuffer buffer;
  DelimiterFramer framer("\n");
  feed(buffer, "xx");
  static_cast<void>(find_frame(buffer, framer));
  DelimiterFramer copy = framer;
  feed(buffer, "x\n");
  EXPECT_EQ(find_frame(buffer, copy).size(), 4U);
  EXPECT_EQ(find_frame(buffer, framer).size(), 4U);
}

}  // namespace
}  // namespace bytes_handoff::detail
