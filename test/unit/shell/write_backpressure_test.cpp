#include <chrono>
#include <set>
#include <string>

#include "bytes_handoff/backpressure.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using Reason = WriteRefusalReason;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST(WriteRefusal, says_in_one_line_why_and_where_it_helps_with_which_figures) {
  std::set<std::string> messages;
  for (const Reason reason : {Reason::closed, Reason::can_never_fit, Reason::byte_budget_exceeded,
                              Reason::queue_full, Reason::too_many_waiters, Reason::cancelled}) {
    const std::string message = WriteRefusal{reason, 1234, 567, {}}.message();
    const bool has_figures = reason != Reason::closed && reason != Reason::cancelled;
    EXPECT_EQ(message.find("1234") != std::string::npos, has_figures) << message;
    EXPECT_EQ(message.find("567") != std::string::npos, has_figures) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
    EXPECT_TRUE(messages.insert(message).second) << message;
  }
}

class WriteBackpressureTest : public WriterFixture {};

TEST_F(WriteBackpressureTest, counts_how_long_writes_waited_for_room) {
  auto out = spawn_held(limits(1, 100));
  Outcome<DetachedResult> at_once;
  out.async_write_detached(text("a"), at_once.handler());
  run_ready(*context);
  let_pass(steady_clock::now() + milliseconds(2));
  EXPECT_TRUE(at_once.has_come());
  EXPECT_EQ(out.statistics().time_blocked, steady_clock::duration::zero()) << "it had room";

  net::cancellation_signal signal;
  Outcome<DetachedResult> admitted;
  Outcome<DetachedResult> cancelled;
  const auto start = steady_clock::now();
  out.async_write_detached(text("b"), admitted.handler());
  out.async_write_detached(text("c"),
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
  EXPECT_TRUE(admitted.get().has_value());
  EXPECT_GE(out.statistics().time_blocked - of_one, milliseconds(4));
  EXPECT_LE(out.statistics().time_blocked - of_one, steady_clock::now() - start);
}

}  // namespace
}  // namespace bytes_handoff::test
