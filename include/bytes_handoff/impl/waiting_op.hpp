#pragma once

#include <memory>
#include <tuple>
#include <utility>

#include "bytes_handoff/detail/net.hpp"
#include "bytes_handoff/detail/waiting.hpp"
#include "bytes_handoff/impl/handler_memory.hpp"
#include "bytes_handoff/impl/post.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// A handler that waits in the core: `Operation` derives from one of the core's waiters, holds what
/// the wait needs, and has
///
///     std::tuple<...> results();   // what the handler is called with; called once, at the end
///     void cancel() noexcept;      // takes the wait back, if it still can
///
/// It lives in memory from the handler's associated allocator, keeps the handler's executor busy,
/// and stays in place until the handler's turn has come on that executor: a cancellation that
/// arrives there meanwhile finds it alive. The memory for that turn is inside, so that resuming
/// does not allocate where the executor takes an allocator.
template <class Operation, class Handler, class DefaultExecutor>
class WaitingOp final : public Operation {
 public:
  using Executor = net::associated_executor_t<Handler, DefaultExecutor>;

  /// An operation with its handler; the cancellation slot is connected by `arm_or_discard`. Throws
  /// what the allocator throws.
  template <class... Arguments>
  [[nodiscard]] static WaitingOp* make(Handler handler, const DefaultExecutor& default_executor,
                                       Arguments&&... arguments) {
    Allocator allocator(net::get_associated_allocator(handler));
    auto* memory = Traits::allocate(allocator, 1);
    return ::new (static_cast<void*>(std::to_address(memory)))
        WaitingOp(std::move(handler), default_executor, std::forward<Arguments>(arguments)...);
  }

  /// Lets the handler's cancellation slot take the wait back. To be called before the wait starts,
  /// on the thread that starts it. When it throws, the operation is gone.
  void arm_or_discard() {
    auto slot = net::get_associated_cancellation_slot(handler_);
    if (!slot.is_connected()) {
      return;
    }
    try {
      slot.assign([this](net::cancellation_type type) {
        if (type != net::cancellation_type::none) {
          Operation::cancel();
        }
      });
    } catch (...) {
      destroy();
      throw;
    }
  }

  void disarm() noexcept {
    auto slot = net::get_associated_cancellation_slot(handler_);
    if (slot.is_connected()) {
      slot.clear();
    }
  }

  void resume(const void* destroyed_context) noexcept override {
    if (destroyed_context != nullptr && &context_of(executor_) == destroyed_context) {
      destroy();
      return;
    }
    post();
  }

  /// Sends the handler on its way. Also for an operation that never had to wait.
  void post() noexcept {
    const PostAllocator allocator(post_memory_);
    // The handler may run, and be all that its context lives for, before this thread has left the
    // post.
    const Work until_posted(executor_);
    try {
      post_on(until_posted.get_executor(), allocator, Turn(this));
    } catch (...) {  // NOLINT: the turn destroyed the operation; there is no memory to run it with
    }
  }

  /// Destroys the handler uninvoked. It leaves the cancellation slot alone, since its signal may be
  /// gone already when a context is destroyed; where it is not, `disarm` comes first.
  void destroy() noexcept {
    const Handler handler(std::move(handler_));
    free(net::get_associated_allocator(handler));
  }

 private:
  using Allocator = typename std::allocator_traits<
      net::associated_allocator_t<Handler>>::template rebind_alloc<WaitingOp>;
  using Traits = std::allocator_traits<Allocator>;
  static constexpr std::size_t kPostBytes = 96;
  using PostAllocator = HandlerAllocator<void, kPostBytes>;
  using Work = net::executor_work_guard<Executor>;

  // The handler's turn on its executor; destroys the operation where it never comes.
  class Turn {
   public:
    explicit Turn(WaitingOp* op) noexcept : op_(op) {}
    Turn(Turn&& other) noexcept : op_(std::exchange(other.op_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (op_ != nullptr) {
        op_->destroy();
      }
    }
    void operator()() { std::exchange(op_, nullptr)->invoke(); }

   private:
    WaitingOp* op_;
  };

  template <class... Arguments>
  WaitingOp(Handler&& handler, const DefaultExecutor& default_executor, Arguments&&... arguments)
      : Operation(std::forward<Arguments>(arguments)...),
        handler_(std::move(handler)),
        executor_(net::get_associated_executor(handler_, default_executor)),
        work_(executor_) {}

  void invoke() {
    disarm();
    Handler handler(std::move(handler_));
    auto results = Operation::results();
    const Work work(std::move(work_));
    free(net::get_associated_allocator(handler));
    std::apply([&](auto&... all) { std::move(handler)(std::move(all)...); }, results);
  }

  template <class HandlerAllocator>
  void free(const HandlerAllocator& of_handler) noexcept {
    Allocator allocator(of_handler);
    this->~WaitingOp();
    Traits::deallocate(allocator, this, 1);
  }

  Handler handler_;
  Executor executor_;
  Work work_;
  HandlerMemory<kPostBytes> post_memory_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
