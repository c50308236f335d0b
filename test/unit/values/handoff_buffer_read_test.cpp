// How a HandoffBuffer takes bytes in: room, limits, and what it holds of long messages.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>

#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff {
namespace {

using test::CountingResource;
using test::feed;
using test::pattern;

TEST(HandoffBufferRead, AppendsWhatWasRead) {
  HandoffBuffer buffer;
  const auto room = front_end::begin_read(buffer);
  ASSERT_TRUE(room);
  EXPECT_TRUE(front_end::is_reading(buffer));
  EXPECT_EQ(buffer.size(), 0U) << "nothing is appended before the read ends";
  std::memcpy(room->data(), "abc", 3);
  front_end::end_read(buffer, 3);
  EXPECT_FALSE(front_end::is_reading(buffer));
  EXPECT_EQ(buffer.peek_view(), "abc");
  static_cast<void>(front_end::begin_read(buffer).value());
  front_end::end_read(buffer, 0);
  EXPECT_EQ(buffer.peek_view(), "abc");
}

// At least min(read_reserve, max_size - len), all that the block has spare, never over max_size -
// len.
TEST(HandoffBufferRead, TheRoomOfferedFollowsItsRuleForEveryConfigAndFill) {
  for (const std::size_t max_size : {1U, 2U, 63U, 64U, 65U, 1000U, 4096U, 70'000U}) {
    for (const std::size_t read_reserve :
         {std::size_t{1}, std::size_t{64}, std::size_t{4096}, SIZE_MAX}) {
      for (const std::size_t block_size : {1U, 64U, 4096U, 65'536U}) {
        for (const std::size_t len : {std::size_t{0}, std::size_t{1}, max_size / 2, max_size - 1}) {
          SCOPED_TRACE(testing::Message()
                       << max_size << " " << read_reserve << " " << block_size << " " << len);
          HandoffBuffer buffer(
              {.max_size = max_size, .read_reserve = read_reserve, .block_size = block_size});
          feed(buffer, pattern(std::min(len, max_size)));
          const std::size_t may_add = max_size - buffer.size();
          const auto room = front_end::begin_read(buffer);
          if (may_add == 0) {
            ASSERT_FALSE(room);
            continue;
          }
          ASSERT_TRUE(room);
          EXPECT_GE(room->size(), std::min(read_reserve, may_add));
          EXPECT_LE(room->size(), may_add);
          EXPECT_EQ(room->size(), std::min(buffer.capacity() - buffer.size(), may_add));
          EXPECT_EQ(static_cast<const void*>(room->data()), buffer.peek().data() + buffer.size());
          EXPECT_EQ(buffer.peek_view(), pattern(buffer.size()));
          std::memset(room->data(), '!', room->size());
          front_end::end_read(buffer, room->size());
          EXPECT_EQ(buffer.peek_view().back(), '!');
        }
      }
    }
  }
}

TEST(HandoffBufferRead, ABlockOfTheConfiguredSizeIsOfferedWhole) {
  HandoffBuffer buffer({.read_reserve = 16, .block_size = 65'536});
  EXPECT_EQ(front_end::begin_read(buffer)->size(), 65'536U);
  front_end::end_read(buffer, 1);
  EXPECT_EQ(front_end::begin_read(buffer)->size(), 65'535U);
  front_end::end_read(buffer, 0);
  HandoffBuffer reserved({.block_size = 5000});
  EXPECT_EQ(front_end::begin_read(reserved)->size(), 16'384U) << "rounded up to the reserve";
  HandoffBuffer rounded({.read_reserve = 1, .block_size = 5000});
  EXPECT_EQ(front_end::begin_read(rounded)->size(), 8192U);
}

TEST(HandoffBufferRead, ABlockIsNeverLargerThanWhatMayBeBuffered) {
  HandoffBuffer buffer({.max_size = 65'536, .read_reserve = 16'384, .block_size = 65'536});
  front_end::begin_read(buffer).value();
  front_end::end_read(buffer, 57'345);
  const Bytes kept = *buffer.split_prefix(1);  // so that nothing moves to the front of the block
  ASSERT_TRUE(buffer.reserve_read_capacity(8192));
  EXPECT_EQ(buffer.capacity(), 65'536U);
}

TEST(HandoffBufferRead, AStreamIsDrainedUnlessItsLastReadFilledTheRoom) {
  HandoffBuffer buffer({.max_size = 100, .read_reserve = 1, .block_size = 64});
  EXPECT_TRUE(front_end::is_stream_drained(buffer)) << "nothing is known yet, so waiting is right";
  const std::size_t room = front_end::begin_read(buffer)->size();
  front_end::end_read(buffer, room);
  EXPECT_FALSE(front_end::is_stream_drained(buffer));
  front_end::end_read(buffer, front_end::begin_read(buffer)->size() - 1);
  EXPECT_TRUE(front_end::is_stream_drained(buffer));
  front_end::end_read(buffer, front_end::begin_read(buffer)->size());
  EXPECT_FALSE(front_end::is_stream_drained(buffer)) << "cut by max_size, the room was filled, too";
}

TEST(HandoffBufferRead, AFullBufferIsRefusedBeforeAnythingIsTakenAndStaysUsable) {
  CountingResource source;
  for (const std::size_t limit : {1U, 100U, 4096U}) {
    HandoffBuffer buffer({.max_size = limit, .block_source = &source});
    feed(buffer, pattern(limit));
    const std::size_t allocations = source.allocations();
    for (int i = 0; i < 3; ++i) {
      const auto refused = front_end::begin_read(buffer);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error(), (LimitExceeded{limit + 1, limit}));
      EXPECT_FALSE(front_end::is_reading(buffer));
    }
    EXPECT_EQ(source.allocations(), allocations);
    EXPECT_EQ(buffer.peek_view(), pattern(limit));
    ASSERT_TRUE(buffer.advance(1));
    const auto room = front_end::begin_read(buffer);
    ASSERT_TRUE(room);
    EXPECT_EQ(room->size(), 1U);
    room->front() = std::byte{'z'};
    front_end::end_read(buffer, 1);
    EXPECT_EQ(buffer.peek_view(), pattern(limit - 1, 1) + "z");
  }
}

TEST(HandoffBufferRead, AFailingSourceLeavesNoReadRunningAndTheBytesInPlace) {
  CountingResource source;
  HandoffBuffer buffer({.read_reserve = 64, .block_size = 64, .block_source = &source});
  feed(buffer, pattern(60));
  source.fail(true);
  EXPECT_THROW(static_cast<void>(front_end::begin_read(buffer)), std::bad_alloc);
  EXPECT_FALSE(front_end::is_reading(buffer));
  EXPECT_THROW(static_cast<void>(buffer.reserve_read_capacity(100)), std::bad_alloc);
  EXPECT_EQ(buffer.peek_view(), pattern(60));
  source.fail(false);
  feed(buffer, pattern(1000, 60));
  EXPECT_EQ(buffer.peek_view(), pattern(1060));
}

TEST(HandoffBufferRead, AFailingSourceAfterAPauseLeavesNoReadRunning) {
  CountingResource source;
  HandoffBuffer buffer({.block_source = &source});
  static_cast<void>(front_end::begin_read(buffer).value());
  front_end::pause_read(buffer);
  source.fail(true);
  EXPECT_THROW(static_cast<void>(front_end::begin_read(buffer)), std::bad_alloc);
  EXPECT_FALSE(front_end::is_reading(buffer));
}

TEST(HandoffBufferReserve, ChecksTheLimitBeforeMemoryIsTaken) {
  constexpr std::size_t kLimit = 1000;
  for (const std::size_t len : {0U, 1U, 400U, 1000U}) {
    for (const std::size_t n : test::sizes_around(kLimit - len == 0 ? 1 : kLimit - len)) {
      CountingResource source;
      HandoffBuffer buffer({.max_size = kLimit, .block_size = 64, .block_source = &source});
      feed(buffer, pattern(len));
      const std::size_t allocations = source.allocations();
      const auto reserved = buffer.reserve_read_capacity(n);
      ASSERT_EQ(reserved.has_value(), n <= kLimit - len) << len << " " << n;
      if (reserved) {
        EXPECT_GE(buffer.capacity() - buffer.size(), n);
        EXPECT_LE(source.allocations(), allocations + 1);
      } else {
        const std::size_t attempted = n > SIZE_MAX - len ? SIZE_MAX : len + n;
        EXPECT_EQ(reserved.error(), (LimitExceeded{attempted, kLimit}));
        EXPECT_EQ(source.allocations(), allocations);
      }
      EXPECT_EQ(buffer.peek_view(), pattern(len));
    }
  }
}

TEST(HandoffBufferReserve, WhatIsReservedIsThereForTheNextReadWithoutMoreMemory) {
  CountingResource source;
  HandoffBuffer buffer({.block_source = &source});
  ASSERT_TRUE(buffer.reserve_read_capacity(200'000));
  EXPECT_EQ(source.allocations(), 1U);
  source.fail(true);
  EXPECT_GE(front_end::begin_read(buffer)->size(), 200'000U);
  front_end::end_read(buffer, 0);
  EXPECT_TRUE(buffer.reserve_read_capacity(0));
}

TEST(HandoffBufferReserve, IsForOneReadWhereNothingIsBuffered) {
  CountingResource source;
  HandoffBuffer buffer({.block_source = &source});
  ASSERT_TRUE(buffer.reserve_read_capacity(200'000));
  EXPECT_GE(front_end::begin_read(buffer)->size(), 200'000U);
  front_end::end_read(buffer, 0);
  static_cast<void>(front_end::begin_read(buffer).value());
  EXPECT_EQ(source.bytes_out(), 65'536U + 64);
  front_end::end_read(buffer, 0);
  ASSERT_TRUE(buffer.reserve_read_capacity(200'000));
  EXPECT_GE(front_end::begin_read(buffer)->size(), 200'000U);
  front_end::end_read(buffer, 1);
  EXPECT_GE(front_end::begin_read(buffer)->size(), 199'999U)
      << "the room belongs to what has begun";
  front_end::end_read(buffer, 0);
}

TEST(HandoffBufferRead, ABlockThatNobodySharesIsFilledAgain) {
  CountingResource source;
  HandoffBuffer buffer({.block_source = &source});
  for (int i = 0; i < 100; ++i) {
    feed(buffer, pattern(50'000));
    EXPECT_EQ(buffer.split_prefix(50'000).value().view(), pattern(50'000));
  }
  EXPECT_EQ(source.allocations(), 1U);
}

TEST(HandoffBufferRead, BytesThatDripIntoAnUnfinishedMessageAreCopiedLinearly) {
  constexpr std::size_t kLen = 1024 * 1024;
  for (const std::size_t reserve : {std::size_t{1}, std::size_t{16 * 1024}}) {
    CountingResource source;
    HandoffBuffer buffer({.max_size = kLen, .read_reserve = reserve, .block_source = &source});
    for (std::size_t i = 0; i < kLen; ++i) {
      ASSERT_EQ(test::read_once(buffer, "x"), 1U);
    }
    EXPECT_LE(source.allocations(), 6U);
    EXPECT_LE(source.allocated_bytes(), 3 * kLen);
  }
}

// Streams that cannot tell readiness are given the room before they wait.
TEST(HandoffBufferRead, AfterALongMessageANextReadHoldsNoMoreThanAFreshBuffers) {
  constexpr std::size_t kLong = 1000 * 1000;
  struct Sizes {
    std::size_t max_size;
    std::size_t read_reserve;
    std::size_t block_size;
  };
  for (const Sizes& sizes : {Sizes{1 << 20, 16 * 1024, 64 * 1024}, Sizes{1 << 20, 1, 64},
                             Sizes{1 << 20, 5000, 100}, Sizes{kLong, 100'000, 3}}) {
    for (const bool keep_message : {false, true}) {
      SCOPED_TRACE(testing::Message() << sizes.block_size << " " << keep_message);
      CountingResource source;
      const HandoffBufferConfig config{.max_size = sizes.max_size,
                                       .read_reserve = sizes.read_reserve,
                                       .block_size = sizes.block_size,
                                       .block_source = &source};
      std::size_t fresh_bytes = 0;
      {
        HandoffBuffer fresh(config);
        static_cast<void>(front_end::begin_read(fresh).value());
        fresh_bytes = source.bytes_out();
        front_end::end_read(fresh, 0);
      }
      HandoffBuffer buffer(config);
      for (int message = 0; message < 3; ++message) {
        feed(buffer, pattern(kLong));
        Bytes kept = buffer.split_prefix(kLong).value();
        if (!keep_message) kept.clear();
        const std::size_t of_message = keep_message ? (std::size_t{1} << 20U) + 64 : 0;
        static_cast<void>(front_end::begin_read(buffer).value());
        EXPECT_EQ(source.bytes_out(), fresh_bytes + of_message);
        front_end::end_read(buffer, 0);
        EXPECT_TRUE(kept.empty() || kept.view() == pattern(kLong));
      }
    }
  }
}

TEST(HandoffBufferRead, EachOfSeveralLongMessagesIsCollectedInAFewBlocks) {
  constexpr std::size_t kLen = 1024 * 1024;
  CountingResource source;
  HandoffBuffer buffer({.max_size = kLen, .block_source = &source});
  const std::string piece = pattern(1000);
  for (std::size_t message = 1; message <= 5; ++message) {
    while (buffer.size() < kLen) {
      ASSERT_NE(test::read_once(buffer, piece), 0U);
    }
    ASSERT_TRUE(buffer.advance(kLen));
    EXPECT_LE(source.allocations(), 6 * message);
    EXPECT_LE(source.allocated_bytes(), 3 * kLen * message);
  }
}

TEST(HandoffBufferRead, ABlockOfTheUsualSizeIsKeptForTheNextRead) {
  for (const std::size_t block_size : {100U, 65'536U, 100'000U}) {
    for (const std::size_t reserve : {1U, 16'384U, 100'001U}) {
      CountingResource source;
      HandoffBuffer buffer(
          {.read_reserve = reserve, .block_size = block_size, .block_source = &source});
      for (int i = 0; i < 20; ++i) {
        const std::size_t room = front_end::begin_read(buffer)->size();
        front_end::end_read(buffer, room);
        ASSERT_TRUE(buffer.advance(room));
      }
      EXPECT_EQ(source.allocations(), 1U) << block_size << " " << reserve;
    }
  }
}

TEST(HandoffBufferRead, ABufferThatIsKeptNearItsLimitCopiesLinearly) {
  constexpr std::size_t kLimit = 64 * 1024;
  constexpr std::size_t kRounds = 16 * 1024;
  for (const bool hold_last_slice : {false, true}) {
    CountingResource source;
    HandoffBuffer buffer({.max_size = kLimit, .block_source = &source});
    feed(buffer, pattern(kLimit));
    Bytes held;
    for (std::size_t i = 0; i < kRounds; ++i) {
      const Bytes frame = buffer.split_prefix(16).value();
      if (hold_last_slice) held = frame;
      ASSERT_EQ(test::read_once(buffer, "0123456789abcdef"), 16U);
    }
    // 256 KiB went through. Every block taken stands for up to 64 KiB of bytes that were moved.
    EXPECT_LE(source.allocations(), 16U) << hold_last_slice;
  }
}

}  // namespace
}  // namespace bytes_handoff
