// Waiting for a whole frame of a stream of one's own, of a pipe and of a file; and a real reset.

#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/framers.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "support/memory/throwing.hpp"
#include "support/streams/frame_waits.hpp"
#include "support/streams/pipes.hpp"
#include "support/streams/socket_pairs.hpp"
#include "support/streams/test_streams.hpp"

namespace bytes_handoff::test {
namespace {

/// Streams that only meet the concept.
class WaitFrameOfOwnStream : public testing::Test {
 protected:
  void expect(const net_error_code& error, std::size_t n) {
    expect_wait(context, buffer, stream, lines, error, n);
  }
  void take(std::size_t n) { EXPECT_TRUE(buffer.advance(n).has_value()); }

  std::shared_ptr<StreamScript> script = std::make_shared<StreamScript>();
  net::io_context context{1};
  IoStream stream{context.get_executor(), script};
  HandoffBuffer buffer = buffer_of(100);
  DelimiterFramer lines{"\n"};
};

TEST_F(WaitFrameOfOwnStream, is_not_read_when_a_frame_is_there) {
  script->input = "one\ntwo\nthree";
  expect({}, 4);
  const unsigned calls = script->calls;
  take(4);
  expect({}, 4);
  EXPECT_EQ(script->calls, calls);
  take(4);
  expect(Errc::truncated_frame, 0);
  EXPECT_GT(script->calls, calls);
}

TEST_F(WaitFrameOfOwnStream, that_drips_is_read_until_the_frame_is_whole) {
  script->most_per_call = 1;
  script->input = "one frame\n2";
  expect({}, 10);
  EXPECT_EQ(script->calls, 10U);
  EXPECT_EQ(buffer.peek_view(), "one frame\n");
}

TEST_F(WaitFrameOfOwnStream, is_not_read_once_the_framers_error_is_known) {
  DelimiterFramer short_lines("\n", {.max_content = 3});
  script->most_per_call = 2;
  script->input = "abcdef\n";
  expect_wait(context, buffer, stream, short_lines, Errc::frame_too_long, 0);
  EXPECT_EQ(script->calls, 2U);
  expect_wait(context, buffer, stream, short_lines, Errc::frame_too_long, 0);
  EXPECT_EQ(script->calls, 2U);
  EXPECT_EQ(buffer.peek_view(), "abcd");
}

TEST_F(WaitFrameOfOwnStream, whose_error_comes_with_a_frame_tells_it_at_the_next_read) {
  const std::array<net_error_code, 3> errors{net::error::connection_reset,
                                             net_error_code(net::error::no_data),
                                             net_error_code(make_error_code(Errc::timed_out))};
  for (const net_error_code& error : errors) {
    script->input = "one\ntwo\n3";
    script->fail_at = script->calls;
    script->bytes_with_error = 9;
    script->error = error;
    expect({}, 4);
    take(4);
    expect({}, 4);
    take(4);
    const unsigned calls = script->calls;
    expect(error, 0);
    EXPECT_EQ(script->calls, calls) << "it is not read for it";
    EXPECT_EQ(buffer.peek_view(), "3");
    expect(Errc::truncated_frame, 0);
    take(1);
  }
}

TEST_F(WaitFrameOfOwnStream, whose_error_comes_with_the_framers_tells_both) {
  DelimiterFramer short_lines("\n", {.max_content = 3});
  script->input = "abcdef\n";
  script->fail_at = 0;
  script->bytes_with_error = 7;
  script->error = net::error::connection_reset;
  expect_wait(context, buffer, stream, short_lines, Errc::frame_too_long, 0);
  take(7);
  expect_wait(context, buffer, stream, short_lines, net::error::connection_reset, 0);
  expect_wait(context, buffer, stream, short_lines, {}, 0);
}

TEST_F(WaitFrameOfOwnStream, whose_error_comes_inside_of_a_frame_tells_it_once_and_keeps_the_rest) {
  script->input = "one\n";
  script->fail_at = 0;
  script->bytes_with_error = 2;
  script->error = net::error::connection_reset;
  expect(net::error::connection_reset, 0);
  EXPECT_EQ(buffer.peek_view(), "on");
  expect({}, 4);
}

TEST_F(WaitFrameOfOwnStream, that_is_cancelled_with_a_whole_frame_tells_the_frame_alone) {
  script->input = "one\n";
  script->fail_at = 0;
  script->bytes_with_error = 4;
  script->error = net::error::operation_aborted;
  expect({}, 4);
  take(4);
  expect({}, 0);
}

TEST_F(WaitFrameOfOwnStream, a_tail_does_not_carry_the_error) {
  script->input = "one\n";
  script->fail_at = 0;
  script->bytes_with_error = 4;
  script->error = net::error::connection_reset;
  expect({}, 4);
  BytesMut tail = buffer.take_tail();
  auto next = HandoffBuffer::from_tail(tail, {});
  ASSERT_TRUE(next.has_value());
  ASSERT_TRUE(next->advance(4).has_value());
  expect_wait(context, *next, stream, lines, {}, 0);
  expect(net::error::connection_reset, 0);
}

TEST_F(WaitFrameOfOwnStream, whose_end_comes_with_a_frame_gives_the_frame_first) {
  script->input = "one\n";
  script->fail_at = 0;
  script->bytes_with_error = 4;
  script->error = net::error::eof;
  expect({}, 4);
  take(4);
  expect({}, 0);
}

TEST_F(WaitFrameOfOwnStream, that_throws_from_its_initiation_leaves_the_buffer_usable) {
  script->most_per_call = 2;
  script->input = "one\n";
  script->throw_at = 1;
  expect(Errc::stream_exception, 0);
  EXPECT_EQ(buffer.peek_view(), "on");
  expect({}, 4);
}

/// A framer that throws once it has seen two bytes.
struct Thrower {
  FrameScan scan(const FrameWindow& window) const {
    if (window.size() < 2) {
      return FrameScan::need_at_least(2);
    }
    throw_as(what);
    return FrameScan::complete(2);
  }
  Throws what;
};

TEST_F(WaitFrameOfOwnStream, what_a_framer_throws_is_the_waits_error) {
  for (const Throws what : kThrows) {
    Thrower thrower{what};
    script->most_per_call = 1;
    script->input = "ab";
    expect_wait(context, buffer, stream, thrower, error_of(what), 0);
    expect_wait(context, buffer, stream, thrower, error_of(what), 0);
    thrower.what = Throws::nothing;
    expect_wait(context, buffer, stream, std::as_const(thrower), {}, 2);
    take(2);
  }
}

TEST_F(WaitFrameOfOwnStream, takes_every_token_and_honours_executors) {
  script->input = "ab\ncd\nef\ngh\n";
  script->most_per_call = 2;
  net::io_context other(1);
  bool ended = false;
  const auto coroutine = [&]() -> net::awaitable<void> {
    EXPECT_EQ(co_await buffer.async_wait_frame(stream, lines, net::use_awaitable), 3U);
    take(3);
    auto [error, n] = co_await buffer.async_wait_frame(stream, lines, as_tuple(net::use_awaitable));
    EXPECT_FALSE(error);
    EXPECT_EQ(n, 3U);
    take(3);
    ended = true;
  };
  net::co_spawn(context, coroutine, net::detached);
  ASSERT_TRUE(run_until(context, [&] { return ended; }));
  auto future = buffer.async_wait_frame(stream, lines, net::use_future);
  ASSERT_TRUE(run_out(context));
  EXPECT_EQ(future.get(), 3U);
  take(3);
  bool called = false;
  auto lazy = buffer.async_wait_frame(stream, lines, deferred);
  std::move(lazy)(
      net::bind_executor(other, [&, only = std::make_unique<int>()](net_error_code, std::size_t n) {
        EXPECT_TRUE(other.get_executor().running_in_this_thread());
        EXPECT_EQ(n, 3U);
        called = true;
      }));
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (!called && std::chrono::steady_clock::now() < give_up) {
    run_ready(context);
    run_ready(other);
  }
  EXPECT_TRUE(called);
}

TEST(WaitFrameOfPipe, tells_frames_and_the_end) {
  net::io_context context(1);
  auto [near, far] = make_pipe(context);
  HandoffBuffer buffer;
  net::write(far, net::buffer("one\ntwo\n", 8));
  far.close();
  net_error_code error;
  EXPECT_EQ(all_lines(context, buffer, near, error), (std::vector<std::string>{"one\n", "two\n"}));
  EXPECT_FALSE(error) << error.message();
}

TEST(WaitFrameOfFile, tells_frames_of_many_reads_and_a_cut_end) {
  std::FILE* const made = std::tmpfile();
  ASSERT_NE(made, nullptr);
  const std::string long_line = std::string(9999, 'x') + '\n';
  for (int i = 0; i < 3; ++i) {
    ASSERT_GE(std::fputs(long_line.c_str(), made), 0);
  }
  ASSERT_GE(std::fputs("cut", made), 0);
  ASSERT_EQ(std::fflush(made), 0);
  net::io_context context(1);
  net::posix::basic_stream_descriptor<net::io_context::executor_type> file(context,
                                                                           ::dup(::fileno(made)));
  std::fclose(made);
  ::lseek(file.native_handle(), 0, SEEK_SET);
  HandoffBufferConfig config;
  config.block_size = 2000;
  config.read_reserve = 500;
  HandoffBuffer buffer(config);
  net_error_code error;
  EXPECT_EQ(all_lines(context, buffer, file, error),
            (std::vector<std::string>{long_line, long_line, long_line}));
  EXPECT_EQ(error, net_error_code(make_error_code(Errc::truncated_frame))) << error.message();
  EXPECT_EQ(buffer.peek_view(), "cut");
}

/// A TCP connection whose peer resets it behind a frame and a half. The reset comes behind bytes of
/// one read, and the socket has forgotten it: it says the end next.
class ResetBehindAFrame : public testing::Test {
 protected:
  // A socket is read again behind its 64th short read.
  void SetUp() override {
    for (unsigned reads = 1; reads < detail::ReadOn::kProbeEvery; ++reads) {
      net::write(ends.second, net::buffer("x\n", 2));
      expect({}, 2);
      ASSERT_TRUE(buffer.advance(2).has_value());
    }
    net::write(ends.second, net::buffer("last\nand half", 13));
    ends.second.set_option(net::socket_base::linger(true, 0));
    ends.second.close();
    CountOutcome there;
    ends.first.async_wait(net::socket_base::wait_error,
                          [&](net_error_code error) { there.handler()(error, 0); });
    ASSERT_TRUE(run_until(context, [&] { return there.has_come(); }));
    expect({}, 5);
    EXPECT_EQ(buffer.peek_view(), "last\nand half");
    std::array<char, 1> room{};
    net_error_code told;
    ends.first.read_some(net::buffer(room), told);
    ASSERT_EQ(told, net::error::eof);
  }
  void expect(const net_error_code& error, std::size_t n) {
    expect_wait(context, buffer, ends.first, lines, error, n);
  }
  void expect_read(HandoffBuffer& reads, const net_error_code& error) {
    CountOutcome outcome;
    reads.async_read_available(ends.first, outcome.handler());
    EXPECT_FALSE(outcome.has_come());
    ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
    outcome.expect(error, 0);
  }

  net::io_context context{1};
  std::pair<TcpPair::Stream, TcpPair::Stream> ends = TcpPair::make(context);
  HandoffBuffer buffer;
  DelimiterFramer lines{"\n"};
};

TEST_F(ResetBehindAFrame, is_told_by_the_next_wait_once) {
  expect({}, 5);
  ASSERT_TRUE(buffer.advance(5).has_value());
  expect(net::error::connection_reset, 0);
  EXPECT_EQ(buffer.peek_view(), "and half");
  expect(Errc::truncated_frame, 0);
}

TEST_F(ResetBehindAFrame, is_told_by_the_next_read_once) {
  expect_read(buffer, net::error::connection_reset);
  expect_read(buffer, {});
  EXPECT_EQ(buffer.peek_view(), "last\nand half");
}

TEST_F(ResetBehindAFrame, moves_with_the_buffer) {
  HandoffBuffer moved(std::move(buffer));
  expect_read(moved, net::error::connection_reset);
  expect_read(buffer, {});  // the source has nothing of it
}

}  // namespace
}  // namespace bytes_handoff::test
