#include "bytes_handoff/write_refusal.hpp"

#include <chrono>
#include <set>
#include <string>

#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using Reason = WriteRefusalReason;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST(WriteRefusal, says_in_one_line_why_with_the_figures_and_the_limit_that_they_pass) {
  const auto message = [](Reason reason, std::size_t attempted = 0, std::size_t limit = 0,
                          bool counts_items = false) {
    return WriteRefusal{reason, attempted, limit, {}, counts_items}.message();
  };
  EXPECT_EQ(message(Reason::byte_budget_exceeded, 13, 10),
            "write refused: 13 bytes would be pending, the limit is 10 (`max_pending_bytes`)");
  EXPECT_EQ(message(Reason::queue_full, 9, 8),
            "write refused: 9 items would be pending, the limit is 8 (`max_items`)");
  EXPECT_EQ(message(Reason::can_never_fit, 300, 256, true),
            "write refused: it has 300 slices, the queue's limit is 256 (`max_items`)");
  EXPECT_EQ(message(Reason::can_never_fit, 300, 256),
            "write refused: it has 300 bytes, the queue's limit is 256 (`max_pending_bytes`)");
  EXPECT_EQ(message(Reason::too_many_waiters, 9, 8),
            "write refused: 8 writes are already waiting (`max_waiters`)");
  EXPECT_EQ(message(Reason::too_many_waiters, 2, 1),
            "write refused: 1 write is already waiting (`max_waiters`)");
  EXPECT_EQ(message(Reason::too_many_waiters, 1, 0),
            "write refused: no write may wait (`max_waiters`)");
  EXPECT_EQ(message(Reason::too_many_waiting_bytes, 13, 10),
            "write refused: 13 bytes would be waiting, the limit is 10 (`max_waiting_bytes`)");
  EXPECT_EQ(message(Reason::exceeds_permit, 300, 256),
            "write refused: it has 300 bytes, its permit's limit is 256");
  EXPECT_EQ(message(Reason::exceeds_permit, 2, 1, true),
            "write refused: it has 2 slices, its permit's limit is 1");
  EXPECT_EQ(message(Reason::cancelled), "write refused: cancelled while it waited for room");
  EXPECT_EQ(message(Reason::closed), "write refused: the queue is closed");
  const net_error_code error = net::error::broken_pipe;
  EXPECT_EQ((WriteRefusal{Reason::closed, 0, 0, error}.message()),
            "write refused: the queue is closed: " + error.message());
}

TEST(WriteRefusal, has_a_message_of_its_own_for_every_reason) {
  std::set<std::string> messages;
  for (std::size_t reason = 0; reason < kWriteRefusalReasons; ++reason) {
    const WriteRefusal refusal{static_cast<Reason>(reason), 1234, 567, {}};
    EXPECT_TRUE(messages.insert(refusal.message()).second) << refusal.message();
    EXPECT_NE(refusal.message(), "write refused");
  }
}

class TimeBlocked : public WriterFixture {};

TEST_F(TimeBlocked, counts_how_long_writes_waited_for_room) {
  auto out = spawn_held(limits(1, 100));
  WriteOutcome at_once;
  out.async_write(at_once.from("a"), at_once.handler());
  run_ready(*context);
  let_pass(steady_clock::now() + milliseconds(2));
  EXPECT_TRUE(at_once.has_come());
  EXPECT_EQ(out.statistics().time_blocked, steady_clock::duration::zero()) << "it had room";

  net::cancellation_signal signal;
  WriteOutcome admitted;
  WriteOutcome cancelled;
  const auto start = steady_clock::now();
  out.async_write(admitted.from("b"), admitted.handler());
  out.async_write(cancelled.from("c"),
                  net::bind_cancellation_slot(signal.slot(), cancelled.handler()));
  run_ready(*context);
  let_pass(steady_clock::now() + milliseconds(2));
  EXPECT_EQ(out.statistics().time_blocked, steady_clock::duration::zero()) << "they still wait";
  signal.emit(net::cancellation_type::total);
  run_ready(*context);
  const auto of_one = out.statistics().time_blocked;
  EXPECT_GE(of_one, milliseconds(2));
  EXPECT_LE(of_one, steady_clock::now() - start);
  let_pass(steady_clock::now() + milliseconds(2));
  stream_takes(1);
  EXPECT_TRUE(admitted.was_admitted());
  EXPECT_GE(out.statistics().time_blocked - of_one, milliseconds(4));
  EXPECT_LE(out.statistics().time_blocked - of_one, steady_clock::now() - start);
}

}  // namespace
}  // namespace bytes_handoff::test
