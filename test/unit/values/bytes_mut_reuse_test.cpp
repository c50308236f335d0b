// How a BytesMut uses the memory it has again: reclaiming and rejoining.
#include <gtest/gtest.h>

#include <algorithm>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes_mut.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/streams/filled.hpp"

namespace bytes_handoff {
namespace {

using test::CountingResource;
using test::filled;
using test::pattern;

TEST(BytesMutReclaim, ABlockThatNobodySharesIsUsedAgain) {
  CountingResource source;
  BytesMut bytes = filled(pattern(4096), source);
  const std::byte* start = bytes.data();
  ASSERT_TRUE(bytes.advance(4000));
  bytes.reserve(4000);
  EXPECT_EQ(bytes.data(), start);
  EXPECT_EQ(bytes.view(), pattern(96, 4000));
  EXPECT_EQ(bytes.capacity(), 4096U);
  EXPECT_EQ(source.allocations(), 1U);
}

TEST(BytesMutReclaim, ABlockThatSomebodySharesIsLeftAlone) {
  CountingResource source;
  BytesMut bytes = filled(pattern(4096), source);
  const Bytes slice = bytes.split_to_frozen(4000).value();
  EXPECT_FALSE(bytes.is_unique());
  EXPECT_FALSE(bytes.try_reclaim(4000));
  EXPECT_EQ(bytes.view(), pattern(96, 4000));
  bytes.reserve(4000);
  bytes.extend(std::string(4000, '!'));
  EXPECT_EQ(slice.view(), pattern(4000));
  EXPECT_EQ(bytes.view().substr(0, 96), pattern(96, 4000));
  EXPECT_EQ(source.allocations(), 2U);
  EXPECT_TRUE(bytes.is_unique());
}

TEST(BytesMutReclaim, TheLastSliceThatGoesMakesTheBlockReclaimable) {
  CountingResource source;
  BytesMut bytes = filled(pattern(4096), source);
  Bytes frozen = bytes.split_to_frozen(2000).value();
  Bytes copy = frozen;
  BytesMut region = bytes.split_to(2000).value();
  frozen.clear();
  EXPECT_FALSE(bytes.try_reclaim(4000));
  region = BytesMut();
  EXPECT_FALSE(bytes.try_reclaim(4000));
  copy.clear();
  EXPECT_TRUE(bytes.try_reclaim(4000));
  EXPECT_EQ(bytes.view(), pattern(96, 4000));
  EXPECT_EQ(source.allocations(), 1U);
}

TEST(BytesMutReclaim, WhatANeighbourLeftBehindIsRoomWithoutAMove) {
  CountingResource source;
  BytesMut behind = filled(pattern(4096), source);
  ASSERT_TRUE(behind.advance(10));
  BytesMut bytes = behind.split_to(100).value();
  const std::byte* const place = bytes.data();
  EXPECT_FALSE(bytes.try_reclaim(1)) << "the neighbour is there";
  behind = BytesMut();
  EXPECT_FALSE(bytes.try_reclaim(4096 - 110 + 1)) << "the part before it is less than what it has";
  EXPECT_TRUE(bytes.try_reclaim(1));
  EXPECT_EQ(bytes.capacity(), 4096U - 10);
  bytes.extend(pattern(4096 - 110, 500));
  EXPECT_EQ(bytes.data(), place);
  EXPECT_EQ(bytes.view(), pattern(100, 10) + pattern(4096 - 110, 500));
  EXPECT_EQ(source.allocations(), 1U);
}

TEST(BytesMutReclaim, TryReclaimNeverTakesMemory) {
  CountingResource source;
  BytesMut bytes = filled(pattern(64), source);
  source.fail(true);
  EXPECT_TRUE(bytes.try_reclaim(0));
  EXPECT_FALSE(bytes.try_reclaim(1));
  ASSERT_TRUE(bytes.advance(64));
  EXPECT_TRUE(bytes.try_reclaim(64));
  EXPECT_FALSE(bytes.try_reclaim(65)) << "more than the whole block";
  EXPECT_EQ(bytes.capacity(), 64U);
  EXPECT_FALSE(BytesMut().try_reclaim(1));
  EXPECT_TRUE(BytesMut().try_reclaim(0));
}

TEST(BytesMutReclaim, ARoundOfFillingAndConsumingNeverTakesAnotherBlock) {
  CountingResource source;
  BytesMut bytes = BytesMut::with_capacity(4096, &source);
  std::size_t written = 0;
  std::size_t read = 0;
  for (int round = 0; round < 10'000; ++round) {
    bytes.extend(pattern(100, written));
    written += 100;
    const std::size_t wanted = 97 + static_cast<std::size_t>(round) % 7;
    const Bytes front = bytes.split_to_frozen(std::min(wanted, bytes.size())).value();
    ASSERT_EQ(front.view(), pattern(front.size(), read));
    read += front.size();
  }
  EXPECT_EQ(source.allocations(), 1U);
}

// Moving the filled bytes forward wins as much room as was consumed: were it done for every byte
// won, a full region that is consumed byte by byte would move all its bytes for each of them.
TEST(BytesMutReclaim, ConsumingAFullRegionByDripsCopiesLinearly) {
  CountingResource source;
  BytesMut bytes = filled(pattern(64 * 1024), source);
  std::size_t moves = 0;
  const std::byte* place = bytes.data();
  for (std::size_t i = 0; i < 64 * 1024; ++i) {
    ASSERT_TRUE(bytes.advance(1));
    const std::byte* expected = place + 1;
    bytes.extend("x");
    moves += bytes.data() != expected;
    place = bytes.data();
  }
  EXPECT_LE(moves, 4U);
  EXPECT_LE(source.allocations(), 3U);
}

TEST(BytesMutThaw, TakesOverABlockThatNothingElseShares) {
  CountingResource source;
  BytesMut region = filled(pattern(1000), source);
  Bytes frozen = std::move(region).freeze();
  Bytes part = frozen.slice(100, 100).value();
  frozen.clear();
  const std::byte* const place = part.data();
  BytesMut thawed = BytesMut::thaw(std::move(part));
  EXPECT_EQ(thawed.data(), place);
  EXPECT_EQ(thawed.view(), pattern(100, 100));
  EXPECT_TRUE(thawed.is_unique());
  EXPECT_TRUE(thawed.try_reclaim(1024 - 200)) << "the block is its room";
  thawed.extend(pattern(824, 1));
  const Bytes again = std::move(thawed).freeze();
  EXPECT_EQ(again.view(), pattern(100, 100) + pattern(824, 1));
  EXPECT_EQ(source.allocations(), 1U);
}

TEST(BytesMutThaw, CopiesWhatARegionOrASliceShares) {
  CountingResource source;
  BytesMut region = filled(pattern(1000), source);
  Bytes front = region.split_to_frozen(500).value();
  const std::byte* const place = front.data();
  BytesMut beside_a_region = BytesMut::thaw(Bytes(front));
  EXPECT_NE(beside_a_region.data(), place);
  region = BytesMut();
  const Bytes kept = front;
  BytesMut beside_a_slice = BytesMut::thaw(std::move(front));
  EXPECT_NE(beside_a_slice.data(), place);
  std::ranges::fill(beside_a_slice, std::byte{'!'});
  EXPECT_EQ(kept.view(), pattern(500));
  EXPECT_EQ(kept.data(), place);
}

TEST(BytesMutThaw, ThatCannotCopyLeavesTheBytes) {
  Bytes bytes = Bytes::from_owner(pattern(300'000));  // larger than what the pool caches
  {
    test::FailingAllocations no_memory;
    EXPECT_THROW(static_cast<void>(BytesMut::thaw(std::move(bytes))), std::bad_alloc);
  }
  EXPECT_EQ(bytes.view(), pattern(300'000));  // NOLINT(bugprone-use-after-move): what is promised
}

TEST(BytesMutUnsplit, NeighboursRejoinWithoutMovingOrAllocating) {
  CountingResource source;
  BytesMut front = filled(pattern(200), source);
  const std::byte* place = front.data();
  BytesMut tail = front.split_to(50).value();
  std::swap(front, tail);
  source.fail(true);
  front.unsplit(std::move(tail));
  EXPECT_EQ(front.view(), pattern(200));
  EXPECT_EQ(front.data(), place);
  EXPECT_EQ(front.capacity(), 256U);
  EXPECT_TRUE(front.is_unique()) << "references are rejoined, too";
  EXPECT_TRUE(tail.empty());  // NOLINT(bugprone-use-after-move): the state that is promised
  EXPECT_EQ(tail.footprint(), 0U);
}

TEST(BytesMutUnsplit, SplitAndItsRoomRejoin) {
  CountingResource source;
  BytesMut room = BytesMut::with_capacity(100, &source);
  room.extend("abc");
  BytesMut head = room.split();
  room.extend("def");
  head.unsplit(std::move(room));
  EXPECT_EQ(head.view(), "abcdef");
  EXPECT_EQ(head.capacity(), 128U);
  EXPECT_EQ(source.allocations(), 1U);
}

TEST(BytesMutUnsplit, OfAnythingElseIsACopy) {
  CountingResource source;
  // Another block; the right block but a gap between; the right place but bytes cut off before it.
  BytesMut front = filled("abcd", source);
  front.unsplit(BytesMut::copy_of("efgh"));
  EXPECT_EQ(front.view(), "abcdefgh");

  BytesMut rest = filled(pattern(30), source);
  BytesMut first = rest.split_to(10).value();
  static_cast<void>(rest.split_to(10).value());
  first.unsplit(std::move(rest));
  EXPECT_EQ(first.view(), pattern(10) + pattern(10, 20));

  BytesMut behind = filled(pattern(20), source);
  BytesMut cut = behind.split_to(10).value();
  cut.truncate(5);
  cut.unsplit(std::move(behind));
  EXPECT_EQ(cut.view(), pattern(5) + pattern(10, 10));
  EXPECT_EQ(behind.footprint(), 0U);  // NOLINT(bugprone-use-after-move)
}

TEST(BytesMutUnsplit, InTheWrongOrderIsACopy) {
  CountingResource source;
  BytesMut behind = filled(pattern(20), source);
  BytesMut front = behind.split_to(10).value();
  behind.unsplit(std::move(front));
  EXPECT_EQ(behind.view(), pattern(10, 10) + pattern(10));
}

TEST(BytesMutUnsplit, BlocksThatLieSideBySideInMemoryAreNotNeighbours) {
  // Two blocks in one arena: the second one's data never starts where the first one's ends, and
  // even a region of no bytes at a block's end is a region of that block only.
  CountingResource source;
  BytesMut a = filled(pattern(64), source);
  BytesMut b = filled(pattern(64, 64), source);
  a.unsplit(std::move(b));
  EXPECT_EQ(a.view(), pattern(128));
  EXPECT_EQ(source.blocks_out(), 1U);
}

TEST(BytesMutUnsplit, WithNothingOnOneSideTakesTheOther) {
  CountingResource source;
  BytesMut empty;
  BytesMut bytes = filled("text", source);
  const std::byte* place = bytes.data();
  source.fail(true);
  empty.unsplit(std::move(bytes));
  EXPECT_EQ(empty.view(), "text");
  EXPECT_EQ(empty.data(), place);
  empty.unsplit(BytesMut());
  EXPECT_EQ(empty.view(), "text");
}

TEST(BytesMutUnsplit, AFailedCopyLeavesBothUnchanged) {
  CountingResource source;
  BytesMut a = filled(pattern(60), source);
  BytesMut b = filled(pattern(60, 60), source);
  source.fail(true);
  EXPECT_THROW(a.unsplit(std::move(b)), std::bad_alloc);
  EXPECT_EQ(a.view(), pattern(60));
  EXPECT_EQ(b.view(), pattern(60, 60));  // NOLINT(bugprone-use-after-move): what is promised
}

TEST(BytesMutUnsplit, SplittingAndRejoiningForLongNeitherLosesNorGathersReferences) {
  CountingResource source;
  BytesMut bytes = filled(pattern(64), source);
  for (int round = 0; round < 10'000; ++round) {
    BytesMut front = bytes.split_to(32).value();
    BytesMut quarter = front.split_to(16).value();  // takes a bulk of its own
    const Bytes slice = quarter.split_to_frozen(8).value();
    ASSERT_EQ(slice.view(), pattern(8));
    quarter.unsplit(std::move(front));
    quarter.unsplit(std::move(bytes));
    ASSERT_EQ(quarter.view(), pattern(56, 8));
    bytes = std::move(quarter);
    bytes.reserve(8);  // shared by the slice: moves to a block of its own
    BytesMut whole = BytesMut::with_capacity(64, &source);
    whole.extend(pattern(64));
    bytes = std::move(whole);
  }
  EXPECT_TRUE(bytes.is_unique());
}

TEST(BytesMutUnsplit, ManyRejoinedRegionsOfOneBlockStayCounted) {
  CountingResource source;
  BytesMut bytes = filled(pattern(64), source);
  for (int round = 0; round < 10'000; ++round) {
    BytesMut front = bytes.split_to(32).value();
    BytesMut quarter = front.split_to(16).value();
    quarter.unsplit(std::move(front));
    quarter.unsplit(std::move(bytes));
    bytes = std::move(quarter);
    ASSERT_TRUE(bytes.is_unique()) << round;
  }
  EXPECT_EQ(bytes.view(), pattern(64));
  bytes = BytesMut();
  EXPECT_EQ(source.blocks_out(), 0U);
}

}  // namespace
}  // namespace bytes_handoff
