// All bytes of a buffer as a slice, and what of it is put back.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/front_end.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff::detail {
namespace {

using test::feed;

class TakeAll : public testing::Test {
 protected:
  test::CountingResource source;
  HandoffBuffer buffer = HandoffBuffer(
      {.max_size = 4096, .read_reserve = 64, .block_size = 1024, .block_source = &source});
};

TEST_F(TakeAll, LeavesTheRoomToTheNextRead) {
  feed(buffer, "text");
  const std::byte* const room = buffer.peek().data() + 4;
  const Bytes all = BufferAccess::take_all(buffer);
  EXPECT_EQ(all.view(), "text");
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.position(), 4U);
  EXPECT_EQ(front_end::begin_read(buffer).value().data(), room);
  front_end::end_read(buffer, 0);
  EXPECT_EQ(source.blocks_out(), 1U);
}

TEST_F(TakeAll, OfAnEmptyBufferIsNothing) {
  EXPECT_TRUE(BufferAccess::take_all(buffer).empty());
  BufferAccess::put_back(buffer, Bytes());
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.position(), 0U);
}

TEST_F(TakeAll, WhatIsLeftIsPutBackAndTheNextReadGoesOnBehindIt) {
  for (std::size_t taken = 0; taken <= 4; ++taken) {
    SCOPED_TRACE(taken);
    buffer = HandoffBuffer(buffer.config());
    feed(buffer, "text");
    const std::byte* const begin = buffer.peek().data();
    const std::size_t room = buffer.capacity();
    {
      const test::AllocationScope scope;
      Bytes all = BufferAccess::take_all(buffer);
      const Bytes gone = all.split_to(taken).value();
      BufferAccess::put_back(buffer, std::move(all));
      EXPECT_EQ(scope.allocations(), 0U);
    }
    EXPECT_EQ(buffer.peek_view(), std::string_view("text").substr(taken));
    EXPECT_EQ(buffer.position(), taken);
    EXPECT_EQ(buffer.capacity(), room - taken) << "the room is there, too";
    feed(buffer, " and more");
    EXPECT_EQ(buffer.peek_view(), std::string("text and more").substr(taken));
    EXPECT_EQ(buffer.peek().data(), taken == 4 ? begin : begin + taken);
    EXPECT_EQ(source.blocks_out(), 1U);
    const Bytes slice = buffer.split_prefix(1).value();
    EXPECT_EQ(buffer.position(), taken + 1);
  }
}

TEST_F(TakeAll, WhatIsPutBackIntoAFullBlockIsAllOfIt) {
  const std::string text = test::pattern(buffer.config().max_size);
  feed(buffer, text);
  Bytes all = BufferAccess::take_all(buffer);
  ASSERT_TRUE(all.advance(100));
  BufferAccess::put_back(buffer, std::move(all));
  EXPECT_EQ(buffer.peek_view(), std::string_view(text).substr(100));
  static_cast<void>(buffer.take_tail());
  EXPECT_EQ(source.blocks_out(), 0U) << "no reference is left";
}

TEST_F(TakeAll, SlicesOfWhatWasTakenKeepTheirBytes) {
  feed(buffer, "first second");
  Bytes all = BufferAccess::take_all(buffer);
  const Bytes first = all.split_to(6).value();
  BufferAccess::put_back(buffer, std::move(all));
  buffer.split_prefix_mut(6).value().span()[0] = std::byte{'!'};
  feed(buffer, std::string(3000, 'x'));
  EXPECT_EQ(first.view(), "first ");
}

TEST_F(TakeAll, AndPutBackManyTimesKeepsTheReferencesRight) {
  feed(buffer, std::string(500, 'x'));
  for (int i = 0; i < 500; ++i) {
    Bytes all = BufferAccess::take_all(buffer);
    ASSERT_TRUE(all.advance(1));
    BufferAccess::put_back(buffer, std::move(all));
  }
  EXPECT_TRUE(buffer.empty());
  buffer = HandoffBuffer();
  EXPECT_EQ(source.blocks_out(), 0U);
}

TEST_F(TakeAll, WhatIsPutBackInFrontOfItsOwnNeighboursIsOneAgain) {
  feed(buffer, "front and rest");
  Bytes front = buffer.split_prefix(5).value();
  const auto* const place = front.data();
  BufferAccess::put_back(buffer, std::move(front));
  EXPECT_EQ(buffer.peek_view(), "front and rest");
  EXPECT_EQ(buffer.peek().data(), place);
}

}  // namespace
}  // namespace bytes_handoff::detail
