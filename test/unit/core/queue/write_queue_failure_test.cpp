// The column "stream error" of docs/lifecycle.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bytes_handoff/core/queue/write_queue.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using detail::ErrorValue;
using testing::ElementsAre;
using testing::IsEmpty;

class WriteQueueFailure : public QueueTest {
 protected:
  const ErrorValue error = error_value(104);
};

TEST_F(WriteQueueFailure, TheFailedTicketGetsTheErrorAndThoseBehindItGetClosed) {
  const Submitted written = submit("abc");
  const Submitted failed = submit("defg");
  const Submitted behind = submit("hi");
  stream().begin();
  EXPECT_EQ(stream().finish(Reply::fail(error, 5)), Turn::kEnded);
  expect_result(written.ticket, {}, 3);
  expect_result(failed.ticket, error, 2);
  expect_result(behind.ticket, ErrorValue::of(Errc::closed), 0);
  EXPECT_EQ(stream().cancel_requests(), 0) << "nothing is outstanding any more";
}

TEST_F(WriteQueueFailure, QueuedItemsAreKeptWholeFromTheFirstThatIsNotWritten) {
  send("abc");
  send("defg");
  stream().begin();
  send("hi");
  stream().finish(Reply::fail(error, 5));
  EXPECT_THAT(unwritten(), ElementsAre("de|fg", "hi"));
}

TEST_F(WriteQueueFailure, OfAGroupCountsTheBytesOfAllItsSlices) {
  const Submitted group = submit(slices_of({"abc", "", "def", "ghi"}));
  const Submitted behind = submit(slices_of({"jk", "l"}));
  stream().begin();
  stream().finish(Reply::fail(error, 4));
  expect_result(group.ticket, error, 4);
  expect_result(behind.ticket, ErrorValue::of(Errc::closed), 0);
  EXPECT_THAT(unwritten(), ElementsAre("d|ef", "ghi", "jk", "l"));
}

TEST_F(WriteQueueFailure, BehindAFailedWriteWithoutATicketAllTicketsGetClosed) {
  send("abc");
  const Submitted behind = submit("def");
  stream().begin();
  stream().finish(Reply::fail(error, 1));
  expect_result(behind.ticket, ErrorValue::of(Errc::closed), 0);
}

TEST_F(WriteQueueFailure, OfAGroupInTheMiddleOfTicketlessWritesCountsOnlyItsOwn) {
  send("abc");
  const Submitted group = submit(slices_of({"de", "f"}));
  send("gh");
  const Submitted last = submit("ij");
  stream().begin();
  stream().finish(Reply::fail(error, 4));
  expect_result(group.ticket, error, 1);
  expect_result(last.ticket, ErrorValue::of(Errc::closed), 0);
}

TEST_F(WriteQueueFailure, WaitingAndLaterWritesAreRefusedWithTheFirstError) {
  open({.max_items = 1, .max_pending_bytes = 10});
  send("0");
  WriteProbe waiting("1");
  wait(waiting);
  stream().script(0, Reply::fail(error));
  stream().run();
  EXPECT_EQ(waiting.resumed, 1);
  expect_refusal(waiting.refusal, Reason::closed, 0, 0, error);
  EXPECT_EQ(waiting.owned[0].view(), "1");
  expect_refusal(submit("2").refusal, Reason::closed, 0, 0, error);
  EXPECT_FALSE(queue().is_open());
}

TEST_F(WriteQueueFailure, RoomThatTheLastBytesMadeAdmitsNobodyAfterTheEnd) {
  open({.max_items = 1, .max_pending_bytes = 10});
  send("0");
  WriteProbe waiting("1");
  wait(waiting);
  stream().script(0, Reply::fail(error, 1));  // took all, and failed
  stream().run();
  expect_refusal(waiting.refusal, Reason::closed, 0, 0, error);
  EXPECT_EQ(queue().statistics({}).admitted_items, 1U);
}

TEST_F(WriteQueueFailure, AFlushOfWhatWasWrittenIsDoneAndOneBehindItGetsTheError) {
  send("abc");
  FlushProbe done;
  ASSERT_FALSE(queue().wait_flush(done));
  send("def");
  FlushProbe failed;
  ASSERT_FALSE(queue().wait_flush(failed));
  stream().begin();
  stream().finish(Reply::fail(error, 4));
  EXPECT_EQ(done.resumed, 1);
  EXPECT_EQ(done.error, ErrorValue{});
  EXPECT_EQ(failed.resumed, 1);
  EXPECT_EQ(failed.error, error);
}

TEST_F(WriteQueueFailure, ThoseWhoWaitForTheEndGetTheErrorAndNothingIsShutDown) {
  send("abc");
  CloseProbe closed;
  ASSERT_FALSE(queue().wait_closed(closed));
  close();
  stream().script(0, Reply::fail(error));
  stream().run();
  EXPECT_EQ(closed.resumed, 1);
  EXPECT_EQ(closed.error, error);
  EXPECT_EQ(stream().operations(), 1U);
}

TEST_F(WriteQueueFailure, PendingIsZeroAtOnce) {
  send("abc");
  send("def");
  stream().begin();
  stream().finish(Reply::fail(error, 1));
  EXPECT_EQ(queue().pending_bytes(), 0U);
  EXPECT_EQ(queue().pending_items(), 0U);
}

TEST_F(WriteQueueFailure, TheFirstErrorIsKept) {
  send("abc");
  stream().begin();
  abort(error_value(1));
  stream().finish(Reply::fail(error_value(2)));
  expect_refusal(submit("x").refusal, Reason::closed, 0, 0, error_value(1));
}

TEST_F(WriteQueueFailure, AStreamThatTakesNoByteAgainAndAgainMakesNoProgress) {
  const Submitted write = submit("abc");
  stream().begin();
  stream().finish(Reply::only(1));
  for (unsigned i = 0; i + 1 < detail::kMaxZeroWrites; ++i) {
    EXPECT_EQ(stream().finish(Reply::nothing()), Turn::kWrite);
  }
  EXPECT_EQ(stream().finish(Reply::nothing()), Turn::kEnded);
  expect_result(write.ticket, ErrorValue::of(Errc::no_progress), 1);
  EXPECT_THAT(unwritten(), ElementsAre("a|bc"));
}

TEST_F(WriteQueueFailure, OneByteOfProgressStartsTheCountAgain) {
  send(std::string(10, 'x'));
  stream().begin();
  for (int round = 0; round < 9; ++round) {
    for (unsigned i = 0; i + 1 < detail::kMaxZeroWrites; ++i) {
      ASSERT_EQ(stream().finish(Reply::nothing(), i % 2 == 0),
                i % 2 == 0 ? Turn::kYield : Turn::kWrite);
      if (i % 2 == 0) {
        ASSERT_EQ(stream().begin(), Turn::kWrite);
      }
    }
    ASSERT_EQ(stream().finish(Reply::only(1)), Turn::kWrite);
  }
  EXPECT_EQ(stream().finish(Reply::only(1)), Turn::kIdle);
}

// Fault at every operation: operation k fails, k = 0, 1, ... until a run has no fault.
TEST_F(WriteQueueFailure, AtEveryOperationTheTicketsAddUpToWhatThePeerGot) {
  const std::vector<std::string_view> texts = {"abc", "", "defgh", "i", "", "jkl"};
  std::size_t faults = 0;
  for (const std::size_t after : {0U, 1U, 2U, 3U}) {
    for (std::size_t k = 0;; ++k, ++faults) {
      open({.max_items = 4, .max_pending_bytes = 9});
      std::vector<Submitted> all;
      std::string admitted;
      stream().otherwise(Reply::only(2));
      stream().script(k, Reply::fail(error, after));
      for (const std::string_view text : texts) {
        all.push_back(submit(text));
        if (all.back().refusal) {
          stream().run();
          all.back() = submit(text);
        }
        admitted += all.back().refusal ? "" : text;
      }
      close();
      stream().run();
      ASSERT_EQ(stream().received() + rest_of(unwritten_of(queue()).value()), admitted);
      std::size_t written = 0;
      for (const Submitted& one : all) {
        ASSERT_TRUE(one.refusal || is_done(one.ticket));
        written += one.refusal ? 0 : queue().result(one.ticket.value()).value().written;
      }
      ASSERT_EQ(written, stream().received().size());
      ASSERT_EQ(stream().ends(), 1);
      if (stream().operations() < k + 1) {
        break;
      }
    }
  }
  EXPECT_GE(faults, 20U);
}

}  // namespace
}  // namespace bytes_handoff::test
