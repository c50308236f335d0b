// What an ended queue has not written: who gets it, when, and what it is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/core/queue/write_queue.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using detail::ErrorValue;
using testing::ElementsAre;
using testing::IsEmpty;

class WriteQueueUnwritten : public QueueTest {
 protected:
  [[nodiscard]] static std::vector<std::string> taken_from(UnwrittenProbe& probe) {
    return text_of(probe.items.take());
  }
  /// A slice that keeps one more reference on `owner`.
  [[nodiscard]] std::vector<Bytes> owned_slice(std::string_view text) const {
    std::vector<Bytes> slices;
    slices.push_back(Bytes::from_owner(std::shared_ptr<int>(owner),
                                       std::as_bytes(std::span(text.data(), text.size()))));
    return slices;
  }

  const std::shared_ptr<int> owner = std::make_shared<int>();
};

TEST_F(WriteQueueUnwritten, IsNotToBeHadBeforeTheStreamHasReturnedAtTheEnd) {
  EXPECT_FALSE(has_unwritten());
  send("abc");
  EXPECT_FALSE(has_unwritten());
  close();
  EXPECT_FALSE(has_unwritten());
  stream().begin();
  EXPECT_FALSE(has_unwritten());
  stream().finish(Reply::all());
  EXPECT_FALSE(has_unwritten()) << "the shutdown is still running";
  stream().run();
  EXPECT_TRUE(has_unwritten());
}

TEST_F(WriteQueueUnwritten, AreWholeEntriesInOrderInTheirOwnBlocksOnce) {
  auto slices = slices_of({std::string(3000, 'a'), std::string(3000, 'b')});
  const auto* first = slices[0].data();
  const auto* second = slices[1].data();
  submit(std::move(slices));
  stream().begin();
  stream().finish(Reply::fail(error_value(1), 10));
  const auto taken = unwritten_of(queue());
  ASSERT_TRUE(taken && taken->entries.size() == 2);
  EXPECT_EQ(taken->first_written, 10U);
  EXPECT_EQ(taken->entries[0].data(), first);
  EXPECT_EQ(taken->entries[0].size(), 3000U);
  EXPECT_EQ(taken->entries[1].data(), second);
  const auto again = unwritten_of(queue());
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->empty());
  EXPECT_EQ(again->first_written, 0U);
}

TEST_F(WriteQueueUnwritten, WhatAWriteTookBehindTheEndIsWritten) {
  for (const std::size_t taken : {0U, 1U, 2U, 3U, 4U, 5U}) {
    open({});
    send("ab");
    send("cde");
    stream().begin();
    abort();
    stream().finish(Reply::only(taken));
    const auto left = unwritten_of(queue());
    ASSERT_TRUE(left);
    EXPECT_EQ(left->entries.size(), taken < 2 ? 2U : taken < 5 ? 1U : 0U);
    EXPECT_EQ(left->first_written, taken < 2 ? taken : taken < 5 ? taken - 2 : 0U);
    EXPECT_EQ(stream().received() + rest_of(*left), "abcde");
  }
}

TEST_F(WriteQueueUnwritten, BehindAnEarlierPartOfTheSameEntryBothCount) {
  send("abcdef");
  send("g");
  stream().begin();
  stream().finish(Reply::only(2));
  abort();
  stream().finish(Reply::only(1));
  EXPECT_THAT(unwritten(), ElementsAre("abc|def", "g"));
}

TEST_F(WriteQueueUnwritten, EntriesWrittenBehindTheEndGiveBackTheirOwners) {
  send(owned_slice("ab"));
  send(owned_slice("cd"));
  stream().begin();
  abort();
  EXPECT_EQ(owner.use_count(), 3);
  stream().finish(Reply::only(3));
  EXPECT_EQ(owner.use_count(), 2);
  EXPECT_THAT(unwritten(), ElementsAre("c|d"));
  EXPECT_EQ(owner.use_count(), 1);
}

TEST_F(WriteQueueUnwritten, EmptyWritesThatWereNotReachedAreKept) {
  send("ab");
  send("");
  send("c");
  send("");
  stream().begin();
  abort();
  stream().finish(Reply::only(2));
  EXPECT_THAT(unwritten(), ElementsAre("", "c", ""));
}

TEST_F(WriteQueueUnwritten, EmptyWritesThatWerePassedAreNot) {
  send("ab");
  send("");
  send("cd");
  stream().begin();
  abort();
  stream().finish(Reply::only(3));
  EXPECT_THAT(unwritten(), ElementsAre("c|d"));
}

TEST_F(WriteQueueUnwritten, WhatWasDoneIsNotInItThoughNobodyAcknowledgedIt) {
  const Submitted done = submit("abc");
  send("de");
  stream().begin();
  stream().finish(Reply::fail(error_value(104), 3));
  expect_result(done.ticket, {}, 3);
  EXPECT_THAT(unwritten(), ElementsAre("de"));
}

TEST_F(WriteQueueUnwritten, WhoWaitsBeforeTheEndIsResumedWithIt) {
  send("abc");
  UnwrittenProbe probe;
  ASSERT_FALSE(queue().wait_unwritten(probe));
  abort();
  EXPECT_EQ(probe.resumed, 1);
  EXPECT_EQ(probe.error, ErrorValue{}) << "what ended the queue is another's question";
  EXPECT_THAT(taken_from(probe), ElementsAre("abc"));
  EXPECT_EQ(stream().begin(), Turn::kEnded);
}

TEST_F(WriteQueueUnwritten, WhoWaitsIsResumedWhenTheStreamGivesTheWriteBack) {
  send("abc");
  send("de");
  stream().begin();
  UnwrittenProbe early;
  UnwrittenProbe late;
  ASSERT_FALSE(queue().wait_unwritten(early));
  abort();
  ASSERT_FALSE(queue().wait_unwritten(late));
  EXPECT_EQ(early.resumed, 0) << "the stream may still take some";
  queue().discard_unwritten();
  stream().finish(Reply::fail(error_value(125), 4));
  EXPECT_EQ(early.resumed + late.resumed, 2);
  EXPECT_THAT(taken_from(early), ElementsAre("d|e"));
  EXPECT_THAT(taken_from(late), IsEmpty());
}

TEST_F(WriteQueueUnwritten, WhoWaitsIsResumedWhenTheStreamGivesTheShutdownBack) {
  close();
  stream().begin();
  UnwrittenProbe probe;
  ASSERT_FALSE(queue().wait_unwritten(probe));
  abort();
  EXPECT_EQ(probe.resumed, 0);
  stream().finish(Reply::fail(error_value(125)));
  EXPECT_EQ(probe.resumed, 1);
  EXPECT_THAT(taken_from(probe), IsEmpty());
}

TEST_F(WriteQueueUnwritten, WhoWaitsIsResumedWithNothingByACleanEnd) {
  UnwrittenProbe probe;
  ASSERT_FALSE(queue().wait_unwritten(probe));
  send("abc");
  close();
  stream().begin();
  stream().finish(Reply::all());
  EXPECT_EQ(probe.resumed, 0);
  stream().run();
  EXPECT_EQ(probe.resumed, 1);
  EXPECT_EQ(probe.error, ErrorValue{});
  EXPECT_THAT(taken_from(probe), IsEmpty());
}

TEST_F(WriteQueueUnwritten, WhoWaitsIsResumedWhereAWriteFails) {
  UnwrittenProbe probe;
  ASSERT_FALSE(queue().wait_unwritten(probe));
  send("abc");
  stream().begin();
  stream().finish(Reply::fail(error_value(104), 1));
  EXPECT_EQ(probe.resumed, 1);
  EXPECT_THAT(taken_from(probe), ElementsAre("a|bc"));
  EXPECT_TRUE(queue().was_ended_by_stream());
}

TEST_F(WriteQueueUnwritten, TheFirstWhoWaitsGetsAllTheOthersNothing) {
  send("abc");
  ResumeLog log;
  UnwrittenProbe first("first", &log);
  UnwrittenProbe second("second", &log);
  ASSERT_FALSE(queue().wait_unwritten(first));
  ASSERT_FALSE(queue().wait_unwritten(second));
  abort();
  EXPECT_THAT(log, ElementsAre("first", "second"));
  EXPECT_THAT(taken_from(first), ElementsAre("abc"));
  EXPECT_THAT(taken_from(second), IsEmpty());
  EXPECT_THAT(unwritten(), IsEmpty());
  EXPECT_EQ(stream().begin(), Turn::kEnded);
}

TEST_F(WriteQueueUnwritten, WhoIsCancelledLeavesItToTheNext) {
  send("abc");
  UnwrittenProbe first;
  UnwrittenProbe second;
  ASSERT_FALSE(queue().wait_unwritten(first));
  ASSERT_FALSE(queue().wait_unwritten(second));
  cancel(first, error_value(125));
  EXPECT_EQ(first.resumed, 1);
  EXPECT_EQ(first.error, error_value(125));
  abort();
  EXPECT_TRUE(first.items.empty());
  EXPECT_EQ(first.resumed, 1);
  EXPECT_THAT(taken_from(second), ElementsAre("abc"));
  cancel(second, error_value(125));
  EXPECT_EQ(second.resumed, 1) << "it has its result";
  EXPECT_EQ(stream().begin(), Turn::kEnded);
}

TEST_F(WriteQueueUnwritten, WhatIsPutBackIsForWhoAsksNext) {
  send("abc");
  send("d");
  stream().begin();
  stream().finish(Reply::fail(error_value(1), 1));
  {
    UnwrittenProbe probe;
    ASSERT_TRUE(queue().wait_unwritten(probe));
    EXPECT_THAT(unwritten(), IsEmpty());
    queue().put_back(probe.items);
    EXPECT_TRUE(probe.items.empty());
  }
  EXPECT_THAT(unwritten(), ElementsAre("a|bc", "d"));
}

TEST_F(WriteQueueUnwritten, WhereMemoryIsShortNothingIsLost) {
  send("abc");
  send("def");
  abort();
  UnwrittenProbe probe;
  ASSERT_TRUE(queue().wait_unwritten(probe));
  {
    FailingAllocations failing;
    EXPECT_THROW(static_cast<void>(probe.items.take()), std::bad_alloc);
  }
  EXPECT_THAT(taken_from(probe), ElementsAre("abc", "def"));
  EXPECT_TRUE(probe.items.empty());
}

TEST_F(WriteQueueUnwritten, OfNobodyGoesWithThoseWhoGotIt) {
  ASSERT_TRUE(send(owned_slice("ab")));
  {
    UnwrittenProbe probe;
    ASSERT_FALSE(queue().wait_unwritten(probe));
    abort();
    EXPECT_FALSE(probe.items.empty());
    EXPECT_EQ(owner.use_count(), 2);
  }
  EXPECT_EQ(owner.use_count(), 1);
  EXPECT_EQ(stream().begin(), Turn::kEnded);
}

TEST_F(WriteQueueUnwritten, IsDiscardedOnceTheStreamHasReturned) {
  send("abc");
  queue().discard_unwritten();
  stream().begin();
  abort();
  queue().discard_unwritten();
  stream().finish(Reply::only(1));
  queue().discard_unwritten();
  EXPECT_THAT(unwritten(), IsEmpty());
  EXPECT_EQ(stream().received(), "a");
}

TEST_F(WriteQueueUnwritten, WhoWaitsIsResumedWhenTheContextGoes) {
  const int context = 0;
  for (const bool was_aborted : {false, true}) {
    open({});
    send("abc");
    stream().begin();
    UnwrittenProbe probe;
    ASSERT_FALSE(queue().wait_unwritten(probe));
    if (was_aborted) {
      abort();
      EXPECT_EQ(probe.resumed, 0);
    }
    orphan(&context);
    stream().destroy();
    EXPECT_EQ(probe.resumed, 1);
    EXPECT_EQ(probe.destroyed_context, &context);
    EXPECT_THAT(taken_from(probe), ElementsAre("abc"));
  }
}

TEST_F(WriteQueueUnwritten, NothingThatIsPutBackTakesTheirPlace) {
  send("abc");
  abort();
  detail::UnwrittenItems nothing;
  queue().put_back(nothing);
  EXPECT_EQ(text_of(unwritten_of(queue()).value()), std::vector<std::string>{"abc"});
}

TEST_F(WriteQueueUnwritten, CanBeMovedAndPutBack) {
  submit(owned_slice("abc"));
  stream().begin();
  stream().finish(Reply::fail(error_value(1), 2));
  {
    UnwrittenProbe probe;
    ASSERT_TRUE(queue().wait_unwritten(probe));
    detail::UnwrittenItems items(std::move(probe.items));
    EXPECT_TRUE(probe.items.empty());  // NOLINT(bugprone-use-after-move): that is promised
    EXPECT_FALSE(items.empty());
    queue().put_back(items);
  }
  EXPECT_EQ(text_of(unwritten_of(queue()).value()), std::vector<std::string>{"ab|c"});
  EXPECT_EQ(owner.use_count(), 1);
}

// A turn behind the end, in which the front end ends the stream.
TEST_F(WriteQueueUnwritten, StayWithTheStreamWhenATurnComesBehindTheEnd) {
  send("abc");
  stream().begin();
  UnwrittenProbe probe;
  ASSERT_FALSE(queue().wait_unwritten(probe));
  abort();
  detail::Effects effects;
  detail::WriteBatch batch;
  EXPECT_EQ(queue().begin_turn(batch, effects), detail::WriteQueue::Turn::kEnded);
  EXPECT_TRUE(effects.resumed.empty()) << "the stream reads them";
  EXPECT_FALSE(has_unwritten());
  stream().finish(Reply::only(1));
  EXPECT_EQ(probe.resumed, 1);
  EXPECT_EQ(probe.items.take().first_written, 1U);
}

TEST_F(WriteQueueUnwritten, AreBehindATurnThatWasAskedForOrNot) {
  const auto turn_comes = [this] {
    return stream().step([this](detail::Effects& effects) {
      queue().abort(error_value(1), effects);
      EXPECT_TRUE(effects.ended);
      return bool{effects.turn_comes};
    });
  };
  send("abc");
  EXPECT_TRUE(turn_comes());
  open({});
  EXPECT_FALSE(turn_comes()) << "of an idle queue";
  open({});
  send("abc");
  stream().begin();
  EXPECT_FALSE(turn_comes()) << "while the stream writes";
  stream().finish(Reply::all());
}

}  // namespace
}  // namespace bytes_handoff::test
