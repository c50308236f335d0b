// Bytes that reach a buffer past its own reads.
#include <gtest/gtest.h>

#include <utility>

#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff::detail {
namespace {

using test::feed;

BytesMut region_with(std::string_view text) {
  BytesMut region = BytesMut::with_capacity(100);
  region.extend(text);
  return region;
}

TEST(TakeIn, TheBytesAreTheBuffersWithoutACopy) {
  HandoffBuffer buffer;
  BytesMut bytes = region_with("text");
  const std::byte* const data = bytes.data();
  BufferAccess::take_in(buffer, std::move(bytes));
  EXPECT_EQ(buffer.peek_view(), "text");
  EXPECT_EQ(buffer.peek().data(), data);
  EXPECT_TRUE(BufferAccess::has_received(buffer));
}

TEST(TakeIn, TheyCountAsReadAndOthersFollow) {
  HandoffBuffer buffer;
  feed(buffer, "first");
  ASSERT_TRUE(buffer.advance(5));
  BufferAccess::take_in(buffer, region_with("second"));
  EXPECT_EQ(buffer.position(), 5U);
  ASSERT_TRUE(buffer.advance(3));
  feed(buffer, " third");
  EXPECT_EQ(buffer.position(), 8U);
  EXPECT_EQ(buffer.peek_view(), "ond third");
}

#if BYTES_HANDOFF_CHECKS

TEST(TakeIn, BehindOthersAborts) {
  HandoffBuffer buffer;
  feed(buffer, "text");
  EXPECT_DEATH(BufferAccess::take_in(buffer, region_with("more")), "bytes came past others");
}

#endif

}  // namespace
}  // namespace bytes_handoff::detail
