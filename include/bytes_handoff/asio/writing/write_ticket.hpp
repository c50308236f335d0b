#pragma once

#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>

#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/writing/start_wait.hpp"
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
  using Parameters = AdmittedWrite;
  using Results = std::tuple<net_error_code, std::size_t>;

  TicketWait(WriterPointer writer, const Parameters& of) noexcept
      : TicketWaiter(of), writer_(std::move(writer)) {}

  /// A write that is done needs no operation.
  [[nodiscard]] static std::optional<Results> results_before(WriterBase& writer,
                                                             const Parameters& of) noexcept {
    const auto known = writer.queue().result(of);
    return known ? std::optional(results_of(*known)) : std::nullopt;
  }
  [[nodiscard]] bool begin(Effects& /*none*/) noexcept {
    switch (writer_->queue().wait_written(*this)) {
      case WriteQueue::TicketWait::kWaiting:
        return false;
      case WriteQueue::TicketWait::kDone:
        break;
      case WriteQueue::TicketWait::kAnotherWaits:
        result = {ErrorValue::of(Errc::wait_in_progress), 0};
        break;
    }
    return true;
  }
  [[nodiscard]] Results results() noexcept { return results_of(result); }
  void cancel() noexcept {
    const WriterPointer writer = writer_;  // this may be gone at the end
    Effects effects(writer->guard());
    writer->queue().cancel(*this, to_error_value(net::error::operation_aborted), effects);
    writer->carry_out(effects);
  }

 private:
  [[nodiscard]] static Results results_of(const WriteResult& of) noexcept {
    return {to_net_error(of.error), of.written};
  }

  WriterPointer writer_;
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
      detail::StartWait<detail::TicketWait>(writer_, write_), token);
}

inline WriteTicket::executor_type WriteTicket::get_executor() const noexcept {
  return writer_->executor();
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
