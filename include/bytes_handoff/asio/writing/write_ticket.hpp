#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/waiting_op.hpp"
#include "bytes_handoff/asio/writing/writer_base.hpp"
#include "bytes_handoff/core/support/check.hpp"
#include "bytes_handoff/write_ticket.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

struct TicketAccess {
  [[nodiscard]] static WriteTicket make(WriterPointer writer, const AdmittedWrite& write) noexcept {
    return {std::move(writer), write};
  }
};

class TicketWait : public TicketWaiter {
 public:
  static constexpr const char* kName = "WriteTicket::async_wait";

  TicketWait(WriterPointer writer, const AdmittedWrite& of) noexcept
      : TicketWaiter(of), writer_(std::move(writer)) {}

  [[nodiscard]] std::tuple<net_error_code, std::size_t> results() noexcept {
    return {to_net_error(result.error), result.written};
  }
  void cancel() noexcept {
    const WriterPointer writer = writer_;  // this may be gone at the end
    Effects effects(writer->guard());
    writer->queue().cancel(*this, to_error_value(net::error::operation_aborted), effects);
    writer->carry_out(effects);
  }

 private:
  WriterPointer writer_;
};

class StartTicketWait {
 public:
  using executor_type = net::any_io_executor;

  StartTicketWait(WriterPointer writer, const AdmittedWrite& write) noexcept
      : writer_(std::move(writer)), write_(write) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return writer_->executor(); }

  // What it uses is in locals, as in the initiations of a write.
  template <class Handler>
  void operator()(Handler&& handler) const {
    using Op = WaitingOp<TicketWait, std::decay_t<Handler>, executor_type>;
    const WriterPointer writer = writer_;
    const PostLease lease(writer->guard());
    const executor_type executor = writer->executor(lease);
    if (has_nowhere_to_run(handler, executor)) {
      return;
    }
    if (const auto result = writer->queue().result(write_)) {
      BYTES_HANDOFF_HANDLER_LOCATION(TicketWait::kName);
      post_results(std::forward<Handler>(handler), executor, to_net_error(result->error),
                   result->written);
      return;
    }
    Op* const op = Op::make(std::forward<Handler>(handler), executor, writer, write_).release();
    switch (writer->queue().wait_written(*op)) {
      case WriteQueue::TicketWait::kWaiting:
        return;
      case WriteQueue::TicketWait::kDone:
        break;
      case WriteQueue::TicketWait::kAnotherWaits:
        op->result = {ErrorValue::of(Errc::wait_in_progress), 0};
        break;
    }
    op->post();
  }

 private:
  WriterPointer writer_;
  AdmittedWrite write_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

inline bool WriteTicket::is_done() const noexcept {
  BYTES_HANDOFF_CHECK(valid(), "a WriteTicket that is not valid() was used");
  return writer_->queue().result(write_).has_value();
}

template <class CompletionToken>
auto WriteTicket::async_wait(CompletionToken&& token) {
  BYTES_HANDOFF_CHECK(valid(), "a WriteTicket that is not valid() was used");
  return net::async_initiate<CompletionToken, void(net_error_code, std::size_t)>(
      detail::StartTicketWait(writer_, write_), token);
}

inline WriteTicket::executor_type WriteTicket::get_executor() const noexcept {
  return writer_->executor();
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
