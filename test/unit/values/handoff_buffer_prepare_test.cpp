// Room that others fill, as adaptors use it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff {
namespace {

using detail::BufferAccess;
using test::CountingResource;
using test::feed;
using test::pattern;

/// Puts `text` into prepared room of `n` bytes, and commits nothing yet.
void fill(HandoffBuffer& buffer, std::size_t n, std::string_view text) {
  const auto room = BufferAccess::prepare(buffer, n);
  ASSERT_TRUE(room);
  ASSERT_EQ(room->size(), n);
  std::memcpy(room->data(), text.data(), text.size());
}

TEST(HandoffBufferPrepare, CommitsWhatWasPutThereAndCountsIt) {
  HandoffBuffer buffer;
  feed(buffer, "one ");
  fill(buffer, 10, "two");
  EXPECT_FALSE(front_end::is_reading(buffer)) << "this is no read";
  EXPECT_EQ(buffer.peek_view(), "one ");
  BufferAccess::commit(buffer, 3);
  EXPECT_EQ(buffer.peek_view(), "one two");
  EXPECT_EQ(buffer.position(), 0U);
  EXPECT_EQ(buffer.split_prefix(5)->view(), "one t");
  EXPECT_EQ(buffer.position(), 5U);
}

TEST(HandoffBufferPrepare, CommitsInSteps) {
  HandoffBuffer buffer;
  fill(buffer, 6, "onetwo");
  BufferAccess::commit(buffer, 3);
  EXPECT_EQ(buffer.peek_view(), "one");
  BufferAccess::commit(buffer, 3);
  EXPECT_EQ(buffer.peek_view(), "onetwo");
}

TEST(HandoffBufferPrepare, CommitsNoMoreThanWasPrepared) {
  HandoffBuffer buffer;
  fill(buffer, 3, "one");
  BufferAccess::commit(buffer, SIZE_MAX);
  BufferAccess::commit(buffer, 1);
  EXPECT_EQ(buffer.peek_view(), "one");
  EXPECT_EQ(buffer.position(), 0U);
}

TEST(HandoffBufferPrepare, CommitsNothingWhereNothingIsPrepared) {
  HandoffBuffer buffer;
  BufferAccess::commit(buffer, 1);
  feed(buffer, "read");  // it leaves room that nobody prepared
  BufferAccess::commit(buffer, 1);
  EXPECT_EQ(buffer.peek_view(), "read");
  EXPECT_EQ(buffer.position(), 0U);
}

TEST(HandoffBufferPrepare, IsOverWhereTheRoomIsUsedOtherwise) {
  HandoffBuffer buffer;
  fill(buffer, 4, "lost");
  feed(buffer, "read");
  BufferAccess::commit(buffer, 4);
  EXPECT_EQ(buffer.peek_view(), "read");

  fill(buffer, 4, "lost");
  ASSERT_TRUE(buffer.reserve_read_capacity(1000));
  BufferAccess::commit(buffer, 4);
  EXPECT_EQ(buffer.peek_view(), "read");

  fill(buffer, 4, "lost");
  const BytesMut tail = buffer.take_tail();
  BufferAccess::commit(buffer, 4);
  EXPECT_TRUE(buffer.empty());

  fill(buffer, 4, "lost");
  HandoffBuffer other = std::move(buffer);
  BufferAccess::commit(buffer, 4);  // NOLINT(bugprone-use-after-move): it is empty
  BufferAccess::commit(other, 4);
  EXPECT_EQ(other.peek_view(), "lost") << "the room has moved with the bytes";

  fill(other, 4, "lost");
  front_end::pause_read(other);
  front_end::end_read(other, 0);
  BufferAccess::commit(other, 4);
  EXPECT_EQ(other.peek_view(), "lost");
}

TEST(HandoffBufferPrepare, StaysWhileThePrefixLeaves) {
  HandoffBuffer buffer;
  feed(buffer, "one ");
  fill(buffer, 4, "two ");
  EXPECT_EQ(buffer.split_prefix(4)->view(), "one ");
  BufferAccess::commit(buffer, 4);
  EXPECT_EQ(buffer.peek_view(), "two ");
  EXPECT_EQ(buffer.position(), 4U);
}

TEST(HandoffBufferPrepare, IsRefusedBeyondTheLimitAndChangesNothing) {
  HandoffBuffer buffer({.max_size = 8});
  feed(buffer, "text");
  fill(buffer, 4, "more");
  EXPECT_EQ(BufferAccess::prepare(buffer, 5).error(), (LimitExceeded{9, 8}));
  EXPECT_EQ(BufferAccess::prepare(buffer, SIZE_MAX).error(), (LimitExceeded{SIZE_MAX, 8}));
  BufferAccess::commit(buffer, 4);
  EXPECT_EQ(buffer.peek_view(), "textmore") << "what was prepared before";
  EXPECT_TRUE(BufferAccess::prepare(buffer, 0));
  EXPECT_EQ(BufferAccess::prepare(buffer, 1).error(), (LimitExceeded{9, 8}));
}

TEST(HandoffBufferPrepare, TellsTheNextReadWhetherMoreMayBeThere) {
  HandoffBuffer buffer;
  fill(buffer, 4, "text");
  BufferAccess::commit(buffer, 4);
  EXPECT_FALSE(front_end::is_stream_drained(buffer)) << "the room was filled";
  fill(buffer, 4, "tex");
  BufferAccess::commit(buffer, 3);
  EXPECT_TRUE(front_end::is_stream_drained(buffer));
}

TEST(HandoffBufferPrepare, OfNothingTakesNoMemory) {
  HandoffBuffer buffer;
  EXPECT_TRUE(BufferAccess::prepare(buffer, 0)->empty());
  EXPECT_EQ(buffer.capacity(), 0U);
}

TEST(HandoffBufferPrepare, OfAnEmptyBufferGivesALargeBlockBack) {
  CountingResource source;
  HandoffBuffer buffer({.block_size = 4096, .block_source = &source});
  fill(buffer, 30000, pattern(30000));
  BufferAccess::commit(buffer, 30000);
  ASSERT_TRUE(buffer.advance(30000));
  EXPECT_GT(source.bytes_out(), 30000U);
  fill(buffer, 10, "text");
  EXPECT_EQ(source.blocks_out(), 1U);
  EXPECT_LT(source.bytes_out(), 10000U);
}

TEST(HandoffBufferPrepare, KeepsABlockThatIsAsLargeAsWhatIsAskedFor) {
  CountingResource source;
  HandoffBuffer buffer({.block_size = 4096, .block_source = &source});
  for (int i = 0; i < 10; ++i) {
    fill(buffer, 30000, pattern(30000));
    BufferAccess::commit(buffer, 30000);
    ASSERT_TRUE(buffer.advance(30000));
  }
  EXPECT_EQ(source.allocations(), 1U);
}

TEST(HandoffBufferPrepare, WithoutMemoryKeepsTheBytes) {
  CountingResource source;
  HandoffBuffer buffer({.read_reserve = 1, .block_size = 64, .block_source = &source});
  feed(buffer, "text");
  source.fail(true);
  EXPECT_THROW(static_cast<void>(BufferAccess::prepare(buffer, 5000)), std::bad_alloc);
  BufferAccess::commit(buffer, 1);
  EXPECT_EQ(buffer.peek_view(), "text");
}

TEST(HandoffBufferPrepare, DoesNotDisturbAFramer) {
  HandoffBuffer buffer;
  DelimiterFramer lines("\r\n");
  std::string got;
  for (const char byte : std::string_view("one\r\ntwo\r\nthree\r\n")) {
    fill(buffer, 1, {&byte, 1});
    BufferAccess::commit(buffer, 1);
    for (Bytes& line : buffer.frames(lines)) {
      got += std::string(line.view()) + ";";
    }
  }
  EXPECT_EQ(got, "one;two;three;");
}

}  // namespace
}  // namespace bytes_handoff
