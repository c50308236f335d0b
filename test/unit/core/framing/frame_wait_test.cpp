// How a wait for a frame decides: `FrameWait`, step by step.

#include "bytes_handoff/handoff_buffer.hpp"
// Behind it, of which this is a part.
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

#include "bytes_handoff/core/framing/frame_wait.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff::detail {
namespace {

/// Frames that begin with a digit, which says how many bytes follow it. 'e' is an error, and 't' is
/// thrown. Counts its scans.
struct Digits {
  FrameScan scan(const FrameWindow& window) {
    ++scans;
    const char first = window.view().front();
    if (first == 't') {
      throw std::system_error(make_error_code(std::errc::io_error));
    }
    if (first == 'e') {
      return FrameScan::error(Errc::malformed_frame);
    }
    const std::size_t all = 1 + static_cast<std::size_t>(first - '0');
    return window.size() < all ? FrameScan::need_at_least(all) : FrameScan::complete(all, 1, all);
  }
  unsigned scans = 0;
};

class FrameWaitTest : public testing::Test {
 protected:
  [[nodiscard]] FrameStep read(std::string_view bytes, bool is_cancelled = false) {
    test::feed(buffer, bytes);
    return wait.after_read(buffer, bytes.empty() ? ReadEnd::kEnd : ReadEnd::kBytes, is_cancelled);
  }
  [[nodiscard]] FrameStep fail(std::string_view bytes, ReadEnd end, bool is_cancelled = false) {
    test::feed(buffer, bytes);
    return wait.after_read(buffer, end, is_cancelled);
  }
  void expect_told(std::error_code error, std::size_t n) {
    EXPECT_EQ(wait.error(), error) << wait.error().message();
    EXPECT_EQ(wait.size(), n);
  }

  HandoffBuffer buffer{{.max_size = 8, .read_reserve = 1}};
  Digits digits;
  FrameWait<Digits> wait{digits};
};

TEST_F(FrameWaitTest, AFrameThatIsThereNeedsNoRead) {
  test::feed(buffer, "3abc");
  EXPECT_EQ(wait.begin(buffer), FrameStep::kTell);
  expect_told({}, 4);
  EXPECT_FALSE(wait.leaves_error());
  EXPECT_EQ(buffer.size(), 4U);
}

TEST_F(FrameWaitTest, ReadsOnUntilAFrameIsThere) {
  EXPECT_EQ(wait.begin(buffer), FrameStep::kRead);
  EXPECT_EQ(digits.scans, 0U) << "there is nothing to look at";
  EXPECT_EQ(read("3"), FrameStep::kRead);
  EXPECT_EQ(read("a"), FrameStep::kRead);
  EXPECT_EQ(read("b"), FrameStep::kRead);
  EXPECT_EQ(digits.scans, 1U) << "there are fewer bytes than the framer needs";
  EXPECT_EQ(read("c"), FrameStep::kTell);
  EXPECT_EQ(digits.scans, 2U);
  expect_told({}, 4);
}

TEST_F(FrameWaitTest, TheEndIsCleanWhereNothingIsLeft) {
  EXPECT_EQ(wait.begin(buffer), FrameStep::kRead);
  EXPECT_EQ(read(""), FrameStep::kTell);
  expect_told({}, 0);
}

TEST_F(FrameWaitTest, TheEndInsideOfAFrameIsAnError) {
  test::feed(buffer, "3a");
  EXPECT_EQ(wait.begin(buffer), FrameStep::kRead);
  EXPECT_EQ(read(""), FrameStep::kTell);
  expect_told(Errc::truncated_frame, 0);
  EXPECT_EQ(buffer.peek_view(), "3a");
}

TEST_F(FrameWaitTest, AnErrorOfTheFramerStartsNoRead) {
  test::feed(buffer, "e");
  EXPECT_EQ(wait.begin(buffer), FrameStep::kTell);
  expect_told(Errc::malformed_frame, 0);
}

TEST_F(FrameWaitTest, AnErrorOfTheFramerIsToldBehindTheReadThatBringsIt) {
  EXPECT_EQ(wait.begin(buffer), FrameStep::kRead);
  EXPECT_EQ(read("e"), FrameStep::kTell);
  expect_told(Errc::malformed_frame, 0);
}

TEST_F(FrameWaitTest, AFrameThatTheBufferCanNeverHoldStartsNoRead) {
  test::feed(buffer, "8");
  EXPECT_EQ(wait.begin(buffer), FrameStep::kTell);
  expect_told(Errc::limit_exceeded, 0);
}

TEST_F(FrameWaitTest, AFrameOfExactlyTheLimitIsAFrame) {
  test::feed(buffer, "7");
  EXPECT_EQ(wait.begin(buffer), FrameStep::kRead);
  EXPECT_EQ(read("abcdefg"), FrameStep::kTell);
  expect_told({}, 8);
}

TEST_F(FrameWaitTest, AFrameComesBeforeTheErrorThatCameWithIt) {
  EXPECT_EQ(wait.begin(buffer), FrameStep::kRead);
  EXPECT_EQ(fail("1a", ReadEnd::kFailed), FrameStep::kTell);
  expect_told({}, 2);
  EXPECT_TRUE(wait.leaves_error());
}

TEST_F(FrameWaitTest, AnErrorOfTheFramerComesBeforeTheErrorThatCameWithIt) {
  EXPECT_EQ(wait.begin(buffer), FrameStep::kRead);
  EXPECT_EQ(fail("e", ReadEnd::kFailed), FrameStep::kTell);
  expect_told(Errc::malformed_frame, 0);
  EXPECT_TRUE(wait.leaves_error());
}

TEST_F(FrameWaitTest, AFrameTakesBackACancellation) {
  EXPECT_EQ(wait.begin(buffer), FrameStep::kRead);
  EXPECT_EQ(fail("1a", ReadEnd::kCancelled, true), FrameStep::kTell);
  expect_told({}, 2);
  EXPECT_FALSE(wait.leaves_error()) << "it says nothing about the stream";
}

TEST_F(FrameWaitTest, AnErrorWithoutAFrameIsTheReads) {
  EXPECT_EQ(wait.begin(buffer), FrameStep::kRead);
  EXPECT_EQ(fail("3a", ReadEnd::kFailed), FrameStep::kTellRead);
  EXPECT_EQ(fail("", ReadEnd::kCancelled), FrameStep::kTellRead);
  EXPECT_FALSE(wait.leaves_error());
}

TEST_F(FrameWaitTest, ACancellationBetweenTwoReadsIsRemembered) {
  EXPECT_EQ(wait.begin(buffer), FrameStep::kRead);
  EXPECT_EQ(read("3a", true), FrameStep::kCancelled);
  EXPECT_EQ(read("bc", true), FrameStep::kTell) << "not where the frame is whole";
  expect_told({}, 4);
}

TEST_F(FrameWaitTest, TheEndComesBeforeACancellation) {
  EXPECT_EQ(wait.begin(buffer), FrameStep::kRead);
  EXPECT_EQ(read("", true), FrameStep::kTell);
  expect_told({}, 0);
}

TEST_F(FrameWaitTest, YieldsAfter16ReadsWithoutASuspension) {
  HandoffBuffer large;
  struct Never {
    static FrameScan scan(const FrameWindow&) { return FrameScan::need_at_least(0); }
  } never;
  FrameWait<Never> waits(never);
  EXPECT_EQ(waits.begin(large), FrameStep::kRead);
  for (int round = 0; round < 3; ++round) {
    for (unsigned reads = 1; reads < ReadOn::kMostReads; ++reads) {
      test::feed(large, "x");
      ASSERT_EQ(waits.after_read(large, ReadEnd::kBytes, false), FrameStep::kRead);
    }
    test::feed(large, "x");
    ASSERT_EQ(waits.after_read(large, ReadEnd::kBytes, false), FrameStep::kYield);
    waits.note_suspended();
  }
}

TEST_F(FrameWaitTest, ThrowsWhatTheFramerThrows) {
  test::feed(buffer, "t");
  EXPECT_THROW(static_cast<void>(wait.begin(buffer)), std::system_error);
}

}  // namespace
}  // namespace bytes_handoff::detail
