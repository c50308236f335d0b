#pragma once

#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/relaying/lone_relay.hpp"
#include "bytes_handoff/asio/relaying/queue_relay.hpp"
#include "bytes_handoff/asio/relaying/stream_relay.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/waiting_op.hpp"
#include "bytes_handoff/core/support/not_negative.hpp"
#include "bytes_handoff/relay.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <class In, class Out>
class StartStreamRelay {
 public:
  using executor_type = ExecutorOf<In>;

  /// Throws `std::invalid_argument` for options that can never work.
  StartStreamRelay(HandoffBuffer& buffer, In& in, Out& out, const RelayOptions& options)
      : buffer_(&buffer), in_(&in), out_(&out), options_(options) {
    require_not_negative("RelayOptions::close_timeout", options.close_timeout);
    require_not_negative("RelayOptions::close_limit", options.close_limit);
  }

  [[nodiscard]] executor_type get_executor() const noexcept { return in_->get_executor(); }

  template <class Handler>
  void operator()(Handler&& handler) const {
    using Op = WaitingOp<LoneRelay<StreamRelay<In, Out>>, std::decay_t<Handler>, executor_type>;
    const bool may_be_cancelled = net::get_associated_cancellation_slot(handler).is_connected();
    auto op = Op::make(std::forward<Handler>(handler), get_executor(), *buffer_, *in_, *out_,
                       options_, may_be_cancelled);
    op.release()->start();
  }

 private:
  HandoffBuffer* buffer_;
  In* in_;
  Out* out_;
  RelayOptions options_;
};

template <class In>
class StartQueueRelay {
 public:
  using executor_type = ExecutorOf<In>;

  StartQueueRelay(HandoffBuffer& buffer, In& in, WriteHandoff out,
                  const RelayOptions& options) noexcept
      : buffer_(&buffer), in_(&in), out_(std::move(out)), options_(options) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return in_->get_executor(); }

  template <class Handler>
  void operator()(Handler&& handler) const {
    using Op = WaitingOp<LoneRelay<QueueRelay<In>>, std::decay_t<Handler>, executor_type>;
    auto op =
        Op::make(std::forward<Handler>(handler), get_executor(), *buffer_, *in_, out_, options_);
    op.release()->start();
  }

 private:
  HandoffBuffer* buffer_;
  In* in_;
  WriteHandoff out_;
  RelayOptions options_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <detail::AsyncReadStream In, detail::ByteWriteStream Out, class CompletionToken>
auto async_relay(HandoffBuffer& buffer, In& in, Out& out, const RelayOptions& options,
                 CompletionToken&& token) {
  detail::require_known_end<Out>();
  return net::async_initiate<CompletionToken, void(net_error_code, RelayCounts)>(
      detail::StartStreamRelay<In, Out>(buffer, in, out, options), token);
}

template <detail::AsyncReadStream In, detail::ByteWriteStream Out, class CompletionToken>
requires detail::RelayToken<CompletionToken>
auto async_relay(HandoffBuffer& buffer, In& in, Out& out, CompletionToken&& token) {
  return async_relay(buffer, in, out, RelayOptions(), std::forward<CompletionToken>(token));
}

template <detail::AsyncReadStream In, class CompletionToken>
auto async_relay(HandoffBuffer& buffer, In& in, WriteHandoff out, const RelayOptions& options,
                 CompletionToken&& token) {
  return net::async_initiate<CompletionToken, void(net_error_code, RelayCounts)>(
      detail::StartQueueRelay<In>(buffer, in, std::move(out), options), token);
}

template <detail::AsyncReadStream In, class CompletionToken>
requires detail::RelayToken<CompletionToken>
auto async_relay(HandoffBuffer& buffer, In& in, WriteHandoff out, CompletionToken&& token) {
  return async_relay(buffer, in, std::move(out), RelayOptions(),
                     std::forward<CompletionToken>(token));
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
