// A relay to a queue that others use, too.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bytes_handoff/core/memory/block.hpp"
#include "bytes_handoff/relay.hpp"
#include "support/asio.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/relaying/queue_relay_fixture.hpp"
#include "support/streams/buffer_feed.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

TEST_F(QueueRelayTest, passes_on_the_tail_and_the_rest_then_closes) {
  const std::string text = pattern(5000);
  feed(buffer, text.substr(0, 100));
  from->input = text.substr(100);
  WriteHandoff out = spawn();
  relay(out);
  outcome.expect({}, {5000, 5000, RelaySide::none});
  EXPECT_EQ(script->written, text);
  EXPECT_EQ(script->ends, 1U);
  EXPECT_FALSE(out.is_open());
}

TEST_F(QueueRelayTest, keeps_a_handle) {
  const std::string text = from->input = pattern(5000);
  std::optional<WriteHandoff> out = spawn();
  async_relay(buffer, in, *out, outcome.handler());
  out.reset();
  ASSERT_TRUE(run_out(*context));
  outcome.expect({}, {5000, 5000, RelaySide::none});
  EXPECT_EQ(script->written, text);
  EXPECT_EQ(script->ends, 1U);
}

TEST_F(QueueRelayTest, a_piece_that_is_larger_than_the_queue_goes_in_parts) {
  const std::string text = pattern(5000);
  feed(buffer, text);
  script->most_per_call = 70;
  WriteHandoff out = spawn(limits(4, 100));
  relay(out);
  ASSERT_TRUE(run_until(*context, [this] { return outcome.is_over(); }));
  outcome.expect({}, {5000, 5000, RelaySide::none});
  EXPECT_EQ(script->written, text);
}

TEST_F(QueueRelayTest, what_others_write_goes_between_the_pieces_and_a_piece_stays_whole) {
  from->input = std::string(3000, 'r');
  from->most_per_call = 500;
  script->most_per_call = 70;
  WriteHandoff out = spawn(limits(4, 100));
  std::function<void(int)> others = [&](int left) {
    if (left != 0) {
      write_owned(out, text("[other]"), [&others, left](net_error_code) { others(left - 1); });
    }
  };
  async_relay(buffer, in, out, outcome.handler());
  others(5);
  ASSERT_TRUE(run_until(*context, [this] { return outcome.is_over(); }));
  outcome.expect({}, {3000, 3000, RelaySide::none});
  std::string rest = script->written;
  std::size_t between = 0;
  for (std::size_t at = 0; (at = rest.find("[other]")) != std::string::npos;) {
    EXPECT_EQ(at % 500, 0U) << "inside of a piece";
    between += at != 0 && at != rest.size() - 7 ? 1U : 0U;
    rest.erase(at, 7);
  }
  EXPECT_EQ(rest, std::string(3000, 'r'));
  EXPECT_GT(between, 0U);
}

TEST_F(QueueRelayTest, leaves_the_queue_open_if_asked_to) {
  options.end_out = false;
  from->input = "abc";
  WriteHandoff out = spawn();
  relay(out);
  outcome.expect({}, {3, 3, RelaySide::none});
  EXPECT_TRUE(out.is_open());

  RelayOutcome failed;
  from->fail_at = from->calls;
  from->error = net::error::connection_reset;
  async_relay(buffer, in, out, options, failed.handler());
  run_ready(*context);
  failed.expect(net::error::connection_reset, {0, 0, RelaySide::in});
  EXPECT_TRUE(out.is_open());
}

TEST_F(QueueRelayTest, an_input_that_fails_is_passed_on_then_cut) {
  from->input = "abcdef";
  from->fail_at = 0;
  from->error = net::error::connection_reset;
  from->bytes_with_error = 4;
  WriteHandoff out = spawn();
  relay(out);
  outcome.expect(net::error::connection_reset, {4, 4, RelaySide::in});
  EXPECT_EQ(script->written, "abcd");
  EXPECT_EQ(script->ends, 0U);
  EXPECT_EQ(script->resets, 1U);
  EXPECT_EQ(out.first_error(), Errc::aborted);
}

TEST_F(QueueRelayTest, the_error_of_the_stream_behind_it_is_told) {
  feed(buffer, "abc");
  from->hold_from = 0;
  script->fail_at = 0;
  script->error = net::error::broken_pipe;
  WriteHandoff out = spawn();
  relay(out);
  outcome.expect(net::error::broken_pipe, {3, 3, RelaySide::out});
  EXPECT_TRUE(from->cancel_was_asked);
}

TEST_F(QueueRelayTest, that_is_ended_by_others_while_the_input_is_silent_ends_it) {
  from->hold_from = 0;
  for (const bool is_abort : {true, false}) {
    *from = StreamScript();
    from->hold_from = 0;
    RelayOutcome told;
    WriteHandoff out = spawn();
    async_relay(buffer, in, out, told.handler());
    run_ready(*context);
    ASSERT_FALSE(told.is_over());
    if (is_abort) {
      out.abort();
    } else {
      out.close();
    }
    run_ready(*context);
    told.expect(detail::to_net_error(is_abort ? Errc::aborted : Errc::closed),
                {0, 0, RelaySide::out});
  }
}

TEST_F(QueueRelayTest, what_was_read_when_the_queue_ended_is_in_the_buffer) {
  from->hold_from = 0;
  from->input = "abc";
  from->honours_cancellation = false;
  WriteHandoff out = spawn();
  relay(out);
  out.abort();
  run_ready(*context);
  EXPECT_FALSE(outcome.is_over());
  from->complete({}, 3);
  run_ready(*context);
  outcome.expect(detail::to_net_error(Errc::aborted), {3, 0, RelaySide::out});
  EXPECT_EQ(buffer.peek_view(), "abc");
}

TEST_F(QueueRelayTest, a_cancellation_asks_no_read_that_has_ended) {
  from->hold_from = 0;
  from->input = "abc";
  script->hold_from = 0;
  WriteHandoff out = spawn(limits(1, 100));
  Bytes fills = Bytes::from_static("fills it");
  relay(out);
  ASSERT_TRUE(out.try_write(fills));
  run_ready(*context);
  from->complete({}, 3);
  run_ready(*context);
  signal.emit(net::cancellation_type::total);
  run_ready(*context);
  outcome.expect(net::error::operation_aborted, {3, 0, RelaySide::none});
  EXPECT_FALSE(from->cancel_was_asked);
}

TEST_F(QueueRelayTest, that_has_ended_before_refuses_all) {
  feed(buffer, "abc");
  WriteHandoff out = spawn();
  out.abort();
  run_ready(*context);
  relay(out);
  outcome.expect(detail::to_net_error(Errc::aborted), {3, 0, RelaySide::out});
  EXPECT_EQ(buffer.peek_view(), "abc");
  EXPECT_EQ(from->calls, 0U);
}

TEST_F(QueueRelayTest, that_is_closed_while_a_piece_waits_gives_the_rest_back) {
  const std::string all = pattern(250);
  feed(buffer, all);
  WriteHandoff out = spawn_held(limits(4, 100));
  relay(out);
  EXPECT_EQ(out.pending_bytes(), 100U);
  out.close();
  run_ready(*context);
  outcome.expect(detail::to_net_error(Errc::closed), {250, 100, RelaySide::out});
  EXPECT_EQ(buffer.peek_view(), all.substr(100));
  stream_takes(100);
}

TEST_F(QueueRelayTest, a_line_that_is_full_is_an_error) {
  feed(buffer, "abc");
  WriteHandoffConfig config = limits(1, 100);
  config.max_waiters = 0;
  WriteHandoff out = spawn_held(config);
  ASSERT_TRUE(try_send(out, "x"));
  relay(out);
  outcome.expect(detail::to_net_error(Errc::too_many_waiters), {3, 0, RelaySide::out});
  EXPECT_EQ(buffer.peek_view(), "abc");
}

// ---- Cancellation.

TEST_F(QueueRelayTest, a_cancelled_piece_goes_back_to_the_buffer) {
  const std::string all = pattern(250);
  feed(buffer, all);
  WriteHandoff out = spawn_held(limits(4, 100));
  relay(out);
  signal.emit(net::cancellation_type::total);
  run_ready(*context);
  outcome.expect(net::error::operation_aborted, {250, 100, RelaySide::none});
  EXPECT_EQ(buffer.peek_view(), all.substr(100));
  EXPECT_TRUE(out.is_open());

  from->input = "more";
  RelayOutcome second;
  async_relay(buffer, in, out, second.handler());
  script->hold_from = kNever;
  stream_takes(100);
  ASSERT_TRUE(run_until(*context, [&] { return second.is_over(); }));
  EXPECT_FALSE(second.error());
  EXPECT_EQ(script->written, all + "more");
}

TEST_F(QueueRelayTest, a_cancellation_at_any_step_loses_nothing) {
  const std::string all = pattern(4000);
  bool has_ended = false;
  unsigned cancelled = 0;
  for (unsigned steps = 0; !has_ended; ++steps) {
    *from = StreamScript();
    *script = StreamScript();
    buffer = HandoffBuffer();
    feed(buffer, all.substr(0, 1000));
    from->input = all.substr(1000);
    from->most_per_call = 500;
    script->most_per_call = 300;
    WriteHandoff out = spawn(limits(4, 600));
    net::cancellation_signal cancel;
    RelayOutcome told;
    async_relay(buffer, in, out, net::bind_cancellation_slot(cancel.slot(), told.handler()));
    context->restart();
    for (unsigned i = 0; i < steps; ++i) {
      context->poll_one();
    }
    has_ended = told.is_over();
    const bool was_open = out.is_open();
    cancel.emit(net::cancellation_type::total);
    run_ready(*context);
    ASSERT_TRUE(told.is_over());
    Outcome<net_error_code> flushed;
    out.async_flush(flushed.handler());
    run_ready(*context);
    EXPECT_EQ(script->written + std::string(buffer.peek_view()) + from->input, all);
    EXPECT_EQ(told.counts().passed_on, script->written.size());
    if (told.error()) {
      ++cancelled;
      EXPECT_EQ(told.error(), net::error::operation_aborted);
      EXPECT_EQ(out.is_open(), was_open);
    }
  }
  EXPECT_GT(cancelled, 15U);
}

TEST_F(QueueRelayTest, a_cancellation_ends_only_the_wait_for_the_end_of_the_queue) {
  from->input = "abc";
  WriteHandoff out = spawn_held();
  relay(out);
  EXPECT_FALSE(out.is_open());
  signal.emit(net::cancellation_type::total);
  run_ready(*context);
  outcome.expect(net::error::operation_aborted, {3, 3, RelaySide::none});
  script->hold_from = kNever;
  stream_takes(3);
  EXPECT_EQ(script->ends, 1U);
}

TEST_F(QueueRelayTest, an_input_that_failed_is_told_and_cut_also_when_cancelled) {
  from->input = pattern(250);
  from->fail_at = 0;
  from->error = net::error::connection_reset;
  from->bytes_with_error = 250;
  WriteHandoff out = spawn_held(limits(4, 100));
  relay(out);
  signal.emit(net::cancellation_type::total);
  run_ready(*context);
  outcome.expect(net::error::connection_reset, {250, 100, RelaySide::in});
  EXPECT_EQ(buffer.size(), 150U);
  EXPECT_FALSE(out.is_open());
  script->hold_from = kNever;
  stream_takes(100);
  EXPECT_EQ(script->resets, 1U);
}

// ---- Contexts.

TEST_F(QueueRelayTest, that_goes_with_its_context_leaves_the_buffer_usable) {
  for (const bool is_passing : {false, true}) {
    auto lost = std::make_unique<net::io_context>(1);
    auto input = std::make_shared<StreamScript>();
    auto output = std::make_shared<StreamScript>();
    input->hold_from = output->hold_from = 0;
    IoStream of_in(lost->get_executor(), input);
    WriteHandoff out(IoStream(lost->get_executor(), output), limits(4, 2));
    HandoffBuffer held;
    if (is_passing) {
      feed(held, "abcdef");
    }
    Sentinel sentinel;
    async_relay(held, of_in, out, sentinel.handler());
    run_ready(*lost);
    input->held.reset();
    lost.reset();
    output->held.reset();
    EXPECT_EQ(sentinel.calls(), 0U);
    EXPECT_TRUE(sentinel.is_destroyed());
    EXPECT_EQ(held.peek_view(), is_passing ? "cdef" : "");
    feed(held, "gh");
  }
}

TEST_F(QueueRelayTest, that_goes_with_its_context_behind_its_buffer_touches_it_no_more) {
  WriteHandoff out = spawn_held(limits(4, 2));
  std::optional<HandoffBuffer> gone(std::in_place);
  feed(*gone, "abcdef");
  Sentinel sentinel;
  async_relay(*gone, in, out, sentinel.handler());
  run_ready(*context);
  gone.reset();
  context.reset();
  script->held.reset();
  EXPECT_TRUE(sentinel.is_destroyed());
}

// ---- Memory.

class QueueRelayMemory : public testing::Test {
 protected:
  static constexpr std::size_t kBlock = 4096;

  /// Relays more than fits, to a peer that reads nothing; the most that was held of blocks.
  std::size_t most_held(std::size_t budget) {
    net::io_context context{1};
    auto [client, in] = UnixPair::make(context);
    auto [near, far] = UnixPair::make(context);
    CountingResource blocks;
    std::size_t most = 0;
    {
      WriteHandoff out(std::move(near), {.max_items = 4096, .max_pending_bytes = budget});
      HandoffBuffer buffer({.read_reserve = kBlock, .block_size = kBlock, .block_source = &blocks});
      net::cancellation_signal cancel;
      RelayOutcome outcome;
      async_relay(buffer, in, out, net::bind_cancellation_slot(cancel.slot(), outcome.handler()));
      const std::string much = pattern(8 << 20);
      net::async_write(client, net::buffer(much), [](net_error_code, std::size_t) {});
      run_ready(context);
      EXPECT_NE(out.pending_bytes(), 0U) << "the peer's system takes all";
      most = blocks.most_bytes_out();
      cancel.emit(net::cancellation_type::total);
      run_ready(context);
      EXPECT_TRUE(outcome.is_over());
      out.abort();
      run_ready(context);
    }
    return most;
  }
  static constexpr std::size_t footprint(std::size_t blocks) {
    return blocks * (sizeof(detail::Block) + kBlock + detail::kCacheLine);
  }
};

TEST_F(QueueRelayMemory, holds_no_more_blocks_than_the_budget_has_room_for_and_one) {
  for (const std::size_t blocks : {1U, 2U, 5U, 16U}) {
    EXPECT_LE(most_held(blocks * kBlock), footprint(blocks + 1)) << blocks;
  }
}

TEST_F(QueueRelayMemory, of_a_small_budget_is_one_block) {
  for (const std::size_t budget : {std::size_t{1}, std::size_t{100}, kBlock - 1}) {
    EXPECT_LE(most_held(budget), footprint(1)) << budget;
  }
}

// What is there costs no turn of the executor.
TEST_F(QueueRelayTest, reads_on_at_once_and_lets_others_run_behind_64_kib) {
  constexpr std::size_t kPiece = 4096;
  constexpr std::uint64_t kBehind = 64 * 1024;
  auto [peer, from_peer] = make_duplex(context->get_executor(), std::size_t{1} * 1024 * 1024);
  const std::string text = pattern(40 * kPiece);
  ASSERT_EQ(net::write(peer, net::buffer(text)), text.size());
  peer.shutdown(DuplexPair::Stream::shutdown_send);
  HandoffBuffer pieces({.max_size = kPiece, .read_reserve = kPiece, .block_size = kPiece});
  RelayProgress progress;
  options.progress = &progress;
  std::uint64_t last = 0;
  std::uint64_t most = 0;
  std::function<void()> others = [&] {
    most = std::max(most,
                    progress.counts().passed_on - std::exchange(last, progress.counts().passed_on));
    if (!outcome.is_over()) net::post(*context, others);
  };
  async_relay(pieces, from_peer, spawn(), options, outcome.handler());
  net::post(*context, others);
  ASSERT_TRUE(run_out(*context));
  outcome.expect({}, {text.size(), text.size(), RelaySide::none});
  EXPECT_EQ(script->written, text);
  EXPECT_GT(most, kPiece);
  EXPECT_LE(most, kBehind);
}

}  // namespace
}  // namespace bytes_handoff::test
