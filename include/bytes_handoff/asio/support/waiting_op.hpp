#pragma once

#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/at_once.hpp"
#include "bytes_handoff/asio/support/cancellation_link.hpp"
#include "bytes_handoff/asio/support/handler_memory.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/support/turn.hpp"
#include "bytes_handoff/asio/support/unstarted.hpp"
#include "bytes_handoff/core/queue/waiting.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// The results of an operation that is over, for a handler that has yet to be called.
template <class Operation>
[[nodiscard]] auto kept_results(Operation& operation) {
  if constexpr (requires { operation.keep_results(); }) {
    return operation.keep_results();
  } else {
    return operation.results();
  }
}

/// A handler that waits in the core: `Operation` derives from one of the core's waiters, holds what
/// the wait needs, and has
///
///     static constexpr const char* kName;  // for handler tracking
///     std::tuple<...> results();   // what the handler is called with; called once, at the end
///     void cancel() noexcept;      // takes the wait back, if it still can
///     auto take_hold() noexcept;   // if there: what must live on until a resumed one is posted
///     auto keep_results() noexcept;  // if there: has them in `results()`, and takes back what no
///                                    // handler is called with
///     PostMemory& post_memory() noexcept;  // if there: it has memory for a post of its own, which
///                                          // is free by then
///
/// Its memory comes from the handler's associated allocator, or the library's pool if that is the
/// default. It keeps the handler's executor busy. It stays in place until the handler's turn has
/// come on that executor, so a cancellation that arrives there meanwhile finds it alive. The memory
/// for that turn is inside: resuming allocates nothing if the executor takes an allocator.
///
/// Once it may be resumed, by its start or by `post`, whoever made it touches it no more.
template <class Operation, class Handler, class DefaultExecutor>
class WaitingOp final : public Operation {
  using OfHandler = net::associated_allocator_t<Handler>;
  using Memory = OperationMemory<OfHandler, WaitingOp>;

 public:
  using Executor = net::associated_executor_t<Handler, DefaultExecutor>;
  using AtOnce = detail::AtOnce<Handler, decltype(kept_results(std::declval<Operation&>()))>;

  /// An operation that nobody can resume yet.
  using Pointer = Unstarted<WaitingOp>;

  /// An operation that listens to its handler's cancellation slot. Throws what the allocator and
  /// the making of `Operation` throw; then the handler is destroyed.
  template <class... Arguments>
  [[nodiscard]] static Pointer make(Handler handler, const DefaultExecutor& default_executor,
                                    Arguments&&... arguments) {
    const OfHandler allocator = net::get_associated_allocator(handler);
    Pointer op(make_in(Memory::allocate(allocator), allocator, std::move(handler), default_executor,
                       std::forward<Arguments>(arguments)...));
    auto slot = net::get_associated_cancellation_slot(op->handler_);
    if (slot.is_connected()) {
      op->cancellation_.connect(*op, slot);
    }
    return op;
  }

  void resume(const void* destroyed_context) noexcept override {
    if (destroyed_context != nullptr && is_of(executor_, destroyed_context)) {
      discard();
    } else if constexpr (requires(Operation & operation) { operation.take_hold(); }) {
      [[maybe_unused]] const auto hold = Operation::take_hold();
      post();
    } else {
      post();
    }
  }

  /// As `complete`, where the results are there before the operation is made.
  template <class... Results>
  static void complete_without(Handler handler, const DefaultExecutor& default_executor,
                               AtOnce& at_once, std::tuple<Results...> results) {
    if constexpr (AtOnce::kIsUsed) {
      if (NestedCall::is_allowed()) {
        at_once.emplace(std::move(handler), std::move(results));
        return;
      }
    }
    std::apply(
        [&](auto&... all) {
          post_results(std::move(handler), default_executor, std::move(all)...);
        },
        results);
  }

  /// For an operation that never had to wait: posts the handler. If it has an immediate executor,
  /// it is left in `at_once` instead, and this is gone, unless too many calls are nested.
  void complete(AtOnce& at_once) noexcept {
    if constexpr (AtOnce::kIsUsed) {
      if (NestedCall::is_allowed()) {
        cancellation_.cut();
        at_once.emplace(std::move(handler_), kept_results<Operation>(*this));
        free(net::get_associated_allocator(at_once.handler()));
        return;
      }
    }
    post();
  }

  /// Sends the handler on its way.
  void post() noexcept {
    const PostAllocator allocator(post_memory());
    // The handler may run, and be all that its context lives for, before this thread has left the
    // post. What is posted is work by itself.
    const Work until_posted(std::move(work_));
    BYTES_HANDOFF_HANDLER_LOCATION(Operation::kName);
    try {
      post_on(until_posted.get_executor(), allocator, Turn(this, &WaitingOp::end));
    } catch (...) {  // NOLINT: the turn destroyed the operation; there is no memory to run it with
    }
  }

 private:
  using Work = net::executor_work_guard<Executor>;

  friend Pointer;

  template <class... Arguments>
  [[nodiscard]] static WaitingOp* make_in(void* memory, const OfHandler& allocator,
                                          Handler&& handler,
                                          const DefaultExecutor& default_executor,
                                          Arguments&&... arguments) {
    try {
      return ::new (memory)
          WaitingOp(std::move(handler), default_executor, std::forward<Arguments>(arguments)...);
    } catch (...) {
      Memory::deallocate(allocator, static_cast<WaitingOp*>(memory));
      throw;
    }
  }

  static constexpr bool kHasPostMemory = requires(Operation & operation) {
    operation.post_memory();
  };
  struct Nothing {};

  [[nodiscard]] PostMemory& post_memory() noexcept {
    if constexpr (kHasPostMemory) {
      return Operation::post_memory();
    } else {
      return post_memory_;
    }
  }

  // The handler's turn on its executor, or its end where that never comes.
  static void end(void* operation, Turn::Outcome outcome) {
    auto* const op = static_cast<WaitingOp*>(operation);
    outcome == Turn::Outcome::kTaken ? op->invoke() : op->discard();
  }

  template <class... Arguments>
  WaitingOp(Handler&& handler, const DefaultExecutor& default_executor, Arguments&&... arguments)
      : Operation(std::forward<Arguments>(arguments)...),
        handler_(std::move(handler)),
        executor_(net::get_associated_executor(handler_, default_executor)),
        work_(executor_) {}

  void invoke() {
    cancellation_.cut();
    Handler handler(std::move(handler_));
    auto results = Operation::results();
    free(net::get_associated_allocator(handler));
    std::apply([&](auto&... all) { std::move(handler)(std::move(all)...); }, results);
  }

  // The handler is destroyed uninvoked, and last: it may own the context.
  void discard() noexcept {
    const Handler handler(std::move(handler_));
    free(net::get_associated_allocator(handler));
  }

  void free(const OfHandler& of_handler) noexcept {
    this->~WaitingOp();
    Memory::deallocate(of_handler, this);
  }

  Handler handler_;
  Executor executor_;
  Work work_;
  CancellationLink cancellation_;
  [[no_unique_address]] std::conditional_t<kHasPostMemory, Nothing, PostMemory> post_memory_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
