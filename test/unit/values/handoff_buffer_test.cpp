#include "bytes_handoff/handoff_buffer.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/memory.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/memory/heap_in_use.hpp"
#include "support/pattern.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff {
namespace {

using test::CountingResource;
using test::feed;
using test::pattern;

static_assert(!std::is_copy_constructible_v<HandoffBuffer>);
static_assert(std::is_nothrow_move_constructible_v<HandoffBuffer>);
static_assert(std::is_nothrow_move_assignable_v<HandoffBuffer>);

TEST(HandoffBuffer, ADefaultOneIsEmptyAndHoldsNoMemory) {
  test::AllocationScope counted;
  HandoffBuffer buffer;
  const HandoffBuffer created = HandoffBuffer(HandoffBufferConfig{});
  EXPECT_EQ(counted.allocations(), 0U);
  for (const HandoffBuffer* each : {&std::as_const(buffer), &created}) {
    EXPECT_EQ(each->size(), 0U);
    EXPECT_TRUE(each->empty());
    EXPECT_EQ(each->capacity(), 0U);
    EXPECT_TRUE(each->peek().empty());
    EXPECT_EQ(each->peek_view(), "");
    EXPECT_FALSE(front_end::is_reading(*each));
  }
}

TEST(HandoffBuffer, AConfigThatCanNeverWorkThrows) {
  EXPECT_THROW(HandoffBuffer({.max_size = 0}), std::invalid_argument);
  EXPECT_THROW(HandoffBuffer({.read_reserve = 0}), std::invalid_argument);
  EXPECT_EQ(HandoffBuffer({.max_size = 77}).config().max_size, 77U);
}

TEST(HandoffBuffer, ObserversHaveNoSideEffects) {
  HandoffBuffer buffer;
  feed(buffer, "text");
  const std::byte* place = buffer.peek().data();
  test::AllocationScope counted;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(buffer.peek_view(), "text");
    EXPECT_EQ(buffer.peek().data(), place);
    EXPECT_EQ(buffer.peek().size(), 4U);
    EXPECT_EQ(buffer.size(), 4U);
    EXPECT_FALSE(buffer.empty());
    EXPECT_GE(buffer.capacity(), 4U);
  }
  EXPECT_EQ(counted.allocations(), 0U);
}

TEST(HandoffBufferFromTail, StartsFromTheTailWithoutCopyingIt) {
  BytesMut tail = BytesMut::copy_of("left over");
  const std::byte* place = tail.data();
  auto buffer = HandoffBuffer::from_tail(tail, {});
  ASSERT_TRUE(buffer);
  EXPECT_TRUE(tail.empty());
  EXPECT_EQ(tail.capacity(), 0U);
  EXPECT_EQ(buffer->peek_view(), "left over");
  EXPECT_EQ(buffer->peek().data(), place);
  feed(*buffer, " and more");
  EXPECT_EQ(buffer->peek_view(), "left over and more");
}

TEST(HandoffBufferFromTail, UpToTheLimitIsTakenAndOverItTheTailStaysWithTheCaller) {
  const HandoffBufferConfig config{.max_size = 10};
  BytesMut fits = BytesMut::copy_of(pattern(10));
  auto full = HandoffBuffer::from_tail(fits, config);
  ASSERT_TRUE(full);
  EXPECT_EQ(full->size(), 10U);

  BytesMut tail = BytesMut::copy_of(pattern(11));
  const std::byte* place = tail.data();
  const auto refused = HandoffBuffer::from_tail(tail, config);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), (LimitExceeded{11, 10}));
  EXPECT_EQ(tail.view(), pattern(11));
  EXPECT_EQ(tail.data(), place);
}

TEST(HandoffBufferFromTail, ConfigThatCanNeverWorkThrowsAndTheTailStaysWithTheCaller) {
  BytesMut tail = BytesMut::copy_of("tail");
  EXPECT_THROW(static_cast<void>(HandoffBuffer::from_tail(tail, {.read_reserve = 0})),
               std::invalid_argument);
  EXPECT_EQ(tail.view(), "tail");
}

TEST(HandoffBufferFromTail, AnEmptyTailIsAnEmptyBuffer) {
  BytesMut tail;
  auto buffer = HandoffBuffer::from_tail(tail, {.max_size = 1});
  ASSERT_TRUE(buffer);
  EXPECT_TRUE(buffer->empty());
  feed(*buffer, "x");
  EXPECT_EQ(buffer->peek_view(), "x");
}

TEST(HandoffBuffer, SplittingChecksItsBoundsAndAnErrorChangesNothing) {
  constexpr std::size_t kLen = 100;
  const std::string text = pattern(kLen);
  for (const PrefixPolicy policy : {PrefixPolicy::share(), PrefixPolicy{SIZE_MAX}}) {
    for (const std::size_t n : test::sizes_around(kLen)) {
      HandoffBuffer a({.prefix_policy = policy});
      HandoffBuffer b({.prefix_policy = policy});
      HandoffBuffer c({.prefix_policy = policy});
      for (HandoffBuffer* each : {&a, &b, &c}) {
        feed(*each, text);
      }
      const auto prefix = a.split_prefix(n);
      const auto prefix_mut = b.split_prefix_mut(n);
      const auto advanced = c.advance(n);
      ASSERT_EQ(prefix.has_value(), n <= kLen) << n;
      ASSERT_EQ(prefix_mut.has_value(), n <= kLen) << n;
      ASSERT_EQ(advanced.has_value(), n <= kLen) << n;
      if (prefix) {
        EXPECT_EQ(prefix->view(), text.substr(0, n));
        EXPECT_EQ(prefix_mut->view(), text.substr(0, n));
      } else {
        EXPECT_EQ(prefix.error(), (SplitOutOfBounds{n, kLen}));
        EXPECT_EQ(prefix_mut.error(), (SplitOutOfBounds{n, kLen}));
        EXPECT_EQ(advanced.error(), (SplitOutOfBounds{n, kLen}));
      }
      for (const HandoffBuffer* each : {&a, &b, &c}) {
        EXPECT_EQ(each->peek_view(), prefix ? text.substr(n) : text);
      }
    }
  }
}

TEST(HandoffBuffer, AnEmptyBufferSplitsNothingOff) {
  HandoffBuffer buffer;
  EXPECT_TRUE(buffer.split_prefix(0).value().empty());
  EXPECT_TRUE(buffer.split_prefix_mut(0).value().empty());
  EXPECT_TRUE(buffer.advance(0));
  EXPECT_TRUE(buffer.take_tail().empty());
  EXPECT_TRUE(buffer.freeze_all().empty());
  EXPECT_EQ(buffer.split_prefix(1).error(), (SplitOutOfBounds{1, 0}));
}

TEST(HandoffBuffer, SlicesOutliveTheBufferAndWhatIsReadLater) {
  CountingResource source;
  std::vector<Bytes> slices;
  std::string model;
  {
    HandoffBuffer buffer({.max_size = 4096, .read_reserve = 64, .block_source = &source});
    for (int i = 0; i < 500; ++i) {
      const std::string text = pattern(50, model.size());
      feed(buffer, text);
      model += text;
      slices.push_back(buffer.split_prefix(37).value());
      slices.push_back(buffer.split_prefix(13).value());
    }
  }
  std::string joined;
  for (const Bytes& slice : slices) {
    joined += slice.view();
  }
  EXPECT_EQ(joined, model);
  slices.clear();
  EXPECT_EQ(source.blocks_out(), 0U);
}

TEST(HandoffBuffer, SplittingSharesWithoutMovingOrAllocatingAndViewsBehindStayValid) {
  HandoffBuffer buffer;
  feed(buffer, pattern(1000));
  const std::byte* place = buffer.peek().data();
  test::AllocationScope counted;
  const Bytes prefix = buffer.split_prefix(100).value();
  const BytesMut prefix_mut = buffer.split_prefix_mut(100).value();
  ASSERT_TRUE(buffer.advance(100));
  EXPECT_EQ(prefix.data(), place);
  EXPECT_EQ(prefix_mut.data(), place + 100);
  EXPECT_EQ(buffer.peek().data(), place + 300);
  const Bytes rest = buffer.freeze_all();
  EXPECT_EQ(rest.data(), place + 300);
  EXPECT_EQ(counted.allocations(), 0U);
}

TEST(HandoffBuffer, AMutablePrefixCanBeEditedAndGrownBesideTheBuffer) {
  HandoffBuffer buffer;
  feed(buffer, "head|tail");
  BytesMut head = buffer.split_prefix_mut(5).value();
  head.span()[0] = std::byte{'H'};
  head.extend("more");
  EXPECT_EQ(head.view(), "Head|more");
  EXPECT_EQ(buffer.peek_view(), "tail");
}

TEST(HandoffBuffer, TakeTailMovesTheBytesAndTheirRoomOut) {
  HandoffBuffer buffer;
  feed(buffer, "headtail");
  ASSERT_TRUE(buffer.advance(4));
  const std::byte* place = buffer.peek().data();
  const std::size_t capacity = buffer.capacity();
  BytesMut tail = buffer.take_tail();
  EXPECT_EQ(tail.view(), "tail");
  EXPECT_EQ(tail.data(), place);
  EXPECT_EQ(tail.capacity(), capacity);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.capacity(), 0U);
  feed(buffer, "next");
  EXPECT_EQ(tail.view(), "tail");
  EXPECT_EQ(buffer.peek_view(), "next");
}

TEST(HandoffBuffer, Trap11AnEmptiedBufferAndASmallTailDoNotPinEachOthersBlock) {
  CountingResource source;
  HandoffBuffer buffer({.block_source = &source});
  feed(buffer, pattern(1000));
  ASSERT_TRUE(buffer.advance(990));
  {
    const BytesMut tail = buffer.take_tail();
    EXPECT_EQ(source.blocks_out(), 1U);
  }
  EXPECT_EQ(source.blocks_out(), 0U) << "the emptied buffer keeps the block of the tail";

  feed(buffer, pattern(10));
  { const Bytes all = buffer.freeze_all(); }
  EXPECT_EQ(source.blocks_out(), 0U) << "freeze_all";

  feed(buffer, pattern(10));
  const BytesMut tail = buffer.take_tail();
  feed(buffer, pattern(10));
  EXPECT_EQ(source.blocks_out(), 2U);
  EXPECT_TRUE(tail.is_unique()) << "the buffer reads into the block of the tail";
}

TEST(HandoffBuffer, Trap11ABufferThatWaitsAndASmallSliceDoNotPinEachOthersBlock) {
  CountingResource source;
  HandoffBuffer buffer({.block_source = &source});
  feed(buffer, pattern(1000));
  Bytes slice = buffer.split_prefix(1000).value();
  static_cast<void>(front_end::begin_read(buffer).value());
  front_end::pause_read(buffer);
  slice.clear();
  EXPECT_EQ(source.blocks_out(), 0U) << "an emptied buffer that waits keeps the block";

  front_end::end_read(buffer, 0);
  feed(buffer, pattern(1000));
  slice = buffer.split_prefix(995).value();
  static_cast<void>(front_end::begin_read(buffer).value());
  front_end::pause_read(buffer);
  slice.clear();
  EXPECT_EQ(source.bytes_out(), 128U) << "five bytes that wait keep a large block";
  EXPECT_EQ(buffer.peek_view(), pattern(5, 995));
}

TEST(HandoffBuffer, MovingTakesBytesAndViewsAlongAndLeavesAnEmptyBufferWithItsConfig) {
  CountingResource source;
  HandoffBuffer from({.max_size = 4096, .block_source = &source});
  feed(from, "text");
  const std::byte* place = from.peek().data();
  HandoffBuffer to = std::move(from);
  EXPECT_EQ(to.peek().data(), place);
  EXPECT_EQ(to.config().max_size, 4096U);
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): the state that is promised
  EXPECT_EQ(from.config().max_size, 4096U);
  feed(from, "other");
  to = std::move(from);
  EXPECT_EQ(to.peek_view(), "other");
  EXPECT_EQ(source.blocks_out(), 1U);
}

TEST(HandoffBuffer, WhatIsMovedFromIsEmptyNotReadingAndKeepsItsConfig) {
  const auto expect_fresh = [](HandoffBuffer& buffer) {
    EXPECT_FALSE(front_end::is_reading(buffer));
    EXPECT_TRUE(buffer.empty());
    EXPECT_EQ(buffer.capacity(), 0U);
    EXPECT_TRUE(front_end::is_stream_drained(buffer));
    EXPECT_EQ(buffer.config().max_size, 5000U);
    feed(buffer, "usable");
    EXPECT_EQ(buffer.peek_view(), "usable");
  };
  for (const bool paused : {false, true}) {
    HandoffBuffer from({.max_size = 5000});
    feed(from, "text");
    if (paused) {
      front_end::pause_read(from);
    } else {
      static_cast<void>(front_end::begin_read(from).value());
    }
    HandoffBuffer to = std::move(from);
    expect_fresh(from);  // NOLINT(bugprone-use-after-move): the state that is promised
    EXPECT_TRUE(front_end::is_reading(to)) << "the read went along";
    EXPECT_EQ(to.peek_view(), "text");
    HandoffBuffer assigned;
    assigned = std::move(to);
    expect_fresh(to);  // NOLINT(bugprone-use-after-move): the state that is promised
    EXPECT_TRUE(front_end::is_reading(assigned));
    front_end::end_read(assigned, 0);
    EXPECT_EQ(assigned.peek_view(), "text");
  }
}

TEST(PrefixPolicy, CopiesUpToItsSizeWhereverInTheBlockThePrefixLies) {
  struct Case {
    std::size_t advanced;
    std::size_t prefix;
    bool copied;
  };
  const Case cases[] = {{0, 1, true},
                        {0, 256, true},
                        {0, 257, false},
                        {4000, 256, true},
                        {7000, 1, true},
                        {7000, 257, false},
                        {8192 - 256, 256, true},
                        {8191, 1, true},
                        {8192 - 257, 257, false}};
  for (const Case& each : cases) {
    HandoffBuffer buffer({.max_size = 8192,
                          .read_reserve = 1,
                          .block_size = 8192,
                          .prefix_policy = PrefixPolicy::copying_small()});
    feed(buffer, pattern(8192));
    ASSERT_EQ(buffer.capacity(), 8192U);
    ASSERT_TRUE(buffer.advance(each.advanced));
    const std::byte* place = buffer.peek().data();
    const Bytes prefix = buffer.split_prefix(each.prefix).value();
    EXPECT_EQ(prefix.data() != place, each.copied) << each.advanced << " " << each.prefix;
    EXPECT_EQ(prefix.view(), pattern(each.prefix, each.advanced));
    EXPECT_EQ(buffer.peek().data(), place + each.prefix) << "views behind the prefix stay valid";
  }
}

// Counted where memory comes from, over everything that is kept.
TEST(PrefixPolicy, KeptSlicesRetainAtMostTwiceTheirSizeAndSixtyFourBytesWhereverTheyLay) {
  constexpr std::size_t kKeys = 4096;
  std::vector<Bytes> kept;
  kept.reserve(kKeys);
  pool_trim();
  const auto before = test::heap_in_use();
  std::size_t bound = 0;
  {
    HandoffBuffer buffer({.prefix_policy = PrefixPolicy::copying_small()});
    for (std::size_t i = 0; i < kKeys; ++i) {
      const std::size_t skipped = i * 37 % 900;
      const std::size_t size = 1 + i % 256;
      if (buffer.size() < skipped + size) {
        feed(buffer, pattern(60'000));
      }
      ASSERT_TRUE(buffer.advance(skipped));
      const std::string expected(buffer.peek_view().substr(0, size));
      kept.push_back(buffer.split_prefix(size).value());
      ASSERT_EQ(kept.back().view(), expected);
      const void* memory = detail::BytesAccess::owner(kept.back());
      EXPECT_LE(test::heap_bytes_of(memory, 0), 2 * size + 64) << size;
      bound += 2 * size + 64;
    }
  }
  pool_trim();
  if (before) {
    EXPECT_LE(*test::heap_in_use() - *before, bound);
  }
}

TEST(PrefixPolicy, ACopiedPrefixLetsTheBlockGo) {
  CountingResource source;
  std::vector<Bytes> kept;
  {
    HandoffBuffer buffer({.prefix_policy = PrefixPolicy::copying_small(), .block_source = &source});
    feed(buffer, pattern(1000));
    for (std::size_t i = 0; i < 10; ++i) {
      kept.push_back(buffer.split_prefix(100).value());
    }
  }
  EXPECT_EQ(source.blocks_out(), 0U);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(kept[i].view(), pattern(100, 100 * i));
  }
}

TEST(PrefixPolicy, TheDefaultSharesTheSmallestPrefix) {
  HandoffBuffer buffer;
  feed(buffer, pattern(1000));
  const std::byte* place = buffer.peek().data();
  EXPECT_EQ(buffer.split_prefix(1).value().data(), place);
}

TEST(PrefixPolicy, AMutablePrefixAlwaysShares) {
  HandoffBuffer buffer({.prefix_policy = {SIZE_MAX}});
  feed(buffer, pattern(1000));
  const std::byte* place = buffer.peek().data();
  EXPECT_EQ(buffer.split_prefix_mut(1).value().data(), place);
}

TEST(PrefixPolicy, ACopyThatFailsChangesNothing) {
  // Larger than the pool caches, so that the system is asked.
  HandoffBuffer buffer({.prefix_policy = {SIZE_MAX}});
  feed(buffer, pattern(500'000));
  {
    test::FailingAllocations no_memory;
    EXPECT_THROW(static_cast<void>(buffer.split_prefix(400'000)), std::bad_alloc);
  }
  EXPECT_EQ(buffer.peek_view(), pattern(500'000));
}

TEST(HandoffBuffer, TellsWhatMemoryItKeeps) {
  HandoffBuffer buffer({.block_size = 4096});
  EXPECT_EQ(buffer.held_bytes(), 0U);
  feed(buffer, "some bytes");
  const std::size_t block = buffer.held_bytes();
  EXPECT_GE(block, buffer.capacity());
  EXPECT_LE(block, buffer.capacity() + 256);
  const Bytes slice = buffer.split_prefix(4).value();
  EXPECT_EQ(buffer.held_bytes(), block);  // the slice keeps it, too
}

}  // namespace
}  // namespace bytes_handoff
