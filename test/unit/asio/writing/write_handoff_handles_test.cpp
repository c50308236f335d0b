// Handles and weak handles: what they keep, and which of them may be used.
#include <utility>

#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

class WriteHandoffHandles : public WriterFixture {};

TEST_F(WriteHandoffHandles, a_handle_that_was_moved_from_or_never_made_is_not_valid) {
  WriteHandoff none;
  EXPECT_FALSE(none.valid());
  WriteHandoff first = spawn();
  WriteHandoff second = std::move(first);
  EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(second.valid());
  first = second;
  EXPECT_TRUE(first.valid());
  first = std::move(none);
  EXPECT_FALSE(first.valid());
  EXPECT_TRUE(second.is_open());
}

#if BYTES_HANDOFF_CHECKS
using WriteHandoffDeath = WriteHandoffHandles;

TEST_F(WriteHandoffDeath, a_call_of_a_handle_or_a_ticket_that_is_not_valid_says_so) {
  WriteHandoff none;
  Bytes bytes = text("a");
  WriteTicket no_ticket;
  EXPECT_DEATH(static_cast<void>(none.try_write(bytes)), "WriteHandoff that is not valid");
  EXPECT_DEATH(none.close(), "WriteHandoff that is not valid");
  EXPECT_DEATH(static_cast<void>(no_ticket.is_done()), "WriteTicket that is not valid");
}
#endif

TEST_F(WriteHandoffHandles, a_weak_handle_gives_a_handle_while_there_is_one_and_keeps_none_open) {
  EXPECT_FALSE(WeakWriteHandoff().lock().valid());
  WeakWriteHandoff weak;
  {
    auto out = spawn_held();
    weak = out;
    EXPECT_TRUE(try_send(out, "a"));
    run_ready(*context);
    WriteHandoff locked = weak.lock();
    ASSERT_TRUE(locked.valid());
    out = WriteHandoff();
    EXPECT_TRUE(try_send(locked, "b")) << "a locked handle keeps the queue open";
  }
  EXPECT_FALSE(weak.lock().valid());
  stream_takes(1);
  stream_takes(1);
  EXPECT_EQ(script->resets, 1U) << "the queue ended with its last handle";
  EXPECT_FALSE(script->is_alive);
  EXPECT_FALSE(weak.lock().valid());
}

}  // namespace
}  // namespace bytes_handoff::test
