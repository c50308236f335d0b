#pragma once

#include <gtest/gtest.h>

#include "bytes_handoff/tunnel.hpp"
#include "support/relaying/relay_outcome.hpp"
#include "support/set_clock.hpp"

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

/// `async_tunnel` with that clock.
template <class A, class OutA, class B, class OutB, class Token>
auto async_tunnel_with_set_clock(const TunnelEnd<A, OutA>& a, const TunnelEnd<B, OutB>& b,
                                 const TunnelOptions& options, Token&& token) {
  return net::async_initiate<Token, void(net_error_code, TunnelResult)>(
      detail::StartTunnel<A, OutA, B, OutB, SetClock>(a, b, options), token);
}

}  // namespace bytes_handoff::test
