#include "bytes_handoff/write_ticket.hpp"

#include <array>
#include <span>
#include <utility>

#include "support/queue/unwritten.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

class WriteTicketTest : public WriterFixture {};

TEST_F(WriteTicketTest, completes_with_its_own_bytes_and_not_with_its_batch) {
  auto out = spawn_held();
  auto first = try_send(out, "abc").value();
  auto second = try_send(out, "defg").value();
  CountOutcome first_done;
  CountOutcome second_done;
  first.async_wait(first_done.handler());
  second.async_wait(second_done.handler());
  run_ready(*context);
  EXPECT_EQ(script->sizes, std::vector<std::size_t>{7}) << "both left as one gather";
  stream_takes(4);
  first_done.expect({}, 3);
  EXPECT_TRUE(first.is_done());
  EXPECT_FALSE(second_done.has_come());
  EXPECT_EQ(out.pending_bytes(), 4U);
  stream_takes(3);
  second_done.expect({}, 4);
}

TEST_F(WriteTicketTest, of_several_slices_completes_with_the_last_of_them) {
  auto out = spawn_held();
  std::array slices{text("ab"), text("cd")};
  auto ticket = out.try_write(slices).value();
  CountOutcome done;
  ticket.async_wait(done.handler());
  run_ready(*context);
  stream_takes(3);
  EXPECT_FALSE(done.has_come());
  stream_takes(1);
  done.expect({}, 4);
}

TEST_F(WriteTicketTest, can_be_waited_for_again_and_after_the_end) {
  auto out = spawn();
  auto ticket = try_send(out, "abc").value();
  ASSERT_TRUE(run_until(*context, [&] { return ticket.is_done(); }));
  CountOutcome once;
  CountOutcome twice;
  ticket.async_wait(once.handler());
  ticket.async_wait(twice.handler());
  EXPECT_FALSE(once.has_come()) << "called from inside the initiating function";
  run_ready(*context);
  once.expect({}, 3);
  twice.expect({}, 3);
}

TEST_F(WriteTicketTest, refuses_a_second_wait_while_one_runs) {
  auto out = spawn_held();
  auto ticket = try_send(out, "abc").value();
  CountOutcome first;
  CountOutcome second;
  ticket.async_wait(first.handler());
  ticket.async_wait(second.handler());
  EXPECT_FALSE(second.has_come());
  run_ready(*context);
  second.expect(Errc::wait_in_progress, 0);
  EXPECT_FALSE(first.has_come());
  stream_takes(3);
  first.expect({}, 3);
}

TEST_F(WriteTicketTest, outlives_a_dropped_or_moved_ticket_object) {
  auto out = spawn_held();
  CountOutcome dropped;
  CountOutcome moved;
  try_send(out, "ab").value().async_wait(dropped.handler());
  WriteTicket from = try_send(out, "c").value();
  from.async_wait(moved.handler());
  WriteTicket to = std::move(from);
  EXPECT_FALSE(from.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(to.valid());
  EXPECT_FALSE(WriteTicket().valid());
  static_cast<void>(try_send(out, "d").value());  // nobody will ask
  run_ready(*context);
  stream_takes(2);
  stream_takes(2);
  dropped.expect({}, 2);
  moved.expect({}, 1);
  EXPECT_EQ(to.get_executor(), out.get_executor());
}

TEST_F(WriteTicketTest, a_cancelled_wait_only_detaches) {
  for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial,
                          net::cancellation_type::total}) {
    script = std::make_shared<StreamScript>();
    auto out = spawn_held();
    auto ticket = try_send(out, "abc").value();
    net::cancellation_signal signal;
    CountOutcome cancelled;
    ticket.async_wait(net::bind_cancellation_slot(signal.slot(), cancelled.handler()));
    run_ready(*context);
    signal.emit(type);
    EXPECT_FALSE(cancelled.has_come()) << "called from inside the emission";
    CountOutcome again;
    ticket.async_wait(again.handler());
    run_ready(*context);
    cancelled.expect(net::error::operation_aborted, 0);
    EXPECT_EQ(out.pending_bytes(), 3U) << "the write goes on";
    stream_takes(3);
    again.expect({}, 3);
    signal.emit(type);
  }
}

TEST_F(WriteTicketTest, a_cancellation_behind_the_result_changes_nothing) {
  auto out = spawn_held();
  auto ticket = try_send(out, "abc").value();
  net::cancellation_signal signal;
  CountOutcome outcome;
  ticket.async_wait(net::bind_cancellation_slot(signal.slot(), outcome.handler()));
  run_ready(*context);
  script->complete({}, 3);
  context->restart();
  context->run_one();
  EXPECT_TRUE(ticket.is_done());
  signal.emit(net::cancellation_type::total);
  run_ready(*context);
  outcome.expect({}, 3);
}

TEST_F(WriteTicketTest, the_failed_write_gets_the_error_and_its_count_and_those_behind_it_closed) {
  auto out = spawn_held();
  auto written = try_send(out, "ab").value();
  auto failed = try_send(out, "cdef").value();
  auto behind = try_send(out, "g").value();
  CountOutcome failed_wait;
  failed.async_wait(failed_wait.handler());
  run_ready(*context);
  stream_takes(3, net::error::connection_reset);
  failed_wait.expect(net::error::connection_reset, 1);
  CountOutcome written_wait;
  CountOutcome behind_wait;
  written.async_wait(written_wait.handler());
  behind.async_wait(behind_wait.handler());
  run_ready(*context);
  written_wait.expect({}, 2);
  behind_wait.expect(Errc::closed, 0);
  const auto unwritten = unwritten_of(out);
  ASSERT_TRUE(unwritten.has_value());
  EXPECT_EQ(texts_of(*unwritten), (std::vector<std::string>{"def", "g"}));
  EXPECT_EQ(out.pending_items(), 0U);
}

TEST_F(WriteTicketTest, works_after_every_handle_is_gone) {
  WriteTicket ticket;
  CountOutcome outcome;
  {
    auto out = spawn();
    ticket = try_send(out, "abc").value();
  }
  ticket.async_wait(outcome.handler());
  ASSERT_TRUE(run_out(*context));
  outcome.expect({}, 3);
  EXPECT_EQ(script->written, "abc");
}

TEST_F(WriteTicketTest, numbers_are_those_of_the_slices_in_the_order_of_admission) {
  auto out = spawn_held();
  EXPECT_EQ(try_send(out, "abc").value().number(), 0U);
  std::array slices{text("ab"), text("cd"), text("ef")};
  EXPECT_EQ(out.try_write(slices).value().number(), 1U);
  EXPECT_EQ(try_send(out, "").value().number(), 4U);
  EXPECT_EQ(out.try_write(std::span<Bytes>()).value().number(), 5U);
  run_ready(*context);
  stream_takes(9);
  EXPECT_EQ(try_send(out, "later").value().number(), 6U) << "what is written counts, too";
}

TEST_F(WriteTicketTest, a_permit_takes_its_number_with_the_commit) {
  auto out = spawn_held();
  auto permit = out.try_reserve(3).value();
  EXPECT_EQ(try_send(out, "abc").value().number(), 0U);
  Bytes bytes = text("xyz");
  EXPECT_EQ(permit.commit(bytes).value().number(), 1U);
}

}  // namespace
}  // namespace bytes_handoff::test
