// What a HandoffBuffer holds while it waits.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <memory_resource>
#include <utility>

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
    static_cast<void>(buffer.begin_read().value());
    EXPECT_EQ(source.blocks_out(), 1U);
    buffer.pause_read();
    EXPECT_EQ(source.blocks_out(), 0U);
    EXPECT_TRUE(buffer.is_reading()) << "the read goes on when it begins again";
  }
  const auto room = buffer.begin_read();
  std::memcpy(room->data(), "abc", 3);
  buffer.end_read(3);
  EXPECT_FALSE(buffer.is_reading());
  EXPECT_EQ(buffer.peek_view(), "abc");
}

TEST(HandoffBufferPause, AReadMayWaitBeforeItBegins) {
  HandoffBuffer buffer;
  buffer.pause_read();
  EXPECT_TRUE(buffer.is_reading());
  EXPECT_EQ(buffer.capacity(), 0U);
  buffer.end_read(0);
  EXPECT_FALSE(buffer.is_reading());
  EXPECT_TRUE(buffer.empty());
}

TEST(HandoffBufferPause, AFewBufferedBytesHoldABlockOfTheirOwnSize) {
  for (const std::size_t len : {1U, 63U, 64U, 65U, 1000U, 4096U}) {
    CountingResource source;
    HandoffBuffer buffer({.block_source = &source});
    feed(buffer, pattern(len));
    const Bytes slice = buffer.split_prefix(0).value();
    static_cast<void>(buffer.begin_read().value());
    buffer.pause_read();
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
  static_cast<void>(buffer.begin_read().value());
  const std::byte* place = buffer.peek().data();
  buffer.pause_read();
  EXPECT_EQ(buffer.peek().data(), place);
  EXPECT_EQ(source.allocations(), 1U);
}

TEST(HandoffBufferPause, ManyBufferedBytesStayWhereTheyAre) {
  CountingResource source;
  HandoffBuffer buffer({.block_source = &source});
  feed(buffer, pattern(5000));
  static_cast<void>(buffer.begin_read().value());
  const std::byte* place = buffer.peek().data();
  buffer.pause_read();
  EXPECT_EQ(buffer.peek().data(), place);
  EXPECT_EQ(buffer.peek_view(), pattern(5000));
}

TEST(HandoffBufferPause, WithoutMemoryToSpareTheBytesStayWhereTheyAre) {
  CountingResource source;
  HandoffBuffer buffer({.block_source = &source});
  feed(buffer, pattern(10));
  static_cast<void>(buffer.begin_read().value());
  source.fail(true);
  buffer.pause_read();
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
    static_cast<void>(buffer.begin_read().value());
    source.failing = true;
    buffer.pause_read();
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
  buffer.pause_read();
  EXPECT_TRUE(buffer.is_reading());
  EXPECT_FALSE(buffer.begin_read().has_value());
  EXPECT_FALSE(buffer.is_reading());
}

}  // namespace
}  // namespace bytes_handoff
