#include "bytes_handoff/core/queue/ticket_state.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "support/queue/queue_probes.hpp"

namespace bytes_handoff::test {
namespace {

using Ticket = detail::TicketState<detail::StdSync>;
using WaitStart = Ticket::WaitStart;
using detail::WriteResult;

class TicketStateTest : public testing::Test {
 protected:
  ~TicketStateTest() override { ticket_->release(); }
  TicketRef ticket_ = make_ticket();  // this fixture has both references
};

TEST_F(TicketStateTest, ANewOneIsPending) { EXPECT_FALSE(ticket_->is_done()); }

TEST_F(TicketStateTest, FinishedWithNobodyWaitingKeepsTheResult) {
  EXPECT_EQ(ticket_->finish(WriteResult{error_value(3), 7}), nullptr);
  ASSERT_TRUE(ticket_->is_done());
  EXPECT_EQ(ticket_->result().error, error_value(3));
  EXPECT_EQ(ticket_->result().written, 7U);
}

TEST_F(TicketStateTest, FinishGivesBackTheWaiterWithItsResult) {
  TicketProbe probe;
  EXPECT_EQ(ticket_->start_wait(probe), WaitStart::kWaiting);
  EXPECT_FALSE(ticket_->is_done());
  EXPECT_EQ(ticket_->finish(WriteResult{{}, 5}), &probe);
  EXPECT_EQ(probe.result.written, 5U);
  EXPECT_EQ(probe.resumed, 0) << "that is the caller's to do";
  EXPECT_TRUE(ticket_->is_done());
}

TEST_F(TicketStateTest, AWaitOnADoneTicketIsDoneAtOnce) {
  static_cast<void>(ticket_->finish(WriteResult{{}, 5}));
  TicketProbe probe;
  EXPECT_EQ(ticket_->start_wait(probe), WaitStart::kDone);
  EXPECT_EQ(ticket_->start_wait(probe), WaitStart::kDone) << "as often as one likes";
  EXPECT_FALSE(ticket_->cancel_wait(probe));
}

TEST_F(TicketStateTest, ASecondWaitIsRefusedWhileOneRuns) {
  TicketProbe first;
  TicketProbe second;
  EXPECT_EQ(ticket_->start_wait(first), WaitStart::kWaiting);
  EXPECT_EQ(ticket_->start_wait(second), WaitStart::kBusy);
  EXPECT_FALSE(ticket_->cancel_wait(second)) << "it is not the one in place";
  EXPECT_EQ(ticket_->finish(WriteResult{}), &first);
}

TEST_F(TicketStateTest, ACancelledWaitDetachesAndAnotherMayFollow) {
  TicketProbe first;
  TicketProbe second;
  EXPECT_EQ(ticket_->start_wait(first), WaitStart::kWaiting);
  EXPECT_TRUE(ticket_->cancel_wait(first));
  EXPECT_FALSE(ticket_->cancel_wait(first));
  EXPECT_EQ(ticket_->start_wait(second), WaitStart::kWaiting);
  EXPECT_EQ(ticket_->finish(WriteResult{}), &second);
  EXPECT_FALSE(ticket_->cancel_wait(second)) << "its result has come";
}

// Of finish and cancel_wait exactly one gets the waiter.
TEST(TicketStateThreads, FinishAgainstCancelHandsTheWaiterToExactlyOne) {
  for (int round = 0; round < 2000; ++round) {
    const TicketRef ticket = make_ticket();
    TicketProbe probe;
    ASSERT_EQ(ticket->start_wait(probe), WaitStart::kWaiting);
    std::atomic<bool> go{false};
    detail::TicketWaiter* taken = nullptr;
    std::thread finisher([&] {
      while (!go.load()) {
      }
      taken = ticket->finish(WriteResult{{}, 9});
      ticket->release();
    });
    go.store(true);
    const bool cancelled = ticket->cancel_wait(probe);
    finisher.join();
    ASSERT_EQ(taken == nullptr, cancelled);
    ASSERT_TRUE(ticket->is_done());
    ASSERT_EQ(ticket->result().written, 9U);
  }
}

TEST(TicketStateThreads, WhoSeesDoneSeesTheResult) {
  for (int round = 0; round < 2000; ++round) {
    const TicketRef ticket = make_ticket();
    std::thread finisher([&] {
      static_cast<void>(ticket->finish(WriteResult{error_value(4), 11}));
      ticket->release();
    });
    while (!ticket->is_done()) {
    }
    ASSERT_EQ(ticket->result().error, error_value(4));
    ASSERT_EQ(ticket->result().written, 11U);
    finisher.join();
  }
}

}  // namespace
}  // namespace bytes_handoff::test
