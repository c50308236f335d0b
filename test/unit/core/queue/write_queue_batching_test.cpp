#include <gtest/gtest.h>

#include "bytes_handoff/core/queue/departure.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

class WriteQueueBatching : public QueueTest {
 protected:
  void SetUp() override { open({.max_items = 5000, .max_pending_bytes = 8 * 1024 * 1024}); }
};

TEST_F(WriteQueueBatching, NeighboursInOneBlockLeaveAsOneBuffer) {
  Bytes block = Bytes::copy_of(pattern(256 * 64));
  for (int i = 0; i < 256; ++i) {
    EXPECT_TRUE(send(std::vector<Bytes>{block.split_to(64).value()}));
  }
  EXPECT_EQ(stream().begin(), Turn::kWrite);
  EXPECT_EQ(stream().batch().count, 1U);
  EXPECT_EQ(stream().batch().bytes, 256U * 64U);
  EXPECT_EQ(stream().batch().items, 256U);
  stream().finish(Reply::all());
  EXPECT_EQ(stream().received(), pattern(256 * 64));
}

TEST_F(WriteQueueBatching, EmptyWritesBetweenNeighboursDoNotPartThem) {
  Bytes block = Bytes::copy_of("abcdef");
  send(std::vector<Bytes>{block.split_to(3).value()});
  send("");
  send(std::vector<Bytes>{block});
  stream().begin();
  EXPECT_EQ(stream().batch().count, 1U);
  EXPECT_EQ(stream().batch().items, 3U);
  stream().run();
  EXPECT_EQ(stream().received(), "abcdef");
}

TEST_F(WriteQueueBatching, SlicesOfOneBlockOutOfOrderStayApart) {
  const Bytes block = Bytes::copy_of(pattern(1024));
  send(std::vector<Bytes>{block.slice(512, 512).value()});
  send(std::vector<Bytes>{block.slice(0, 512).value()});
  send(std::vector<Bytes>{block.slice(0, 512).value()});
  stream().begin();
  EXPECT_EQ(stream().batch().count, 3U);
  stream().run();
  EXPECT_EQ(stream().received(), pattern(1024).substr(512) + pattern(512) + pattern(512));
}

TEST_F(WriteQueueBatching, AtMostSixtyFourBuffersLeaveAtOnce) {
  std::string expected;
  for (std::size_t i = 0; i < 100; ++i) {
    const std::string text = pattern(200, i * 7);
    expected += text;
    std::vector<std::byte> owner(bytes_of(text).begin(), bytes_of(text).end());
    EXPECT_TRUE(send(std::vector<Bytes>{Bytes::from_owner(std::move(owner))}));
  }
  stream().begin();
  EXPECT_EQ(stream().batch().count, detail::kMaxBatchBuffers);
  EXPECT_EQ(stream().batch().items, 64U);
  EXPECT_EQ(stream().finish(Reply::all()), Turn::kWrite);
  EXPECT_EQ(stream().batch().count, 36U);
  stream().run();
  EXPECT_EQ(stream().received(), expected);
}

TEST_F(WriteQueueBatching, AtMostOneMiBLeavesAtOnceAndALargeItemIsCut) {
  const std::string large = pattern(detail::kMaxBatchBytes + 1000);
  const Submitted small = submit("head");
  const Submitted cut = submit(large);
  const Submitted tail = submit("tail");
  stream().begin();
  EXPECT_EQ(stream().batch().bytes, detail::kMaxBatchBytes);
  EXPECT_EQ(stream().batch().items, 2U);
  stream().finish(Reply::all());
  expect_result(small.ticket, {}, 4);
  EXPECT_FALSE(is_done(cut.ticket));
  EXPECT_EQ(stream().batch().bytes, 1000U + 4U + 4U);
  stream().run();
  expect_result(cut.ticket, {}, large.size());
  expect_result(tail.ticket, {}, 4);
  EXPECT_EQ(stream().received(), "head" + large + "tail");
}

TEST_F(WriteQueueBatching, AtMostSoManyItemsLeaveAtOnce) {
  Bytes block = Bytes::copy_of(pattern(3000));
  for (int i = 0; i < 3000; ++i) {
    send(std::vector<Bytes>{block.split_to(1).value()});
  }
  stream().begin();
  EXPECT_EQ(stream().batch().items, detail::kMaxBatchItems);
  EXPECT_EQ(stream().batch().bytes, detail::kMaxBatchItems);
  stream().run();
  EXPECT_EQ(stream().operations(), 3U);
  EXPECT_EQ(stream().received(), pattern(3000));
}

TEST_F(WriteQueueBatching, ThousandsOfEmptyWritesNeedNoStreamCall) {
  for (int i = 0; i < 4000; ++i) {
    EXPECT_TRUE(send(""));
  }
  const Submitted last = submit("");
  stream().run();
  EXPECT_EQ(stream().operations(), 0U);
  expect_result(last.ticket, {}, 0);
  EXPECT_EQ(queue().pending_items(), 0U);
}

TEST_F(WriteQueueBatching, AShortWriteGoesOnAtItsFirstUnwrittenByteWithAllThatCameSince) {
  send(pattern(100));
  stream().begin();
  send("more");
  EXPECT_EQ(stream().batch().bytes, 100U) << "a batch does not grow while the stream has it";
  EXPECT_EQ(stream().finish(Reply::only(60)), Turn::kWrite);
  EXPECT_EQ(stream().batch().bytes, 44U);
  stream().finish(Reply::all());
  EXPECT_EQ(stream().received(), pattern(100) + "more");
}

TEST_F(WriteQueueBatching, OneByteAtATimeKeepsTheOrderAndEveryTicket) {
  std::string expected;
  std::vector<Submitted> all;
  for (std::size_t i = 0; i < 20; ++i) {
    const std::string text = pattern(i % 4, i);
    expected += text;
    all.push_back(submit(text));
  }
  stream().otherwise(Reply::only(1));
  stream().run();
  EXPECT_EQ(stream().received(), expected);
  EXPECT_EQ(stream().operations(), expected.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    expect_result(all[i].ticket, {}, i % 4);
  }
}

TEST_F(WriteQueueBatching, AStreamThatClaimsMoreThanItWasOfferedIsNotBelieved) {
  send("abc");
  detail::WriteBatch batch{};
  detail::Effects effects;
  ASSERT_EQ(queue().begin_turn(batch, effects), Turn::kWrite);
  send("def");
  EXPECT_EQ(queue().finish_write({}, 100, true, batch, effects), Turn::kYield);
  EXPECT_EQ(queue().pending_bytes(), 3U);
  EXPECT_EQ(queue().statistics({}).written_bytes, 3U);
  ASSERT_EQ(queue().begin_turn(batch, effects), Turn::kWrite);
  EXPECT_EQ(queue().finish_write({}, 3, false, batch, effects), Turn::kIdle);
  effects.finish();
}

TEST_F(WriteQueueBatching, AWriterThatYieldsAsksForATurnAndNothingIsLost) {
  send("abc");
  stream().begin();
  EXPECT_EQ(stream().finish(Reply::only(1), true), Turn::kYield);
  EXPECT_FALSE(stream().is_writing());
  EXPECT_TRUE(stream().turn_posted());
  send("def");  // a second turn posted would be a violation
  EXPECT_EQ(stream().begin(), Turn::kWrite);
  EXPECT_EQ(stream().batch().bytes, 5U);
  EXPECT_EQ(stream().finish(Reply::all(), true), Turn::kIdle) << "with nothing left, no turn";
  EXPECT_EQ(stream().received(), "abcdef");
}

TEST_F(WriteQueueBatching, AfterAnIdleTimeTheNextWritePostsATurnAgain) {
  for (int i = 0; i < 3; ++i) {
    send("abc");
    EXPECT_TRUE(stream().turn_posted());
    stream().run();
    EXPECT_FALSE(stream().turn_posted());
  }
  EXPECT_EQ(stream().received(), "abcabcabc");
}

TEST_F(WriteQueueBatching, LiteralsThatAreNeighboursLeaveAsOneBuffer) {
  static constexpr std::string_view text = "one two";
  send(std::vector<Bytes>{Bytes::borrow_static(text.substr(0, 3))});
  send(std::vector<Bytes>{Bytes::borrow_static(text.substr(3))});
  stream().begin();
  EXPECT_EQ(stream().batch().count, 1U);
  stream().run();
  EXPECT_EQ(stream().received(), text);
}

TEST_F(WriteQueueBatching, JoinedSlicesAreWrittenInOrderAndEachTicketTold) {
  open({}, 1000);
  std::vector<Submitted> all;
  std::string expected;
  for (std::size_t i = 0; i < 100; ++i) {
    expected += pattern(60, i);
    all.push_back(submit(pattern(60, i)));
  }
  EXPECT_EQ(stream().begin(), Turn::kWrite);
  EXPECT_EQ(stream().batch().count, 1U);
  EXPECT_EQ(stream().batch().bytes, 960U);
  EXPECT_EQ(stream().finish(Reply::only(75)), Turn::kWrite);
  EXPECT_TRUE(is_done(all[0].ticket));
  EXPECT_FALSE(is_done(all[1].ticket));
  EXPECT_EQ(queue().pending_bytes(), 5940U);
  EXPECT_EQ(queue().written_bytes(), 75U);
  EXPECT_EQ(stream().batch().bytes, 885U) << "the rest of what was joined";
  stream().run();
  EXPECT_EQ(stream().received(), expected);
  EXPECT_EQ(stream().operations(), 8U) << "75, 885, five times 960, 240";
  for (const Submitted& submitted : all) {
    expect_result(submitted.ticket, {}, 60);
  }
}

TEST_F(WriteQueueBatching, WhatWasJoinedAndNotWrittenComesBackSliceBySlice) {
  open({}, 1000);
  const Submitted first = submit("abc");
  const Submitted second = submit("defg");
  send("hi");
  stream().begin();
  stream().finish(Reply::fail(error_value(104), 4));
  expect_result(first.ticket, {}, 3);
  expect_result(second.ticket, error_value(104), 1);
  EXPECT_EQ(unwritten(), (std::vector<std::string>{"d|efg", "hi"}));
}

TEST_F(WriteQueueBatching, AnOwnerWhoseSlicesWereAllJoinedIsNotAskedAnyMore) {
  CountingResource blocks;
  open({}, 1000);
  send("small");
  BytesMut large = BytesMut::with_capacity(65536, &blocks);
  large.extend("the last of it");
  send(std::vector<Bytes>{std::move(large).freeze()});
  stream().begin();
  EXPECT_EQ(blocks.blocks_out(), 0U);
  send("another owner");  // AddressSanitizer sees it when this looks at the block
  stream().run();
  EXPECT_EQ(stream().received(), "smallthe last of itanother owner");
}

TEST_F(WriteQueueBatching, NothingIsJoinedToASliceThatFillsAWrite) {
  open({.max_pending_bytes = 2 * detail::kMaxBatchBytes}, 1000);
  const std::string large(detail::kMaxBatchBytes, 'x');
  send(std::vector<Bytes>{Bytes::copy_of(large)});
  send("next");
  EXPECT_EQ(stream().begin(), Turn::kWrite);
  EXPECT_EQ(stream().batch().count, 1U);
  EXPECT_EQ(stream().batch().bytes, detail::kMaxBatchBytes);
  EXPECT_EQ(stream().batch().items, 1U);
  stream().finish(Reply::all());
  stream().run();
  EXPECT_EQ(stream().received(), large + "next");
}

}  // namespace
}  // namespace bytes_handoff::test
