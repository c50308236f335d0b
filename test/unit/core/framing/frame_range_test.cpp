#include "bytes_handoff/core/framing/frame_range.hpp"

#include <gtest/gtest.h>

#include <iterator>
#include <memory_resource>
#include <new>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff {
namespace {

using test::CountingResource;
using test::feed;

static_assert(std::ranges::input_range<FrameRange<DelimiterFramer>>);
static_assert(std::ranges::input_range<FrameRange<const LengthFramer>>);

/// Frames of three bytes, of which the middle one is the content.
struct Threes {
  static FrameScan scan(const FrameWindow& window) {
    if (window.view()[0] == '?') {
      throw std::runtime_error("a question");
    }
    if (window.view()[0] == '!') {
      return FrameScan::error(Errc::malformed_frame);
    }
    return window.size() < 3 ? FrameScan::need_at_least(3) : FrameScan::complete(3, 1, 2);
  }
};

class Frames : public testing::Test {
 protected:
  template <Framer F>
  std::vector<std::string> all(F& framer) {
    std::vector<std::string> contents;
    for (const Bytes& frame : buffer.frames(framer)) {
      contents.emplace_back(frame.view());
    }
    return contents;
  }

  CountingResource source;
  HandoffBuffer buffer = HandoffBuffer({.max_size = 1000, .block_source = &source});
  DelimiterFramer lines = DelimiterFramer("\n");
  Threes threes;
};

using Texts = std::vector<std::string>;

TEST_F(Frames, AreAllThatAreThere) {
  feed(buffer, "one\n\nthree\nrest");
  EXPECT_EQ(all(lines), (Texts{"one", "", "three"}));
  EXPECT_EQ(buffer.peek_view(), "rest");
  EXPECT_EQ(buffer.position(), 11U);
  EXPECT_EQ(all(lines), Texts());
  feed(buffer, "\n");
  EXPECT_EQ(all(lines), Texts{"rest"});
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.position(), 16U);
}

TEST_F(Frames, OfAnEmptyBufferAreNone) {
  auto frames = buffer.frames(lines);
  EXPECT_EQ(frames.begin(), frames.end());
  EXPECT_FALSE(frames.error());
}

TEST_F(Frames, ShareTheBlockAndAllocateNothing) {
  feed(buffer, "one\n\nthree\n");
  const std::byte* const block = buffer.peek().data();
  std::vector<Bytes> kept;
  kept.reserve(3);
  const std::size_t blocks = source.blocks_out();
  const test::AllocationScope scope;
  for (Bytes& frame : buffer.frames(lines)) {
    kept.push_back(std::move(frame));
  }
  EXPECT_EQ(scope.allocations(), 0U);
  EXPECT_EQ(source.blocks_out(), blocks);
  ASSERT_EQ(kept.size(), 3U);
  EXPECT_EQ(kept[0].data(), block);
  EXPECT_EQ(kept[1].data(), nullptr);
  EXPECT_EQ(kept[2].data(), block + 5);
}

TEST_F(Frames, ContentMayBeAnyPartOfAFrame) {
  feed(buffer, "(a)[b]<c");
  EXPECT_EQ(all(threes), (Texts{"a", "b"}));
  EXPECT_EQ(buffer.peek_view(), "<c");
}

TEST_F(Frames, AreSplitOffBeforeTheBodyRuns) {
  feed(buffer, "one\ntwo\nthree\n");
  for (const Bytes& frame : buffer.frames(lines)) {
    EXPECT_EQ(frame.view(), "one");
    EXPECT_EQ(buffer.peek_view(), "two\nthree\n");
    break;
  }
  EXPECT_EQ(buffer.peek_view(), "two\nthree\n") << "a range that is left early leaves the rest";
  EXPECT_EQ(all(lines), (Texts{"two", "three"}));
}

TEST_F(Frames, ABodyMayTakeBytesAndReadMore) {
  feed(buffer, "one\nxxtwo\n");
  Texts contents;
  for (const Bytes& frame : buffer.frames(lines)) {
    contents.emplace_back(frame.view());
    if (frame.view() == "one") {
      ASSERT_TRUE(buffer.advance(2));
    } else if (frame.view() == "two") {
      feed(buffer, "three\n");
    }
  }
  EXPECT_EQ(contents, (Texts{"one", "two", "three"}));
}

TEST_F(Frames, ARangeThatBeginsAgainGoesOn) {
  feed(buffer, "one\ntwo\nthr");
  auto frames = buffer.frames(lines);
  EXPECT_EQ(frames.begin()->view(), "one");
  EXPECT_EQ(frames.begin()->view(), "two");
  EXPECT_EQ(frames.begin(), frames.end());
  feed(buffer, "ee\n!");
  const auto third = frames.begin();
  ASSERT_NE(third, frames.end());
  EXPECT_EQ(third->view(), "three");
}

TEST_F(Frames, ARangeThatIsOverKeepsNoBlock) {
  feed(buffer, "one\n");
  auto frames = buffer.frames(lines);
  for (const Bytes& frame : frames) {
    EXPECT_EQ(frame.view(), "one");
  }
  static_cast<void>(buffer.take_tail());
  EXPECT_EQ(source.blocks_out(), 0U);
}

TEST_F(Frames, AnErrorEndsTheRangeBehindTheFramesBeforeIt) {
  feed(buffer, "(a)!b)(c)");
  auto frames = buffer.frames(threes);
  Texts contents;
  for (const Bytes& frame : frames) {
    contents.emplace_back(frame.view());
  }
  EXPECT_EQ(contents, Texts{"a"});
  EXPECT_EQ(frames.error().code, Errc::malformed_frame);
  EXPECT_EQ(frames.error().position, 3U);
  EXPECT_EQ(buffer.peek_view(), "!b)(c)");

  ASSERT_TRUE(buffer.advance(3));
  EXPECT_EQ(frames.begin()->view(), "c");
  EXPECT_EQ(frames.begin(), frames.end());
  EXPECT_FALSE(frames.error()) << "it tells why it ended the last time";
}

TEST_F(Frames, WhatTheFramerThrowsChangesNothing) {
  feed(buffer, "(a)?b)");
  auto frames = buffer.frames(threes);
  auto it = frames.begin();
  EXPECT_THROW(++it, std::runtime_error);
  EXPECT_EQ(it->view(), "a");
  EXPECT_EQ(buffer.peek_view(), "?b)");
}

/// A policy that copies what has at most five bytes.
class CopiedFrames : public Frames {
 protected:
  CopiedFrames() {
    buffer = HandoffBuffer(
        {.max_size = 1000, .prefix_policy = {.copy_at_most = 5}, .block_source = &source});
  }
};

TEST_F(CopiedFrames, ArePrefixesOfThePolicyBySizeOfTheirContent) {
  feed(buffer, "12345\n123456\n\n");
  const std::byte* const block = buffer.peek().data();
  std::vector<Bytes> kept;
  for (Bytes& frame : buffer.frames(lines)) {
    kept.push_back(std::move(frame));
  }
  ASSERT_EQ(kept.size(), 3U);
  EXPECT_EQ(kept[0].view(), "12345");
  EXPECT_NE(kept[0].data(), block);
  EXPECT_EQ(kept[1].data(), block + 6);
  EXPECT_TRUE(kept[2].empty());
}

TEST_F(CopiedFrames, ACopyThatFailsChangesNothing) {
  // Larger than the pool caches, so that the system is asked.
  buffer = HandoffBuffer({.prefix_policy = {SIZE_MAX}});
  const std::string text = "one\n" + std::string(400'000, 'x') + "\nrest";
  feed(buffer, text);
  lines = DelimiterFramer("\n", {.max_content = 500'000});
  auto frames = buffer.frames(lines);
  auto it = frames.begin();
  {
    const test::FailingAllocations no_memory;
    EXPECT_THROW(++it, std::bad_alloc);
  }
  EXPECT_EQ(it->view(), "one");
  EXPECT_EQ(buffer.peek_view(), std::string_view(text).substr(4));
  EXPECT_EQ(buffer.position(), 4U);
  ++it;
  EXPECT_EQ(it->size(), 400'000U);
}

TEST_F(Frames, AnIteratorGoesOnWhicheverWayItIsIncremented) {
  feed(buffer, "one\ntwo\n");
  auto frames = buffer.frames(lines);
  auto frame = frames.begin();
  EXPECT_EQ(frame->view(), "one");
  frame++;
  EXPECT_EQ(frame->view(), "two");
  frame++;
  EXPECT_EQ(frame, frames.end());
}

TEST_F(Frames, AFrameThatIsThereIsNoError) {
  feed(buffer, "one\ntwo\n");
  auto frames = buffer.frames(lines);
  ASSERT_EQ(frames.begin()->view(), "one");
  EXPECT_FALSE(frames.error());
  EXPECT_EQ(buffer.peek_view(), "two\n") << "it is not taken";
}

}  // namespace
}  // namespace bytes_handoff
