// What happens between the steps of a wait for a frame: cancellation, streams that complete inline,
// and contexts and buffers that go.

#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "bytes_handoff/framers.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "support/hostile_executor.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/queue/probes.hpp"
#include "support/reading/stepped_read.hpp"
#include "support/run_for.hpp"
#include "support/sampled_types.hpp"
#include "support/streams/socket_pairs.hpp"
#include "support/streams/test_streams.hpp"

namespace bytes_handoff::test {
namespace {

template <class Pair>
class WaitFrameSteps : public testing::Test {
 protected:
  struct Run : SteppedRead<Pair> {
    void start(CountOutcome& outcome) {
      this->buffer->async_wait_frame(this->pair.first, lines, this->held_back(outcome));
    }

    DelimiterFramer lines{"\n"};
  };
};
using Pairs = SampledTypes<TcpPair, UnixPair, DuplexPair>;
TYPED_TEST_SUITE(WaitFrameSteps, Pairs);

// Points: the first wait under way; over, its step held back; behind a first read, the delay under
// way; over, its step held back; the second wait under way; over, its step held back.
TYPED_TEST(WaitFrameSteps, a_cancellation_at_any_point_ends_the_wait_and_loses_nothing) {
  for (const auto type : kCancellations) {
    for (int point = 0; point < 6; ++point) {
      typename TestFixture::Run run;
      CountOutcome cancelled;
      run.start(cancelled);
      if (point > 0) {
        run.write("a");
        ASSERT_TRUE(run.reach_step());
      }
      if (point > 1) {
        run.run_step();
      }
      if (point > 2) {
        ASSERT_TRUE(run.reach_step());
      }
      if (point > 3) {
        run.run_step();
      }
      if (point > 4) {
        run.write("b");
        ASSERT_TRUE(run.reach_step());
      }
      ASSERT_FALSE(cancelled.has_come());
      run.signal.emit(type);
      ASSERT_TRUE(run.finish(cancelled)) << "point " << point;
      cancelled.expect(net::error::operation_aborted, 0);
      EXPECT_FALSE(front_end::is_reading(*run.buffer));

      run.write(point == 0 ? "ab\n" : point <= 4 ? "b\n" : "\n");
      CountOutcome next;
      run.start(next);
      ASSERT_TRUE(run.finish(next));
      next.expect({}, 3);
      EXPECT_EQ(run.buffer->peek_view(), "ab\n");
    }
  }
}

TYPED_TEST(WaitFrameSteps, a_wait_that_goes_with_its_context_leaves_the_buffer_usable) {
  for (const std::string_view before : {"", "half"}) {
    HandoffBuffer buffer;
    DelimiterFramer lines("\n");
    Sentinel never;
    {
      net::io_context context(1);
      auto pair = TypeParam::make(context);
      buffer.async_wait_frame(pair.first, lines, never.handler());
      if (!before.empty()) {
        net::write(pair.second, net::buffer(before));
      }
      run_ready(context);
      EXPECT_TRUE(front_end::is_reading(buffer));
    }
    EXPECT_TRUE(never.is_destroyed());
    EXPECT_EQ(never.calls(), 0U);
    EXPECT_FALSE(front_end::is_reading(buffer));
    EXPECT_EQ(buffer.peek_view(), before);

    net::io_context context(1);
    auto pair = TypeParam::make(context);
    net::write(pair.second, net::buffer("\n", 1));
    CountOutcome outcome;
    buffer.async_wait_frame(pair.first, lines, outcome.handler());
    ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
    outcome.expect({}, before.size() + 1);
  }
}

TYPED_TEST(WaitFrameSteps, a_buffer_and_its_framer_may_go_before_the_context) {
  Sentinel never;
  {
    net::io_context context(1);
    auto pair = TypeParam::make(context);
    HandoffBuffer buffer;
    DelimiterFramer lines("\n");
    buffer.async_wait_frame(pair.first, lines, never.handler());
  }
  EXPECT_TRUE(never.is_destroyed());
  EXPECT_EQ(never.calls(), 0U);
}

/// A stream that completes from inside of its initiating function, a byte a time.
class InlineBytes {
 public:
  using executor_type = net::io_context::executor_type;
  explicit InlineBytes(net::io_context& context) : executor_(context.get_executor()) {}
  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

  template <class Handler>
  void async_read_some(const net::mutable_buffer& room, Handler&& handler) {
    ++reads;
    std::memset(room.data(), reads == newline_at ? '\n' : 'x', 1);
    std::forward<Handler>(handler)(net_error_code(), 1);
  }

  std::size_t reads = 0;
  std::size_t newline_at = 0;

 private:
  executor_type executor_;
};

/// The same, as a stream that is readable whenever it is asked.
class InlineReadyBytes : public net::socket_base, public InlineBytes {
 public:
  using InlineBytes::InlineBytes;
  [[nodiscard]] bool non_blocking() const noexcept { return true; }
  void non_blocking(bool, net_error_code& error) noexcept { error = {}; }
  std::size_t read_some(const net::mutable_buffer& room, net_error_code& error) {
    error = {};
    ++reads;
    std::memset(room.data(), reads == newline_at ? '\n' : 'x', 1);
    return 1;
  }
  template <class Handler>
  void async_wait(wait_type, Handler&& handler) {
    std::forward<Handler>(handler)(net_error_code());
  }
};

template <class Stream>
class WaitFrameInline : public testing::Test {};
using InlineStreams = testing::Types<InlineBytes, InlineReadyBytes>;
TYPED_TEST_SUITE(WaitFrameInline, InlineStreams);

TYPED_TEST(WaitFrameInline, a_frame_of_very_many_reads_needs_no_stack_and_lets_others_run) {
  constexpr std::size_t kReads = 50'000;
  net::io_context context(1);
  TypeParam stream(context);
  stream.newline_at = kReads;
  HandoffBuffer buffer;
  DelimiterFramer lines("\n");
  CountOutcome outcome;
  std::size_t turns = 0;
  std::function<void()> other = [&] {
    ++turns;
    if (!outcome.has_come()) {
      net::post(context, other);
    }
  };
  buffer.async_wait_frame(stream, lines, outcome.handler());
  EXPECT_FALSE(outcome.has_come());
  EXPECT_LE(stream.reads, detail::ReadOn::kMostReads * detail::ReadOn::kMostReads);
  EXPECT_TRUE(front_end::is_reading(buffer));
  net::post(context, other);
  ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
  outcome.expect({}, kReads);
  EXPECT_GE(turns, kReads / (detail::ReadOn::kMostReads * detail::ReadOn::kMostReads) - 1);
}

TYPED_TEST(WaitFrameInline, a_cancellation_while_others_run_ends_the_wait) {
  for (const auto type : kCancellations) {
    net::io_context context(1);
    TypeParam stream(context);
    HandoffBuffer buffer;
    DelimiterFramer lines("\n");
    net::cancellation_signal signal;
    CountOutcome outcome;
    buffer.async_wait_frame(stream, lines,
                            net::bind_cancellation_slot(signal.slot(), outcome.handler()));
    const std::size_t reads = stream.reads;
    CountOutcome refused;
    buffer.async_read_available(stream, refused.handler());
    signal.emit(type);
    ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
    outcome.expect(net::error::operation_aborted, 0);
    ASSERT_TRUE(run_out(context));
    refused.expect(Errc::read_in_progress, 0);
    EXPECT_EQ(stream.reads, reads);
    EXPECT_EQ(buffer.size(), reads);
    EXPECT_FALSE(front_end::is_reading(buffer));
  }
}

TYPED_TEST(WaitFrameInline, a_wait_that_lets_others_run_may_go_with_its_context) {
  HandoffBuffer buffer;
  DelimiterFramer lines("\n");
  Sentinel never;
  {
    net::io_context context(1);
    TypeParam stream(context);
    buffer.async_wait_frame(stream, lines, never.handler());
    EXPECT_TRUE(front_end::is_reading(buffer));
  }
  EXPECT_TRUE(never.is_destroyed());
  EXPECT_FALSE(front_end::is_reading(buffer));
  EXPECT_FALSE(buffer.empty());
}

TYPED_TEST(WaitFrameInline, without_memory_to_let_others_run_the_wait_fails) {
  net::io_context context(1);
  TypeParam stream(context);
  HandoffBuffer buffer;
  DelimiterFramer lines("\n");
  CountingResource resource;
  const std::pmr::polymorphic_allocator<std::byte> allocator(&resource);
  CountOutcome outcome;
  buffer.async_wait_frame(stream, lines, net::bind_allocator(allocator, outcome.handler()));
  resource.fail(true);
  EXPECT_FALSE(outcome.has_come());
  ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
  outcome.expect(net::error::no_memory, 0);
  EXPECT_FALSE(front_end::is_reading(buffer));
  EXPECT_EQ(buffer.size(), stream.reads);
}

TEST(WaitFrameSuspended, by_each_of_its_reads_it_is_not_posted_besides) {
  constexpr std::size_t kReads = 41;
  HostileContext late(Hostility::late);
  net::io_context context(1);
  const auto script = std::make_shared<StreamScript>();
  script->most_per_call = 1;
  script->input = std::string(kReads - 1, 'x') + '\n';
  IoStream stream(context.get_executor(), script);
  HandoffBuffer buffer;
  DelimiterFramer lines("\n");
  CountOutcome outcome;
  buffer.async_wait_frame(stream, lines,
                          net::bind_executor(late.get_executor(), outcome.handler()));
  while (!outcome.has_come()) {
    ASSERT_TRUE(late.run_one());
  }
  outcome.expect({}, kReads);
  EXPECT_EQ(late.submitted(), kReads);
}

// Cancelled while a read is under way whose stream does not listen: the wait ends behind it.
class WaitFrameUncancelled : public testing::Test {
 protected:
  WaitFrameUncancelled() {
    script->hold_from = 0;
    script->honours_cancellation = false;
    script->input = "one\n";
    buffer.async_wait_frame(stream, lines,
                            net::bind_cancellation_slot(signal.slot(), outcome.handler()));
    signal.emit(net::cancellation_type::total);
    EXPECT_TRUE(script->cancel_was_asked);
  }

  std::shared_ptr<StreamScript> script = std::make_shared<StreamScript>();
  net::io_context context{1};
  IoStream stream{context.get_executor(), script};
  net::cancellation_signal signal;
  HandoffBuffer buffer;
  DelimiterFramer lines{"\n"};
  CountOutcome outcome;
};

TEST_F(WaitFrameUncancelled, ends_behind_the_read_that_brings_no_frame) {
  script->complete({}, 2);
  ASSERT_TRUE(run_out(context));
  outcome.expect(net::error::operation_aborted, 0);
  EXPECT_EQ(buffer.peek_view(), "on");
  EXPECT_EQ(script->calls, 1U);
}

TEST_F(WaitFrameUncancelled, tells_the_frame_that_the_read_brings) {
  script->complete({}, 4);
  ASSERT_TRUE(run_out(context));
  outcome.expect({}, 4);
}

TEST_F(WaitFrameUncancelled, tells_the_streams_error_that_comes_instead) {
  script->complete(net::error::connection_reset, 2);
  ASSERT_TRUE(run_out(context));
  outcome.expect(net::error::connection_reset, 0);
}

TEST(WaitFrameGathers, a_frame_that_is_there_is_not_delayed) {
  net::io_context context(1);
  auto [near, far] = UnixPair::make(context);
  HandoffBufferConfig config;
  config.gather_for = std::chrono::hours(1);
  HandoffBuffer buffer(config);
  DelimiterFramer lines("\n");
  net::write(far, net::buffer("a\nb\n", 4));
  for (int frames = 0; frames < 2; ++frames) {
    CountOutcome outcome;
    buffer.async_wait_frame(near, lines, outcome.handler());
    run_ready(context);
    outcome.expect({}, 2);
    ASSERT_TRUE(buffer.advance(2).has_value());
  }
  CountOutcome delayed;
  net::cancellation_signal signal;
  net::write(far, net::buffer("c\n", 2));
  buffer.async_wait_frame(near, lines,
                          net::bind_cancellation_slot(signal.slot(), delayed.handler()));
  run_ready(context);
  EXPECT_FALSE(delayed.has_come());
  signal.emit(net::cancellation_type::total);
  ASSERT_TRUE(run_out(context));
  delayed.expect(net::error::operation_aborted, 0);
}

#if BYTES_HANDOFF_CHECKS

TYPED_TEST(WaitFrameSteps, a_buffer_that_is_moved_while_a_wait_runs_aborts) {
  typename TestFixture::Run run;
  CountOutcome outcome;
  run.start(outcome);
  EXPECT_DEATH(HandoffBuffer moved(std::move(*run.buffer)),
               "HandoffBuffer: moved while a read runs");
  EXPECT_DEATH(static_cast<void>(run.buffer->advance(0)), "HandoffBuffer::advance while a read");
  run.write("a\n");
  ASSERT_TRUE(run.finish(outcome));
}

TYPED_TEST(WaitFrameSteps, a_wait_that_goes_on_without_its_buffer_aborts) {
  typename TestFixture::Run run;
  CountOutcome outcome;
  run.start(outcome);
  run.buffer.reset();
  run.write("a");
  EXPECT_DEATH(static_cast<void>(run.finish(outcome)), "HandoffBuffer: destroyed while a read ran");
}

#endif

}  // namespace
}  // namespace bytes_handoff::test
