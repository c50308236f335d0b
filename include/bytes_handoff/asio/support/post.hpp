#pragma once

#include <concepts>
#include <new>
#include <tuple>
#include <utility>

#include "bytes_handoff/asio/support/handler_memory.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/turn.hpp"

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

/// Whether an executor is known to be of the context at this address. That of `net::use_future`
/// does not tell, on Asio 1.22 without executors of the Networking TS.
template <class Executor>
[[nodiscard]] bool is_of(const Executor& executor, const void* context) {
  if constexpr (net::can_query<const Executor&, net::execution::context_t>::value ||
                requires { executor.context(); }) {
    return &context_of(executor) == context;
  } else {
    return false;
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

/// Memory for a `Turn` that is posted, or something no larger, inside of its operation.
using PostMemory = HandlerMemory<96>;
using PostAllocator = HandlerAllocator<void, PostMemory>;

/// A handler with its results, until its executor calls it. Its memory comes from the handler's
/// associated allocator, or the library's pool if that is the default.
template <class Handler, class Results>
class PostedCall {
  using OfHandler = net::associated_allocator_t<Handler>;
  using Memory = OperationMemory<OfHandler, PostedCall>;

 public:
  template <class Executor>
  static void post(Handler handler, const Executor& executor, Results results) {
    void* const memory = Memory::allocate(net::get_associated_allocator(handler));
    auto* const call = ::new (memory) PostedCall(std::move(handler), std::move(results));
    post_on(executor, PostAllocator(call->memory_), Turn(call, &PostedCall::end));
  }

 private:
  PostedCall(Handler&& handler, Results&& results) noexcept
      : handler_(std::move(handler)), results_(std::move(results)) {}

  static void end(void* operation, Turn::Outcome outcome) {
    auto* const call = static_cast<PostedCall*>(operation);
    Handler handler(std::move(call->handler_));
    Results results(std::move(call->results_));
    const OfHandler allocator = net::get_associated_allocator(handler);
    call->~PostedCall();
    Memory::deallocate(allocator, call);
    if (outcome == Turn::Outcome::kTaken) {
      std::apply([&](auto&... all) { std::move(handler)(std::move(all)...); }, results);
    }
  }

  Handler handler_;
  Results results_;
  PostMemory memory_;
};

/// Posts `handler(results...)` to the handler's associated executor, for an operation that is
/// finished when it is started.
template <class Handler, class DefaultExecutor, class... Results>
void post_results(Handler handler, const DefaultExecutor& default_executor, Results... results) {
  const auto executor = net::get_associated_executor(handler, default_executor);
  PostedCall<Handler, std::tuple<Results...>>::post(std::move(handler), executor,
                                                    std::tuple<Results...>(std::move(results)...));
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
