#pragma once

#include <memory>
#include <tuple>
#include <utility>

#include "bytes_handoff/impl/net_error.hpp"
#include "bytes_handoff/impl/waiting_op.hpp"
#include "bytes_handoff/impl/writer_base.hpp"
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
                                        std::shared_ptr<WriterHome> home) noexcept {
    return {state.release(), std::move(home)};
  }
};

using TicketResults = std::tuple<net_error_code, std::size_t>;

class TicketWait : public TicketWaiter {
 public:
  explicit TicketWait(TicketReference state) noexcept : state_(std::move(state)) {}

  [[nodiscard]] Ticket& state() noexcept { return *state_; }
  [[nodiscard]] TicketResults results() noexcept {
    return {to_net_error(result.error), result.written};
  }
  void cancel() noexcept {
    if (state_->cancel_wait(*this)) {
      result = {to_error_value(net::error::operation_aborted), 0};
      resume(nullptr);
    }
  }

 private:
  TicketReference state_;
};

class StartTicketWait {
 public:
  using executor_type = net::any_io_executor;

  StartTicketWait(TicketReference state, executor_type executor) noexcept
      : state_(std::move(state)), executor_(std::move(executor)) {}
  StartTicketWait(StartTicketWait&&) noexcept = default;
  // A deferred operation that is kept copies it for each start.
  StartTicketWait(const StartTicketWait& other) noexcept
      : state_(other.state_.get()), executor_(other.executor_) {
    state_->add_reference();
  }

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

  template <class Handler>
  void operator()(Handler&& handler) {
    using Op = WaitingOp<TicketWait, std::decay_t<Handler>, executor_type>;
    if (state_->is_done()) {
      const auto& result = state_->result();
      post_results(std::forward<Handler>(handler), executor_, to_net_error(result.error),
                   result.written);
      return;
    }
    Ticket& ticket = *state_;
    auto* op = Op::make(std::forward<Handler>(handler), executor_, std::move(state_));
    op->arm_or_discard();
    switch (ticket.start_wait(*op)) {
      case Ticket::WaitStart::kWaiting:
        return;
      case Ticket::WaitStart::kDone:
        op->result = ticket.result();
        break;
      case Ticket::WaitStart::kBusy:
        op->result = {ErrorValue::of(Errc::wait_in_progress), 0};
        break;
    }
    op->post();
  }

 private:
  TicketReference state_;
  executor_type executor_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <class CompletionToken>
auto WriteTicket::async_wait(CompletionToken&& token) {
  state_->add_reference();
  return net::async_initiate<CompletionToken, void(net_error_code, std::size_t)>(
      detail::StartTicketWait{detail::TicketReference(state_), home_->executor}, token);
}

inline WriteTicket::executor_type WriteTicket::get_executor() const noexcept {
  return home_->executor;
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
