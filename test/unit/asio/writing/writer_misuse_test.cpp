// What only a run can find of a queue and its stream: BYTES_HANDOFF_CHECKS.
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/writer_fixture.hpp"

#if BYTES_HANDOFF_CHECKS

namespace bytes_handoff::test {
namespace {

class SecondQueue : public WriterFixture {
 protected:
  static constexpr const char* kWrong = "another queue that has not ended writes to this stream";

  std::shared_ptr<IoStream> stream = std::make_shared<IoStream>(context->get_executor(), script);
};

TEST_F(SecondQueue, on_a_stream_whose_queue_is_open_closing_or_without_handles_aborts) {
  script->hold_from = 0;
  WriteHandoff first(stream);
  EXPECT_DEATH(WriteHandoff second(stream), kWrong);
  EXPECT_DEATH(WriteHandoff second(stream, {}, leave_open), kWrong);
  EXPECT_TRUE(try_send(first, "abc"));
  run_ready(*context);
  first.close();
  EXPECT_DEATH(WriteHandoff second(stream), kWrong);
  first = WriteHandoff();
  EXPECT_DEATH(WriteHandoff second(stream), kWrong);
}

TEST_F(SecondQueue, says_the_name_of_the_first) {
  WriteHandoffConfig config = limits(4, 10);
  config.name = "upstream";
  WriteHandoff first(stream, config);
  config.name = "another";
  EXPECT_DEATH(WriteHandoff second(stream, config),
               "this stream\nbytes_handoff: queue \"upstream\" state=open writer=idle ");
}

TEST_F(SecondQueue, says_the_state_of_the_first) {
  script->hold_from = 0;
  WriteHandoff first(stream, limits(4, 10));
  EXPECT_DEATH(WriteHandoff second(stream),
               "this stream\nbytes_handoff: queue state=open writer=idle pending_items=0 "
               "pending_bytes=0 items_with_stream=0 waiting_writes=0 waiting_items=0 "
               "waiting_bytes=0 reserved_items=0 reserved_bytes=0 flush_waiters=0 close_waiters=0 "
               "first_error=none\n");
  EXPECT_TRUE(try_send(first, "abc"));
  run_ready(*context);
  EXPECT_TRUE(try_send(first, "de"));
  const auto permit = first.try_reserve(2);
  ASSERT_TRUE(permit);
  WriteOutcome waiting;
  first.async_write(waiting.from("waiting"), waiting.handler());
  Outcome<net_error_code> flushed;
  first.async_flush(flushed.handler());
  EXPECT_DEATH(WriteHandoff second(stream),
               "state=open writer=writing pending_items=2 pending_bytes=5 items_with_stream=1 "
               "waiting_writes=1 waiting_items=1 waiting_bytes=7 reserved_items=1 "
               "reserved_bytes=2 flush_waiters=1 close_waiters=0 first_error=none\n");
  Outcome<net_error_code> closed;
  first.async_close(closed.handler());
  EXPECT_DEATH(WriteHandoff second(stream),
               "state=closing writer=writing pending_items=2 pending_bytes=5 .*waiting_writes=0 "
               ".*reserved_items=0 .*close_waiters=1 first_error=none\n");
}

TEST_F(SecondQueue, on_another_stream_is_allowed) {
  const WriteHandoff first(stream);
  const WriteHandoff second(std::make_shared<IoStream>(context->get_executor(), script));
  EXPECT_TRUE(first.is_open() && second.is_open());
}

TEST_F(SecondQueue, from_the_handler_that_is_told_of_the_end_of_the_first_is_allowed) {
  WriteHandoff first(stream, {}, leave_open);
  WriteHandoff second;
  first.async_close([&](net_error_code error) {
    EXPECT_FALSE(error);
    second = WriteHandoff(stream);
  });
  ASSERT_TRUE(run_out(*context));
  EXPECT_TRUE(try_send(second, "abc"));
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(script->written, "abc");
}

TEST_F(SecondQueue, behind_one_that_was_aborted_is_allowed_while_the_stream_still_has_its_write) {
  script->hold_from = 0;
  script->honours_cancellation = false;
  WriteHandoff first(stream);
  EXPECT_TRUE(try_send(first, "abc"));
  run_ready(*context);
  first.abort();
  const WriteHandoff second(stream);
  EXPECT_DEATH(WriteHandoff third(stream), kWrong);
  stream_takes(3);
  EXPECT_DEATH(WriteHandoff third(stream), kWrong) << "the first one has left, the second has not";
}

TEST_F(SecondQueue, behind_one_that_could_not_be_made_is_allowed) {
  EXPECT_THROW(WriteHandoff(stream, limits(0, 1)), std::invalid_argument);
  EXPECT_TRUE(WriteHandoff(stream).is_open());
}

TEST_F(SecondQueue, behind_one_whose_context_has_gone_is_allowed) {
  const WriteHandoff first(stream);
  context = std::make_unique<net::io_context>(1);
  stream = std::make_shared<IoStream>(context->get_executor(), script);
  EXPECT_TRUE(WriteHandoff(stream).is_open());
}

/// A stream that hands the handler of each write to the test.
class StrayStream : public IoStream {
 public:
  using Call = std::function<void()>;
  StrayStream(net::io_context& context, std::shared_ptr<StreamScript> script,
              std::function<void(Call)> on_write)
      : IoStream(context.get_executor(), std::move(script)), on_write_(std::move(on_write)) {}

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return net::async_initiate<Token, void(net_error_code, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          auto kept = std::make_shared<decltype(handler)>(std::move(handler));
          const std::size_t n = net::buffer_size(from);
          on_write_([kept = std::move(kept), n] { std::move (*kept)(net_error_code(), n); });
        },
        token, buffers);
  }

 private:
  std::function<void(Call)> on_write_;
};

class StreamHandler : public WriterFixture {
 protected:
  void write_with(std::function<void(StrayStream::Call)> on_write) {
    context = std::make_unique<net::io_context>(2);
    WriteHandoff out(StrayStream(*context, script, std::move(on_write)));
    EXPECT_TRUE(try_send(out, "abc"));
    run_ready(*context);
    context->restart();
    if (late) {
      late();
    }
    EXPECT_EQ(out.pending_bytes(), 0U);
  }

  StrayStream::Call late;
};

TEST_F(StreamHandler, that_runs_beside_the_turn_aborts) {
  const auto on_another_thread = [this](StrayStream::Call call) {
    net::post(*context, std::move(call));
    std::thread([this] { context->poll(); }).join();
  };
  EXPECT_DEATH(write_with(on_another_thread),
               "its executor is not serial\nbytes_handoff: queue state=open writer=writing "
               "pending_items=1 pending_bytes=3 items_with_stream=1 ");
}

TEST_F(StreamHandler, that_is_called_off_the_executor_aborts) {
  const auto later = [this](StrayStream::Call call) { late = std::move(call); };
  EXPECT_DEATH(write_with(later),
               "called a handler off its executor\nbytes_handoff: queue state=open writer=writing "
               "pending_items=1 pending_bytes=3 items_with_stream=1 ");
}

TEST_F(StreamHandler, that_comes_after_an_end_says_its_error) {
  context = std::make_unique<net::io_context>(2);
  WriteHandoff out(
      StrayStream(*context, script, [this](StrayStream::Call call) { late = std::move(call); }));
  EXPECT_TRUE(try_send(out, "abc"));
  run_ready(*context);
  out.abort();
  EXPECT_DEATH(late(), "state=ended .*first_error=bytes_handoff:4\n");
}

TEST_F(StreamHandler, that_runs_on_another_thread_behind_the_turn_is_allowed) {
  const auto later = [this](StrayStream::Call call) {
    late = [this, call = std::move(call)] {
      net::post(*context, call);
      std::thread([this] { context->run(); }).join();
    };
  };
  write_with(later);
}

}  // namespace
}  // namespace bytes_handoff::test

#endif
