#pragma once

#include <chrono>
#include <memory>
#include <utility>
#include <variant>

#include "bytes_handoff/asio/support/context_registry.hpp"
#include "bytes_handoff/asio/support/lazy_timer.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/support/target_of.hpp"
#include "bytes_handoff/asio/support/time_of.hpp"
#include "bytes_handoff/core/fan_out/lane.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// A lane whose turns are handlers on one executor. It ends with the context of that.
///
/// `Executor` is always `net::any_io_executor`: a template, and so is what names it, because only
/// programs that subscribe should have it compiled.
template <class Executor>
class ExecutorLane final : public FanOutLane, public ContextMember {
 public:
  ExecutorLane(std::shared_ptr<FanOutCore> core, Executor executor)
      : FanOutLane(std::move(core)),
        executor_(std::move(executor)),
        posts_to_(concrete(executor_)) {}

  /// False where the context is being destroyed already. Throws std::bad_alloc.
  [[nodiscard]] bool enter() { return enter_context(context_of(executor_)); }

  /// Under the core's lock, while it is not retired.
  [[nodiscard]] bool is_on(const Executor& executor) const noexcept {
    return executor_ == executor;
  }

  void wake() noexcept override {
    const LanePointer self = LanePointer::adopt(this);
    if (const PostLease lease(guard()); lease) {
      post();
    }
  }

 private:
  using IoExecutor = net::io_context::executor_type;
  using Strand = net::strand<IoExecutor>;
  /// Posting to a type-erased executor allocates.
  using PostsTo = std::variant<std::monostate, IoExecutor, Strand, Executor>;
  static constexpr const char* kName = "FanOut (turn)";  // for handler tracking

  ~ExecutorLane() override {
    forget_context();
    leave_context(*this);
  }

  [[nodiscard]] static PostsTo concrete(const Executor& executor) {
    if (const auto* io = target_of<IoExecutor>(executor)) {
      return *io;
    }
    if (const auto* strand = target_of<Strand>(executor)) {
      return *strand;
    }
    return executor;
  }

  std::shared_ptr<void> keep_alive() noexcept override {
    return std::shared_ptr<void>(std::shared_ptr<void>(), try_add_reference() ? this : nullptr);
  }
  void end_with_context(const void* context) noexcept override {
    end_all(context);
    guard().wait_until_left();
    forget_context();
    drop_reference();  // keep_alive's
  }
  // Some executors must not outlive their context.
  void forget_context() noexcept {
    timer_.stop();
    posts_to_.template emplace<std::monostate>();
    executor_ = nullptr;
  }

  void post() noexcept {
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      std::visit(
          [this](const auto& executor) {
            if constexpr (!std::is_same_v<decltype(executor), const std::monostate&>) {
              post_on(executor, PostAllocator(turn_memory_),
                      [self = LanePointer(*this)] { as_lane(self).run_turn(); });
            }
          },
          posts_to_);
    } catch (...) {
      core().put_to_sleep(*this);  // until there is more to give
    }
  }

  [[nodiscard]] static ExecutorLane& as_lane(const LanePointer& pointer) noexcept {
    return static_cast<ExecutorLane&>(*pointer);
  }

  // ---- On the executor.

  void run_turn() noexcept {
    const bool again = turn(TimeOf<Executor>::now(executor_));
    set_timer();
    if (again) {
      post();
    }
  }

  void set_timer() noexcept {
    const TimePoint next = next_look();
    if (next == timer_at_) {
      return;
    }
    timer_at_ = next;
    if (next == (TimePoint::max)()) {
      timer_.stop();
      return;
    }
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      timer_.wait_until(next, executor_, [self = LanePointer(*this)] { as_lane(self).on_time(); });
    } catch (...) {  // the next turn tries again
      timer_at_ = (TimePoint::max)();
    }
  }

  void on_time() noexcept {
    timer_at_ = (TimePoint::max)();
    LaneList woken;
    core().call(*this, woken);
    wake_all(woken);
  }

  Executor executor_;  // both until the context is destroyed
  PostsTo posts_to_;
  PostMemory turn_memory_;
  LazyTimer<Executor> timer_;
  TimePoint timer_at_ = (TimePoint::max)();
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
