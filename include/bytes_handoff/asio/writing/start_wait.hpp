#pragma once

#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/waiting_op.hpp"
#include "bytes_handoff/asio/writing/writer_base.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Starts an operation of a queue. `Wait` is what waits in the core; a `WaitingOp` is made of it.
/// In addition to what that needs, it has
///
///     struct Parameters;                        // what the operation is to do
///     Wait(WriterPointer, const Parameters&);  // may throw: nothing has begun then
///     bool begin(Effects&);  // whether it is over at once; if not, `this` may be gone
template <class Wait>
class StartWait {
 public:
  using executor_type = net::any_io_executor;
  using Parameters = typename Wait::Parameters;

  StartWait(WriterPointer writer, Parameters parameters, TurnStart turn = TurnStart::kPost) noexcept
      : writer_(std::move(writer)), parameters_(std::move(parameters)), turn_(turn) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return writer_->executor(); }

  // Uses locals alone: once the handler may run, it may run on another thread, and destroy this.
  template <class Handler>
  void operator()(Handler&& handler) const {
    using Op = WaitingOp<Wait, std::decay_t<Handler>, executor_type>;
    const WriterPointer writer = writer_;
    const TurnStart turn = turn_;
    const PostLease lease(writer->guard());
    const executor_type executor = writer->executor(lease);
    if (has_nowhere_to_run(handler, executor)) {
      return;
    }
    auto op = Op::make(std::forward<Handler>(handler), executor, writer, parameters_);
    Effects effects(writer->guard());
    const bool is_over = op->begin(effects);
    Op* const begun = op.release();
    if (is_over) {
      begun->post();  // before the turn: a handler that submits again does so before its batch
    }
    writer->carry_out(effects, turn);
  }

 private:
  WriterPointer writer_;
  Parameters parameters_;
  TurnStart turn_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
