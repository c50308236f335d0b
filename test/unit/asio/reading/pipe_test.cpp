// Pipes: one way each, and neither end has more than its stream concept and a non-blocking mode.

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/queue/unwritten.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/streams/pipes.hpp"

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
  auto out =
      std::optional(WriteHandoff(std::move(pipe.second), limits(kWrites, kWrites * kBytesEach)));
  std::string expected;
  for (std::size_t i = 0; i < kWrites; ++i) {
    expected += pattern(kBytesEach, i);
    EXPECT_TRUE(try_send(*out, pattern(kBytesEach, i)));
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
  auto out = WriteHandoff(std::move(pipe.second), {});
  EXPECT_TRUE(try_send(out, std::string(500000, 'x')));
  run_ready(context);
  Outcome<net_error_code> closed;
  out.async_closed(closed.handler());
  pipe.first.close();
  ASSERT_TRUE(run_until(context, [&] { return closed.has_come(); }));
  EXPECT_EQ(closed.get(), net::error::broken_pipe);
  EXPECT_FALSE(unwritten_of(out).value().empty());
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
  auto out = WriteHandoff(std::move(pipe.second), {});
  EXPECT_TRUE(try_send(out, std::string(500000, 'x')));
  run_ready(context);
  out.abort();
  ASSERT_TRUE(run_out(context)) << "the write is still with the pipe";
  EXPECT_GT(unwritten_of(out).value().first_written, 0U);
}

TEST_F(Pipe, end_that_tells_when_it_is_readable_costs_no_block_while_idle) {
  CountingResource blocks;
  HandoffBufferConfig config;
  config.block_source = &blocks;
  HandoffBuffer buffer(config);
  CountOutcome outcome;
  buffer.async_read_available(pipe.first, outcome.handler());
  run_ready(context);
  EXPECT_EQ(blocks.blocks_out(), detail::ReadinessReadStream<ReadablePipe> ? 0U : 1U);
  net::write(pipe.second, net::buffer("abc", 3));
  ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
  outcome.expect({}, 3);
}

/// A descriptor that the reactor cannot wait for.
class File : public testing::Test {
 protected:
  using Descriptor = net::posix::basic_stream_descriptor<net::io_context::executor_type>;

  void expect_read(Descriptor& file, std::string_view all) {
    std::string got;
    for (bool is_over = false; !is_over;) {
      bool has_come = false;
      buffer.async_read_available(file, [&](net_error_code error, std::size_t n) {
        EXPECT_FALSE(error) << error.message();
        has_come = true;
        is_over = error || n == 0;
      });
      ASSERT_TRUE(run_until(context, [&] { return has_come; }));
      got += buffer.freeze_all().view();
    }
    EXPECT_EQ(got == all, true);
  }

  net::io_context context{1};
  HandoffBuffer buffer;
};

TEST_F(File, is_read_to_its_end) {
  std::FILE* const made = std::tmpfile();
  ASSERT_NE(made, nullptr);
  const std::string all = pattern(200000);
  ASSERT_EQ(std::fwrite(all.data(), 1, all.size(), made), all.size());
  ASSERT_EQ(std::fflush(made), 0);
  Descriptor file(context, ::dup(::fileno(made)));
  std::fclose(made);
  ::lseek(file.native_handle(), 0, SEEK_SET);
  expect_read(file, all);
}

TEST_F(File, that_is_empty_for_ever_ends_at_once) {
  Descriptor file(context, ::open("/dev/null", O_RDONLY));
  expect_read(file, "");
}

}  // namespace
}  // namespace bytes_handoff::test
