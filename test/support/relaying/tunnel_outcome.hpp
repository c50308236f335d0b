#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "bytes_handoff/tunnel.hpp"
#include "support/relaying/relay_outcome.hpp"

namespace bytes_handoff::test {

/// How a tunnel ended.
class TunnelOutcome {
 public:
  [[nodiscard]] auto handler() {
    return [this](const net_error_code& error, const TunnelResult& result) {
      EXPECT_FALSE(is_over_) << "a handler was called twice";
      is_over_ = true;
      error_ = error;
      result_ = result;
    };
  }

  [[nodiscard]] bool is_over() const { return is_over_; }
  [[nodiscard]] const net_error_code& error() const { return error_; }
  [[nodiscard]] const TunnelResult& result() const { return result_; }
  [[nodiscard]] const TunnelResult::Way& a_to_b() const { return result_.a_to_b; }
  [[nodiscard]] const TunnelResult::Way& b_to_a() const { return result_.b_to_a; }

 private:
  bool is_over_ = false;
  net_error_code error_;
  TunnelResult result_;
};

/// A clock that the test sets, for all tunnels of the process. A timer of it looks at it each
/// millisecond.
struct SetClock {
  using duration = std::chrono::steady_clock::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr bool is_steady = true;

  [[nodiscard]] static time_point now() noexcept {
    return time_point(duration(ticks().load(std::memory_order_relaxed)));
  }
  static void pass(duration time) noexcept { ticks().fetch_add(time.count()); }

 private:
  static std::atomic<rep>& ticks() noexcept {
    static std::atomic<rep> of_all{std::chrono::hours(1) / duration(1)};
    return of_all;
  }
};

/// `async_tunnel` with that clock.
template <class A, class OutA, class B, class OutB, class Token>
auto async_tunnel_with_set_clock(const TunnelEnd<A, OutA>& a, const TunnelEnd<B, OutB>& b,
                                 const TunnelOptions& options, Token&& token) {
  return net::async_initiate<Token, void(net_error_code, TunnelResult)>(
      detail::StartTunnel<A, OutA, B, OutB, SetClock>(a, b, options), token);
}

}  // namespace bytes_handoff::test

#if defined(BYTES_HANDOFF_BOOST_ASIO)
namespace boost::asio {
#else
namespace asio {
#endif

template <>
struct wait_traits<bytes_handoff::test::SetClock> {
  using Clock = bytes_handoff::test::SetClock;
  static Clock::duration to_wait_duration(const Clock::duration& time) {
    return std::min<Clock::duration>(time, std::chrono::milliseconds(1));
  }
  static Clock::duration to_wait_duration(const Clock::time_point& time) {
    return to_wait_duration(time - Clock::now());
  }
};

}  // namespace (boost::)asio
