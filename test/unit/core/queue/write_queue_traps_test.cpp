// Mistakes that earlier implementations of this idea made: one test each, named after the mistake.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using WriteQueueTraps = QueueTest;
using detail::ErrorValue;
using testing::ElementsAre;

TEST_F(WriteQueueTraps, Trap01_CancelledWaitLeaksBudget) {
  open({.max_items = 2, .max_pending_bytes = 4});
  for (int round = 0; round < 1000; ++round) {
    ASSERT_TRUE(send("abc"));
    WriteProbe cancelled("de");
    ASSERT_EQ(wait(cancelled), Wait::kWaiting);
    cancel(cancelled);
    ASSERT_EQ(queue().pending_bytes(), 3U);
    ASSERT_EQ(queue().pending_items(), 1U);
    stream().run();
    ASSERT_EQ(queue().pending_bytes(), 0U);
  }
  EXPECT_TRUE(send("full"));
  stream().run();
}

TEST_F(WriteQueueTraps, Trap02_EveryReleaseWakesAllWaiters) {
  open({.max_items = 1, .max_pending_bytes = 100});
  send("0");
  ResumeLog log;
  ResumeLog names;
  std::deque<WriteProbe> probes;
  for (int i = 0; i < 50; ++i) {
    names.push_back(std::to_string(i));
    ASSERT_EQ(wait(probes.emplace_back("x", names.back(), &log)), Wait::kWaiting);
  }
  stream().begin();
  for (std::size_t i = 0; i < 50; ++i) {
    stream().finish(Reply::all());
    ASSERT_EQ(log.size(), i + 1) << "one release, one wake-up";
  }
  EXPECT_EQ(log, names) << "first come, first served";
  stream().run();
}

TEST_F(WriteQueueTraps, Trap03_BytesAreHeldByWhoHasNoItem) {
  open({.max_items = 1, .max_pending_bytes = 100});
  send("0");
  WriteProbe for_an_item(std::string(60, 'x'));
  WriteProbe behind(std::string(60, 'y'));
  ASSERT_EQ(wait(for_an_item), Wait::kWaiting);
  ASSERT_EQ(wait(behind), Wait::kWaiting);
  EXPECT_EQ(queue().pending_bytes(), 1U) << "who waits holds nothing";
  expect_refusal(submit(std::string(99, 'z')).refusal, Reason::queue_full, 2, 1);
  stream().run();
  EXPECT_TRUE(for_an_item.was_admitted());
  EXPECT_TRUE(behind.was_admitted());
}

TEST_F(WriteQueueTraps, Trap04_ItemsInFlightAreNotCounted) {
  open({.max_items = 4, .max_pending_bytes = 100});
  for (int i = 0; i < 4; ++i) {
    send("x");
  }
  stream().begin();
  EXPECT_EQ(stream().batch().items, 4U);
  EXPECT_FALSE(send("y")) << "four are in flight";
  stream().finish(Reply::only(1));
  EXPECT_TRUE(send("y"));
  EXPECT_FALSE(send("y"));
  stream().run();
}

TEST_F(WriteQueueTraps, Trap05_CloseIsDroppedWhenTheQueueIsFull) {
  open({.max_items = 1, .max_pending_bytes = 1, .max_waiters = 1});
  send("x");
  WriteProbe waiting("y");
  wait(waiting);
  close();
  EXPECT_FALSE(queue().is_open());
  stream().run();
  EXPECT_TRUE(stream().is_shut_down());
  EXPECT_EQ(stream().received(), "x");
}

TEST_F(WriteQueueTraps, Trap06_AcceptedBetweenTheLastDrainAndTheEnd) {
  // A submission before each step of the way to the end is written, or refused with its bytes.
  for (int before = 0; before < 5; ++before) {
    open({});
    std::optional<Submitted> late;
    const auto at = [&](int step) {
      if (step == before) late.emplace(submit("late"));
    };
    send("abc");
    at(0);
    stream().begin();
    at(1);
    close();
    at(2);
    stream().finish(Reply::all());
    at(3);
    stream().run();
    at(4);
    stream().run();
    ASSERT_TRUE(late);
    if (late->refusal) {
      expect_refusal(late->refusal, Reason::closed);
      EXPECT_EQ(late->bytes[0].view(), "late");
      EXPECT_EQ(stream().received(), "abc");
      EXPECT_GE(before, 2);
    } else {
      expect_result(late->ticket, {}, 4);
      EXPECT_EQ(stream().received(), "abclate");
    }
  }
}

TEST_F(WriteQueueTraps, Trap07_NoShutdownOfTheStreamAtTheEnd) {
  send("abc");
  FlushProbe flush;
  ASSERT_FALSE(queue().wait_flush(flush));
  close();
  CloseProbe closed;
  ASSERT_FALSE(queue().wait_closed(closed));
  stream().begin();
  EXPECT_EQ(stream().finish(Reply::all()), Turn::kShutdown);
  EXPECT_EQ(flush.resumed, 1);
  EXPECT_EQ(closed.resumed, 0) << "not before the shutdown is done";
  stream().finish(Reply::all());
  EXPECT_EQ(closed.resumed, 1);
}

TEST_F(WriteQueueTraps, Trap08_EverythingAfterAFailureIsToldOnlyClosed) {
  const ErrorValue reset = error_value(104);
  const Submitted failed = submit("abcdef");
  stream().script(0, Reply::fail(reset, 2));
  stream().run();
  expect_result(failed.ticket, reset, 2);
  for (int i = 0; i < 3; ++i) {
    expect_refusal(submit("later").refusal, Reason::closed, 0, 0, reset);
    WriteProbe later("later");
    EXPECT_EQ(wait(later), Wait::kRefused);
    expect_refusal(later.refusal, Reason::closed, 0, 0, reset);
  }
  EXPECT_THAT(unwritten(), ElementsAre("ab|cdef"));
}

TEST_F(WriteQueueTraps, Trap09_TicketsAndBudgetOnlyWithTheWholeBatch) {
  open({.max_items = 64, .max_pending_bytes = 64 * 1024});
  std::vector<Submitted> all;
  for (int i = 0; i < 64; ++i) {
    all.push_back(submit(std::string(1024, 'x')));
  }
  stream().begin();
  EXPECT_EQ(stream().batch().bytes, 64U * 1024U);
  for (std::size_t i = 0; i < 64; ++i) {
    EXPECT_FALSE(is_done(all[i].ticket));
    stream().finish(Reply::only(1024));
    EXPECT_TRUE(is_done(all[i].ticket));
    EXPECT_EQ(queue().pending_bytes(), (63 - i) * 1024);
  }
}

TEST_F(WriteQueueTraps, Trap10_TwoFlagsForOneClosedState) {
  // However it was closed, every way to submit says the same, at once and ever after.
  const auto expect_closed_everywhere = [this](ErrorValue first_error) {
    EXPECT_FALSE(queue().is_open());
    expect_refusal(submit("a").refusal, Reason::closed, 0, 0, first_error);
    expect_refusal(submit(slices_of({"a", "b"})).refusal, Reason::closed, 0, 0, first_error);
    EXPECT_FALSE(send("a"));
    WriteProbe probe("a");
    EXPECT_EQ(wait(probe), Wait::kRefused);
    expect_refusal(probe.refusal, Reason::closed, 0, 0, first_error);
    WriteProbe group(slices_of({"a", "b"}));
    EXPECT_EQ(wait(group), Wait::kRefused);
    expect_refusal(group.refusal, Reason::closed, 0, 0, first_error);
  };
  close();
  expect_closed_everywhere({});
  stream().begin();
  expect_closed_everywhere({});
  stream().run();
  expect_closed_everywhere({});

  open({});
  send("x");
  abort(error_value(9));
  expect_closed_everywhere(error_value(9));
  close();
  expect_closed_everywhere(error_value(9));
  stream().run();
  expect_closed_everywhere(error_value(9));
}

TEST_F(WriteQueueTraps, Trap11_ASmallTailPinsALargeBlock) {
  CountingResource source;
  open({.max_items = 300});
  send(std::string(100, 'h'));
  stream().begin();
  for (int i = 0; i < 50; ++i) {
    BytesMut block = BytesMut::with_capacity(65536, &source);
    block.extend("tail");
    send(std::vector<Bytes>{std::move(block).freeze()});
  }
  EXPECT_LE(source.blocks_out(), 1U) << "only the newest, which may still grow";
  stream().run();
  EXPECT_EQ(source.blocks_out(), 0U);
  std::string expected(100, 'h');
  for (int i = 0; i < 50; ++i) {
    expected += "tail";
  }
  EXPECT_EQ(stream().received(), expected);
}

TEST_F(WriteQueueTraps, Trap12_AWriterThatCompletesInlineNeverLetsOthersRun) {
  send(std::string(100, 'x'));
  stream().begin();
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(stream().finish(Reply::only(5), true), Turn::kYield);
    ASSERT_FALSE(stream().is_writing()) << "nothing is started before the next turn";
    ASSERT_EQ(stream().begin(), Turn::kWrite);
  }
  stream().run();
  EXPECT_EQ(stream().received().size(), 100U);
}

}  // namespace
}  // namespace bytes_handoff::test
