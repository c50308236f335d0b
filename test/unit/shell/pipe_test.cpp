// Pipes: one way each, and neither end has more than its stream concept and a non-blocking mode.

#include <csignal>
#include <string>
#include <utility>

#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/pipes.hpp"
#include "support/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

/// Writing to a pipe that nobody reads raises a signal, which by default ends the process.
class IgnorePipeSignal {
 public:
  IgnorePipeSignal() : before_(std::signal(SIGPIPE, SIG_IGN)) {}
  IgnorePipeSignal(const IgnorePipeSignal&) = delete;
  IgnorePipeSignal& operator=(const IgnorePipeSignal&) = delete;
  ~IgnorePipeSignal() { std::signal(SIGPIPE, before_); }

 private:
  void (*before_)(int);
};

class Pipe : public testing::Test {
 protected:
  net::io_context context{1};
  std::pair<ReadablePipe, WritablePipe> pipe = make_pipe(context);
};

TEST_F(Pipe, carries_more_than_it_holds_and_ends_with_the_last_handle) {
  constexpr std::size_t kWrites = 50;
  constexpr std::size_t kBytesEach = 10000;
  auto out = std::optional(
      WriteHandoff::spawn(std::move(pipe.second), limits(kWrites, kWrites * kBytesEach)).value());
  std::string expected;
  for (std::size_t i = 0; i < kWrites; ++i) {
    expected += pattern(kBytesEach, i);
    EXPECT_TRUE(out->try_write_detached(text(pattern(kBytesEach, i))));
  }
  run_ready(context);
  EXPECT_NE(out->pending_bytes(), 0U) << "the pipe is full";
  out.reset();
  HandoffBuffer buffer;
  std::string got;
  for (bool is_over = false; !is_over;) {
    bool has_come = false;
    buffer.async_read_available(pipe.first, [&](net_error_code error, std::size_t n) {
      EXPECT_FALSE(error) << error.message();
      has_come = true;
      is_over = error || n == 0;
    });
    ASSERT_TRUE(run_until(context, [&] { return has_come; }));
    got += buffer.freeze_all().view();
  }
  EXPECT_EQ(got == expected, true);
}

TEST_F(Pipe, that_nobody_reads_any_more_ends_the_queue) {
  const IgnorePipeSignal ignored;
  auto out = WriteHandoff::spawn(std::move(pipe.second), {}).value();
  EXPECT_TRUE(out.try_write_detached(text(std::string(500000, 'x'))));
  run_ready(context);
  Outcome<net_error_code> closed;
  out.async_closed(closed.handler());
  pipe.first.close();
  ASSERT_TRUE(run_until(context, [&] { return closed.has_come(); }));
  EXPECT_EQ(closed.get(), net::error::broken_pipe);
  EXPECT_FALSE(out.take_unwritten().value().empty());
}

TEST_F(Pipe, read_that_is_cancelled_loses_nothing) {
  net::cancellation_signal signal;
  HandoffBuffer buffer;
  CountOutcome cancelled;
  buffer.async_read_available(pipe.first,
                              net::bind_cancellation_slot(signal.slot(), cancelled.handler()));
  run_ready(context);
  signal.emit(net::cancellation_type::total);
  ASSERT_TRUE(run_until(context, [&] { return cancelled.has_come(); }));
  cancelled.expect(net::error::operation_aborted, 0);
  net::write(pipe.second, net::buffer("abc", 3));
  CountOutcome next;
  buffer.async_read_available(pipe.first, next.handler());
  ASSERT_TRUE(run_until(context, [&] { return next.has_come(); }));
  next.expect({}, 3);
  EXPECT_EQ(buffer.peek_view(), "abc");
}

TEST_F(Pipe, abort_cancels_the_write_under_way) {
  auto out = WriteHandoff::spawn(std::move(pipe.second), {}).value();
  EXPECT_TRUE(out.try_write_detached(text(std::string(500000, 'x'))));
  run_ready(context);
  out.abort();
  ASSERT_TRUE(run_out(context)) << "the write is still with the pipe";
  EXPECT_LT(out.take_unwritten().value().at(0).size(), 500000U);
}

TEST_F(Pipe, end_that_tells_when_it_is_readable_costs_no_block_while_idle) {
  CountingResource blocks;
  HandoffBufferConfig config;
  config.block_source = &blocks;
  HandoffBuffer buffer = HandoffBuffer::create(config).value();
  CountOutcome outcome;
  buffer.async_read_available(pipe.first, outcome.handler());
  run_ready(context);
  EXPECT_EQ(blocks.blocks_out(), detail::ReadinessReadStream<ReadablePipe> ? 0U : 1U);
  net::write(pipe.second, net::buffer("abc", 3));
  ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
  outcome.expect({}, 3);
}

}  // namespace
}  // namespace bytes_handoff::test
