#pragma once

#include <cstddef>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/stream_context.hpp"
#include "bytes_handoff/asio/support/waiting_op.hpp"
#include "bytes_handoff/write_ticket.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

struct ReleaseTicket {
  void operator()(Ticket* state) const noexcept { state->release(); }
};
/// One reference on a ticket's state.
using TicketReference = std::unique_ptr<Ticket, ReleaseTicket>;

struct TicketAccess {
  [[nodiscard]] static WriteTicket make(TicketReference state,
                                        std::shared_ptr<StreamContext> context) noexcept {
    return {state.release(), std::move(context)};
  }
};

using TicketResults = std::tuple<net_error_code, std::size_t>;

class TicketWait : public TicketWaiter {
 public:
  static constexpr const char* kName = "WriteTicket::async_wait";

  TicketWait(TicketReference state, std::shared_ptr<StreamContext> context) noexcept
      : state_(std::move(state)), context_(std::move(context)) {}

  [[nodiscard]] TicketResults results() noexcept {
    return {to_net_error(result.error), result.written};
  }
  void cancel() noexcept {
    const std::shared_ptr<StreamContext> context = context_;  // this may be gone at the end
    const PostLease lease(context->guard());
    if (lease && state_->cancel_wait(*this)) {
      result = {to_error_value(net::error::operation_aborted), 0};
      resume(nullptr);
    }
  }

 private:
  TicketReference state_;
  std::shared_ptr<StreamContext> context_;
};

class StartTicketWait {
 public:
  using executor_type = net::any_io_executor;

  StartTicketWait(TicketReference state, std::shared_ptr<StreamContext> context) noexcept
      : state_(std::move(state)), context_(std::move(context)) {}
  StartTicketWait(StartTicketWait&&) noexcept = default;
  // A deferred operation that is kept copies it for each start.
  StartTicketWait(const StartTicketWait& other) noexcept
      : state_(other.share_state()), context_(other.context_) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return context_->executor(); }

  // What it uses is in locals, as in the initiations of a write.
  template <class Handler>
  void operator()(Handler&& handler) const {
    using Op = WaitingOp<TicketWait, std::decay_t<Handler>, executor_type>;
    const std::shared_ptr<StreamContext> context = context_;
    const PostLease lease(context->guard());
    const executor_type executor = context->executor(lease);
    if (has_nowhere_to_run(handler, executor)) {
      return;
    }
    Ticket& ticket = *state_;
    if (ticket.is_done()) {
      const WriteResult result = ticket.result();
      BYTES_HANDOFF_HANDLER_LOCATION(TicketWait::kName);
      post_results(std::forward<Handler>(handler), executor, to_net_error(result.error),
                   result.written);
      return;
    }
    auto op = Op::make(std::forward<Handler>(handler), executor, share_state(), context);
    switch (ticket.start_wait(*op)) {
      case Ticket::WaitStart::kWaiting:
        op.release();
        return;
      case Ticket::WaitStart::kDone:
        op->result = ticket.result();
        break;
      case Ticket::WaitStart::kBusy:
        op->result = {ErrorValue::of(Errc::wait_in_progress), 0};
        break;
    }
    op.release()->post();
  }

 private:
  [[nodiscard]] TicketReference share_state() const noexcept {
    state_->add_reference();
    return TicketReference(state_.get());
  }

  TicketReference state_;
  std::shared_ptr<StreamContext> context_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <class CompletionToken>
auto WriteTicket::async_wait(CompletionToken&& token) {
  state_->add_reference();
  return net::async_initiate<CompletionToken, void(net_error_code, std::size_t)>(
      detail::StartTicketWait(detail::TicketReference(state_), context_), token);
}

inline WriteTicket::executor_type WriteTicket::get_executor() const noexcept {
  return context_->executor();
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
