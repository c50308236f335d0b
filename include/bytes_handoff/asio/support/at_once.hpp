#pragma once

#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/post.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

#if defined(BYTES_HANDOFF_HAS_IMMEDIATE_EXECUTOR)
template <class Handler>
using ImmediateExecutor = net::associated_immediate_executor_t<Handler, net::any_io_executor>;

/// Whether the user has bound an immediate executor to a handler. Then the associated one does not
/// depend on the candidate. A type-erased handler may not have one, and counts as if it had none.
template <class Handler>
inline constexpr bool kHasImmediateExecutor =
    std::is_same_v<ImmediateExecutor<Handler>,
                   net::associated_immediate_executor_t<Handler, net::io_context::executor_type>> &&
    !std::is_same_v<ImmediateExecutor<Handler>, net::any_completion_executor>;
#else
template <class Handler>
inline constexpr bool kHasImmediateExecutor = false;
#endif

/// Whether the user has bound an executor to a handler.
template <class Handler>
inline constexpr bool kHasExecutor =
    std::is_same_v<net::associated_executor_t<Handler, net::any_io_executor>,
                   net::associated_executor_t<Handler, net::io_context::executor_type>>;

/// A call of a handler inside of the call that started its operation. A handler that starts the
/// next operation nests its call in this one, so their number on a thread is bounded.
class NestedCall {
 public:
  static constexpr unsigned kMost = 16;

  NestedCall() noexcept { ++depth(); }
  NestedCall(const NestedCall&) = delete;
  NestedCall& operator=(const NestedCall&) = delete;
  ~NestedCall() { --depth(); }

  /// Whether there may be another one. If not, a handler is posted.
  [[nodiscard]] static bool is_allowed() noexcept { return depth() < kMost; }

 private:
  [[nodiscard]] static unsigned& depth() noexcept {
    static constinit thread_local unsigned depth = 0;
    return depth;
  }
};

/// The call of a handler whose operation was over when it was started, and that has an immediate
/// executor. It waits here until the code that started the operation holds nothing any more. The
/// handler may run inside of `call`, and destroy what there is.
template <class Handler, class Results, bool = kHasImmediateExecutor<Handler>>
class AtOnce {
 public:
  static constexpr bool kIsUsed = false;
  [[nodiscard]] static bool is_of(const net::execution_context&) noexcept { return false; }
  void call() noexcept {}
};

#if defined(BYTES_HANDOFF_HAS_IMMEDIATE_EXECUTOR)
template <class Handler, class Results>
class AtOnce<Handler, Results, true> {
  // Without an executor that is bound to it the handler runs on the immediate one.
  struct Nothing {};
  using Executor = net::associated_executor_t<Handler, net::any_io_executor>;
  using Work =
      std::conditional_t<kHasExecutor<Handler>, net::executor_work_guard<Executor>, Nothing>;

 public:
  static constexpr bool kIsUsed = true;

  void emplace(Handler&& handler, Results&& results) {
    call_.emplace(Call{work_of(handler), std::move(handler), std::move(results)});
  }
  [[nodiscard]] const Handler& handler() const noexcept { return call_->handler; }

  /// Whether the call needs `context`. Then that cannot be destroyed inside of it.
  [[nodiscard]] bool is_of(const net::execution_context& context) const {
    if (!call_) {
      return false;
    }
    if constexpr (kHasExecutor<Handler>) {
      if (detail::is_of(call_->work.get_executor(), &context)) {
        return true;
      }
    }
    return detail::is_of(immediate_executor(), &context);
  }

  /// Dispatches the handler by its immediate executor, if it is here. Throws what that throws.
  void call() {
    if (call_) {
      const NestedCall nested;
      const auto immediate = immediate_executor();
      const auto allocator = net::get_associated_allocator(call_->handler);
      net::dispatch(immediate, Posted(std::move(*call_), allocator));
    }
  }

 private:
  struct Call {
    Work work;
    Handler handler;
    Results results;

    void operator()() {
      if constexpr (kHasExecutor<Handler>) {
        const auto allocator = net::get_associated_allocator(handler);
        const Work until_dispatched(std::move(work));
        net::dispatch(until_dispatched.get_executor(),
                      Posted(bind_results(std::move(handler), std::move(results)), allocator));
      } else {
        bind_results(std::move(handler), std::move(results))();
      }
    }
  };

  [[nodiscard]] static Work work_of(const Handler& handler) noexcept {
    if constexpr (kHasExecutor<Handler>) {
      return Work(net::get_associated_executor(handler, net::any_io_executor()));
    } else {
      return {};
    }
  }
  [[nodiscard]] auto immediate_executor() const noexcept {
    return net::get_associated_immediate_executor(call_->handler, net::any_io_executor());
  }

  std::optional<Call> call_;
};
#endif

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
