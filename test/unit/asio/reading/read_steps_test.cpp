// What happens between the steps of a read: cancellation, streams that complete inline or throw,
// and contexts and buffers that go.

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "support/hostile_executor.hpp"
#include "support/memory/aligned_state.hpp"
#include "support/memory/throwing.hpp"
#include "support/queue/probes.hpp"
#include "support/reading/stepped_read.hpp"
#include "support/run_for.hpp"
#include "support/sampled_types.hpp"
#include "support/sanitizers.hpp"
#include "support/streams/socket_pairs.hpp"
#include "support/streams/test_streams.hpp"

namespace bytes_handoff::test {
namespace {

template <class Pair>
class ReadSteps : public testing::Test {
 protected:
  struct Run : SteppedRead<Pair> {
    void start(CountOutcome& outcome) {
      this->buffer->async_read_available(this->pair.first, this->held_back(outcome));
    }
  };
};
using Pairs = SampledTypes<TcpPair, UnixPair, DuplexPair>;
TYPED_TEST_SUITE(ReadSteps, Pairs);

// Points: the delay under way; over, its step held back; the wait under way; over, its step held
// back. Nothing else ever makes the read end.
TYPED_TEST(ReadSteps, a_cancellation_at_any_point_ends_the_read_and_loses_nothing) {
  for (const auto type : kCancellations) {
    for (int point = 0; point < 4; ++point) {
      typename TestFixture::Run run;
      CountOutcome first;
      run.write("a");
      run.start(first);
      ASSERT_TRUE(run.finish(first));
      first.expect({}, 1);

      CountOutcome cancelled;
      run.start(cancelled);
      if (point > 0) {
        ASSERT_TRUE(run.reach_step());
      }
      if (point > 1) {
        run.run_step();
      }
      if (point > 2) {
        run.write("b");
        ASSERT_TRUE(run.reach_step());
      }
      ASSERT_FALSE(cancelled.has_come());
      run.signal.emit(type);
      ASSERT_TRUE(run.finish(cancelled)) << "point " << point;
      cancelled.expect(net::error::operation_aborted, 0);
      EXPECT_FALSE(front_end::is_reading(*run.buffer));

      CountOutcome next;
      if (point <= 2) {
        run.write("b");
      }
      run.start(next);
      ASSERT_TRUE(run.finish(next));
      next.expect({}, 1);
      EXPECT_EQ(run.buffer->peek_view(), "ab");
    }
  }
}

TYPED_TEST(ReadSteps, a_signal_may_be_emitted_again_when_the_read_is_over) {
  typename TestFixture::Run run;
  CountOutcome outcome;
  run.start(outcome);
  run.write("a");
  ASSERT_TRUE(run.finish(outcome));
  run.signal.emit(net::cancellation_type::terminal);
  outcome.expect({}, 1);
}

TYPED_TEST(ReadSteps, a_signal_may_go_before_its_read_or_be_emitted_when_all_else_has_gone) {
  Sentinel never;
  net::cancellation_signal late;
  {
    net::io_context context(1);
    auto pair = TypeParam::make(context);
    HandoffBuffer buffer;
    buffer.async_read_available(pair.first,
                                net::bind_cancellation_slot(late.slot(), never.handler()));
    HandoffBuffer other;
    CountOutcome outcome;
    {
      net::cancellation_signal gone;
      other.async_read_available(pair.second,
                                 net::bind_cancellation_slot(gone.slot(), outcome.handler()));
    }
    net::write(pair.first, net::buffer("x", 1));
    ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
    outcome.expect({}, 1);
  }
  late.emit(net::cancellation_type::terminal);
  EXPECT_TRUE(never.is_destroyed());
  EXPECT_EQ(never.calls(), 0U);
}

TYPED_TEST(ReadSteps, a_read_that_goes_with_its_context_leaves_the_buffer_usable) {
  HandoffBuffer buffer;
  Sentinel never;
  {
    net::io_context context(1);
    auto pair = TypeParam::make(context);
    net::write(pair.second, net::buffer("abc", 3));
    CountOutcome outcome;
    buffer.async_read_available(pair.first, outcome.handler());
    ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
    buffer.async_read_available(pair.first, never.handler());
    EXPECT_TRUE(front_end::is_reading(buffer));
  }
  EXPECT_TRUE(never.is_destroyed());
  EXPECT_EQ(never.calls(), 0U);
  EXPECT_FALSE(front_end::is_reading(buffer));

  HandoffBuffer moved(std::move(buffer));
  EXPECT_FALSE(front_end::is_reading(moved));
  EXPECT_EQ(moved.peek_view(), "abc");
  net::io_context context(1);
  auto pair = TypeParam::make(context);
  net::write(pair.second, net::buffer("def", 3));
  CountOutcome outcome;
  moved.async_read_available(pair.first, outcome.handler());
  ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
  EXPECT_EQ(moved.peek_view(), "abcdef");
}

TYPED_TEST(ReadSteps, a_buffer_may_go_before_the_context_of_its_read) {
  Sentinel never;
  {
    net::io_context context(1);
    auto pair = TypeParam::make(context);
    HandoffBuffer buffer;
    buffer.async_read_available(pair.first, never.handler());
  }
  EXPECT_TRUE(never.is_destroyed());
  EXPECT_EQ(never.calls(), 0U);
}

TYPED_TEST(ReadSteps, a_handler_may_own_the_buffer_of_a_read_that_goes_with_its_context) {
  Sentinel never;
  {
    net::io_context context(1);
    auto pair = TypeParam::make(context);
    auto buffer = std::make_unique<HandoffBuffer>();
    HandoffBuffer& reads = *buffer;
    reads.async_read_available(pair.first, [owned = std::move(buffer), counted = never.handler()](
                                               net_error_code, std::size_t) { counted(); });
  }
  EXPECT_TRUE(never.is_destroyed());
}

/// A stream that completes from inside of its initiating functions, without end.
class InlineReadStream {
 public:
  using executor_type = net::io_context::executor_type;
  explicit InlineReadStream(net::io_context& context) : executor_(context.get_executor()) {}
  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

  template <class Handler>
  void async_read_some(const net::mutable_buffer& room, Handler&& handler) {
    throw_as(at_read);
    std::memset(room.data(), 'x', most);
    std::forward<Handler>(handler)(net_error_code(), most);
  }

  Throws at_read = Throws::nothing;
  std::size_t most = 1;

 private:
  executor_type executor_;
};

/// The same with readiness: its waits complete inline, too, and every second one was for nothing.
class InlineReadyStream : public net::socket_base, public InlineReadStream {
 public:
  using InlineReadStream::InlineReadStream;
  [[nodiscard]] bool non_blocking() const noexcept { return true; }
  void non_blocking(bool, net_error_code& error) noexcept { error = {}; }

  std::size_t read_some(const net::mutable_buffer& room, net_error_code& error) {
    throw_as(at_read);
    if (false_alarms != 0) {
      --false_alarms;
      error = net::error::would_block;
      return 0;
    }
    std::memset(room.data(), 'x', 1);
    return 1;
  }
  template <class Handler>
  void async_wait(wait_type, Handler&& handler) {
    throw_as(at_wait);
    std::forward<Handler>(handler)(net_error_code());
  }

  Throws at_wait = Throws::nothing;
  std::size_t false_alarms = 0;
};

// A chain of reads, each started by the handler of the one before.
template <class Stream>
struct Chain {
  void read() {
    buffer.async_read_available(stream, [this](net_error_code error, std::size_t n) {
      ASSERT_FALSE(error);
      ASSERT_TRUE(buffer.advance(n).has_value());
      if (--left != 0) {
        read();
      }
    });
  }
  Stream& stream;
  std::size_t left;
  HandoffBuffer buffer{};
};

// More than any stack has room for; with AddressSanitizer, which is slow, that is less.
constexpr std::size_t kInlineReads = BYTES_HANDOFF_TEST_WITH_ASAN ? 100'000 : 1'000'000;

TEST(InlineReads, any_number_that_completes_inside_of_their_start_needs_no_stack) {
  net::io_context context(1);
  InlineReadStream stream(context);
  Chain<InlineReadStream> chain{stream, kInlineReads};
  chain.read();
  EXPECT_EQ(chain.left, kInlineReads) << "never from inside of the initiating function";
  ASSERT_TRUE(run_out(context));
  EXPECT_EQ(chain.left, 0U);
}

TEST(InlineReads, a_million_waits_that_complete_inside_of_their_start_need_no_stack) {
  net::io_context context(1);
  InlineReadyStream stream(context);
  stream.false_alarms = 1'000'000;
  Chain<InlineReadyStream> chain{stream, 10};
  chain.read();
  ASSERT_TRUE(run_out(context));
  EXPECT_EQ(chain.left, 0U);
}

template <class Stream>
void expect_read(net::io_context& context, HandoffBuffer& buffer, Stream& stream,
                 const net_error_code& error, std::size_t n) {
  CountOutcome outcome;
  buffer.async_read_available(stream, outcome.handler());
  EXPECT_FALSE(outcome.has_come()) << "never from inside of the initiating function";
  ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
  outcome.expect(error, n);
  EXPECT_FALSE(front_end::is_reading(buffer));
}

TEST(ThrowingReads, what_a_stream_throws_is_the_reads_error) {
  for (const Throws what : kThrows) {
    net::io_context context(1);
    HandoffBuffer buffer;
    InlineReadStream stream(context);
    stream.at_read = what;
    expect_read(context, buffer, stream, error_of(what), 0);
    stream.at_read = Throws::nothing;
    expect_read(context, buffer, stream, {}, 1);

    InlineReadyStream ready(context);
    ready.false_alarms = 1;  // it is tried first
    ready.at_wait = what;
    HandoffBuffer other;
    expect_read(context, other, ready, error_of(what), 0);
    ready.at_wait = Throws::nothing;
    ready.at_read = what;
    expect_read(context, other, ready, error_of(what), 0);
    ready.at_read = Throws::nothing;
    expect_read(context, other, ready, {}, 1);
  }
}

/// A stream whose second wait throws, when the read is under way.
class ThrowsLater : public InlineReadyStream {
 public:
  using InlineReadyStream::InlineReadyStream;
  template <class Handler>
  void async_wait(wait_type, Handler&& handler) {
    if (waits_++ != 0) {
      throw_as(Throws::std_system_error);
    }
    const auto on = net::get_associated_executor(handler, get_executor());
    net::post(on, [handler = std::forward<Handler>(handler)]() mutable {
      std::move(handler)(net_error_code());
    });
  }

 private:
  int waits_ = 0;
};

TEST(ThrowingReads, nothing_is_thrown_out_of_the_context) {
  net::io_context context(1);
  HandoffBuffer buffer;
  ThrowsLater stream(context);
  stream.false_alarms = 2;  // of the try before the first wait, and behind it
  expect_read(context, buffer, stream, error_of(Throws::std_system_error), 0);
}

/// A stream that keeps its operation in memory by the handler's allocator, aligned to a cache line.
class AlignedSource {
 public:
  using executor_type = net::io_context::executor_type;
  explicit AlignedSource(net::io_context& context) : executor_(context.get_executor()) {}
  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

  template <class Handler>
  void async_read_some(const net::mutable_buffer&, Handler&& handler) {
    expect_aligned_memory(handler);
    net::post(executor_, [handler = std::forward<Handler>(handler)]() mutable {
      std::move(handler)(net_error_code(), 0);
    });
  }

 private:
  executor_type executor_;
};

TEST(AlignedReads, a_streams_operation_may_have_any_alignment) {
  net::io_context context(1);
  AlignedSource stream(context);
  HandoffBuffer buffer;
  expect_read(context, buffer, stream, {}, 0);
}

#if BYTES_HANDOFF_CHECKS

TYPED_TEST(ReadSteps, a_buffer_that_is_moved_while_a_read_runs_aborts) {
  constexpr const char* kWrong = "HandoffBuffer: moved while a read runs";
  typename TestFixture::Run run;
  CountOutcome outcome;
  run.start(outcome);
  HandoffBuffer other;
  EXPECT_DEATH(HandoffBuffer moved(std::move(*run.buffer)), kWrong);
  EXPECT_DEATH(other = std::move(*run.buffer), kWrong);
  EXPECT_DEATH(*run.buffer = std::move(other), kWrong);
  run.write("a");
  ASSERT_TRUE(run.finish(outcome));
  other = std::move(*run.buffer);
  EXPECT_EQ(other.peek_view(), "a");
}

// That a buffer may go before a context that is destroyed, too, is tested above.
TYPED_TEST(ReadSteps, a_read_that_goes_on_without_its_buffer_aborts) {
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
