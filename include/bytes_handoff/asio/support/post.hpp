#pragma once

#include <concepts>
#include <tuple>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// The execution context behind an executor.
template <class Executor>
[[nodiscard]] net::execution_context& context_of(const Executor& executor) {
  if constexpr (net::can_query<const Executor&, net::execution::context_t>::value) {
    return net::query(executor, net::execution::context);
  } else {
    return executor.context();
  }
}

/// Whether a handler may run on `executor` here. True where the executor cannot tell.
template <class Executor>
[[nodiscard]] bool may_run_here(const Executor& executor) noexcept {
  if constexpr (requires {
                  { executor.running_in_this_thread() } -> std::same_as<bool>;
                }) {
    return executor.running_in_this_thread();
  } else {
    return true;
  }
}

/// A function with the allocator for the executor's queue entry. It has no associated executor, so
/// that `net::post` hands it to the given one and looks for no other behind that.
template <class Function, class Allocator>
class Posted {
 public:
  using allocator_type = Allocator;

  Posted(Function function, const Allocator& allocator)
      : function_(std::move(function)), allocator_(allocator) {}
  [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_; }
  void operator()() { std::move(function_)(); }

 private:
  Function function_;
  [[no_unique_address]] Allocator allocator_;
};

/// Runs `function` on `executor`, never from inside this call. `allocator` serves what the executor
/// needs to queue it, where the executor takes one.
template <class Executor, class Allocator, class Function>
void post_on(const Executor& executor, const Allocator& allocator, Function function) {
  net::post(executor, Posted<Function, Allocator>(std::move(function), allocator));
}

/// `handler(results...)`, to be called once. `results` is a tuple, or has `results()` that is one.
template <class Handler, class Results>
[[nodiscard]] auto bind_results(Handler handler, Results results) {
  return [handler = std::move(handler), results = std::move(results)]() mutable {
    const auto call = [&](auto&... all) { std::move(handler)(std::move(all)...); };
    if constexpr (requires { results.results(); }) {
      auto all = results.results();
      std::apply(call, all);
    } else {
      std::apply(call, results);
    }
  };
}

/// Posts `handler(results...)` to the handler's associated executor, for an operation that is
/// finished when it is started.
template <class Handler, class DefaultExecutor, class... Results>
void post_results(Handler handler, const DefaultExecutor& default_executor, Results... results) {
  const auto executor = net::get_associated_executor(handler, default_executor);
  const auto allocator = net::get_associated_allocator(handler);
  post_on(executor, allocator,
          bind_results(std::move(handler), std::tuple<Results...>(std::move(results)...)));
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
