#include "bytes_handoff/core/reading/read_claim.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "bytes_handoff/core/reading/kept_error.hpp"
#include "bytes_handoff/front_end.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff::detail {
namespace {

using test::feed;

TEST(ReadClaim, ThatGoesWhileAReadRunsEndsTheReadWithNothing) {
  HandoffBuffer buffer;
  feed(buffer, "text");
  {
    const ReadClaim claim(buffer);
    EXPECT_TRUE(claim.has_buffer());
    ASSERT_TRUE(front_end::begin_read(buffer));
    EXPECT_TRUE(BufferAccess::is_reading(buffer));
  }
  EXPECT_FALSE(BufferAccess::is_reading(buffer));
  EXPECT_EQ(buffer.split_prefix(4).value().view(), "text");
  HandoffBuffer moved(std::move(buffer));  // nobody claims it
  feed(moved, "more");
  EXPECT_EQ(moved.peek_view(), "more");
}

TEST(ReadClaim, ThatGoesBetweenTwoReadsLeavesTheBufferAsItIs) {
  HandoffBuffer buffer;
  {
    const ReadClaim claim(buffer);
    feed(buffer, "text");
  }
  EXPECT_FALSE(BufferAccess::is_reading(buffer));
  EXPECT_EQ(buffer.peek_view(), "text");
}

TEST(ReadClaim, OutlivesItsBuffer) {
  std::optional<HandoffBuffer> buffer(std::in_place);
  const ReadClaim claim(*buffer);
  buffer.reset();
  EXPECT_FALSE(claim.has_buffer());
}

#if BYTES_HANDOFF_CHECKS

TEST(ReadClaim, OfABufferThatIsMovedAborts) {
  HandoffBuffer buffer;
  HandoffBuffer other;
  const ReadClaim claim(buffer);
  constexpr const char* kWrong = "moved while a read runs";
  EXPECT_DEATH(static_cast<void>(HandoffBuffer(std::move(buffer))), kWrong);
  EXPECT_DEATH(other = std::move(buffer), kWrong);
  EXPECT_DEATH(buffer = std::move(other), kWrong);
}

#endif

TEST(BufferAccess, HoldsABufferBetweenTwoReadsOfOneOperation) {
  HandoffBuffer buffer;
  BufferAccess::set_reading(buffer, true);
  EXPECT_TRUE(BufferAccess::is_reading(buffer));
  BufferAccess::set_reading(buffer, false);
  EXPECT_FALSE(BufferAccess::is_reading(buffer));
}

TEST(BufferAccess, TellsWhetherAReadHasBroughtBytes) {
  HandoffBuffer buffer;
  EXPECT_FALSE(BufferAccess::has_received(buffer));
  ASSERT_TRUE(front_end::begin_read(buffer));
  front_end::end_read(buffer, 0);
  EXPECT_FALSE(BufferAccess::has_received(buffer)) << "a read that brought nothing";
  feed(buffer, "x");
  ASSERT_TRUE(buffer.advance(1));
  EXPECT_TRUE(BufferAccess::has_received(buffer)) << "whatever became of them";
}

TEST(BufferAccess, TellsAStreamThatHadNoMoreFromOneThatHas) {
  HandoffBuffer buffer;
  for (const auto remaining : {front_end::Remaining::more, front_end::Remaining::unknown}) {
    ASSERT_TRUE(front_end::begin_read(buffer));
    front_end::end_read(buffer, 0, remaining);
    EXPECT_EQ(BufferAccess::is_stream_drained(buffer), remaining == front_end::Remaining::unknown);
  }
}

#if BYTES_HANDOFF_CHECKS

TEST(BufferAccess, PuttingBackInFrontOfOtherBytesAborts) {
  HandoffBuffer buffer;
  feed(buffer, "text");
  EXPECT_DEATH(BufferAccess::put_back(buffer, Bytes::copy_of("front")), "than their own");
}

#endif

TEST(BufferAccess, KeepsAnErrorAndWhetherToReadOnForEachBuffer) {
  HandoffBuffer first;
  HandoffBuffer second;
  EXPECT_FALSE(BufferAccess::kept_error(first));
  BufferAccess::kept_error(first).code = std::make_error_code(std::errc::connection_reset);
  EXPECT_TRUE(BufferAccess::kept_error(first));
  EXPECT_FALSE(BufferAccess::kept_error(second));
  while (!BufferAccess::read_on(first).is_worth_it()) {
  }
  BufferAccess::read_on(first).note(true);
  EXPECT_TRUE(BufferAccess::read_on(first).is_worth_it());
  EXPECT_FALSE(BufferAccess::read_on(second).is_worth_it());
}

/// Reads `text` into the room of a small read; returns how much room that was.
std::size_t feed_small(HandoffBuffer& buffer, std::string_view text) {
  const auto room = front_end::begin_small_read(buffer).value();
  EXPECT_GE(room.size(), text.size());
  std::memcpy(room.data(), text.data(), text.size());
  front_end::end_read(buffer, text.size());
  return room.size();
}

TEST(SmallRead, TakesLittleMemoryForABufferThatIsEmpty) {
  HandoffBuffer buffer({.block_size = 65536});
  feed(buffer, "a");
  ASSERT_TRUE(buffer.advance(1));
  ASSERT_GE(buffer.capacity(), 1024U);
  EXPECT_EQ(feed_small(buffer, "text"), 512U);
  EXPECT_LT(buffer.capacity(), 1024U) << "the large block is gone";
  EXPECT_EQ(buffer.peek_view(), "text");
}

TEST(SmallRead, UsesItsSmallBlockAgain) {
  HandoffBuffer buffer;
  static_cast<void>(feed_small(buffer, "text"));
  const auto* const place = buffer.peek().data();
  ASSERT_TRUE(buffer.advance(4));
  static_cast<void>(feed_small(buffer, "more"));
  EXPECT_EQ(buffer.peek().data(), place);
  const Bytes kept = buffer.freeze_all();
  static_cast<void>(feed_small(buffer, "last"));
  EXPECT_EQ(kept.view(), "more") << "a slice keeps the block: the next read has one of its own";
  EXPECT_EQ(buffer.peek_view(), "last");
}

TEST(SmallRead, AppendsToWhatIsBuffered) {
  HandoffBuffer buffer({.max_size = 7});
  feed(buffer, "text");
  EXPECT_EQ(feed_small(buffer, "123"), 3U) << "no more than the buffer may hold";
  EXPECT_EQ(buffer.peek_view(), "text123");
  const auto refused = front_end::begin_small_read(buffer);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().limit, 7U);
  EXPECT_FALSE(BufferAccess::is_reading(buffer));
}

TEST(SmallRead, HasTheRoomThatWasReserved) {
  HandoffBuffer buffer;
  ASSERT_TRUE(buffer.reserve_read_capacity(5000));
  EXPECT_GE(feed_small(buffer, "text"), 5000U);
  EXPECT_LE(feed_small(buffer, "more"), 512U) << "once";
}

}  // namespace
}  // namespace bytes_handoff::detail
