// Reservations that wait for room, in one line with writes.
#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>

#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// A queue with room for ten bytes in four items, in front of a stream that takes nothing by
/// itself.
class AsyncReserve : public WriterFixture {
 protected:
  void open(const WriteHandoffConfig& config) { out = spawn_held(config); }
  void expect_reserved(std::size_t bytes, std::size_t items) {
    EXPECT_EQ(out.statistics().reserved_bytes, bytes);
    EXPECT_EQ(out.statistics().reserved_items, items);
  }
  /// Fills the queue, so that whoever comes waits.
  void fill() {
    ASSERT_TRUE(try_send(out, "1234567890"));
    run_ready(*context);
  }
  [[nodiscard]] static bool commit(PermitOutcome& of, std::string_view from) {
    Bytes bytes = text(from);
    return of.permit().commit(bytes).has_value();
  }

  WriteHandoff out = spawn_held(limits(4, 10));
};

TEST_F(AsyncReserve, completes_behind_the_call_with_a_permit_where_there_is_room) {
  PermitOutcome bytes;
  PermitOutcome both;
  PermitOutcome none;
  out.async_reserve(3, bytes.handler());
  out.async_reserve(4, 2, both.handler());
  out.async_reserve(0, 0, none.handler());
  EXPECT_FALSE(bytes.has_come() || both.has_come() || none.has_come());
  expect_reserved(7, 4);
  run_ready(*context);
  ASSERT_TRUE(bytes.was_granted());
  EXPECT_EQ(bytes.permit().bytes(), 3U);
  EXPECT_EQ(bytes.permit().items(), 1U);
  ASSERT_TRUE(both.was_granted());
  EXPECT_EQ(both.permit().bytes(), 4U);
  EXPECT_EQ(both.permit().items(), 2U);
  ASSERT_TRUE(none.was_granted());
  EXPECT_EQ(none.permit().items(), 1U) << "no items count as one";
  EXPECT_EQ(out.statistics().waits, 0U);
  EXPECT_TRUE(commit(both, "1234"));
}

TEST_F(AsyncReserve, stands_in_one_line_with_writes_and_bursts) {
  ASSERT_TRUE(try_send(out, "1234567"));
  ASSERT_TRUE(try_send(out, "890"));
  run_ready(*context);
  WriteOutcome write;
  PermitOutcome reservation;
  std::array slices{text("C"), text("D")};
  CountOutcome burst;
  PermitOutcome last;
  out.async_write(write.from("1234567"), write.handler());
  out.async_reserve(6, reservation.handler());
  out.async_send(slices, burst.handler());
  out.async_reserve(8, last.handler());
  EXPECT_FALSE(out.try_reserve(1)) << "it barged";
  stream_takes(7);
  EXPECT_TRUE(write.was_admitted());
  EXPECT_FALSE(reservation.has_come());
  stream_takes(3);
  EXPECT_FALSE(reservation.has_come()) << "there are 7 bytes pending";
  EXPECT_FALSE(burst.has_come()) << "it barged past a reservation";
  stream_takes(7);
  ASSERT_TRUE(reservation.was_granted());
  burst.expect({}, 2);
  EXPECT_FALSE(last.has_come());
  EXPECT_TRUE(commit(reservation, "E"));
  stream_takes(2);
  stream_takes(1);
  ASSERT_TRUE(last.was_granted());
  EXPECT_EQ(script->written, "12345678901234567CDE");
}

TEST_F(AsyncReserve, tells_why_it_is_refused) {
  PermitOutcome large;
  PermitOutcome many;
  out.async_reserve(11, large.handler());
  out.async_reserve(1, 5, many.handler());
  run_ready(*context);
  EXPECT_EQ(large.error(), Errc::can_never_fit);
  EXPECT_EQ(many.error(), Errc::can_never_fit);
  PermitOutcome closed;
  out.abort();
  out.async_reserve(1, closed.handler());
  run_ready(*context);
  EXPECT_EQ(closed.error(), Errc::closed);
  EXPECT_EQ(out.first_error(), Errc::aborted);
}

TEST_F(AsyncReserve, counts_among_the_waiters_and_not_among_their_bytes) {
  WriteHandoffConfig config = limits(4, 10);
  config.max_waiters = 3;
  config.max_waiting_bytes = 5;
  open(config);
  fill();
  std::array<PermitOutcome, 4> waiting;
  for (PermitOutcome& each : waiting) {
    out.async_reserve(10, each.handler());
  }
  run_ready(*context);
  EXPECT_FALSE(waiting[2].has_come());
  EXPECT_EQ(waiting[3].error(), Errc::too_many_waiters);
  EXPECT_EQ(out.statistics().high_water_waiters, 3U);
  EXPECT_EQ(out.statistics().high_water_waiting_bytes, 0U);
  EXPECT_EQ(out.statistics().waits, 3U);
}

TEST_F(AsyncReserve, counts_how_long_it_waited) {
  fill();
  PermitOutcome waiting;
  out.async_reserve(10, waiting.handler());
  run_ready(*context);
  let_pass(steady_clock::now() + milliseconds(2));
  EXPECT_EQ(out.statistics().time_blocked, steady_clock::duration::zero()) << "it still waits";
  stream_takes(10);
  EXPECT_TRUE(waiting.was_granted());
  EXPECT_GE(out.statistics().time_blocked, milliseconds(2));
}

TEST_F(AsyncReserve, is_refused_by_a_close_even_where_writes_are_let_in) {
  fill();
  PermitOutcome reservation;
  WriteOutcome write;
  out.async_reserve(1, reservation.handler());
  out.async_write(write.from("a"), write.handler());
  out.close(Waiters::admit);
  run_ready(*context);
  EXPECT_EQ(reservation.error(), Errc::closed);
  stream_takes(10);
  EXPECT_TRUE(write.was_admitted());
}

TEST_F(AsyncReserve, keeps_no_queue_open) {
  fill();
  PermitOutcome waiting;
  out.async_reserve(1, waiting.handler());
  out = WriteHandoff();
  run_ready(*context);
  EXPECT_EQ(waiting.error(), Errc::closed);
}

TEST_F(AsyncReserve, calls_its_handler_on_the_executor_of_that) {
  net::io_context other(1);
  fill();
  PermitOutcome waiting;
  PermitOutcome refused;
  out.async_reserve(10, net::bind_executor(other, waiting.handler()));
  out.async_reserve(11, net::bind_executor(other, refused.handler()));
  stream_takes(10);
  EXPECT_FALSE(waiting.has_come() || refused.has_come());
  ASSERT_TRUE(run_out(other));
  EXPECT_TRUE(waiting.was_granted());
  EXPECT_EQ(refused.error(), Errc::can_never_fit);
}

TEST_F(AsyncReserve, whose_permit_nobody_keeps_gives_the_room_back) {
  out.async_reserve(10, [](net_error_code error, const WritePermit& permit) {
    EXPECT_FALSE(error);
    EXPECT_TRUE(permit.valid());
  });
  PermitOutcome next;
  out.async_reserve(10, next.handler());
  run_ready(*context);
  EXPECT_TRUE(next.was_granted());
}

TEST_F(AsyncReserve, that_was_granted_and_whose_handler_is_destroyed_gives_the_room_back) {
  auto other = std::make_unique<net::io_context>(1);
  Sentinel destroyed;
  WriteOutcome waiting;
  out.async_reserve(10, net::bind_executor(*other, destroyed.handler()));
  out.async_write(waiting.from("1234567890"), waiting.handler());
  run_ready(*context);
  expect_reserved(10, 1);
  EXPECT_FALSE(waiting.has_come());
  other.reset();
  EXPECT_TRUE(destroyed.is_destroyed());
  EXPECT_EQ(destroyed.calls(), 0U);
  expect_reserved(0, 0);
  run_ready(*context);
  EXPECT_TRUE(waiting.was_admitted());
}

TEST_F(AsyncReserve, that_was_granted_may_go_with_the_context_of_the_stream) {
  Sentinel granted;
  Sentinel waiting;
  out.async_reserve(10, granted.handler());
  out.async_reserve(10, waiting.handler());
  context.reset();
  EXPECT_TRUE(granted.is_destroyed() && waiting.is_destroyed());
  EXPECT_EQ(granted.calls() + waiting.calls(), 0U);
  expect_reserved(0, 0);
}

class AsyncReserveCancellation : public AsyncReserve,
                                 public testing::WithParamInterface<net::cancellation_type> {};

TEST_P(AsyncReserveCancellation, leaves_the_line_and_lets_the_next_in) {
  ASSERT_TRUE(try_send(out, "1234"));
  net::cancellation_signal signal;
  PermitOutcome large;
  WriteOutcome small;
  PermitOutcome also;
  out.async_reserve(10, net::bind_cancellation_slot(signal.slot(), large.handler()));
  out.async_write(small.from("56"), small.handler());
  out.async_reserve(4, also.handler());
  run_ready(*context);
  signal.emit(net::cancellation_type::none);
  run_ready(*context);
  EXPECT_FALSE(large.has_come() || small.has_come() || also.has_come());
  signal.emit(GetParam());
  EXPECT_FALSE(large.has_come()) << "called from inside the emission";
  run_ready(*context);
  EXPECT_EQ(large.error(), net::error::operation_aborted);
  EXPECT_TRUE(small.was_admitted());
  EXPECT_TRUE(also.was_granted());
  expect_reserved(4, 1);
}

TEST_P(AsyncReserveCancellation, of_what_was_granted_meanwhile_comes_too_late) {
  fill();
  net::cancellation_signal signal;
  PermitOutcome outcome;
  out.async_reserve(10, net::bind_cancellation_slot(signal.slot(), outcome.handler()));
  run_ready(*context);
  script->complete({}, 10);
  context->restart();
  context->run_one();  // the writer's handler: the room is granted, its handler is only posted
  signal.emit(GetParam());
  run_ready(*context);
  ASSERT_TRUE(outcome.was_granted());
  expect_reserved(10, 1);
  EXPECT_TRUE(commit(outcome, "0123456789"));
}

INSTANTIATE_TEST_SUITE_P(Types, AsyncReserveCancellation,
                         testing::Values(net::cancellation_type::terminal,
                                         net::cancellation_type::partial,
                                         net::cancellation_type::total,
                                         net::cancellation_type::all));

}  // namespace
}  // namespace bytes_handoff::test
