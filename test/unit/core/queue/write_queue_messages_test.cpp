#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/core/queue/departure.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"
#include "bytes_handoff/message_stream.hpp"
#include "support/pattern.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using detail::ErrorValue;
using Messages = std::vector<std::string>;

/// A queue in front of a stream of messages.
class WriteQueueMessages : public QueueTest {
 protected:
  void SetUp() override { open_with({}); }
  void open_with(const WriteHandoffConfig& config) {
    open(config, 0, detail::kMaxStepItems, detail::Entries::kMessages);
  }

  static Bytes message(std::string_view text, MessageTag tag) {
    return tag_message(Bytes::copy_of(text), tag);
  }
  /// Submits one message.
  Submitted submit_tagged(std::string_view text, MessageTag tag) {
    return submit(std::vector<Bytes>{message(text, tag)});
  }

  const ErrorValue closed = ErrorValue::of(Errc::closed);
};

TEST_F(WriteQueueMessages, LeaveOneByOneWithTheirTags) {
  Bytes block = Bytes::copy_of("abcdef");
  send(std::vector<Bytes>{block.split_to(3).value(), block});  // neighbours of one block
  send(std::vector<Bytes>{message("x", 1), message("y", 2)});
  stream().run();
  EXPECT_EQ(stream().messages(), (Messages{"abc", "def", "x#1", "y#2"}));
}

TEST_F(WriteQueueMessages, EmptyOnesReachTheStreamEachAlone) {
  send("a");
  send("");
  send("");
  send(std::vector<Bytes>{message("", 5)});
  send(std::vector<Bytes>{});
  send("b");
  stream().run();
  EXPECT_EQ(stream().messages(), (Messages{"a", "", "", "#5", "", "b"}));
  EXPECT_EQ(queue().pending_items(), 0U);
}

TEST_F(WriteQueueMessages, ManyEmptyOnesAreProgress) {
  for (unsigned i = 0; i != 3 * detail::kMaxZeroWrites; ++i) {
    send("");
  }
  stream().run();
  EXPECT_EQ(stream().messages().size(), 3 * detail::kMaxZeroWrites);
  EXPECT_TRUE(queue().is_open());
}

TEST_F(WriteQueueMessages, AnEmptyOneKeepsItsPlaceAndItsTicketWaits) {
  send("a");
  const auto empty = submit("").ticket;
  stream().begin();
  EXPECT_FALSE(is_done(empty));
  stream().finish(Reply::all());
  EXPECT_FALSE(is_done(empty)) << "it is with the stream";
  stream().finish(Reply::all());
  expect_result(empty, {}, 0);
}

TEST_F(WriteQueueMessages, ALargeOneIsNotCut) {
  open_with({.max_pending_bytes = 8 * 1024 * 1024});
  const std::string large = pattern(3 * detail::kMaxBatchBytes);
  send(large);
  stream().run();
  EXPECT_EQ(stream().messages(), Messages{large});
}

TEST_F(WriteQueueMessages, AWrittenOneCountsWholeWhateverIsToldOfItsBytes) {
  const auto first = submit("abc").ticket;
  send("def");
  stream().begin();
  stream().finish(Reply::only(1));
  expect_result(first, {}, 3);
  stream().run();
  EXPECT_EQ(queue().statistics({}).written_bytes, 6U);
  EXPECT_EQ(queue().statistics({}).short_stream_writes, 0U);
}

TEST_F(WriteQueueMessages, AFailedOneIsToldWithItsBytesAndComesBackWhole) {
  const auto first = submit_tagged("abc", 4).ticket;
  const auto second = submit("def").ticket;
  stream().begin();
  stream().finish(Reply::fail(closed, 2));
  expect_result(first, closed, 2);
  expect_result(second, closed, 0);
  auto unwritten = unwritten_of(queue());
  ASSERT_TRUE(unwritten.has_value());
  ASSERT_EQ(unwritten->entries.size(), 2U);
  EXPECT_EQ(unwritten->first_written, 2U);
  EXPECT_EQ(unwritten->entries[0], Bytes::copy_of("abc"));
  EXPECT_EQ(message_tag(unwritten->entries[0]), 4U);
}

TEST_F(WriteQueueMessages, AFailedEmptyOneWasNotWritten) {
  const auto empty = submit("").ticket;
  stream().begin();
  stream().finish(Reply::fail(closed));
  expect_result(empty, closed, 0);
  EXPECT_EQ(unwritten_of(queue()).value().entries.size(), 1U);
}

TEST_F(WriteQueueMessages, OneThatComesBackBehindTheEndIsNotUnwritten) {
  for (const std::string text : {"abc", ""}) {
    open_with({});
    send(text);
    send("behind");
    stream().begin();
    abort();
    stream().finish(Reply::all());
    EXPECT_EQ(unwritten_of(queue()).value().entries, std::vector<Bytes>{Bytes::copy_of("behind")});
  }
}

// What is small for its block is copied together while it waits. A tag stays where it is.
TEST_F(WriteQueueMessages, KeepTheirTagsWhereOthersAreCopiedTogether) {
  const Bytes blocks[] = {Bytes::copy_of(pattern(8000)), Bytes::copy_of(pattern(8000, 1))};
  for (int i = 0; i != 3; ++i) {
    send(std::vector<Bytes>{blocks[0].slice(0, 5).value()});
    send(std::vector<Bytes>{tag_message(blocks[0], 3).slice(0, 4).value()});
    send(std::vector<Bytes>{blocks[1].slice(0, 6).value()});
  }
  stream().run();
  const std::string tagged = pattern(8000).substr(0, 4) + "#3";
  ASSERT_EQ(stream().messages().size(), 9U);
  for (std::size_t i = 0; i != 9; i += 3) {
    EXPECT_EQ(stream().messages()[i], pattern(8000).substr(0, 5));
    EXPECT_EQ(stream().messages()[i + 1], tagged);
  }
}

TEST_F(WriteQueueMessages, ATagMeansNothingToAStreamOfBytes) {
  open({});
  send(std::vector<Bytes>{message("a", 1), message("", kClosingMessage), message("b", 2)});
  stream().run();
  EXPECT_EQ(stream().received(), "ab");
  EXPECT_TRUE(queue().is_open());
}

TEST_F(WriteQueueMessages, AClosingOneEndsTheQueueInOrder) {
  send("a");
  const auto last = submit_tagged("bye", kClosingMessage).ticket;
  CloseProbe closing;
  ASSERT_FALSE(queue().wait_closed(closing));
  stream().run();
  EXPECT_EQ(stream().messages(), (Messages{"a", "bye#" + std::to_string(kClosingMessage)}));
  expect_result(last, {}, 3);
  EXPECT_TRUE(queue().has_ended_in_order());
  EXPECT_EQ(closing.resumed, 1);
  EXPECT_FALSE(closing.error);
  EXPECT_FALSE(stream().is_shut_down()) << "the message was the end";
}

TEST_F(WriteQueueMessages, BehindAClosingOneNothingIsWrittenAndThatIsTold) {
  const auto last = submit_tagged("bye", kClosingMessage).ticket;
  const auto behind = submit("lost").ticket;
  close();
  CloseProbe closing;
  ASSERT_FALSE(queue().wait_closed(closing));
  stream().run();
  EXPECT_EQ(stream().messages().size(), 1U);
  expect_result(last, {}, 3);
  expect_result(behind, closed, 0);
  EXPECT_EQ(closing.error, closed);
  EXPECT_EQ(unwritten(), Messages{"lost"});
}

TEST_F(WriteQueueMessages, AClosingOneClosesTheQueueWhenTheStreamIsGivenIt) {
  open_with({.max_items = 2, .close_timeout = std::chrono::seconds(3)});
  send(std::vector<Bytes>{message("a", 0), message("bye", kClosingMessage)});
  WriteProbe waiting("no room");
  ASSERT_EQ(wait(waiting), Wait::kWaiting);
  EXPECT_TRUE(queue().is_open());
  stream().begin();
  stream().finish(Reply::all());
  EXPECT_FALSE(queue().is_open());
  expect_refusal(submit("late").refusal, Reason::closed);
  // A peer that never answers is bounded by close_timeout.
  EXPECT_EQ(stream().watch_requests(), 1);
  const Queue::TimePoint start{};
  tick(start);
  tick(start + std::chrono::seconds(4));
  EXPECT_EQ(queue().first_error(), ErrorValue::of(Errc::timed_out));
  stream().finish(Reply::fail(closed));
}

TEST_F(WriteQueueMessages, AClosingOneRefusesWhoStillWaits) {
  open_with({.max_pending_bytes = 10});
  send(std::vector<Bytes>{message("a", 0), message("bye", kClosingMessage)});
  WriteProbe large("0123456789");
  ASSERT_EQ(wait(large), Wait::kWaiting);
  stream().begin();
  stream().finish(Reply::all());
  ASSERT_EQ(large.resumed, 1);
  expect_refusal(large.refusal, Reason::closed);
  stream().finish(Reply::all());
  EXPECT_TRUE(queue().has_ended_in_order());
}

TEST_F(WriteQueueMessages, CloseEndsBehindThemByTheStreamsOwnEnd) {
  send("a");
  send("");
  close();
  stream().run();
  EXPECT_EQ(stream().messages(), (Messages{"a", ""}));
  EXPECT_TRUE(stream().is_shut_down());
  EXPECT_TRUE(queue().has_ended_in_order());
}

TEST_F(WriteQueueMessages, AFailedOneThatIsWhollyWrittenIsWritten) {
  const auto first = submit("abc").ticket;
  const auto second = submit("def").ticket;
  stream().begin();
  stream().finish(Reply::fail(closed, 3));
  expect_result(first, {}, 3);
  expect_result(second, closed, 0);
  EXPECT_EQ(text_of(unwritten_of(queue()).value()), Messages{"def"});
  EXPECT_EQ(queue().statistics({}).short_stream_writes, 0U);
}

TEST(MessageBatch, OffersAMessageWithItsTag) {
  detail::WriteItems items;
  items.reserve(1);
  Bytes tagged = tag_message(Bytes::copy_of("abc"), 7);
  items.push_back(detail::WriteItem::take(tagged));
  detail::WriteBatch batch;
  batch.take_message(items);
  const auto message = batch.message();
  EXPECT_EQ(message.tag, 7U);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(message.bytes.data()), message.bytes.size()),
            "abc");
  items.front().owner->release(1);
  items.pop_front();
}

}  // namespace
}  // namespace bytes_handoff::test
