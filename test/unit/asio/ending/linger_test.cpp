#include "bytes_handoff/linger.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bytes_handoff/end_write.hpp"
#include "support/asio.hpp"
#include "support/queue/probes.hpp"
#include "support/run_for.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

using namespace std::chrono_literals;
using Tcp = net::ip::tcp::socket;

template <class Pair>
class AsyncLinger : public testing::Test {
 protected:
  using Stream = typename Pair::Stream;

  void start(const LingerLimits& limits = {}) { async_linger(near_end, limits, over.handler()); }
  void expect(const net_error_code& error, std::size_t dropped) {
    ASSERT_TRUE(run_until(context, [&] { return over.has_come(); }));
    over.expect(error, dropped);
    EXPECT_TRUE(near_end.is_open());
    ASSERT_TRUE(run_out(context)) << "something is left";
  }

  net::io_context context{1};
  std::pair<Stream, Stream> pair = Pair::make(context);
  Stream& near_end = pair.first;
  Stream& far_end = pair.second;
  CountOutcome over;
};

using LingerPairs = testing::Types<TcpPair, UnixPair>;
TYPED_TEST_SUITE(AsyncLinger, LingerPairs);

TYPED_TEST(AsyncLinger, drops_the_input_until_the_peer_ends) {
  net::write(this->far_end, net::buffer("sent before", 11));
  this->near_end.shutdown(Tcp::shutdown_send);
  this->start();
  EXPECT_FALSE(this->over.has_come()) << "not from inside of the call";
  run_ready(this->context);
  EXPECT_FALSE(this->over.has_come());
  net::write(this->far_end, net::buffer("and behind", 10));
  run_ready(this->context);
  EXPECT_FALSE(this->over.has_come());
  this->far_end.close();
  this->expect({}, 21);
}

TYPED_TEST(AsyncLinger, drops_more_than_one_turn_reads) {
  const std::string much(1 << 20, 'x');
  CountOutcome sent;
  net::async_write(this->far_end, net::buffer(much), sent.handler());
  this->start();
  ASSERT_TRUE(run_until(this->context, [&] { return sent.has_come(); }));
  this->far_end.shutdown(Tcp::shutdown_send);
  this->expect({}, much.size());
}

TYPED_TEST(AsyncLinger, ends_when_the_peer_is_silent) {
  net::write(this->far_end, net::buffer("x", 1));
  LingerLimits limits;
  limits.silence = 5ms;
  this->start(limits);
  this->expect(make_error_code(Errc::timed_out), 1);
}

TYPED_TEST(AsyncLinger, ends_at_its_limit_of_time_though_the_peer_goes_on) {
  LingerLimits limits;
  limits.whole = 50ms;
  this->start(limits);
  std::size_t sent = 0;
  net::steady_timer drip(this->context);
  const auto send = [&](auto& self) -> void {
    if (!this->over.has_come()) {
      sent += net::write(this->far_end, net::buffer("x", 1));
      drip.expires_after(2ms);
      drip.async_wait([&](const net_error_code&) { self(self); });
    }
  };
  send(send);
  ASSERT_TRUE(run_until(this->context, [&] { return this->over.has_come(); }));
  EXPECT_GT(sent, 1U);
  EXPECT_EQ(this->over.error(), make_error_code(Errc::timed_out));
  ASSERT_TRUE(run_out(this->context));
}

TYPED_TEST(AsyncLinger, ends_at_its_limit_of_bytes) {
  LingerLimits limits;
  limits.max_bytes = 3;
  net::write(this->far_end, net::buffer("123", 3));
  this->start(limits);
  run_ready(this->context);
  EXPECT_FALSE(this->over.has_come());
  net::write(this->far_end, net::buffer("4", 1));
  this->expect(make_error_code(Errc::limit_exceeded), 4);
}

TYPED_TEST(AsyncLinger, is_cancelled_by_every_type) {
  for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial,
                          net::cancellation_type::total}) {
    net::cancellation_signal signal;
    CountOutcome cancelled;
    net::write(this->far_end, net::buffer("123", 3));
    async_linger(this->near_end, {},
                 net::bind_cancellation_slot(signal.slot(), cancelled.handler()));
    run_ready(this->context);
    signal.emit(type);
    EXPECT_FALSE(cancelled.has_come()) << "not from inside of the call";
    ASSERT_TRUE(run_out(this->context));
    cancelled.expect(net::error::operation_aborted, 3);
    signal.emit(type);
  }
}

TYPED_TEST(AsyncLinger, is_cancelled_before_its_first_turn) {
  net::cancellation_signal signal;
  async_linger(this->near_end, {},
               net::bind_cancellation_slot(signal.slot(), this->over.handler()));
  signal.emit(net::cancellation_type::terminal);
  this->expect(net::error::operation_aborted, 0);
}

TYPED_TEST(AsyncLinger, ends_with_the_errors_of_the_stream) {
  this->start();
  this->near_end.cancel();
  this->expect(net::error::operation_aborted, 0);
  this->near_end.close();
  CountOutcome closed;
  async_linger(this->near_end, {}, closed.handler());
  ASSERT_TRUE(run_out(this->context));
  closed.expect(net::error::bad_descriptor, 0);
}

TYPED_TEST(AsyncLinger, calls_its_handler_on_the_handlers_executor) {
  net::io_context other{1};
  async_linger(this->near_end, {}, net::bind_executor(other, this->over.handler()));
  this->far_end.close();
  ASSERT_TRUE(run_out(this->context));
  EXPECT_FALSE(this->over.has_come());
  ASSERT_TRUE(run_out(other));
  this->over.expect({}, 0);
}

TEST(AsyncLingerOfContext, destroys_its_handler_with_it) {
  auto context = std::make_unique<net::io_context>(1);
  Sentinel sentinel;
  auto pair = std::make_shared<std::pair<Tcp, Tcp>>(TcpPair::make(*context));
  async_linger(pair->first, {}, [pair, handler = sentinel.handler()](auto&&...) { handler(); });
  pair.reset();
  run_ready(*context);
  context.reset();
  EXPECT_EQ(sentinel.calls(), 0U);
  EXPECT_TRUE(sentinel.is_destroyed());
}

TEST(AsyncLingerOfContext, tells_a_handler_that_lives_elsewhere) {
  net::io_context other{1};
  auto context = std::make_unique<net::io_context>(1);
  CountOutcome over;
  auto pair = std::make_shared<std::pair<Tcp, Tcp>>(TcpPair::make(*context));
  async_linger(pair->first, {}, net::bind_executor(other, over.handler()));
  run_ready(*context);
  pair.reset();
  context.reset();
  run_ready(other);
  over.expect(net::error::operation_aborted, 0);
}

TEST(AsyncLingerOfTcp, ends_with_a_reset_of_the_peer) {
  net::io_context context{1};
  auto [near_end, far_end] = TcpPair::make(context);
  CountOutcome over;
  async_linger(near_end, {}, over.handler());
  detail::reset_stream(far_end);
  ASSERT_TRUE(run_out(context));
  over.expect(net::error::connection_reset, 0);
}

TEST(AsyncLingerOfTcp, drops_what_lies_below_its_layers) {
  net::io_context context{1};
  auto [near_end, far_end] = TcpPair::make(context);
  net::buffered_stream<Tcp&> stream(near_end);
  CountOutcome over;
  async_linger(stream, {}, over.handler());
  net::write(far_end, net::buffer("123", 3));
  far_end.close();
  ASSERT_TRUE(run_out(context));
  over.expect({}, 3);
}

// The peer sends nothing, and takes longer than the silence to read what was sent.
TEST(AsyncLingerOfTcp, takes_acknowledgements_for_signs_of_life) {
  constexpr auto kSilence = 200ms;
  net::io_context context{1};
  auto [near_end, far_end] = TcpPair::make(context);
  const std::string much(1 << 20, 'x');
  near_end.non_blocking(true);
  net_error_code full;
  while (!full) {
    near_end.write_some(net::buffer(much), full);
  }
  near_end.shutdown(Tcp::shutdown_send);
  LingerLimits limits;
  limits.silence = kSilence;
  CountOutcome over;
  async_linger(near_end, limits, over.handler());
  const auto begin = std::chrono::steady_clock::now();
  std::string room(64 * 1024, '\0');
  net::steady_timer pause(context);
  const auto read = [&, &far = far_end](auto& self) -> void {
    if (over.has_come()) {
      return;
    }
    net_error_code error;
    far.read_some(net::buffer(room), error);
    if (error) {
      ASSERT_EQ(error, net::error::eof);
      far.close();
      return;
    }
    const bool is_long = std::chrono::steady_clock::now() - begin > 3 * kSilence;
    pause.expires_after(is_long ? 0ms : 10ms);
    pause.async_wait([&](const net_error_code&) { self(self); });
  };
  read(read);
  ASSERT_TRUE(run_until(context, [&] { return over.has_come(); }));
  over.expect({}, 0);
  EXPECT_GT(std::chrono::steady_clock::now() - begin, kSilence) << "the peer was too fast";
}

}  // namespace
}  // namespace bytes_handoff::test
