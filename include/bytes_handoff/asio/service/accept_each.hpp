#pragma once

#include <chrono>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/service/accept_operation.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/waiting_op.hpp"
#include "bytes_handoff/service/accept_each.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Tests set the clock.
template <class Acceptor, class Clock = std::chrono::steady_clock>
class StartAcceptEach {
 public:
  using executor_type = AcceptExecutor<Acceptor>;
  using Options = AcceptOptions<executor_type>;

  /// Throws `std::invalid_argument` for options that can never work.
  StartAcceptEach(Acceptor& acceptor, const Options& options, bool may_take_slot)
      : acceptor_(&acceptor) {
    if (options.max_open != 0 && !may_take_slot) {
      throw std::invalid_argument(
          "AcceptOptions::max_open is set, and on_accept does not take an AcceptSlot");
    }
    if (options.retry_after <= std::chrono::nanoseconds::zero()) {
      throw std::invalid_argument("AcceptOptions::retry_after must be positive");
    }
    if (options.next_executor && !AcceptsToExecutor<Acceptor, executor_type>) {
      throw std::invalid_argument(
          "AcceptOptions::next_executor is set, and the acceptor has no async_accept(executor, "
          "token)");
    }
  }

  [[nodiscard]] executor_type get_executor() const noexcept { return acceptor_->get_executor(); }

  template <class Handler, class OnAccept>
  void operator()(Handler&& handler, OnAccept on_accept, Options options) const {
    using Operation = AcceptOperation<Acceptor, OnAccept, Clock>;
    using Op = WaitingOp<Operation, std::decay_t<Handler>, executor_type>;
    auto op = Op::make(std::forward<Handler>(handler), get_executor(), *acceptor_,
                       std::move(on_accept), std::move(options));
    op->attach_pause();
    op.release()->start();
  }

 private:
  Acceptor* acceptor_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <detail::AsyncAcceptor Acceptor, class OnAccept, class CompletionToken>
auto async_accept_each(Acceptor& acceptor, OnAccept on_accept,
                       detail::AcceptOptionsOf<Acceptor> options, CompletionToken&& token) {
  const detail::StartAcceptEach<Acceptor> start(
      acceptor, options, detail::AcceptCall<OnAccept, Acceptor>::kMayTakeSlot);
  return net::async_initiate<CompletionToken, void(net_error_code)>(
      start, token, std::move(on_accept), std::move(options));
}

template <detail::AsyncAcceptor Acceptor, class OnAccept, class CompletionToken>
requires detail::AcceptToken<CompletionToken, Acceptor>
auto async_accept_each(Acceptor& acceptor, OnAccept on_accept, CompletionToken&& token) {
  return async_accept_each(acceptor, std::move(on_accept), detail::AcceptOptionsOf<Acceptor>(),
                           std::forward<CompletionToken>(token));
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
