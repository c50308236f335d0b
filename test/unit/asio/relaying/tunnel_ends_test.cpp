#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "bytes_handoff/tunnel.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/relaying/tunnel_fixture.hpp"
#include "support/run_for.hpp"
#include "support/streams/buffer_feed.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// By whom the bytes are moved.
class TunnelEnds : public TcpTunnelTest, public testing::WithParamInterface<RelayBy> {
 protected:
  TunnelEnds() { by = GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(By, TunnelEnds, testing::Values(RelayBy::copy, RelayBy::kernel));

TEST_P(TunnelEnds, a_cut_input_is_passed_on_before_both_are_reset) {
  start();
  write(*left, pattern(5000));
  run_to_texts(0, 5000);
  write(*right, "answer");
  run_to_texts(6, 0);
  reset_left();
  run_to_end();
  EXPECT_EQ(outcome.error(), net::error::connection_reset);
  EXPECT_EQ(outcome.result().cause, TunnelCause::read_a);
  EXPECT_EQ(outcome.a_to_b().error, net::error::connection_reset);
  EXPECT_EQ(outcome.a_to_b().counts, (RelayCounts{5000, 5000, RelaySide::in}));
  EXPECT_EQ(outcome.b_to_a().error, Errc::aborted);
  EXPECT_EQ(outcome.b_to_a().counts.passed_on, 6U);
  run([this] { return at_right->is_over(); });
  EXPECT_EQ(at_right->text(), pattern(5000));
  EXPECT_EQ(at_right->error(), net::error::connection_reset);
  EXPECT_FALSE(b->is_open());
}

TEST_P(TunnelEnds, a_way_that_goes_on_behind_a_cut_ends_with_the_reset_of_its_input) {
  start({.on_read_error = OtherWay::goes_on});
  run_ready(context);
  reset_left();
  run_to_end();
  EXPECT_EQ(outcome.error(), net::error::connection_reset);
  EXPECT_EQ(outcome.b_to_a().error, net::error::operation_aborted);
}

TEST_P(TunnelEnds, an_end_in_order_may_end_the_other_way) {
  start({.on_end = OtherWay::ends});
  write(*right, "part");
  run_to_texts(4, 0);
  write(*left, "all");
  end(*left);
  run_to_end();
  EXPECT_EQ(outcome.error(), Errc::aborted);
  EXPECT_EQ(outcome.result().cause, TunnelCause::other_way);
  EXPECT_EQ(outcome.a_to_b().error, net_error_code());
  EXPECT_EQ(outcome.b_to_a().error, Errc::aborted);
  EXPECT_EQ(outcome.b_to_a().counts.failed, RelaySide::in);
  run_to_both_ends();
  EXPECT_EQ(at_right->text(), "all");
  EXPECT_EQ(at_right->error(), net::error::eof);
  EXPECT_EQ(at_left->text(), "part");
  EXPECT_EQ(at_left->error(), net::error::connection_reset);
}

TEST_P(TunnelEnds, the_last_end_in_order_may_close_its_socket) {
  start({.may_close = true});
  write_and_end(*left, "request");
  run([this] { return at_right->is_over(); });
  EXPECT_TRUE(b->is_open()) << "it is still read";
  write_and_end(*right, pattern(200'000));
  run_to_end();
  EXPECT_EQ(outcome.error(), net_error_code());
  EXPECT_FALSE(a->is_open());
  EXPECT_TRUE(b->is_open());
  run_to_both_ends();
  EXPECT_EQ(at_right->text(), "request");
  EXPECT_EQ(at_left->text(), pattern(200'000));
  EXPECT_EQ(at_left->error(), net::error::eof);
}

TEST_P(TunnelEnds, it_closes_none_by_default) {
  start();
  write_and_end(*left, "request");
  write_and_end(*right, "answer");
  run_to_end();
  EXPECT_TRUE(a->is_open());
  EXPECT_TRUE(b->is_open());
}

TEST_P(TunnelEnds, half_closed_for_too_long_both_are_reset) {
  start();
  write(*right, "part");
  write(*left, "all");
  run_to_texts(4, 3);
  SetClock::pass(seconds(1000));
  end(*left);
  run([this] { return at_right->is_over(); });
  EXPECT_EQ(at_right->error(), net::error::eof);
  const auto since = SetClock::now();
  let_time_pass_to_end();
  EXPECT_GE(SetClock::now() - since, seconds(59));
  EXPECT_EQ(outcome.error(), Errc::timed_out);
  EXPECT_EQ(outcome.result().cause, TunnelCause::time);
  EXPECT_EQ(outcome.a_to_b().error, net_error_code());
  EXPECT_EQ(outcome.b_to_a().error, Errc::timed_out);
  run([this] { return at_left->is_over(); });
  EXPECT_EQ(at_left->error(), net::error::connection_reset);
  EXPECT_FALSE(a->is_open());
  EXPECT_FALSE(b->is_open());
  EXPECT_TRUE(run_out(context)) << "something is left armed";
}

TEST_P(TunnelEnds, a_way_that_is_to_end_may_be_silent_for_the_close_timeout) {
  let_right_read_nothing();
  start({.half_close_timeout = {},
         .on_end = OtherWay::ends,
         .close_timeout = milliseconds(50),
         .a_to_b = &progress});
  write(*left, pattern(30'000'000));
  run_until_stuck();
  end(*right);
  const auto since = std::chrono::steady_clock::now();
  run_to_end();
  EXPECT_GE(std::chrono::steady_clock::now() - since, milliseconds(50));
  EXPECT_EQ(outcome.error(), Errc::aborted);
  EXPECT_EQ(outcome.a_to_b().error, Errc::aborted);
  EXPECT_EQ(outcome.b_to_a().error, net_error_code());
  EXPECT_FALSE(b->is_open());
  const RelayCounts counts = outcome.a_to_b().counts;
  EXPECT_EQ(counts.received - counts.passed_on, a_buffer.size());
  run([this] { return at_left->is_over(); });
  EXPECT_EQ(at_left->error(), net::error::eof);
}

TEST_P(TunnelEnds, cancelled_while_it_writes_the_rest_is_in_the_buffer) {
  const std::string much = pattern(30'000'000);
  let_right_read_nothing();
  start({.a_to_b = &progress});
  write(*left, much);
  run_until_stuck();
  cancel.emit(net::cancellation_type::terminal);
  run_to_end();
  EXPECT_EQ(outcome.error(), net::error::operation_aborted);
  const RelayCounts counts = outcome.a_to_b().counts;
  EXPECT_EQ(counts.received - counts.passed_on, a_buffer.size());
  EXPECT_EQ(std::string(a_buffer.peek_view()), much.substr(counts.passed_on, a_buffer.size()));
  at_right.emplace(*right);
  run([&] { return at_right->text().size() == counts.passed_on; });
  EXPECT_FALSE(at_right->is_over());
  // The same tunnel again passes on the rest.
  outcome = TunnelOutcome();
  start();
  run([&] { return at_right->text().size() == much.size(); });
  EXPECT_EQ(at_right->text(), much);
}

TEST_P(TunnelEnds, cancelled_before_it_has_begun_it_has_done_nothing) {
  feed(a_buffer, "tail");
  start({.idle_timeout = seconds(8)});
  cancel.emit(net::cancellation_type::terminal);
  cancel.emit(net::cancellation_type::terminal);
  run_to_end();
  EXPECT_EQ(outcome.error(), net::error::operation_aborted);
  EXPECT_EQ(outcome.a_to_b().counts, (RelayCounts{4, 0, RelaySide::none}));
  EXPECT_EQ(a_buffer.peek_view(), "tail");
}

TEST_P(TunnelEnds, told_to_end_it_passes_on_what_it_has_and_resets_both) {
  start({.on_cancel = OnCancel::ends});
  write(*left, pattern(5000));
  write(*right, "answer");
  run_to_texts(6, 5000);
  cancel.emit(net::cancellation_type::terminal);
  run_to_end();
  EXPECT_EQ(outcome.error(), net::error::operation_aborted);
  EXPECT_EQ(outcome.result().cause, TunnelCause::cancelled);
  EXPECT_EQ(outcome.a_to_b().error, Errc::aborted);
  EXPECT_EQ(outcome.a_to_b().counts, (RelayCounts{5000, 5000, RelaySide::in}));
  EXPECT_EQ(outcome.b_to_a().counts, (RelayCounts{6, 6, RelaySide::in}));
  run_to_both_ends();
  EXPECT_EQ(at_right->text(), pattern(5000));
  EXPECT_EQ(at_right->error(), net::error::connection_reset);
  EXPECT_EQ(at_left->text(), "answer");
  EXPECT_EQ(at_left->error(), net::error::connection_reset);
  EXPECT_TRUE(run_out(context)) << "something is left armed";
}

TEST_P(TunnelEnds, told_to_end_before_it_has_begun_it_passes_on_what_is_buffered) {
  feed(a_buffer, "tail");
  start({.on_cancel = OnCancel::ends});
  cancel.emit(net::cancellation_type::total);
  run_to_end();
  EXPECT_EQ(outcome.error(), net::error::operation_aborted);
  run_to_both_ends();
  EXPECT_EQ(at_right->text(), "tail");
  EXPECT_EQ(at_right->error(), net::error::connection_reset);
  EXPECT_EQ(at_left->error(), net::error::connection_reset);
  EXPECT_TRUE(a_buffer.empty());
}

TEST_P(TunnelEnds, told_to_end_while_a_peer_reads_nothing_it_ends_within_the_close_timeout) {
  let_right_read_nothing();
  start({.on_cancel = OnCancel::ends, .close_timeout = milliseconds(50), .a_to_b = &progress});
  write(*left, pattern(30'000'000));
  run_until_stuck();
  const auto since = std::chrono::steady_clock::now();
  cancel.emit(net::cancellation_type::terminal);
  run_to_end();
  EXPECT_GE(std::chrono::steady_clock::now() - since, milliseconds(50));
  EXPECT_EQ(outcome.error(), net::error::operation_aborted);
  EXPECT_EQ(outcome.a_to_b().error, Errc::aborted);
  EXPECT_FALSE(b->is_open());
  const RelayCounts counts = outcome.a_to_b().counts;
  EXPECT_EQ(counts.received - counts.passed_on, a_buffer.size());
}

TEST_P(TunnelEnds, told_to_end_twice_both_are_reset_at_once) {
  let_right_read_nothing();
  start({.on_cancel = OnCancel::ends, .close_timeout = seconds(1000), .a_to_b = &progress});
  write(*left, pattern(30'000'000));
  run_until_stuck();
  cancel.emit(net::cancellation_type::terminal);
  run_ready(context);
  EXPECT_FALSE(outcome.is_over());
  cancel.emit(net::cancellation_type::terminal);
  run_to_end();
  EXPECT_EQ(outcome.error(), net::error::operation_aborted);
  EXPECT_EQ(outcome.a_to_b().error, net::error::operation_aborted);
  EXPECT_FALSE(a->is_open());
  EXPECT_FALSE(b->is_open());
}

TEST_P(TunnelEnds, told_to_end_behind_an_end_in_order_only_the_other_way_is_cut) {
  start({.on_cancel = OnCancel::ends});
  write(*left, "all");
  end(*left);
  run([this] { return at_right->is_over(); });
  EXPECT_EQ(at_right->error(), net::error::eof);
  write(*right, "part");
  run_to_texts(4, 3);
  cancel.emit(net::cancellation_type::terminal);
  run_to_end();
  EXPECT_EQ(outcome.error(), net::error::operation_aborted);
  EXPECT_EQ(outcome.a_to_b().error, net_error_code());
  EXPECT_EQ(outcome.b_to_a().error, Errc::aborted);
  run([this] { return at_left->is_over(); });
  EXPECT_EQ(at_left->text(), "part");
  EXPECT_EQ(at_left->error(), net::error::connection_reset);
}

TEST_P(TunnelEnds, a_long_download_with_a_silent_client_is_not_idle) {
  start({.idle_timeout = seconds(8)});
  std::size_t sent = 0;
  for (int i = 0; i != 20; ++i) {
    SetClock::pass(seconds(6));
    write(*right, pattern(1000));
    sent += 1000;
    run_to_texts(sent, 0);
  }
  EXPECT_FALSE(outcome.is_over());
  cancel.emit(net::cancellation_type::terminal);
  run_to_end();
}

TEST_P(TunnelEnds, a_buffer_that_is_being_read_is_refused_and_nothing_is_ended) {
  net::cancellation_signal stop;
  b_buffer.async_read_available(
      *b, net::bind_cancellation_slot(stop.slot(), [](net_error_code, std::size_t) {}));
  start();
  run_to_end();
  EXPECT_EQ(outcome.error(), Errc::read_in_progress);
  EXPECT_EQ(outcome.result().cause, TunnelCause::read_b);
  stop.emit(net::cancellation_type::terminal);
  run_ready(context);
  EXPECT_FALSE(at_left->is_over());
  EXPECT_FALSE(at_right->is_over());
}

TEST_P(TunnelEnds, negative_times_are_refused_before_anything_has_begun) {
  EXPECT_THROW(start({.idle_timeout = seconds(-1)}), std::invalid_argument);
  EXPECT_THROW(start({.half_close_timeout = seconds(-1)}), std::invalid_argument);
  EXPECT_THROW(start({.close_timeout = seconds(-1)}), std::invalid_argument);
  EXPECT_FALSE(outcome.is_over());
}

TEST_P(TunnelEnds, each_way_counts_where_it_is_told) {
  RelayProgress there;
  RelayProgress back;
  start({.a_to_b = &there, .b_to_a = &back});
  write(*left, "12345");
  write(*right, "123");
  run_to_texts(3, 5);
  EXPECT_EQ(there.counts(), (RelayCounts{5, 5, RelaySide::none}));
  EXPECT_EQ(back.counts(), (RelayCounts{3, 3, RelaySide::none}));
  cancel.emit(net::cancellation_type::terminal);
  run_to_end();
}

// ---- Contexts.

/// Tells whether it was destroyed, uninvoked or not.
struct Watched {
  std::shared_ptr<int> alive = std::make_shared<int>(0);
};

TEST(TunnelContexts, a_handler_goes_with_the_context_of_both_streams) {
  HandoffBuffer a_buffer;
  HandoffBuffer b_buffer;
  Watched watched;
  const std::weak_ptr<int> alive = watched.alive;
  bool was_called = false;
  {
    net::io_context context;
    auto [left, a] = TcpPair::make(context);
    auto [b, right] = TcpPair::make(context);
    async_tunnel(TunnelEnd(a_buffer, a), TunnelEnd(b_buffer, b), {.idle_timeout = seconds(5)},
                 [&was_called, watched = std::move(watched)](net_error_code, const TunnelResult&) {
                   was_called = true;
                 });
    run_ready(context);
    EXPECT_FALSE(alive.expired());
  }
  EXPECT_TRUE(alive.expired());
  EXPECT_FALSE(was_called);
  feed(a_buffer, "usable");
  feed(b_buffer, "usable");
}

TEST(TunnelContexts, a_handler_elsewhere_is_told_closed) {
  net::io_context elsewhere;
  HandoffBuffer a_buffer;
  HandoffBuffer b_buffer;
  TunnelOutcome outcome;
  {
    net::io_context context;
    auto [left, a] = TcpPair::make(context);
    auto [b, right] = TcpPair::make(context);
    async_tunnel(TunnelEnd(a_buffer, a), TunnelEnd(b_buffer, b), {.idle_timeout = seconds(5)},
                 net::bind_executor(elsewhere, outcome.handler()));
    run_ready(context);
  }
  ASSERT_TRUE(run_out(elsewhere));
  EXPECT_TRUE(outcome.is_over());
  EXPECT_EQ(outcome.error(), Errc::closed);
}

TEST(TunnelCauses, have_the_names_of_their_enumerators) {
  EXPECT_EQ(to_string(TunnelCause::none), "none");
  EXPECT_EQ(to_string(TunnelCause::read_a), "read_a");
  EXPECT_EQ(to_string(TunnelCause::write_a), "write_a");
  EXPECT_EQ(to_string(TunnelCause::read_b), "read_b");
  EXPECT_EQ(to_string(TunnelCause::write_b), "write_b");
  EXPECT_EQ(to_string(TunnelCause::other_way), "other_way");
  EXPECT_EQ(to_string(TunnelCause::time), "time");
  EXPECT_EQ(to_string(TunnelCause::cancelled), "cancelled");
  EXPECT_EQ(to_string(static_cast<TunnelCause>(8)), "unknown");
}

}  // namespace
}  // namespace bytes_handoff::test
