// `tick`: a stream that makes no progress while the queue is open, and an end that takes too long.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "bytes_handoff/core/queue/write_queue.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using detail::ErrorValue;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using testing::ElementsAre;
using TimePoint = std::chrono::steady_clock::time_point;

constexpr TimePoint kNever = TimePoint::max();
constexpr milliseconds kSilence(100);
constexpr milliseconds kLimit(1000);
const ErrorValue kTimedOut = ErrorValue::of(Errc::timed_out);

class WriteQueueTime : public QueueTest {
 protected:
  [[nodiscard]] static TimePoint at(int ms) { return TimePoint() + milliseconds(1000 + ms); }
  [[nodiscard]] bool is_over() { return queue().has_ended(); }
};

class WriteQueueStall : public WriteQueueTime {
 protected:
  void SetUp() override { open({.stall_timeout = milliseconds(100)}); }
};

TEST_F(WriteQueueStall, IsOffByDefaultAndNobodyIsAskedToWatch) {
  open({});
  send("abc");
  stream().begin();
  EXPECT_EQ(stream().watch_requests(), 0);
  EXPECT_EQ(tick(at(0)), kNever);
  EXPECT_EQ(tick(at(1'000'000)), kNever);
  EXPECT_TRUE(queue().is_open());
  stream().run();
}

TEST_F(WriteQueueStall, WhileBytesWaitWithoutProgressEndsTheQueueAndTellsEveryone) {
  const Submitted write = submit("abc");
  FlushProbe flush;
  ASSERT_FALSE(queue().wait_flush(flush));
  stream().begin();
  EXPECT_EQ(tick(at(0)), at(25)) << "it is looked at four times";
  EXPECT_EQ(tick(at(99)), at(100)) << "and at its end";
  EXPECT_EQ(stream().ends(), 0);
  EXPECT_EQ(tick(at(100)), kNever);
  EXPECT_EQ(stream().ends(), 1);
  EXPECT_EQ(stream().cancel_requests(), 1);
  EXPECT_FALSE(queue().was_ended_by_stream());
  EXPECT_EQ(queue().first_error(), kTimedOut);
  expect_result(write.ticket, kTimedOut, 0);
  EXPECT_EQ(flush.error, kTimedOut);
  expect_refusal(submit("x").refusal, Reason::closed, 0, 0, kTimedOut);
  EXPECT_EQ(tick(at(500)), kNever) << "nothing to watch any more";
  stream().finish(Reply::nothing());
}

TEST_F(WriteQueueStall, OfAFewNanosecondsIsNotLookedAtWithoutAPause) {
  open({.stall_timeout = nanoseconds(3)});
  send("abc");
  stream().begin();
  EXPECT_EQ(tick(at(0)), at(0) + nanoseconds(1));
  EXPECT_EQ(tick(at(0) + nanoseconds(3)), kNever);
  EXPECT_EQ(stream().ends(), 1);
  stream().finish(Reply::nothing());
}

TEST_F(WriteQueueStall, ProgressStartsTheTimeAgain) {
  send("abcdef");
  stream().begin();
  EXPECT_EQ(tick(at(0)), at(25));
  stream().finish(Reply::only(1));
  EXPECT_EQ(tick(at(90)), at(115));
  EXPECT_EQ(tick(at(189)), at(190));
  EXPECT_EQ(tick(at(190)), kNever);
  EXPECT_EQ(stream().ends(), 1);
}

TEST_F(WriteQueueStall, WhatThePeerAcknowledgesIsProgress) {
  send("abcdef");
  stream().begin();
  EXPECT_EQ(tick(at(0)), at(25));
  EXPECT_EQ(tick(at(99), true), at(124));
  EXPECT_EQ(tick(at(198)), at(199));
  EXPECT_EQ(tick(at(199)), kNever);
  EXPECT_EQ(stream().ends(), 1);
}

TEST_F(WriteQueueStall, WritesThatTakeNoByteAreNoProgress) {
  send("abcdef");
  stream().begin();
  EXPECT_EQ(tick(at(0)), at(25));
  stream().finish(Reply::nothing());
  EXPECT_EQ(tick(at(100)), kNever);
  EXPECT_EQ(stream().ends(), 1);
}

TEST_F(WriteQueueStall, NewWritesBehindAStalledOneAreNoProgress) {
  send("abc");
  stream().begin();
  EXPECT_EQ(tick(at(0)), at(25));
  send("def");
  EXPECT_EQ(tick(at(100)), kNever);
  EXPECT_EQ(stream().ends(), 1);
}

TEST_F(WriteQueueStall, AnIdleTimeIsNoStall) {
  EXPECT_EQ(tick(at(0)), kNever);
  send("abc");
  EXPECT_EQ(tick(at(10)), at(35));
  stream().run();
  EXPECT_EQ(tick(at(50)), kNever);
  send("def");
  EXPECT_EQ(tick(at(5000)), at(5025)) << "bytes have only begun to wait";
  EXPECT_EQ(tick(at(5099)), at(5100));
  EXPECT_EQ(tick(at(5100)), kNever);
  EXPECT_EQ(stream().ends(), 1);
}

TEST_F(WriteQueueStall, IsWatchedFromTheFirstWriteUntilATickFindsNothing) {
  send("abc");
  EXPECT_EQ(stream().watch_requests(), 0) << "the stream has not been asked yet";
  stream().begin();
  EXPECT_EQ(stream().watch_requests(), 1);
  EXPECT_NE(tick(at(0)), kNever);
  stream().finish(Reply::all());
  send("def");
  stream().begin();
  stream().finish(Reply::all());
  EXPECT_EQ(stream().watch_requests(), 1) << "it is looked at anyway";
  EXPECT_FALSE(queue().needs_tick());
  send("ghi");
  stream().begin();
  EXPECT_EQ(stream().watch_requests(), 2);
  EXPECT_TRUE(queue().needs_tick());
  stream().run();
  EXPECT_EQ(tick(at(10)), kNever);
}

TEST_F(WriteQueueStall, OfAnyLengthDoesNotOverflow) {
  open({.stall_timeout = nanoseconds::max()});
  send("abc");
  stream().begin();
  EXPECT_GT(tick(at(0)), at(0) + hours(24 * 365));
  EXPECT_GT(tick(at(0) + hours(24)), at(0) + hours(24 * 365));
  EXPECT_NE(tick(kNever - nanoseconds(1)), at(0));
  EXPECT_FALSE(is_over());
  stream().run();
}

/// With what the queue may be doing when it is closed, or aborted after it is written.
class WriteQueueCloseTime : public WriteQueueTime, public testing::WithParamInterface<bool> {
 protected:
  void SetUp() override { open({.close_timeout = kSilence, .close_limit = kLimit}); }
  void end() { GetParam() ? abort_after_written() : close(); }
  [[nodiscard]] bool is_at_its_end() {
    return GetParam() ? stream().is_acknowledging() : stream().is_shutting_down();
  }
};
INSTANTIATE_TEST_SUITE_P(Ends, WriteQueueCloseTime, testing::Bool(),
                         [](const auto& end) { return end.param ? "AbortAfterWritten" : "Close"; });

TEST_P(WriteQueueCloseTime, OfAStreamThatIsWritingIsWatchedAtOnce) {
  send("abc");
  stream().begin();
  EXPECT_EQ(stream().watch_requests(), 0);
  end();
  EXPECT_EQ(stream().watch_requests(), 1);
  EXPECT_EQ(tick(at(0)), at(25));
  EXPECT_EQ(queue().closing_since(), at(0));
  stream().run();
  EXPECT_EQ(stream().watch_requests(), 1);
}

TEST_P(WriteQueueCloseTime, OfAnIdleQueueIsWatchedWithItsTurn) {
  end();
  EXPECT_EQ(stream().watch_requests(), 0) << "the stream is not asked before the turn";
  stream().begin();
  ASSERT_TRUE(is_at_its_end());
  EXPECT_EQ(stream().watch_requests(), 1);
  EXPECT_EQ(tick(at(0)), at(25));
  stream().run();
}

TEST_P(WriteQueueCloseTime, OfAQueueWhoseTurnIsPostedIsWatchedFromItsFirstWrite) {
  send("abc");
  end();
  EXPECT_EQ(stream().watch_requests(), 0);
  stream().begin();
  EXPECT_TRUE(stream().is_writing());
  EXPECT_EQ(stream().watch_requests(), 1);
  stream().run();
}

TEST_P(WriteQueueCloseTime, IsNotWatchedBeforeNorAfter) {
  EXPECT_EQ(tick(at(0)), kNever);
  send("abc");
  stream().run();
  EXPECT_EQ(tick(at(10)), kNever);
  EXPECT_EQ(stream().watch_requests(), 0);
  EXPECT_FALSE(queue().closing_since());
  end();
  stream().run();
  EXPECT_EQ(tick(at(5000)), kNever);
  EXPECT_EQ(queue().has_ended_in_order(), !GetParam()) << "nobody has looked at the time";
  EXPECT_FALSE(queue().closing_since());
}

TEST_P(WriteQueueCloseTime, SilenceOfAWriteEndsTheQueue) {
  const Submitted write = submit("abc");
  CloseProbe closed;
  ASSERT_FALSE(queue().wait_closed(closed));
  stream().begin();
  end();
  EXPECT_EQ(tick(at(0)), at(25));
  EXPECT_EQ(tick(at(99)), at(100));
  EXPECT_FALSE(is_over());
  EXPECT_EQ(tick(at(100)), kNever);
  EXPECT_EQ(stream().ends(), 1);
  EXPECT_EQ(stream().cancel_requests(), 1);
  EXPECT_EQ(closed.error, kTimedOut);
  EXPECT_FALSE(queue().was_ended_by_stream());
  expect_result(write.ticket, kTimedOut, 0);
  EXPECT_EQ(stream().finish(Reply::only(1)), Turn::kEnded);
  EXPECT_THAT(unwritten(), ElementsAre("a|bc"));
}

TEST_P(WriteQueueCloseTime, SilenceOfTheEndItselfEndsTheQueue) {
  CloseProbe closed;
  ASSERT_FALSE(queue().wait_closed(closed));
  end();
  stream().begin();
  ASSERT_TRUE(is_at_its_end());
  EXPECT_EQ(tick(at(0)), at(25));
  EXPECT_EQ(tick(at(100)), kNever);
  EXPECT_EQ(closed.error, kTimedOut);
  EXPECT_EQ(stream().cancel_requests(), GetParam() ? 0 : 1)
      << "nothing is with the stream while it is looked at";
  EXPECT_TRUE(GetParam() == has_unwritten());
  stream().finish(Reply::fail(error_value(125)));
  EXPECT_EQ(stream().ends(), 1);
  EXPECT_EQ(queue().first_error(), kTimedOut);
  EXPECT_FALSE(queue().was_ended_by_stream());
  EXPECT_TRUE(has_unwritten());
}

TEST_P(WriteQueueCloseTime, IsCountedFromTheCloseNotFromTheLastWrite) {
  send("abc");
  stream().begin();
  end();
  EXPECT_EQ(tick(at(5000)), at(5025));
  EXPECT_EQ(tick(at(5099)), at(5100));
  EXPECT_EQ(tick(at(5100)), kNever);
  stream().run();
}

TEST_P(WriteQueueCloseTime, ProgressStartsTheSilenceAgain) {
  send("abc");
  stream().begin();
  end();
  EXPECT_EQ(tick(at(0)), at(25));
  stream().finish(Reply::only(1));
  EXPECT_EQ(tick(at(90)), at(115));
  EXPECT_EQ(tick(at(180), true), at(205));
  stream().finish(Reply::only(2));
  ASSERT_TRUE(is_at_its_end());
  EXPECT_EQ(tick(at(270)), at(295));
  EXPECT_EQ(tick(at(360), true), at(385));
  EXPECT_EQ(tick(at(459)), at(460));
  EXPECT_FALSE(is_over());
  EXPECT_EQ(tick(at(460)), kNever);
  EXPECT_TRUE(is_over());
  stream().run();
}

TEST_P(WriteQueueCloseTime, TheLimitEndsItWhateverProgressThereIs) {
  send("abc");
  stream().begin();
  end();
  for (int ms = 0; ms < 980; ms += 20) {
    ASSERT_EQ(tick(at(ms), true), std::min(at(ms + 25), at(1000)));
  }
  EXPECT_EQ(tick(at(990), true), at(1000));
  EXPECT_FALSE(is_over());
  EXPECT_EQ(tick(at(1000), true), kNever);
  EXPECT_EQ(queue().first_error(), kTimedOut);
  EXPECT_EQ(queue().closing_since(), at(0));
  stream().run();
}

TEST_P(WriteQueueCloseTime, ASecondCloseOrAbortBehindItDoesNotStartTheLimitAgain) {
  send("abc");
  stream().begin();
  end();
  EXPECT_EQ(tick(at(0), true), at(25));
  EXPECT_EQ(tick(at(900), true), at(925));
  close();
  abort_after_written();
  EXPECT_EQ(stream().watch_requests(), 1);
  EXPECT_EQ(queue().closing_since(), at(0));
  EXPECT_EQ(tick(at(999), true), at(1000));
  EXPECT_EQ(tick(at(1000), true), kNever);
  EXPECT_TRUE(is_over());
  stream().run();
}

TEST_P(WriteQueueCloseTime, TheStallBoundHoldsWhileBytesWaitAndNoLonger) {
  open({.stall_timeout = milliseconds(40), .close_timeout = kSilence, .close_limit = kLimit});
  send("abc");
  stream().begin();
  EXPECT_EQ(tick(at(0)), at(10));
  end();
  EXPECT_EQ(tick(at(5)), at(15));
  stream().finish(Reply::all());
  ASSERT_TRUE(is_at_its_end());
  EXPECT_EQ(tick(at(44)), at(69)) << "no bytes wait any more";
  EXPECT_EQ(tick(at(143)), at(144));
  EXPECT_EQ(tick(at(144)), kNever);
  stream().run();

  open({.stall_timeout = milliseconds(40), .close_timeout = kSilence, .close_limit = kLimit});
  send("abc");
  stream().begin();
  end();
  EXPECT_EQ(tick(at(0)), at(10));
  EXPECT_EQ(tick(at(39)), at(40));
  EXPECT_EQ(tick(at(40)), kNever);
  EXPECT_TRUE(is_over());
  stream().run();
}

// The next look at a stall may be a long time from now.
TEST_P(WriteQueueCloseTime, IsWatchedAnewWhereALongerStallIsWatchedAlready) {
  for (const bool is_writing : {false, true}) {
    open({.stall_timeout = hours(1), .close_timeout = kSilence, .close_limit = kLimit});
    send("abc");
    stream().begin();
    EXPECT_EQ(stream().watch_requests(), 1);
    EXPECT_EQ(tick(at(0)), at(15 * 60 * 1000));
    if (!is_writing) {
      stream().run();
    }
    end();
    if (!is_writing) {
      stream().begin();
    }
    EXPECT_EQ(stream().watch_requests(), 2);
    EXPECT_EQ(tick(at(10)), at(35));
    EXPECT_EQ(tick(at(110)), kNever);
    EXPECT_TRUE(is_over());
    stream().run();
  }
}

TEST_P(WriteQueueCloseTime, OfZeroEndsWhatMakesNoProgressBetweenTwoLooks) {
  open({.close_timeout = nanoseconds(0), .close_limit = kLimit});
  send("abc");
  stream().begin();
  end();
  EXPECT_EQ(tick(at(0)), at(0)) << "it is looked at again at once";
  EXPECT_FALSE(is_over());
  EXPECT_EQ(tick(at(0)), kNever);
  EXPECT_EQ(queue().first_error(), kTimedOut);
  stream().run();
}

TEST_P(WriteQueueCloseTime, OfZeroLetsAStreamTakeWhatItCanTake) {
  open({.close_timeout = nanoseconds(0), .close_limit = kLimit});
  send("abc");
  stream().begin();
  end();
  EXPECT_EQ(tick(at(0)), at(0));
  stream().finish(Reply::only(1), true);
  EXPECT_EQ(tick(at(0)), at(0)) << "the writer has only yielded";
  stream().begin();
  stream().finish(Reply::only(1), true);
  EXPECT_EQ(tick(at(5)), at(5));
  EXPECT_FALSE(is_over());
  stream().run();
  EXPECT_EQ(stream().received(), "abc");
}

TEST_P(WriteQueueCloseTime, ALimitOfZeroAllowsNoLook) {
  open({.close_timeout = kSilence, .close_limit = nanoseconds(0)});
  end();
  stream().begin();
  ASSERT_TRUE(is_at_its_end());
  EXPECT_EQ(tick(at(0), true), kNever);
  EXPECT_TRUE(is_over());
  stream().run();
}

TEST_P(WriteQueueCloseTime, OfAnyLengthDoesNotOverflow) {
  open({.stall_timeout = nanoseconds::max(),
        .close_timeout = nanoseconds::max(),
        .close_limit = nanoseconds::max()});
  send("abc");
  stream().begin();
  end();
  EXPECT_GT(tick(at(0)), at(0) + hours(24 * 365));
  EXPECT_GT(tick(at(0) + hours(24)), at(0) + hours(24 * 365));
  static_cast<void>(tick(kNever - nanoseconds(1)));
  static_cast<void>(tick(kNever));
  EXPECT_FALSE(is_over());
  stream().finish(Reply::all());
  EXPECT_GT(tick(at(0) + hours(48)), at(0) + hours(24 * 365));
  stream().run();
}

TEST_P(WriteQueueCloseTime, AnAbortOrAContextThatGoesIsNotWatched) {
  send("abc");
  stream().begin();
  end();
  EXPECT_EQ(tick(at(0)), at(25));
  abort();
  EXPECT_EQ(tick(at(25)), kNever);
  EXPECT_EQ(queue().first_error(), ErrorValue::of(Errc::aborted));
  stream().run();

  open({.close_timeout = kSilence, .close_limit = kLimit});
  send("abc");
  end();
  stream().begin();
  const int context = 0;
  orphan(&context);
  stream().destroy();
  EXPECT_EQ(tick(at(25)), kNever);
  EXPECT_EQ(stream().ends(), 1);
}

}  // namespace
}  // namespace bytes_handoff::test
