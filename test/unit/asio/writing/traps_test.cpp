// The traps that earlier implementations of this idea fell into, at the level of the public
// interface.

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

using Reason = WriteRefusalReason;

class Trap : public WriterFixture {
 protected:
  /// Writes to a stream that takes a byte a call and never makes the writer wait.
  template <class Stream>
  void expect_turns_for_others(Stream stream, std::size_t bytes) {
    script->most_per_call = 1;
    auto out = WriteHandoff(std::move(stream), {});
    EXPECT_TRUE(try_send(out, pattern(bytes)));
    unsigned seen = 0;
    unsigned longest = 0;
    std::size_t turns = 0;
    std::function<void()> neighbour = [&] {
      longest = std::max(longest, script->calls - seen);
      seen = script->calls;
      ++turns;
      if (out.pending_items() != 0) {
        net::post(*context, neighbour);
      }
    };
    net::post(*context, neighbour);
    ASSERT_TRUE(run_out(*context));
    EXPECT_EQ(script->written, pattern(bytes));
    EXPECT_LE(longest, detail::kMaxInlineWrites);
    EXPECT_GE(turns, bytes / detail::kMaxInlineWrites);
  }
};

TEST_F(Trap, t01_a_write_that_is_cancelled_while_it_waits_keeps_no_budget) {
  auto out = spawn_held(limits(4, 4));
  EXPECT_TRUE(try_send(out, "aa"));
  for (int i = 0; i < 100; ++i) {
    net::cancellation_signal signal;
    WriteOutcome outcome;
    out.async_write(outcome.from("bbb"),
                    net::bind_cancellation_slot(signal.slot(), outcome.handler()));
    signal.emit(net::cancellation_type::terminal);
    run_ready(*context);
    EXPECT_EQ(outcome.error(), net::error::operation_aborted);
  }
  EXPECT_EQ(out.pending_bytes(), 2U);
  EXPECT_EQ(out.pending_items(), 1U);
  EXPECT_TRUE(try_send(out, "bb"));
}

TEST_F(Trap, t02_a_release_wakes_one_waiter_and_not_all) {
  auto out = spawn_held(limits(1, 100));
  EXPECT_TRUE(try_send(out, "a"));
  std::vector<int> order;
  for (int i = 0; i < 50; ++i) {
    write_owned(out, text("b"), [&, i](net_error_code) { order.push_back(i); });
  }
  run_ready(*context);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(order.size(), i);
    script->complete({}, 1);
    context->restart();
    // The stream's handler, the writer's, one waiter's, and turns of the writer: no stampede.
    EXPECT_LE(context->poll(), 4U);
  }
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  }
}

TEST_F(Trap, t03_a_write_without_an_item_slot_holds_no_bytes) {
  auto out = spawn_held(limits(1, 100));
  EXPECT_TRUE(try_send(out, "a"));
  WriteOutcome waiting;
  out.async_write(waiting.from(std::string(90, 'b')), waiting.handler());
  run_ready(*context);
  EXPECT_EQ(out.pending_bytes(), 1U) << "bytes and item are acquired together";
  EXPECT_EQ(try_send(out, std::string(100, 'c')).error().reason, Reason::queue_full);
  EXPECT_EQ(out.statistics().high_water_bytes, 1U);
}

TEST_F(Trap, t04_what_the_writer_has_taken_out_still_counts) {
  auto out = spawn_held(limits(3, 100));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(try_send(out, "a"));
  }
  run_ready(*context);
  ASSERT_EQ(script->sizes.back(), 3U) << "all three are with the stream";
  EXPECT_EQ(out.pending_items(), 3U);
  EXPECT_EQ(try_send(out, "b").error().reason, Reason::queue_full);
}

TEST_F(Trap, t05_close_gets_through_when_the_queue_is_full) {
  auto out = spawn_held(limits(1, 1));
  EXPECT_TRUE(try_send(out, "a"));
  WriteOutcome waiting;
  out.async_write(waiting.from("b"), waiting.handler());
  Outcome<net_error_code> closed;
  out.async_closed(closed.handler());
  out.close();
  EXPECT_FALSE(out.is_open());
  run_ready(*context);
  EXPECT_EQ(waiting.error(), Errc::closed);
  stream_takes(1);
  EXPECT_FALSE(closed.get());
}

TEST_F(Trap, t06_a_submission_at_any_moment_of_the_end_is_written_or_refused) {
  for (int steps = 0; steps < 8; ++steps) {
    script = std::make_shared<StreamScript>();
    auto out = spawn();
    EXPECT_TRUE(try_send(out, "a"));
    CountOutcome done;
    bool admitted = false;
    const auto submit = [&] {
      if (auto ticket = try_send(out, "b")) {
        admitted = true;
        ticket->async_wait(done.handler());
      }
    };
    for (int i = 0; i < steps; ++i) {
      context->restart();
      context->poll_one();
      if (i == steps / 2) {
        submit();
        out.close();
      }
    }
    if (steps == 0) {
      submit();
      out.close();
    }
    EXPECT_FALSE(try_send(out, "c").has_value());
    ASSERT_TRUE(run_out(*context));
    ASSERT_TRUE(admitted);
    done.expect({}, 1);
    EXPECT_EQ(script->written, "ab");
    EXPECT_EQ(out.pending_items(), 0U);
  }
}

TEST_F(Trap, t07_the_end_writes_everything_and_shuts_the_write_side_down) {
  for (const bool is_whole : {true, false}) {
    auto [near, far] = TcpPair::make(*context);
    Collector<TcpPair::Stream> peer(far);
    // The stream stays open through this pointer: only the queue tells the peer.
    auto stream = std::make_shared<TcpPair::Stream>(std::move(near));
    {
      auto out = WriteHandoff(stream, {});
      EXPECT_TRUE(try_send(out, pattern(200000)));
      EXPECT_TRUE(try_send(out, "last"));
      if (is_whole) {
        out.close();
      }
    }
    ASSERT_TRUE(run_until(*context, [&] { return peer.is_over(); }));
    EXPECT_EQ(peer.text(), pattern(200000) + "last");
    EXPECT_EQ(peer.error(),
              is_whole ? net::error::eof : net_error_code(net::error::connection_reset));
  }
}

TEST_F(Trap, t08_everyone_is_told_why) {
  script->fail_at = 0;
  script->error = net::error::host_unreachable;
  auto out = spawn();
  auto failed = try_send(out, "a").value();
  auto behind = try_send(out, "b").value();
  CountOutcome failed_wait;
  CountOutcome behind_wait;
  failed.async_wait(failed_wait.handler());
  behind.async_wait(behind_wait.handler());
  ASSERT_TRUE(run_out(*context));
  failed_wait.expect(net::error::host_unreachable, 0);
  behind_wait.expect(Errc::closed, 0);
  EXPECT_EQ(try_send(out, "c").error().first_error, net::error::host_unreachable);
  EXPECT_NE(try_send(out, "c").error().message().find(
                net_error_code(net::error::host_unreachable).message()),
            std::string::npos);
}

TEST_F(Trap, t09_tickets_and_room_come_back_with_their_own_bytes_and_not_with_the_batch) {
  auto out = spawn_held(limits(64, 64 * 1000));
  std::vector<WriteTicket> tickets;
  for (int i = 0; i < 64; ++i) {
    tickets.push_back(try_send(out, std::string(1000, 'a')).value());
  }
  run_ready(*context);
  ASSERT_EQ(script->sizes.back(), 64000U);
  stream_takes(2500);
  EXPECT_TRUE(tickets[0].is_done());
  EXPECT_TRUE(tickets[1].is_done());
  EXPECT_FALSE(tickets[2].is_done());
  EXPECT_EQ(out.pending_items(), 62U);
  EXPECT_EQ(out.pending_bytes(), 62000U);
  EXPECT_TRUE(try_send(out, std::string(2000, 'b')));
}

TEST_F(Trap, t10_every_form_of_submission_is_refused_from_one_closed_state) {
  auto out = spawn();
  out.abort();
  std::array slices{text("a")};
  const net_error_code why = Errc::aborted;
  EXPECT_EQ(try_send(out, "a").error().first_error, why);
  EXPECT_EQ(out.try_write(slices).error().first_error, why);
  int told = 0;
  const auto tell = [&](net_error_code error, const WriteTicket&) {
    EXPECT_EQ(error, Errc::closed);
    EXPECT_EQ(out.first_error(), why);
    ++told;
  };
  Bytes one = text("a");
  std::array several{text("a"), text("b")};
  out.async_write(one, tell);
  out.async_write(several, tell);
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(told, 2);
}

TEST_F(Trap, t11_a_taken_tail_and_the_emptied_buffer_keep_no_block_of_each_other) {
  CountingResource blocks;
  HandoffBufferConfig config;
  config.block_source = &blocks;
  HandoffBuffer buffer(config);
  auto [near, far] = UnixPair::make(*context);
  net::write(far, net::buffer(pattern(5000)));
  CountOutcome read;
  buffer.async_read_available(near, read.handler());
  ASSERT_TRUE(run_until(*context, [&] { return read.has_come(); }));
  {
    EXPECT_TRUE(buffer.advance(4000).has_value());
    const BytesMut tail = buffer.take_tail();
    EXPECT_EQ(buffer.capacity(), 0U);
  }
  EXPECT_EQ(blocks.blocks_out(), 0U);
}

TEST_F(Trap, t12_a_writer_that_never_waits_lets_others_run) {
  expect_turns_for_others(EagerStream(context->get_executor(), script), 100000);
}

TEST_F(Trap, t12_nor_does_one_whose_handlers_are_called_from_inside) {
  expect_turns_for_others(InsideStream(context->get_executor(), script), 100000);
}

TEST_F(Trap, t12_nor_does_one_whose_completions_are_always_ready) {
  expect_turns_for_others(IoStream(context->get_executor(), script), 5000);
}

TEST_F(Trap, t12_nor_does_one_that_takes_much_at_once) {
  script->most_per_call = 60000;
  auto out = WriteHandoff(EagerStream(context->get_executor(), script), limits(100, 1U << 24U));
  EXPECT_TRUE(try_send(out, std::string(6000000, 'x')));
  std::size_t seen = 0;
  std::size_t longest = 0;
  std::function<void()> neighbour = [&] {
    longest = std::max(longest, script->written.size() - seen);
    seen = script->written.size();
    if (out.pending_items() != 0) {
      net::post(*context, neighbour);
    }
  };
  net::post(*context, neighbour);
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(script->written.size(), 6000000U);
  EXPECT_LE(longest, detail::kMaxInlineBytes + 60000);
}

}  // namespace
}  // namespace bytes_handoff::test
