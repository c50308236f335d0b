#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/unwritten.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Reason = WriteRefusalReason;

class WriteHandoffEnd : public WriterFixture {
 protected:
  /// A queue with one write under way, one behind it, one that waits, and everyone who can ask.
  void fill(std::chrono::nanoseconds close_timeout = std::chrono::hours(1)) {
    WriteHandoffConfig config = limits(2, 100);
    config.close_timeout = close_timeout;
    out.emplace(spawn_held(config));
    current = try_send(*out, "abcd").value();
    behind = try_send(*out, "ef").value();
    current.async_wait(current_done.handler());
    behind.async_wait(behind_done.handler());
    out->async_write(waiting.from("gh"), waiting.handler());
    out->async_flush(flush.handler());
    out->async_closed(closed.handler());
    run_ready(*context);
    stream_takes(1);
    EXPECT_FALSE(waiting.has_come() || flush.has_come() || closed.has_come());
  }

  /// The write that waited was refused, and has its bytes.
  void expect_refused() {
    EXPECT_EQ(waiting.error(), Errc::closed);
    EXPECT_EQ(waiting.bytes().size(), 2U);
  }

  /// A write after the end is told this as the queue's first error.
  void expect_late_refusal(const net_error_code& first_error) {
    const auto late = try_send(*out, "late");
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().reason, Reason::closed);
    EXPECT_EQ(late.error().first_error, first_error) << late.error().first_error.message();
    EXPECT_EQ(out->first_error(), first_error);
  }

  void expect_nothing_pending() {
    EXPECT_EQ(out->pending_bytes(), 0U);
    EXPECT_EQ(out->pending_items(), 0U);
    EXPECT_FALSE(out->is_open());
  }

  void expect_unwritten(std::initializer_list<std::string_view> texts) {
    const auto unwritten = unwritten_of(*out);
    ASSERT_TRUE(unwritten.has_value());
    EXPECT_EQ(texts_of(*unwritten), std::vector<std::string>(texts.begin(), texts.end()));
    EXPECT_TRUE(unwritten_of(*out).value().empty()) << "only once";
  }

  std::optional<WriteHandoff> out;
  WriteTicket current;
  WriteTicket behind;
  CountOutcome current_done;
  CountOutcome behind_done;
  WriteOutcome waiting;
  Outcome<net_error_code> flush;
  Outcome<net_error_code> closed;
};

TEST_F(WriteHandoffEnd, close_refuses_waiters_and_writes_what_was_admitted) {
  fill();
  out->close();
  EXPECT_FALSE(out->is_open());
  run_ready(*context);
  expect_refused();
  expect_late_refusal({});
  EXPECT_FALSE(unwritten_of(*out).has_value());
  stream_takes(3);
  current_done.expect({}, 4);
  EXPECT_FALSE(flush.has_come());
  stream_takes(2);
  behind_done.expect({}, 2);
  EXPECT_FALSE(flush.get());
  EXPECT_FALSE(closed.get());
  expect_nothing_pending();
  expect_unwritten({});
}

TEST_F(WriteHandoffEnd, the_last_handle_ends_it_when_all_is_written_and_copies_do_not) {
  auto first = spawn();
  {
    auto second = first;  // NOLINT(performance-unnecessary-copy-initialization)
    EXPECT_TRUE(try_send(second, "ab"));
  }
  EXPECT_TRUE(first.is_open());
  Outcome<net_error_code> ended;
  first.async_closed(ended.handler());
  EXPECT_TRUE(try_send(first, "cd"));
  { const WriteHandoff last = std::move(first); }
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(script->written, "abcd");
  EXPECT_EQ(ended.get(), Errc::aborted) << "nobody has said that this was all";
  EXPECT_EQ(script->ends, 0U);
  EXPECT_EQ(script->resets, 1U);
  EXPECT_FALSE(script->is_alive) << "the stream goes with the writer";
}

TEST_F(WriteHandoffEnd, what_waits_is_no_handle) {
  auto queue = spawn_held(limits(1, 100));
  EXPECT_TRUE(try_send(queue, "ab"));
  queue.async_write(waiting.from("cd"), waiting.handler());
  queue.async_flush(flush.handler());
  queue.async_closed(closed.handler());
  run_ready(*context);
  { const WriteHandoff last = std::move(queue); }
  run_ready(*context);
  ASSERT_TRUE(waiting.has_come()) << "the last handle is gone, and the queue is not closed";
  expect_refused();
  stream_takes(2);
  EXPECT_FALSE(flush.get());
  EXPECT_EQ(closed.get(), Errc::aborted);
}

TEST_F(WriteHandoffEnd, abort_drops_what_is_queued_and_cancels_the_stream) {
  fill();
  script->honours_cancellation = false;
  out->abort();
  expect_nothing_pending();
  run_ready(*context);
  current_done.expect(Errc::aborted, 1);
  behind_done.expect(Errc::closed, 0);
  expect_refused();
  EXPECT_EQ(flush.get(), Errc::aborted);
  EXPECT_EQ(closed.get(), Errc::aborted);
  EXPECT_TRUE(script->cancel_was_asked);
  EXPECT_FALSE(unwritten_of(*out).has_value()) << "the stream still has the write";
  stream_takes(2);
  expect_unwritten({"d", "ef"});
  expect_late_refusal(make_error_code(Errc::aborted));
  EXPECT_EQ(script->calls, 2U) << "no write starts after the end";
}

TEST_F(WriteHandoffEnd, a_stream_that_honours_the_cancellation_gives_everything_back_at_once) {
  fill();
  out->abort();
  ASSERT_TRUE(run_out(*context));
  expect_unwritten({"bcd", "ef"});
}

TEST_F(WriteHandoffEnd, a_stream_error_is_kept_and_named_by_every_refusal) {
  fill();
  stream_takes(1, net::error::broken_pipe);
  current_done.expect(net::error::broken_pipe, 2);
  behind_done.expect(Errc::closed, 0);
  expect_refused();
  EXPECT_EQ(flush.get(), net::error::broken_pipe);
  EXPECT_EQ(closed.get(), net::error::broken_pipe);
  out->abort();  // an end while another is in force
  expect_late_refusal(net::error::broken_pipe);
  Outcome<net_error_code> asked_later;
  out->async_closed(asked_later.handler());
  EXPECT_FALSE(asked_later.has_come());
  run_ready(*context);
  EXPECT_EQ(asked_later.get(), net::error::broken_pipe);
  expect_nothing_pending();
  expect_unwritten({"cd", "ef"});
}

TEST_F(WriteHandoffEnd, silence_for_the_close_timeout_ends_what_the_stream_does_not) {
  fill(milliseconds(5));
  script->honours_cancellation = false;
  Outcome<net_error_code> close;
  out->async_close(close.handler());
  EXPECT_FALSE(out->is_open());
  ASSERT_TRUE(run_until(*context, [&] { return close.has_come(); }));
  run_ready(*context);
  EXPECT_EQ(close.get(), Errc::timed_out);
  current_done.expect(Errc::timed_out, 1);
  behind_done.expect(Errc::closed, 0);
  expect_refused();  // refused by the close, before its time was over
  EXPECT_EQ(flush.get(), Errc::timed_out);
  EXPECT_EQ(closed.get(), Errc::timed_out);
  EXPECT_TRUE(script->cancel_was_asked);
  expect_nothing_pending();
  stream_takes(0);
  ASSERT_TRUE(run_out(*context));
  expect_unwritten({"bcd", "ef"});
}

TEST_F(WriteHandoffEnd, a_close_in_time_leaves_no_timer_behind) {
  auto queue = spawn();
  EXPECT_TRUE(try_send(queue, "ab"));
  Outcome<net_error_code> close;
  const auto before = steady_clock::now();
  queue.async_close(close.handler());
  EXPECT_FALSE(close.has_come());
  ASSERT_TRUE(run_out(*context)) << "the deadline's timer keeps the context busy";
  EXPECT_LT(steady_clock::now() - before, kPatience);
  EXPECT_FALSE(close.get());
  EXPECT_EQ(script->written, "ab");
}

TEST_F(WriteHandoffEnd, an_end_after_the_time_passed_unnoticed_stops_the_timer) {
  WriteHandoffConfig config;
  config.close_timeout = milliseconds(200);  // long for the steps before it, on a busy machine
  auto queue = spawn_held(config);
  EXPECT_TRUE(try_send(queue, "ab"));
  Outcome<net_error_code> close;
  queue.async_close(close.handler());
  run_ready(*context);
  ASSERT_FALSE(close.has_come());
  let_pass(steady_clock::now() + config.close_timeout);
  queue.abort();
  ASSERT_TRUE(run_out(*context)) << "the timer starts itself again and again";
  EXPECT_EQ(close.get(), Errc::aborted);
}

TEST_F(WriteHandoffEnd, the_longest_times_are_none) {
  WriteHandoffConfig config;
  config.close_timeout = config.close_limit = std::chrono::nanoseconds::max();
  auto queue = spawn_held(config);
  EXPECT_TRUE(try_send(queue, "ab"));
  Outcome<net_error_code> close;
  queue.async_close(close.handler());
  run_ready(*context);
  EXPECT_FALSE(close.has_come());
  stream_takes(2);
  ASSERT_TRUE(run_out(*context));
  EXPECT_FALSE(close.get()) << close.get().message();
}

TEST_F(WriteHandoffEnd, the_close_limit_ends_what_only_drips) {
  WriteHandoffConfig config;
  config.close_timeout = std::chrono::hours(1);
  config.close_limit = milliseconds(5);
  auto queue = spawn_held(config);
  EXPECT_TRUE(try_send(queue, std::string(100000, 'x')));
  Outcome<net_error_code> close;
  queue.async_close(close.handler());
  ASSERT_TRUE(run_until(*context, [&] {
    if (script->held != nullptr && !close.has_come()) {
      script->complete({}, 1);
    }
    return close.has_come();
  }));
  EXPECT_EQ(close.get(), Errc::timed_out);
  EXPECT_EQ(script->resets, 1U);
}

TEST_F(WriteHandoffEnd, what_the_stream_takes_is_progress_of_a_close) {
  WriteHandoffConfig config;
  config.close_timeout = milliseconds(20);
  auto queue = spawn_held(config);
  EXPECT_TRUE(try_send(queue, std::string(10, 'x')));
  Outcome<net_error_code> close;
  queue.async_close(close.handler());
  run_ready(*context);
  for (int byte = 0; byte < 10; ++byte) {
    let_pass(steady_clock::now() + milliseconds(4));
    ASSERT_FALSE(close.has_come());
    stream_takes(1);
  }
  ASSERT_TRUE(run_out(*context));
  EXPECT_FALSE(close.get()) << close.get().message();
  EXPECT_EQ(script->ends, 1U);
  EXPECT_EQ(script->resets, 0U);
}

TEST_F(WriteHandoffEnd, flush_completes_when_all_before_it_is_written) {
  auto queue = spawn_held();
  Outcome<net_error_code> at_once;
  queue.async_flush(at_once.handler());
  EXPECT_FALSE(at_once.has_come()) << "called from inside the initiating function";
  EXPECT_TRUE(try_send(queue, "ab"));
  Outcome<net_error_code> of_the_first;
  queue.async_flush(of_the_first.handler());
  EXPECT_TRUE(try_send(queue, "cd"));
  run_ready(*context);
  EXPECT_FALSE(at_once.get());
  stream_takes(1);
  EXPECT_FALSE(of_the_first.has_come());
  stream_takes(1);
  EXPECT_FALSE(of_the_first.get());
  EXPECT_TRUE(queue.is_open());
}

TEST_F(WriteHandoffEnd, cancelling_a_flush_or_a_wait_for_the_end_only_detaches) {
  auto queue = spawn_held();
  EXPECT_TRUE(try_send(queue, "ab"));
  for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial,
                          net::cancellation_type::total}) {
    net::cancellation_signal of_flush;
    net::cancellation_signal of_closed;
    net::cancellation_signal of_close;
    Outcome<net_error_code> flushed;
    Outcome<net_error_code> ended;
    queue.async_flush(net::bind_cancellation_slot(of_flush.slot(), flushed.handler()));
    queue.async_closed(net::bind_cancellation_slot(of_closed.slot(), ended.handler()));
    run_ready(*context);
    of_flush.emit(type);
    of_closed.emit(type);
    EXPECT_FALSE(flushed.has_come() || ended.has_come());
    run_ready(*context);
    EXPECT_EQ(flushed.get(), net::error::operation_aborted);
    EXPECT_EQ(ended.get(), net::error::operation_aborted);
  }
  net::cancellation_signal signal;
  Outcome<net_error_code> close;
  queue.async_close(net::bind_cancellation_slot(signal.slot(), close.handler()));
  run_ready(*context);
  signal.emit(net::cancellation_type::total);
  run_ready(*context);
  EXPECT_EQ(close.get(), net::error::operation_aborted);
  EXPECT_FALSE(queue.is_open()) << "it stays closed";
  stream_takes(2);
  ASSERT_TRUE(run_out(*context));
}

TEST_F(WriteHandoffEnd, a_stream_that_stalls_ends_the_queue) {
  WriteHandoffConfig config;
  config.stall_timeout = milliseconds(8);
  auto queue = spawn_held(config);
  run_ready(*context);
  let_pass(steady_clock::now() + milliseconds(10));  // nothing waits, so nothing stalls
  auto ticket = try_send(queue, "abc").value();
  run_ready(*context);
  let_pass(steady_clock::now() + milliseconds(6));
  ASSERT_NE(script->held, nullptr);
  const auto start = steady_clock::now();
  stream_takes(1);  // progress
  CountOutcome done;
  ticket.async_wait(done.handler());
  ASSERT_TRUE(run_until(*context, [&] { return done.has_come(); }));
  EXPECT_GE(steady_clock::now() - start, milliseconds(8))
      << "the clock starts with the last progress";
  done.expect(Errc::timed_out, 1);
  ASSERT_TRUE(run_out(*context));
  EXPECT_TRUE(script->cancel_was_asked);
  EXPECT_EQ(try_send(queue, "x").error().first_error, Errc::timed_out);
}

TEST_F(WriteHandoffEnd, a_stall_is_watched_for_again_after_a_quiet_time) {
  WriteHandoffConfig config;
  config.stall_timeout = milliseconds(4);
  auto queue = spawn(config);
  EXPECT_TRUE(try_send(queue, "abc"));
  ASSERT_TRUE(run_out(*context)) << "an idle queue keeps no timer";
  script->hold_from = 0;
  Outcome<net_error_code> ended;
  queue.async_closed(ended.handler());
  EXPECT_TRUE(try_send(queue, "def"));
  ASSERT_TRUE(run_until(*context, [&] { return ended.has_come(); }));
  EXPECT_EQ(ended.get(), Errc::timed_out);
}

}  // namespace
}  // namespace bytes_handoff::test
