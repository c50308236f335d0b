#include "bytes_handoff/tunnel.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "support/asio.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/relaying/tunnel_fixture.hpp"
#include "support/run_for.hpp"
#include "support/sampled_types.hpp"
#include "support/streams/buffer_feed.hpp"
#include "support/streams/pipes.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

using AllPairs =
    SampledTypes<Between<TcpPair, TcpPair, RelayBy::copy>,
                 Between<TcpPair, TcpPair, RelayBy::kernel>, Between<TcpPair, TcpPair>,
                 Between<UnixPair, UnixPair>, Between<DuplexPair, DuplexPair>,
                 Between<TcpPair, DuplexPair>, Between<UnixPair, TcpPair, RelayBy::copy>,
                 Between<UnixPair, TcpPair, RelayBy::kernel>, Between<PipesPair, PipesPair>,
                 Between<PipesPair, TcpPair>>;
TYPED_TEST_SUITE(TunnelBetween, AllPairs);

TYPED_TEST(TunnelBetween, passes_everything_on_both_ways_and_both_ends) {
  const std::string request = pattern(300'000);
  const std::string answer = pattern(400'000, 77);
  feed(this->a_buffer, "tail of a ");
  feed(this->b_buffer, "tail of b ");
  this->start();
  net::async_write(*this->left, net::buffer(request), [this](net_error_code error, std::size_t) {
    EXPECT_FALSE(error);
    this->end(*this->left);
  });
  net::async_write(*this->right, net::buffer(answer), [this](net_error_code error, std::size_t) {
    EXPECT_FALSE(error);
    this->end(*this->right);
  });
  this->run_to_end();
  this->run([this] { return this->at_left->is_over() && this->at_right->is_over(); });
  EXPECT_EQ(this->at_right->text(), "tail of a " + request);
  EXPECT_EQ(this->at_left->text(), "tail of b " + answer);
  EXPECT_EQ(this->at_left->error(), net::error::eof);
  EXPECT_EQ(this->at_right->error(), net::error::eof);
  EXPECT_EQ(this->outcome.error(), net_error_code());
  EXPECT_EQ(this->outcome.a_to_b().counts, (RelayCounts{300'010, 300'010, RelaySide::none}));
  EXPECT_EQ(this->outcome.b_to_a().counts, (RelayCounts{400'010, 400'010, RelaySide::none}));
  EXPECT_EQ(this->outcome.a_to_b().error, net_error_code());
  EXPECT_EQ(this->outcome.b_to_a().error, net_error_code());
  EXPECT_TRUE(run_out(this->context)) << "something is left armed";
}

TYPED_TEST(TunnelBetween, goes_on_from_b_to_a_behind_the_end_of_a) {
  this->start();
  this->write_and_end(*this->left, "request");
  this->run([this] { return this->at_right->is_over(); });
  EXPECT_EQ(this->at_right->text(), "request");
  EXPECT_EQ(this->at_right->error(), net::error::eof);
  EXPECT_FALSE(this->outcome.is_over());
  this->write(*this->right, "answer");
  this->run_to_texts(6, 0);
  EXPECT_FALSE(this->at_left->is_over());
  this->end(*this->right);
  this->run_to_end();
  this->run([this] { return this->at_left->is_over(); });
  EXPECT_EQ(this->at_left->error(), net::error::eof);
  EXPECT_EQ(this->outcome.error(), net_error_code());
}

TYPED_TEST(TunnelBetween, goes_on_from_a_to_b_behind_the_end_of_b) {
  this->start();
  this->end(*this->right);
  this->run([this] { return this->at_left->is_over(); });
  EXPECT_EQ(this->at_left->error(), net::error::eof);
  this->write(*this->left, "more");
  this->run_to_texts(0, 4);
  EXPECT_FALSE(this->at_right->is_over());
  this->end(*this->left);
  this->run_to_end();
  this->run([this] { return this->at_right->is_over(); });
  EXPECT_EQ(this->at_right->error(), net::error::eof);
  EXPECT_EQ(this->outcome.error(), net_error_code());
}

TYPED_TEST(TunnelBetween, cancelled_it_ends_and_resets_nothing) {
  this->start({.idle_timeout = std::chrono::seconds(8)});
  this->write(*this->left, "hello");
  this->run_to_texts(0, 5);
  this->cancel.emit(net::cancellation_type::terminal);
  this->run_to_end();
  EXPECT_EQ(this->outcome.error(), net::error::operation_aborted);
  EXPECT_EQ(this->outcome.a_to_b().error, net::error::operation_aborted);
  EXPECT_EQ(this->outcome.b_to_a().error, net::error::operation_aborted);
  EXPECT_EQ(this->outcome.a_to_b().counts.passed_on, 5U);
  EXPECT_FALSE(this->at_left->is_over());
  EXPECT_FALSE(this->at_right->is_over());
  // Another one goes on with the same streams and buffers.
  this->outcome = TunnelOutcome();
  this->start();
  this->write(*this->left, " again");
  this->run_to_texts(0, 11);
  EXPECT_EQ(this->at_right->text(), "hello again");
}

TYPED_TEST(TunnelBetween, that_is_idle_too_long_resets_both) {
  this->start({.idle_timeout = std::chrono::seconds(8)});
  for (int i = 0; i != 4; ++i) {
    SetClock::pass(std::chrono::seconds(7));
    this->write(*this->right, "x");
    this->run_to_texts(static_cast<std::size_t>(i) + 1, 0);
    EXPECT_FALSE(this->outcome.is_over());
  }
  const auto silent_since = SetClock::now();
  this->let_time_pass_to_end();
  EXPECT_GE(SetClock::now() - silent_since, std::chrono::seconds(8));
  EXPECT_EQ(this->outcome.error(), Errc::timed_out);
  EXPECT_EQ(this->outcome.a_to_b().error, Errc::timed_out);
  EXPECT_EQ(this->outcome.b_to_a().error, Errc::timed_out);
  this->run([this] { return this->at_left->is_over() && this->at_right->is_over(); });
  EXPECT_TRUE(run_out(this->context)) << "something is left armed";
}

TEST_F(TcpTunnelTest, has_no_block_for_an_answer_before_it_comes) {
  CountingResource blocks;
  HandoffBuffer answers({.block_source = &blocks});
  feed(this->a_buffer, "request");
  async_tunnel(TunnelEnd(this->a_buffer, *this->a), TunnelEnd(answers, *this->b),
               this->outcome.handler());
  this->run_to_texts(0, 7);
  run_ready(this->context);
  EXPECT_EQ(blocks.allocations(), 0U);
  this->write_and_end(*this->right, "answer");
  this->run_to_texts(6, 7);
  EXPECT_EQ(this->at_left->text(), "answer");
  this->end(*this->left);
  this->run_to_end();
}

}  // namespace
}  // namespace bytes_handoff::test
