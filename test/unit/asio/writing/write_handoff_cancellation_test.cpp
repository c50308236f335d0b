#include <cstddef>

#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

class WriteHandoffCancellation : public WriterFixture,
                                 public testing::WithParamInterface<net::cancellation_type> {};

TEST_P(WriteHandoffCancellation, takes_a_waiting_write_back_with_its_bytes_and_lets_the_next_in) {
  auto out = spawn_held(limits(8, 4));
  EXPECT_TRUE(try_send(out, "aaa"));
  net::cancellation_signal signal;
  WriteOutcome cancelled;
  Bytes& bytes = cancelled.from("bbbb");
  const std::byte* const data = bytes.data();
  WriteOutcome next;
  out.async_write(bytes, net::bind_cancellation_slot(signal.slot(), cancelled.handler()));
  out.async_write(next.from("c"), next.handler());
  run_ready(*context);
  EXPECT_FALSE(next.has_come());
  signal.emit(net::cancellation_type::none);
  run_ready(*context);
  EXPECT_FALSE(cancelled.has_come());
  signal.emit(GetParam());
  EXPECT_FALSE(cancelled.has_come()) << "called from inside the emission";
  run_ready(*context);
  ASSERT_FALSE(cancelled.was_admitted());
  EXPECT_EQ(cancelled.error(), net::error::operation_aborted);
  EXPECT_EQ(bytes.data(), data);
  EXPECT_TRUE(next.was_admitted());
  EXPECT_EQ(out.pending_bytes(), 4U);
  signal.emit(GetParam());  // nobody listens any more
  stream_takes(3);
  stream_takes(1);
  EXPECT_EQ(out.pending_bytes(), 0U);
}

TEST_P(WriteHandoffCancellation, of_a_write_that_was_admitted_meanwhile_comes_too_late) {
  auto out = spawn_held(limits(1, 8));
  EXPECT_TRUE(try_send(out, "a"));
  net::cancellation_signal signal;
  WriteOutcome outcome;
  out.async_write(outcome.from("b"), net::bind_cancellation_slot(signal.slot(), outcome.handler()));
  run_ready(*context);
  script->complete({}, 1);
  context->restart();
  context->run_one();  // the writer's handler: the waiter is admitted, its handler is only posted
  signal.emit(GetParam());
  run_ready(*context);
  EXPECT_TRUE(outcome.was_admitted());
}

INSTANTIATE_TEST_SUITE_P(Types, WriteHandoffCancellation,
                         testing::Values(net::cancellation_type::terminal,
                                         net::cancellation_type::partial,
                                         net::cancellation_type::total,
                                         net::cancellation_type::all));

}  // namespace
}  // namespace bytes_handoff::test
