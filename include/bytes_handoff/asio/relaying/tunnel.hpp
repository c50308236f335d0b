#pragma once

#include <chrono>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/relaying/tunnel_operation.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/waiting_op.hpp"
#include "bytes_handoff/core/support/not_negative.hpp"
#include "bytes_handoff/end_write.hpp"
#include "bytes_handoff/tunnel.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Tests set the clock.
template <class A, class OutA, class B, class OutB, class Clock = std::chrono::steady_clock>
class StartTunnel {
 public:
  using executor_type = std::remove_cvref_t<decltype(std::declval<A&>().get_executor())>;

  /// Throws `std::invalid_argument` for options that can never work.
  StartTunnel(TunnelEnd<A, OutA> a, TunnelEnd<B, OutB> b, const TunnelOptions& options)
      : a_(std::move(a)), b_(std::move(b)), options_(options) {
    rules().throw_if_invalid();
    require_not_negative("TunnelOptions::close_timeout", options.close_timeout);
    require_not_negative("TunnelOptions::close_limit", options.close_limit);
    if constexpr (!std::is_same_v<OutA, WriteHandoff>) {
      detail::require_known_end<OutA>();
    }
    if constexpr (!std::is_same_v<OutB, WriteHandoff>) {
      detail::require_known_end<OutB>();
    }
  }

  [[nodiscard]] executor_type get_executor() const noexcept { return a_.stream().get_executor(); }

  template <class Handler>
  void operator()(Handler&& handler) const {
    using Tunnel = TunnelOperation<A, OutA, B, OutB, Clock>;
    using Op = WaitingOp<Tunnel, std::decay_t<Handler>, executor_type>;
    auto op = Op::make(std::forward<Handler>(handler), get_executor(), a_, b_, rules(), options_);
    op.release()->start();
  }

 private:
  [[nodiscard]] TunnelRules rules() const noexcept {
    return {options_.idle_timeout,
            options_.half_close_timeout,
            {options_.on_end == OtherWay::ends, options_.on_read_error == OtherWay::ends,
             options_.on_write_error == OtherWay::ends},
            options_.on_cancel == OnCancel::ends};
  }

  TunnelEnd<A, OutA> a_;
  TunnelEnd<B, OutB> b_;
  TunnelOptions options_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <class StreamA, class OutA, class StreamB, class OutB, class CompletionToken>
auto async_tunnel(TunnelEnd<StreamA, OutA> a, TunnelEnd<StreamB, OutB> b,
                  const TunnelOptions& options, CompletionToken&& token) {
  return net::async_initiate<CompletionToken, void(net_error_code, TunnelResult)>(
      detail::StartTunnel<StreamA, OutA, StreamB, OutB>(std::move(a), std::move(b), options),
      token);
}

template <class StreamA, class OutA, class StreamB, class OutB, class CompletionToken>
requires detail::TunnelToken<CompletionToken>
auto async_tunnel(TunnelEnd<StreamA, OutA> a, TunnelEnd<StreamB, OutB> b, CompletionToken&& token) {
  return async_tunnel(std::move(a), std::move(b), TunnelOptions(),
                      std::forward<CompletionToken>(token));
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
