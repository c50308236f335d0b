#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "support/asio.hpp"
#include "support/relaying/tunnel_outcome.hpp"
#include "support/run_for.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {

/// left -> a | b -> right, and back.
template <class PairA, class PairB, RelayBy kMovedBy = RelayBy::kernel_if_it_pays>
struct Between {
  static constexpr RelayBy kBy = kMovedBy;
  using A = PairA;
  using B = PairB;
};

/// Its clock is `SetClock`.
template <class Pairs>
class TunnelBetween : public testing::Test {
 protected:
  using StreamA = typename Pairs::A::Stream;
  using StreamB = typename Pairs::B::Stream;

  TunnelBetween() {
    auto [left_end, a_end] = Pairs::A::make(context);
    left.emplace(std::move(left_end));
    a.emplace(std::move(a_end));
    auto [b_end, right_end] = Pairs::B::make(context);
    b.emplace(std::move(b_end));
    right.emplace(std::move(right_end));
    at_left.emplace(*left);
    at_right.emplace(*right);
  }

  void start(TunnelOptions options = {}) {
    options.by = by;
    async_tunnel_with_set_clock(TunnelEnd(a_buffer, *a), TunnelEnd(b_buffer, *b), options,
                                net::bind_cancellation_slot(cancel.slot(), outcome.handler()));
  }

  template <class Stream>
  static void write(Stream& stream, std::string text) {
    const auto kept = std::make_shared<std::string>(std::move(text));
    net::async_write(stream, net::buffer(*kept), [kept](net_error_code, std::size_t) {});
  }
  template <class Stream>
  static void end(Stream& stream) {
    net_error_code error;
    stream.shutdown(Stream::shutdown_send, error);
  }
  // The end behind the bytes: a backend of Asio may begin to write when the context runs.
  template <class Stream>
  static void write_and_end(Stream& stream, std::string text) {
    const auto kept = std::make_shared<std::string>(std::move(text));
    net::async_write(stream, net::buffer(*kept),
                     [kept, &stream](net_error_code, std::size_t) { end(stream); });
  }
  void let_right_read_nothing() {
    right->cancel();
    run([this] { return at_right->is_over(); });
    at_right.reset();
  }
  template <class Condition>
  void run(Condition condition) {
    ASSERT_TRUE(run_until(context, condition));
  }
  void run_to_end() {
    run([this] { return outcome.is_over(); });
  }
  // The clock goes on in steps, with turns of the context between them.
  void let_time_pass_to_end() {
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (!outcome.is_over()) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "it takes too long";
      SetClock::pass(std::chrono::milliseconds(500));
      run_for_a_moment(context);
    }
  }
  void run_to_texts(std::size_t of_left, std::size_t of_right) {
    run([=, this] {
      return at_left->text().size() >= of_left && at_right->text().size() >= of_right;
    });
  }

  // Until way `a` to `b` has something that it cannot pass on. `progress` is that way's.
  void run_until_stuck() {
    run([this] {
      run_ready(context);
      const RelayCounts counts = progress.counts();
      return counts.received != counts.passed_on;
    });
  }

  RelayBy by = Pairs::kBy;
  RelayProgress progress;
  net::io_context context{1};
  std::optional<StreamA> left;
  std::optional<StreamA> a;
  std::optional<StreamB> b;
  std::optional<StreamB> right;
  std::optional<Collector<StreamA>> at_left;
  std::optional<Collector<StreamB>> at_right;
  HandoffBuffer a_buffer;
  HandoffBuffer b_buffer;
  net::cancellation_signal cancel;
  TunnelOutcome outcome;
};

/// Between two TCP connections.
class TcpTunnelTest : public TunnelBetween<Between<TcpPair, TcpPair>> {
 protected:
  void reset_left() {
    left->set_option(net::socket_base::linger(true, 0));
    left->close();
  }
  void run_to_both_ends() {
    run([this] { return at_left->is_over() && at_right->is_over(); });
  }
};

}  // namespace bytes_handoff::test
