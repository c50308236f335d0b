#pragma once

#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
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

/// Waits for the end of one write. `Told` is what the handler gets beside the error.
template <class Told>
class TicketWait : public TicketWaiter {
 public:
  static constexpr bool kTellsDurations = std::is_same_v<Told, WriteOutcome>;
  static constexpr const char* kName =
      kTellsDurations ? "WriteTicket::async_outcome" : "WriteTicket::async_wait";
  using Parameters = AdmittedWrite;
  using Results = std::tuple<net_error_code, Told>;

  TicketWait(WriterPointer writer, const Parameters& of) noexcept
      : TicketWaiter(of), writer_(std::move(writer)) {
    durations = told_.place();
  }

  /// A write that is done needs no operation.
  [[nodiscard]] static std::optional<Results> results_before(WriterBase& writer,
                                                             const Parameters& of) noexcept {
    Durations told;
    const auto known = writer.queue().result(of, told.place());
    return known ? std::optional(results_of(*known, told)) : std::nullopt;
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
  [[nodiscard]] Results results() noexcept { return results_of(result, told_); }
  void cancel() noexcept {
    const WriterPointer writer = writer_;  // this may be gone at the end
    Effects effects(writer->guard());
    writer->queue().cancel(*this, to_error_value(net::error::operation_aborted), effects);
    writer->carry_out(effects);
  }

 private:
  // Where the queue puts them; nothing if nobody wants them.
  struct NoDurations {
    [[nodiscard]] std::optional<WriteDurations>* place() noexcept { return nullptr; }
  };
  struct WantedDurations {
    std::optional<WriteDurations> value{};
    [[nodiscard]] std::optional<WriteDurations>* place() noexcept { return &value; }
  };
  using Durations = std::conditional_t<kTellsDurations, WantedDurations, NoDurations>;

  [[nodiscard]] static Results results_of(const WriteResult& of, const Durations& told) noexcept {
    if constexpr (kTellsDurations) {
      return {to_net_error(of.error), WriteOutcome{of.written, told.value}};
    } else {
      return {to_net_error(of.error), of.written};
    }
  }

  WriterPointer writer_;
  [[no_unique_address]] Durations told_;
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
      detail::StartWait<detail::TicketWait<std::size_t>>(writer_, write_), token);
}

template <class CompletionToken>
auto WriteTicket::async_outcome(CompletionToken&& token) {
  BYTES_HANDOFF_CHECK(valid(), "a WriteTicket that is not valid() was used");
  return net::async_initiate<CompletionToken, void(net_error_code, WriteOutcome)>(
      detail::StartWait<detail::TicketWait<WriteOutcome>>(writer_, write_), token);
}

inline WriteTicket::executor_type WriteTicket::get_executor() const noexcept {
  return writer_->executor();
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
