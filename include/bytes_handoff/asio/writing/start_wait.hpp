#pragma once

#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/support/waiting_op.hpp"
#include "bytes_handoff/asio/writing/writer_base.hpp"
#include "bytes_handoff/core/support/post_guard.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Starts an operation of a queue. `Wait` is what waits in the core; a `WaitingOp` is made of it.
/// In addition to what that needs, it has
///
///     struct Parameters;                        // what the operation is to do
///     Wait(WriterPointer, const Parameters&);  // may throw: nothing has begun then
///     bool begin(Effects&);  // whether it is over at once; if not, `this` may be gone
///     static std::optional<...> results_before(WriterBase&, const Parameters&);
///                            // if there: what `results` would give, if it is over before it is
///                            made
template <class Wait>
class StartWait {
 public:
  using executor_type = net::any_io_executor;
  using Parameters = typename Wait::Parameters;

  StartWait(WriterPointer writer, Parameters parameters, TurnStart turn = TurnStart::kPost) noexcept
      : writer_(std::move(writer)), parameters_(std::move(parameters)), turn_(turn) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return writer_->executor(); }

  // Uses locals alone: once the handler may run, it may run on another thread, and destroy this.
  //
  // The stream's context is not destroyed while the operation begins. A handler with an immediate
  // executor is called behind that, so it may destroy the context. If it is called by an executor
  // of that context, it cannot, and the context is held on.
  template <class Handler>
  void operator()(Handler&& handler) const {
    using Op = WaitingOp<Wait, std::decay_t<Handler>, executor_type>;
    const WriterPointer writer = writer_;
    typename Op::AtOnce at_once;
    HeldPostGuard held;
    {
      const PostLease lease(writer->guard());
      const executor_type executor = writer->executor(lease);
      if (has_nowhere_to_run(handler, executor)) {
        return;
      }
      begin<Op>(std::forward<Handler>(handler), writer, executor, at_once);
      if constexpr (Op::AtOnce::kIsUsed) {
        if (lease && at_once.is_of(context_of(executor))) {
          writer->guard().enter();
          held.reset(&writer->guard());
        }
      }
    }
    if constexpr (Op::AtOnce::kIsUsed) {
      BYTES_HANDOFF_HANDLER_LOCATION(Wait::kName);
      at_once.call();
    }
  }

 private:
  template <class Op, class Handler>
  [[gnu::always_inline]] void begin(Handler&& handler, const WriterPointer& writer,
                                    const executor_type& executor,
                                    typename Op::AtOnce& at_once) const {
    if constexpr (requires { Wait::results_before(*writer, parameters_); }) {
      if (auto results = Wait::results_before(*writer, parameters_)) {
        BYTES_HANDOFF_HANDLER_LOCATION(Wait::kName);
        Op::complete_without(std::forward<Handler>(handler), executor, at_once,
                             std::move(*results));
        return;
      }
    }
    const TurnStart turn = turn_;
    auto op = Op::make(std::forward<Handler>(handler), executor, writer, parameters_);
    Effects effects(writer->guard());
    const bool is_over = op->begin(effects);
    Op* const begun = op.release();
    if (is_over) {
      // Before the turn: a posted handler that submits again does so before its batch.
      begun->complete(at_once);
    }
    writer->carry_out(effects, turn);
  }

  WriterPointer writer_;
  Parameters parameters_;
  TurnStart turn_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
