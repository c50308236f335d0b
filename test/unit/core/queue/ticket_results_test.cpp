#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "bytes_handoff/core/queue/departure.hpp"
#include "bytes_handoff/core/queue/tickets.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/queue/queue_fixture.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

using detail::AdmittedWrite;
using detail::ErrorValue;
using testing::ElementsAre;

// The ends. Of "ab", "cdefg" in three slices, none, "h" and "i", by any thread's account: `ab` and
// `cde` are written, the rest is not.
class WriteQueueTicketsAtAnEnd : public QueueTest {
 protected:
  struct Fate {
    AdmittedWrite ticket;
    ErrorValue error;
    std::size_t written;
  };

  void submit_all() {
    for (auto slices : {slices_of({"ab"}), slices_of({"cd", "ef", "g"}), slices_of({}),
                        slices_of({"h"}), slices_of({"i"})}) {
      tickets.push_back(submit(std::move(slices)).ticket.value());
    }
  }
  void wait_for_all() {
    for (const AdmittedWrite& ticket : tickets) {
      ASSERT_EQ(wait(probes.emplace_back(ticket)), TicketWait::kWaiting);
    }
  }
  /// The stream has five bytes, and the queue is told of them.
  void write_five() {
    stream().begin();
    stream().finish(Reply::only(5), true);
  }

  /// All are told the same, whether they waited or ask late, now and when the rest was taken.
  void expect_fates(ErrorValue first) {
    const ErrorValue behind = ErrorValue::of(Errc::closed);
    const std::vector<Fate> fates = {{tickets.at(0), {}, 2},
                                     {tickets.at(1), first, 3},
                                     {tickets.at(2), behind, 0},
                                     {tickets.at(3), behind, 0},
                                     {tickets.at(4), behind, 0}};
    expect_all(fates);
    EXPECT_THAT(unwritten(), ElementsAre("e|f", "g", "", "h", "i"));
    expect_all(fates);
    queue().discard_unwritten();
    expect_all(fates);
  }

  std::vector<AdmittedWrite> tickets;
  std::deque<TicketProbe> probes;

 private:
  void expect_all(const std::vector<Fate>& fates) {
    for (std::size_t i = 0; i < fates.size(); ++i) {
      SCOPED_TRACE("write " + std::to_string(i));
      const Fate& fate = fates[i];
      expect_result(fate.ticket, fate.error, fate.written);
      expect_late_result(fate.ticket, fate.error, fate.written);
      if (!probes.empty()) {
        EXPECT_EQ(probes[i].resumed, 1);
        EXPECT_EQ(probes[i].result.error, fate.error);
        EXPECT_EQ(probes[i].result.written, fate.written);
        EXPECT_FALSE(probes[i].linked);
      }
    }
  }
};

TEST_F(WriteQueueTicketsAtAnEnd, OfAClosedQueueAllAreWritten) {
  submit_all();
  wait_for_all();
  close();
  stream().run();
  const std::size_t sizes[] = {2, 5, 0, 1, 1};
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    expect_result(tickets[i], {}, sizes[i]);
    expect_late_result(tickets[i], {}, sizes[i]);
    EXPECT_EQ(probes[i].resumed, 1);
    EXPECT_EQ(probes[i].result.written, sizes[i]);
  }
}

TEST_F(WriteQueueTicketsAtAnEnd, OfAQueueThatEndsWhenAllIsWrittenAreDone) {
  submit_all();
  abort_after_written();
  stream().run();
  EXPECT_EQ(queue().first_error(), ErrorValue::of(Errc::aborted));
  expect_late_result(tickets[1], {}, 5);
  expect_late_result(tickets[4], {}, 1);
}

TEST_F(WriteQueueTicketsAtAnEnd, OfAnAbortedQueueWhoWaitedIsTold) {
  submit_all();
  wait_for_all();
  write_five();
  abort(error_value(7));
  expect_fates(error_value(7));
}

TEST_F(WriteQueueTicketsAtAnEnd, OfAnAbortedQueueWhoAsksLateIsTold) {
  submit_all();
  write_five();
  abort(error_value(7));
  expect_fates(error_value(7));
}

TEST_F(WriteQueueTicketsAtAnEnd, OfAStreamThatFailsInTheMiddleOfASlice) {
  submit_all();
  wait_for_all();
  stream().begin();
  stream().finish(Reply::fail(error_value(104), 5));
  expect_fates(error_value(104));
}

TEST_F(WriteQueueTicketsAtAnEnd, OfAStreamThatFailsInItsSecondWriteOfASlice) {
  submit_all();
  stream().begin();
  stream().finish(Reply::only(4));
  stream().finish(Reply::fail(error_value(104), 1));
  expect_fates(error_value(104));
}

TEST_F(WriteQueueTicketsAtAnEnd, OfAnOrphanedQueue) {
  submit_all();
  wait_for_all();
  write_five();
  const int context = 0;
  orphan(&context);
  stream().destroy();
  for (const TicketProbe& probe : probes) {
    EXPECT_EQ(probe.destroyed_context, &probe == &probes.front() ? nullptr : &context);
  }
  expect_fates(ErrorValue::of(Errc::closed));
}

// What the stream took after the end counts for what is left, and not for what was told.
TEST_F(WriteQueueTicketsAtAnEnd, StayAsTheyWereToldWhenTheLastWriteComesBack) {
  submit_all();
  stream().begin();
  stream().finish(Reply::only(3));
  abort(error_value(7));
  expect_late_result(tickets[1], error_value(7), 1);
  stream().finish(Reply::only(5));
  expect_late_result(tickets[0], {}, 2);
  expect_late_result(tickets[1], error_value(7), 1);
  expect_late_result(tickets[3], ErrorValue::of(Errc::closed), 0);
  EXPECT_THAT(unwritten(), ElementsAre("i"));
}

TEST_F(WriteQueueTicketsAtAnEnd, BetweenTwoWritesTheNextOneIsTheFailedOne) {
  submit_all();
  stream().begin();
  stream().finish(Reply::only(7), true);
  abort(error_value(7));
  expect_late_result(tickets[1], {}, 5);
  expect_late_result(tickets[2], {}, 0);
  expect_late_result(tickets[3], error_value(7), 0);
  expect_late_result(tickets[4], ErrorValue::of(Errc::closed), 0);
}

TEST_F(WriteQueueTicketsAtAnEnd, BeforeAnythingIsWrittenTheFirstOneIsTheFailedOne) {
  submit_all();
  abort(error_value(7));
  expect_late_result(tickets[0], error_value(7), 0);
  expect_late_result(tickets[1], ErrorValue::of(Errc::closed), 0);
}

TEST_F(WriteQueueTicketsAtAnEnd, AWaitThatWasCancelledIsNotResumedAgain) {
  submit_all();
  wait_for_all();
  cancel(probes[1], error_value(125));
  abort();
  EXPECT_EQ(probes[1].resumed, 1);
  EXPECT_EQ(probes[1].result.error, error_value(125));
  EXPECT_EQ(probes[2].resumed, 1);
}

// Many segments: some leave while who waits for the others comes in any order.
class WriteQueueTicketsByTheThousand : public QueueTest {
 protected:
  static constexpr std::size_t kWrites = 5000;

  void SetUp() override {
    open({.max_items = 4 * kWrites, .max_pending_bytes = SIZE_MAX});
    for (std::size_t i = 0; i < kWrites; ++i) {
      std::vector<Bytes> slices(i % 4, Bytes::from_static("abc").slice(0, i % 3).value());
      sizes.push_back(i % 4 * (i % 3));
      offsets.push_back(all);
      all += sizes.back();
      tickets.push_back(submit(std::move(slices)).ticket.value());
    }
  }
  [[nodiscard]] std::vector<std::size_t> in_any_order() const {
    std::vector<std::size_t> order(kWrites);
    std::iota(order.begin(), order.end(), 0U);
    std::shuffle(order.begin(), order.end(), std::mt19937_64(seed()));
    return order;
  }
  void write(std::size_t bytes) {
    for (stream().begin(); bytes != 0;) {
      const std::size_t taken = std::min(bytes, stream().batch().bytes);
      bytes -= taken;
      stream().finish(Reply::only(taken), bytes == 0);
      while (bytes != 0 && !stream().is_writing()) {
        stream().begin();
      }
    }
  }

  std::vector<AdmittedWrite> tickets;
  std::vector<std::size_t> sizes;
  std::vector<std::size_t> offsets;  // of each write in the stream
  std::size_t all = 0;               // bytes
};

TEST_F(WriteQueueTicketsByTheThousand, EachWaiterGetsItsOwnResultInOrder) {
  SCOPED_TRACE(seed_note());
  write(all / 3);
  ResumeLog log;
  std::deque<TicketProbe> probes;
  std::size_t waiting = 0;
  for (const std::size_t i : in_any_order()) {
    TicketProbe& probe = probes.emplace_back(tickets[i], std::to_string(i), &log);
    const bool is_written = offsets[i] + sizes[i] <= all / 3;
    const TicketWait outcome = wait(probe);
    ASSERT_TRUE(outcome == (is_written ? TicketWait::kDone : TicketWait::kWaiting) ||
                (sizes[i] == 0 && offsets[i] == all / 3))
        << i;
    waiting += outcome == TicketWait::kWaiting ? 1U : 0U;
    TicketProbe second(tickets[i]);
    ASSERT_EQ(wait(second),
              outcome == TicketWait::kDone ? TicketWait::kDone : TicketWait::kAnotherWaits);
  }
  EXPECT_GT(waiting, kWrites / 2);
  stream().run();
  EXPECT_EQ(log.size(), waiting);
  EXPECT_TRUE(std::is_sorted(log.begin(), log.end(), [](const auto& a, const auto& b) {
    return std::stoul(a) < std::stoul(b);
  }));
  for (const TicketProbe& probe : probes) {
    ASSERT_EQ(probe.result.error, ErrorValue{});
    ASSERT_EQ(probe.result.written, sizes[std::stoul(probe.name)]);
  }
}

TEST_F(WriteQueueTicketsByTheThousand, AnEndTellsEachWhatOfItWasWritten) {
  SCOPED_TRACE(seed_note());
  const std::vector<std::size_t> order = in_any_order();
  std::deque<TicketProbe> probes;
  for (std::size_t k = 0; k < kWrites / 2; ++k) {
    ASSERT_EQ(wait(probes.emplace_back(tickets[order[k]])), TicketWait::kWaiting);
  }
  const std::size_t written = all / 2;
  write(written);
  abort(error_value(7));
  queue().discard_unwritten();
  std::size_t failed = 0;
  for (std::size_t k = 0; k < kWrites; ++k) {
    const std::size_t i = order[k];
    const auto result = queue().result(tickets[i]).value();
    const std::size_t reached = written - std::min(written, offsets[i]);
    ASSERT_EQ(result.written, std::min(reached, sizes[i])) << i;
    failed += result.error == error_value(7) ? 1U : 0U;
    ASSERT_TRUE(result.written == sizes[i] || result.error) << i;
    ASSERT_TRUE(result.written == 0 || result.written == sizes[i] || result.error == error_value(7))
        << i;
    if (k < probes.size()) {
      ASSERT_EQ(probes[k].resumed, 1);
      ASSERT_EQ(probes[k].result.error, result.error);
      ASSERT_EQ(probes[k].result.written, result.written);
    }
  }
  EXPECT_EQ(failed, 1U);
}

// Of the writer and who cancels, exactly one resumes the waiter.
TEST(WriteQueueTicketThreads, AWaiterWhoseWaitIsCancelledAsItIsWrittenIsResumedOnce) {
  using Queue = detail::WriteQueue;
  for (int round = 0; round < 2000; ++round) {
    Queue queue({});
    detail::WriteBatch batch;
    detail::Effects effects;
    Bytes slice = Bytes::from_static("abc");
    const AdmittedWrite ticket = queue.try_write(std::span(&slice, 1), effects).value();
    ASSERT_EQ(queue.begin_turn(batch, effects), Queue::Turn::kWrite);
    TicketProbe probe(ticket);
    ASSERT_EQ(queue.wait_written(probe), Queue::TicketWait::kWaiting);
    std::atomic<bool> go{false};
    std::thread writer([&] {
      while (!go.load()) {
      }
      detail::Effects mine;
      static_cast<void>(queue.finish_write({}, 3, false, batch, mine));
      mine.resume_all();
      mine.finish();
    });
    go.store(true);
    detail::Effects mine;
    queue.cancel(probe, error_value(125), mine);
    const bool is_cancelled = !mine.resumed.empty();
    mine.resume_all();
    mine.finish();
    writer.join();
    effects.finish();
    ASSERT_EQ(probe.resumed, 1);
    ASSERT_EQ(probe.result.error, is_cancelled ? error_value(125) : ErrorValue{});
    ASSERT_EQ(queue.result(ticket).value().written, 3U);
  }
}

TEST(WriteQueueTicketThreads, WhoSeesAResultSeesAllOfIt) {
  using Queue = detail::WriteQueue;
  for (int round = 0; round < 500; ++round) {
    Queue queue({});
    detail::WriteBatch batch;
    detail::Effects effects;
    Bytes slice = Bytes::from_static("abc");
    const AdmittedWrite ticket = queue.try_write(std::span(&slice, 1), effects).value();
    ASSERT_EQ(queue.begin_turn(batch, effects), Queue::Turn::kWrite);
    std::thread writer([&] {
      detail::Effects mine;
      static_cast<void>(queue.finish_write(error_value(4), 2, false, batch, mine));
      mine.finish();
    });
    std::optional<detail::WriteResult> result;
    while (!(result = queue.result(ticket))) {
      std::this_thread::yield();
    }
    ASSERT_EQ(result->error, error_value(4));
    ASSERT_EQ(result->written, 2U);
    writer.join();
  }
}

}  // namespace
}  // namespace bytes_handoff::test
