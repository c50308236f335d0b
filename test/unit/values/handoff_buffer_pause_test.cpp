// What a HandoffBuffer holds while it waits.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <memory_resource>
#include <utility>

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

TEST(HandoffBufferPause, AnEmptyBufferThatWaitsHoldsNoBlock) {
  CountingResource source;
  HandoffBuffer buffer({.block_source = &source});
  for (int i = 0; i < 3; ++i) {
    static_cast<void>(front_end::begin_read(buffer).value());
    EXPECT_EQ(source.blocks_out(), 1U);
    front_end::pause_read(buffer);
    EXPECT_EQ(source.blocks_out(), 0U);
    EXPECT_TRUE(front_end::is_reading(buffer)) << "the read goes on when it begins again";
  }
  const auto room = front_end::begin_read(buffer);
  std::memcpy(room->data(), "abc", 3);
  front_end::end_read(buffer, 3);
  EXPECT_FALSE(front_end::is_reading(buffer));
  EXPECT_EQ(buffer.peek_view(), "abc");
}

TEST(HandoffBufferPause, AReadMayWaitBeforeItBegins) {
  HandoffBuffer buffer;
  front_end::pause_read(buffer);
  EXPECT_TRUE(front_end::is_reading(buffer));
  EXPECT_EQ(buffer.capacity(), 0U);
  front_end::end_read(buffer, 0);
  EXPECT_FALSE(front_end::is_reading(buffer));
  EXPECT_TRUE(buffer.empty());
}

TEST(HandoffBufferPause, AFewBufferedBytesHoldABlockOfTheirOwnSize) {
  for (const std::size_t len : {1U, 63U, 64U, 65U, 1000U, 4096U}) {
    CountingResource source;
    HandoffBuffer buffer({.block_source = &source});
    feed(buffer, pattern(len));
    const Bytes slice = buffer.split_prefix(0).value();
    static_cast<void>(front_end::begin_read(buffer).value());
    front_end::pause_read(buffer);
    EXPECT_EQ(source.blocks_out(), 1U);
    EXPECT_LE(source.bytes_out(), std::max<std::size_t>(std::bit_ceil(len), 64) + 64) << len;
    EXPECT_EQ(buffer.peek_view(), pattern(len));
    feed(buffer, pattern(100, len));
    EXPECT_EQ(buffer.peek_view(), pattern(len + 100));
  }
}

TEST(HandoffBufferPause, ABlockThatIsNoMoreThanTwiceTheBytesStays) {
  CountingResource source;
  HandoffBuffer buffer(
      {.max_size = 1024, .read_reserve = 1, .block_size = 1024, .block_source = &source});
  feed(buffer, pattern(600));
  static_cast<void>(front_end::begin_read(buffer).value());
  const std::byte* place = buffer.peek().data();
  front_end::pause_read(buffer);
  EXPECT_EQ(buffer.peek().data(), place);
  EXPECT_EQ(source.allocations(), 1U);
}

TEST(HandoffBufferPause, ManyBufferedBytesStayWhereTheyAre) {
  CountingResource source;
  HandoffBuffer buffer({.block_source = &source});
  feed(buffer, pattern(5000));
  static_cast<void>(front_end::begin_read(buffer).value());
  const std::byte* place = buffer.peek().data();
  front_end::pause_read(buffer);
  EXPECT_EQ(buffer.peek().data(), place);
  EXPECT_EQ(buffer.peek_view(), pattern(5000));
}

TEST(HandoffBufferPause, WithoutMemoryToSpareTheBytesStayWhereTheyAre) {
  CountingResource source;
  HandoffBuffer buffer({.block_source = &source});
  feed(buffer, pattern(10));
  static_cast<void>(front_end::begin_read(buffer).value());
  source.fail(true);
  front_end::pause_read(buffer);
  EXPECT_EQ(buffer.peek_view(), pattern(10));
  EXPECT_EQ(source.blocks_out(), 1U);
}

// Sources may throw what they like ("throws what the source of blocks throws").
struct ThrowsAnInt : std::pmr::memory_resource {
  bool failing = false;
  void* do_allocate(std::size_t size, std::size_t alignment) override {
    if (failing) throw 1;
    return std::pmr::new_delete_resource()->allocate(size, alignment);
  }
  void do_deallocate(void* memory, std::size_t size, std::size_t alignment) override {
    std::pmr::new_delete_resource()->deallocate(memory, size, alignment);
  }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }
};

TEST(HandoffBufferPauseDeathTest, WhateverTheSourceThrowsTheBytesStay) {
  const auto pause_without_memory = [] {
    ThrowsAnInt source;
    HandoffBuffer buffer({.block_source = &source});
    feed(buffer, pattern(10));
    static_cast<void>(front_end::begin_read(buffer).value());
    source.failing = true;
    front_end::pause_read(buffer);
    std::_Exit(buffer.peek_view() == pattern(10) ? 0 : 1);
  };
  EXPECT_EXIT(pause_without_memory(), testing::ExitedWithCode(0), "");
}

TEST(HandoffBufferPause, BehindWhichThereIsNoRoomIsOver) {
  HandoffBufferConfig config;
  config.max_size = 4;
  BytesMut tail = BytesMut::copy_of("abcd");
  auto full = HandoffBuffer::from_tail(tail, config);
  ASSERT_TRUE(full.has_value());
  HandoffBuffer buffer = std::move(*full);
  front_end::pause_read(buffer);
  EXPECT_TRUE(front_end::is_reading(buffer));
  EXPECT_FALSE(front_end::begin_read(buffer).has_value());
  EXPECT_FALSE(front_end::is_reading(buffer));
}

}  // namespace
}  // namespace bytes_handoff
