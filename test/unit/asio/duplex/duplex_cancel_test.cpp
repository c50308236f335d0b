#include <gtest/gtest.h>

#include <utility>

#include "bytes_handoff/testing/duplex.hpp"
#include "support/streams/duplex_fixture.hpp"

namespace bytes_handoff {
namespace {

using test::DuplexFixture;
using test::Result;

class DuplexCancellationTest : public DuplexFixture,
                               public testing::WithParamInterface<net::cancellation_type> {
 protected:
  template <typename Handler>
  auto cancellable(Handler handler) {
    return net::bind_cancellation_slot(signal.slot(), std::move(handler));
  }

  net::cancellation_signal signal;
};

TEST_P(DuplexCancellationTest, ACancelledReadConsumesNothing) {
  Result read;
  char room = 0;
  b.async_read_some(net::buffer(&room, 1), cancellable(read.handler()));
  signal.emit(GetParam());
  EXPECT_FALSE(read.called);
  expect_write(a, "x", {}, 1);
  context.run();
  read.expect(net::error::operation_aborted);
  EXPECT_EQ(room, 0);
  expect_read(b, 9, "x");
}

TEST_P(DuplexCancellationTest, ACancelledWriteWritesNothing) {
  expect_write(a, "abcdefgh", {}, 8);
  Result write;
  a.async_write_some(net::buffer("!", 1), cancellable(write.handler()));
  signal.emit(GetParam());
  context.run();
  write.expect(net::error::operation_aborted);
  expect_read(b, 99, "abcdefgh");
  expect_read_fails(b, net::error::would_block);
}

TEST_P(DuplexCancellationTest, CancelsTheOperationOfItsSlotOnly) {
  Result read;
  Result wait;
  Result cancelled;
  char room = 0;
  b.async_read_some(net::buffer(&room, 1), read.handler());
  b.async_wait(b.wait_read, wait.wait_handler());
  b.async_wait(b.wait_read, cancellable(cancelled.wait_handler()));
  signal.emit(GetParam());
  context.poll();
  cancelled.expect(net::error::operation_aborted);
  EXPECT_FALSE(read.called || wait.called);
  b.cancel();
  context.run();
  read.expect(net::error::operation_aborted);
  wait.expect(net::error::operation_aborted);
}

TEST_P(DuplexCancellationTest, ComesTooLateForWhatIsDone) {
  Result read;
  char room = 0;
  b.async_read_some(net::buffer(&room, 1), cancellable(read.handler()));
  expect_write(a, "x", {}, 1);
  expect_write(a, "y", {}, 1);
  signal.emit(GetParam());
  context.run();
  read.expect({}, 1);
  Result next;
  b.async_read_some(net::buffer(&room, 1), cancellable(next.handler()));
  Result waiting;
  b.async_read_some(net::buffer(&room, 1), waiting.handler());
  signal.emit(GetParam());
  context.restart();
  context.poll();
  next.expect({}, 1);
  EXPECT_FALSE(waiting.called);
  b.cancel();
  context.run();
  { const auto gone = std::move(pair); }
  signal.emit(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Types, DuplexCancellationTest,
                         testing::Values(net::cancellation_type::terminal,
                                         net::cancellation_type::partial,
                                         net::cancellation_type::total,
                                         net::cancellation_type::all),
                         [](const auto& named) {
                           switch (named.param) {
                             case net::cancellation_type::terminal:
                               return "terminal";
                             case net::cancellation_type::partial:
                               return "partial";
                             case net::cancellation_type::total:
                               return "total";
                             default:
                               return "all";
                           }
                         });

using DuplexNoCancellationTest = DuplexFixture;

TEST_F(DuplexNoCancellationTest, CancellationOfNoTypeDoesNothing) {
  net::cancellation_signal signal;
  Result read;
  char room = 0;
  b.async_read_some(net::buffer(&room, 1),
                    net::bind_cancellation_slot(signal.slot(), read.handler()));
  signal.emit(net::cancellation_type::none);
  context.poll();
  EXPECT_FALSE(read.called);
  net_error_code error = net::error::eof;
  b.cancel(error);
  EXPECT_FALSE(error);
  context.run();
  read.expect(net::error::operation_aborted);
}

}  // namespace
}  // namespace bytes_handoff
