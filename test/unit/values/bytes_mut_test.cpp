#include "bytes_handoff/bytes_mut.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/memory/allocation_counter.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/streams/filled.hpp"

namespace bytes_handoff {
namespace {

using test::bytes_of;
using test::CountingResource;
using test::filled;
using test::pattern;

static_assert(!std::is_copy_constructible_v<BytesMut> && !std::is_copy_assignable_v<BytesMut>);
static_assert(std::is_nothrow_move_constructible_v<BytesMut>);
static_assert(std::is_nothrow_move_assignable_v<BytesMut>);

TEST(BytesMut, ADefaultOneIsEmptyAndOwnsNothing) {
  test::AllocationScope counted;
  BytesMut bytes;
  EXPECT_EQ(counted.allocations(), 0U);
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(bytes.size(), 0U);
  EXPECT_EQ(bytes.capacity(), 0U);
  EXPECT_EQ(bytes.footprint(), 0U);
  EXPECT_TRUE(bytes.is_unique());
  EXPECT_TRUE(bytes.spare().empty());
  EXPECT_EQ(bytes.view(), "");
  EXPECT_TRUE(std::move(bytes).freeze().empty());
}

TEST(BytesMut, CapacityIsAtLeastWhatWasAskedFor) {
  CountingResource source;
  EXPECT_EQ(BytesMut::with_capacity(0, &source).capacity(), 0U);
  EXPECT_EQ(source.allocations(), 0U);
  for (const std::size_t capacity : {1U, 64U, 65U, 4096U, 200'000U}) {
    const std::size_t before = source.allocations();
    BytesMut bytes = BytesMut::with_capacity(capacity, &source);
    EXPECT_EQ(source.allocations(), before + 1);
    EXPECT_GE(bytes.capacity(), capacity);
    EXPECT_TRUE(bytes.empty());
    EXPECT_EQ(bytes.spare().size(), bytes.capacity());
    EXPECT_EQ(bytes.footprint(), source.bytes_out());
  }
}

TEST(BytesMut, SizesThatNoBlockCanHaveAreLengthErrors) {
  for (const std::size_t size : {SIZE_MAX / 2, SIZE_MAX}) {
    EXPECT_THROW(static_cast<void>(BytesMut::with_capacity(size)), std::length_error);
    BytesMut bytes = BytesMut::copy_of("text");
    EXPECT_THROW(bytes.reserve(size), std::length_error);
    EXPECT_FALSE(bytes.try_reclaim(size));
    EXPECT_EQ(bytes.view(), "text");
    BytesMut empty;
    EXPECT_THROW(empty.reserve(size), std::length_error);
  }
}

TEST(BytesMut, ACopyIsIndependentOfWhatWasCopied) {
  std::string text = pattern(100);
  const BytesMut bytes = BytesMut::copy_of(text);
  const BytesMut same = BytesMut::copy_of(bytes_of(text));
  text.assign(100, '!');
  EXPECT_EQ(bytes.view(), pattern(100));
  EXPECT_EQ(same.view(), pattern(100));
  EXPECT_EQ(BytesMut::copy_of("").footprint(), 0U);
}

TEST(BytesMut, CommitCountsSpareRoomAsFilled) {
  BytesMut bytes = BytesMut::with_capacity(64);
  bytes.extend("ab");
  bytes.spare()[0] = std::byte{'c'};
  bytes.commit(1);
  EXPECT_EQ(bytes.view(), "abc");
  EXPECT_EQ(bytes.spare().size(), bytes.capacity() - 3);
  bytes.span()[0] = std::byte{'x'};
  EXPECT_EQ(std::as_const(bytes).view(), "xbc");
  EXPECT_EQ(std::as_const(bytes).span().data(), bytes.data());
}

TEST(BytesMut, ExtendAppendsAndGrowsAsNeeded) {
  CountingResource source;
  BytesMut bytes = BytesMut::with_capacity(1, &source);
  std::string model;
  for (std::size_t i = 0; i < 500; ++i) {
    const std::string text = pattern(i % 37, model.size());
    bytes.extend(text);
    model += text;
  }
  EXPECT_EQ(bytes.view(), model);
  bytes.extend(std::span<const std::byte>());
  EXPECT_EQ(bytes.view(), model);
}

TEST(BytesMut, GrowingByDripsAllocatesALogarithmicNumberOfTimesAndStaysWithItsSource) {
  CountingResource source;
  BytesMut bytes = BytesMut::with_capacity(64, &source);
  for (std::size_t i = 0; i < 1024 * 1024; ++i) {
    bytes.extend("x");
  }
  EXPECT_LE(source.allocations(), 15U);
  EXPECT_LE(source.allocated_bytes(), 2U * 1024 * 1024 + 15 * 64U);
  EXPECT_EQ(source.blocks_out(), 1U);
}

TEST(BytesMut, AFailedReserveOrExtendChangesNothing) {
  CountingResource source;
  BytesMut bytes = filled(pattern(60), source);
  const std::byte* place = bytes.data();
  source.fail(true);
  EXPECT_THROW(bytes.reserve(100), std::bad_alloc);
  EXPECT_THROW(bytes.extend(pattern(100)), std::bad_alloc);
  EXPECT_EQ(bytes.view(), pattern(60));
  EXPECT_EQ(bytes.data(), place);
  EXPECT_EQ(bytes.capacity(), 64U);
}

TEST(BytesMut, SplittingChecksItsBounds) {
  constexpr std::size_t kSize = 100;
  const std::string text = pattern(kSize);
  for (const std::size_t n : test::sizes_around(kSize)) {
    BytesMut a = BytesMut::copy_of(text);
    BytesMut b = BytesMut::copy_of(text);
    BytesMut c = BytesMut::copy_of(text);
    BytesMut d = BytesMut::copy_of(text);
    const auto front = a.split_to(n);
    const auto frozen = b.split_to_frozen(n);
    const auto advanced = c.advance(n);
    d.truncate(n);
    ASSERT_EQ(front.has_value(), n <= kSize) << n;
    ASSERT_EQ(frozen.has_value(), n <= kSize) << n;
    ASSERT_EQ(advanced.has_value(), n <= kSize) << n;
    if (front) {
      EXPECT_EQ(front->view(), text.substr(0, n));
      EXPECT_EQ(front->capacity(), n) << "the room stays with the rest";
      EXPECT_EQ(frozen->view(), text.substr(0, n));
    } else {
      EXPECT_EQ(front.error(), (SplitOutOfBounds{n, kSize}));
      EXPECT_EQ(frozen.error(), (SplitOutOfBounds{n, kSize}));
      EXPECT_EQ(advanced.error(), (SplitOutOfBounds{n, kSize}));
    }
    const std::string rest = front ? text.substr(n) : text;
    EXPECT_EQ(a.view(), rest);
    EXPECT_EQ(b.view(), rest);
    EXPECT_EQ(c.view(), rest);
    EXPECT_EQ(a.capacity(), 128 - (front ? n : 0));
    EXPECT_EQ(d.view(), text.substr(0, n));
    EXPECT_EQ(d.capacity(), 128U);
  }
}

TEST(BytesMut, SplitTakesWhatIsFilledAndLeavesTheRoom) {
  CountingResource source;
  BytesMut bytes = filled("head", source, 100);
  const BytesMut head = bytes.split();
  EXPECT_EQ(head.view(), "head");
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(bytes.capacity(), 124U);
  bytes.extend("tail");
  EXPECT_EQ(head.view(), "head");
  EXPECT_EQ(bytes.view(), "tail");
  EXPECT_EQ(source.allocations(), 1U);
}

TEST(BytesMut, NeighboursCanBeWrittenWithoutTheOthersNoticing) {
  BytesMut bytes = BytesMut::copy_of(pattern(100));
  BytesMut front = bytes.split_to(40).value();
  const Bytes middle = bytes.split_to_frozen(20).value();
  front.span()[39] = std::byte{'!'};
  bytes.span()[0] = std::byte{'?'};
  front.extend("grows elsewhere");
  EXPECT_EQ(middle.view(), pattern(20, 40));
  EXPECT_EQ(front.view(), pattern(39) + "!grows elsewhere");
  EXPECT_EQ(bytes.view(), "?" + pattern(39, 61));
}

TEST(BytesMut, SplittingFreezingAndMovingAllocateNothingAndMoveNoBytes) {
  CountingResource source;
  BytesMut bytes = filled(pattern(1000), source);
  const std::byte* place = bytes.data();
  const std::string expected_rest = pattern(500, 300);
  test::AllocationScope counted;
  {
    BytesMut front = bytes.split_to(100).value();
    const Bytes slice = bytes.split_to_frozen(100).value();
    ASSERT_TRUE(bytes.advance(100));
    BytesMut moved = std::move(bytes);
    moved.truncate(500);
    const std::byte* moved_place = moved.data();
    const Bytes rest = std::move(moved).freeze();
    EXPECT_EQ(front.data(), place);
    EXPECT_EQ(slice.data(), place + 100);
    EXPECT_EQ(moved_place, place + 300);
    EXPECT_EQ(rest.data(), place + 300);
    EXPECT_EQ(rest.view(), expected_rest);
  }
  EXPECT_EQ(counted.allocations(), 0U);
  EXPECT_EQ(source.allocations(), 1U);
  EXPECT_EQ(source.blocks_out(), 0U);
}

TEST(BytesMut, SplittingTouchesNoSharedMemoryUntilItsReferencesAreHandedOut) {
  CountingResource source;
  BytesMut bytes = filled(pattern(1000), source);
  std::vector<Bytes> slices;
  for (int i = 0; i < 100; ++i) {
    slices.push_back(bytes.split_to_frozen(5).value());
    ASSERT_TRUE(detail::BytesAccess::owner(slices[0])->is_unique(detail::Block::kReferencesAtOnce));
  }
}

TEST(BytesMut, MoreSlicesThanOneBulkOfReferencesKeepTheirBlockAliveToTheLast) {
  CountingResource source;
  constexpr std::size_t kSlices = detail::Block::kReferencesAtOnce + 100;
  BytesMut bytes = BytesMut::with_capacity(kSlices, &source);
  bytes.commit(kSlices);
  bytes.span()[kSlices - 1] = std::byte{'z'};
  std::vector<Bytes> slices;
  slices.reserve(kSlices);
  while (!bytes.empty()) {
    slices.push_back(bytes.split_to_frozen(1).value());
  }
  bytes = BytesMut();
  while (slices.size() > 1) {
    slices.front().swap(slices.back());
    slices.pop_back();
    if (slices.size() % 65536 == 1) {
      ASSERT_EQ(source.blocks_out(), 1U);
    }
  }
  EXPECT_EQ(slices[0].size(), 1U);
  slices.clear();
  EXPECT_EQ(source.blocks_out(), 0U);
}

TEST(BytesMut, FreezingSharesTheMemoryAndLeavesNothing) {
  CountingResource source;
  BytesMut bytes = filled("text", source);
  const std::byte* place = bytes.data();
  Bytes frozen = std::move(bytes).freeze();
  EXPECT_EQ(frozen.data(), place);
  EXPECT_EQ(frozen.view(), "text");
  EXPECT_TRUE(bytes.empty());  // NOLINT(bugprone-use-after-move): the state that is promised
  EXPECT_EQ(bytes.footprint(), 0U);
  frozen.clear();
  EXPECT_EQ(source.blocks_out(), 0U);
}

TEST(BytesMut, FreezingNothingKeepsNoBlock) {
  CountingResource source;
  BytesMut bytes = BytesMut::with_capacity(100, &source);
  EXPECT_TRUE(std::move(bytes).freeze().empty());
  EXPECT_EQ(source.blocks_out(), 0U);
}

TEST(BytesMut, FrozenNeighboursReleaseTheBlockTogetherInAnyOrder) {
  for (const bool front_first : {true, false}) {
    CountingResource source;
    BytesMut bytes = filled("fronttail", source);
    BytesMut front = bytes.split_to(5).value();
    Bytes frozen_front = std::move(front).freeze();
    Bytes frozen_tail = std::move(bytes).freeze();
    Bytes& first = front_first ? frozen_front : frozen_tail;
    Bytes& second = front_first ? frozen_tail : frozen_front;
    first.clear();
    EXPECT_EQ(source.blocks_out(), 1U);
    EXPECT_EQ(second.view(), front_first ? "tail" : "front");
    second.clear();
    EXPECT_EQ(source.blocks_out(), 0U);
  }
}

TEST(BytesMut, MovingLeavesTheSourceEmptyAndAssigningToItselfChangesNothing) {
  CountingResource source;
  BytesMut from = filled("text", source);
  BytesMut to = std::move(from);
  EXPECT_EQ(from.capacity(), 0U);  // NOLINT(bugprone-use-after-move): the state that is promised
  EXPECT_EQ(from.footprint(), 0U);
  BytesMut& alias = to;
  to = std::move(alias);
  EXPECT_EQ(to.view(), "text");
  to = BytesMut();
  EXPECT_EQ(source.blocks_out(), 0U);
}

TEST(BytesMut, ClearKeepsTheRoom) {
  CountingResource source;
  BytesMut bytes = filled(pattern(100), source);
  bytes.clear();
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(bytes.capacity(), 128U);
  bytes.extend(pattern(128));
  EXPECT_EQ(source.allocations(), 1U);
}

}  // namespace
}  // namespace bytes_handoff
