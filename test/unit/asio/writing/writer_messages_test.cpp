#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/fan_out.hpp"
#include "bytes_handoff/message_stream.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/pattern.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using Messages = std::vector<std::string>;

/// What a message stream does, and what it was given. Shared with the test.
struct MessageScript {
  unsigned fail_at = kNever;
  net_error_code error;
  std::size_t bytes_with_error = 0;
  unsigned throw_at = kNever;
  bool completes_inside = false;
  bool holds = false;

  Messages given;  ///< the bytes, and the tag behind a `#`
  unsigned running = 0;
  bool overlapped = false;
  unsigned ends = 0;
  unsigned resets = 0;
  std::unique_ptr<HeldHandler> held;
};

/// A user's own stream of messages. Its `async_write_some` must not be used.
class OwnMessageStream {
 public:
  using executor_type = net::io_context::executor_type;

  OwnMessageStream(executor_type executor, std::shared_ptr<MessageScript> script)
      : executor_(std::move(executor)), script_(std::move(script)) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

  template <class Buffers, class Handler>
  void async_write_some(const Buffers&, Handler&&) {
    ADD_FAILURE() << "a message was written as bytes";
  }

  template <class Handler>
  friend void async_write_message(OwnMessageStream& stream, const Message& message,
                                  Handler&& handler) {
    stream.write(message, std::forward<Handler>(handler));
  }
  friend void end_write(OwnMessageStream& stream, net_error_code& error) {
    ++stream.script_->ends;
    error = {};
  }
  friend void reset_connection(OwnMessageStream& stream) { ++stream.script_->resets; }

 private:
  template <class Handler>
  void write(const Message& message, Handler handler) {
    MessageScript& script = *script_;
    const auto call = static_cast<unsigned>(script.given.size());
    script.overlapped |= script.running != 0;
    std::string text(reinterpret_cast<const char*>(message.bytes.data()), message.bytes.size());
    script.given.push_back(text + (message.tag == 0 ? "" : '#' + std::to_string(message.tag)));
    if (call == script.throw_at) {
      throw std::bad_alloc();
    }
    const bool fails = call == script.fail_at;
    const net_error_code error = fails ? script.error : net_error_code();
    const std::size_t n = fails ? script.bytes_with_error : message.bytes.size();
    if (script.completes_inside) {
      std::move(handler)(error, n);
    } else if (script.holds) {
      script.held = HeldHandler::make(std::move(handler), executor_);
    } else {
      ++script.running;
      const auto on = net::get_associated_executor(handler, executor_);
      net::post(on, [shared = script_, handler = std::move(handler), error, n]() mutable {
        --shared->running;
        std::move(handler)(error, n);
      });
    }
  }

  executor_type executor_;
  std::shared_ptr<MessageScript> script_;
};

static_assert(detail::MessageStream<OwnMessageStream>);
static_assert(!detail::MessageStream<IoStream>);

class WriterMessages : public testing::Test {
 protected:
  [[nodiscard]] WriteHandoff make(const WriteHandoffConfig& config = {}) {
    return WriteHandoff(OwnMessageStream(context.get_executor(), script), config);
  }
  [[nodiscard]] static Bytes message(std::string_view from, MessageTag tag) {
    return tag_message(text(from), tag);
  }

  std::shared_ptr<MessageScript> script = std::make_shared<MessageScript>();
  net::io_context context{1};
};

TEST_F(WriterMessages, AreGivenOneByOneInOrderWithTheirTags) {
  WriteHandoff out = make();
  std::vector<Bytes> several{text("one"), message("two", 2), Bytes(), message("", 4)};
  ASSERT_TRUE(out.try_write(several));
  ASSERT_TRUE(try_send(out, "five"));
  Bytes six = message("six", 6);
  WriteOutcome waited;
  out.async_write(six, waited.handler());
  out.close();
  Outcome<net_error_code> closed;
  out.async_closed(closed.handler());
  run_ready(context);
  EXPECT_EQ(script->given, (Messages{"one", "two#2", "", "#4", "five", "six#6"}));
  EXPECT_FALSE(script->overlapped);
  EXPECT_TRUE(waited.was_admitted());
  EXPECT_TRUE(waited.ticket().is_done());
  EXPECT_FALSE(closed.get()) << closed.get().message();
  EXPECT_EQ(script->ends, 1U);
  EXPECT_EQ(script->resets, 0U);
}

TEST_F(WriterMessages, HaveTheirTagsByEveryWayOfWriting) {
  WriteHandoff out = make();
  Bytes by_permit = message("p", 1);
  auto permit = out.try_reserve(1);
  ASSERT_TRUE(permit.has_value());
  ASSERT_TRUE(permit->commit(by_permit));
  std::vector<Bytes> burst{message("s", 2), message("", 3)};
  CountOutcome sent;
  out.async_send(burst, sent.handler());
  run_ready(context);
  sent.expect({}, 2);
  FanOut log;
  const Subscription subscription = log.subscribe(out);
  std::vector<Bytes> group{message("f", 4), message("", 5), Bytes()};
  ASSERT_TRUE(log.publish(group));
  run_ready(context);
  EXPECT_EQ(script->given, (Messages{"p#1", "s#2", "#3", "f#4", "#5", ""}));
}

TEST_F(WriterMessages, ThatWereNotWrittenAreReplayedWithTheirTags) {
  script->fail_at = 0;
  script->error = net::error::broken_pipe;
  WriteHandoff out = make();
  std::vector<Bytes> two{message("a", 1), message("", 2)};
  ASSERT_TRUE(out.try_write(two));
  UnwrittenEntries unwritten;
  out.async_unwritten([&](net_error_code error, UnwrittenEntries entries) {
    EXPECT_FALSE(error);
    unwritten = std::move(entries);
  });
  run_ready(context);
  script = std::make_shared<MessageScript>();
  WriteHandoff again = make();
  ASSERT_TRUE(replay(again, unwritten, ReplayFrom::entry_start));
  run_ready(context);
  EXPECT_EQ(script->given, (Messages{"a#1", "#2"}));
}

TEST_F(WriterMessages, OfAStreamThatCompletesInsideNeitherRecurseNorStarveOthers) {
  script->completes_inside = true;
  WriteHandoff out = make({.max_items = 10'000});
  std::vector<Bytes> many(5000, text("m"));
  ASSERT_TRUE(out.try_write(many));
  net::post(context, [&] { EXPECT_LT(script->given.size(), 5000U) << "others had no turn"; });
  run_ready(context);
  EXPECT_EQ(script->given.size(), 5000U);
}

TEST_F(WriterMessages, ALargeOneIsGivenWhole) {
  WriteHandoff out = make({.max_pending_bytes = 4 * 1024 * 1024});
  const std::string large = pattern(3 * 1024 * 1024);
  ASSERT_TRUE(try_send(out, large));
  run_ready(context);
  EXPECT_EQ(script->given, Messages{large});
}

TEST_F(WriterMessages, TheFailedOneIsToldTheErrorAndThoseBehindClosed) {
  script->fail_at = 1;
  script->error = net::error::broken_pipe;
  script->bytes_with_error = 2;
  WriteHandoff out = make();
  static_cast<void>(try_send(out, "one"));
  auto second = try_send(out, "two");
  auto third = try_send(out, "three");
  CountOutcome of_second;
  CountOutcome of_third;
  second->async_wait(of_second.handler());
  third->async_wait(of_third.handler());
  run_ready(context);
  of_second.expect(net::error::broken_pipe, 2);
  EXPECT_TRUE(of_third.has_come());
  EXPECT_EQ(of_third.error(), Errc::closed);
  EXPECT_EQ(script->given.size(), 2U);
  EXPECT_EQ(script->resets, 1U);
}

TEST_F(WriterMessages, WhatTheStreamThrowsIsItsError) {
  script->throw_at = 0;
  WriteHandoff out = make();
  ASSERT_TRUE(try_send(out, "one"));
  run_ready(context);
  EXPECT_EQ(out.first_error(), net::error::no_memory);
}

TEST_F(WriterMessages, AClosingOneIsTheEnd) {
  script->holds = true;
  WriteHandoff out = make();
  ASSERT_TRUE(try_send(out, message("bye", kClosingMessage)));
  auto behind = try_send(out, "lost");
  EXPECT_TRUE(out.is_open());
  Outcome<net_error_code> closed;
  out.async_closed(closed.handler());
  run_ready(context);
  EXPECT_FALSE(out.is_open()) << "the stream has it";
  script->held->complete({}, 3);
  run_ready(context);
  EXPECT_EQ(script->given.size(), 1U);
  EXPECT_EQ(closed.get(), Errc::closed);
  CountOutcome of_behind;
  behind->async_wait(of_behind.handler());
  run_ready(context);
  EXPECT_EQ(of_behind.error(), Errc::closed);
}

TEST_F(WriterMessages, AnAbortLetsTheStreamGoWhenItHasReturned) {
  script->holds = true;
  WriteHandoff out = make();
  auto ticket = try_send(out, "one");
  run_ready(context);
  out.abort();
  run_ready(context);
  EXPECT_EQ(script->resets, 1U);
  EXPECT_EQ(script.use_count(), 2);
  script->held->complete(net::error::operation_aborted, 0);
  run_ready(context);
  EXPECT_EQ(script.use_count(), 1);
  CountOutcome waited;
  ticket->async_wait(waited.handler());
  run_ready(context);
  EXPECT_EQ(waited.error(), Errc::aborted);
}

}  // namespace
}  // namespace bytes_handoff::test
