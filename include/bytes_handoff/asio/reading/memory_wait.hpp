#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <tuple>
#include <utility>

#include "bytes_handoff/asio/support/context_registry.hpp"
#include "bytes_handoff/asio/support/handler_memory.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/support/time_of.hpp"
#include "bytes_handoff/asio/support/waiting_op.hpp"
#include "bytes_handoff/core/budget/budget_state.hpp"
#include "bytes_handoff/core/support/waiting.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

class MemoryWait;

/// The place of one wait in the line of its memory budget, and in its context. It outlives the
/// wait: the line has a reference until the grant has come, or the wait has left the line.
///
/// Whoever takes the wait ends it: the grant, a cancellation, or the end of the context. The others
/// find nothing, and touch only this. The end of the context then waits until a grant under way has
/// been posted.
class MemoryPlace final : public ContextMember,
                          public CreditWaiter,
                          public std::enable_shared_from_this<MemoryPlace> {
 public:
  MemoryPlace(MemoryWait& wait, MemberAccount& account) noexcept
      : account_(&account), wait_(&wait) {}
  ~MemoryPlace() override { leave_context(*this); }

  [[nodiscard]] MemberAccount& account() const noexcept { return *account_; }
  /// The wait. Null for all but the first caller.
  [[nodiscard]] MemoryWait* take() noexcept {
    return wait_.exchange(nullptr, std::memory_order_acq_rel);
  }

  [[nodiscard]] bool enter(net::execution_context& context) { return enter_context(context); }

  /// Draws what is needed, or enters the line. Then the wait may be gone.
  [[nodiscard]] Draw draw_or_wait(std::size_t needed) noexcept {
    bytes = needed;
    of_line_ = shared_from_this();
    const Draw draw = pot().draw_or_wait(*this);
    if (draw != Draw::kWaits) {
      of_line_.reset();
    }
    return draw;
  }
  [[nodiscard]] std::size_t take_grant() noexcept { return pot().take_grant(*this); }
  /// Without a grant: one that has come goes back.
  void leave_line() noexcept {
    WaitingList woken;
    if (pot().leave(*this, woken)) {
      of_line_.reset();  // not the last: the caller has one
    }
    resume_all(woken);
  }

 private:
  [[nodiscard]] MemoryPot& pot() const noexcept { return account_->state().pot(); }

  // Granted. On any thread.
  void resume(const void* destroyed_context) noexcept override;

  // It is listed until its last reference has gone. A grant under way has one.
  std::shared_ptr<void> keep_alive() noexcept override { return weak_from_this().lock(); }
  void end_with_context(const void* context) noexcept override;

  const AccountPointer account_;
  std::atomic<MemoryWait*> wait_;
  std::shared_ptr<MemoryPlace> of_line_;  // until it has left the line, whoever took it out
};

/// A read that waits until its memory budget has room for a block. What it is granted is credit of
/// the buffer's account. The operation of a `WaitingOp`.
class MemoryWait : public Waiting {
 public:
  static constexpr const char* kName = "HandoffBuffer (wait for memory)";

  explicit MemoryWait(MemberAccount& account)
      : place_(std::allocate_shared<MemoryPlace>(PoolAllocator<MemoryPlace>(), *this, account)) {}
  ~MemoryWait() override {
    if (has_waited_) {
      place_->leave_line();  // with a grant that no handler is called with
    }
    if (drawn_ != 0) {
      place_->account().add_credit(drawn_);
      place_->account().give_back_credit();
    }
  }

  /// Whether it is over at once. If not, this may be gone. Throws std::bad_alloc.
  [[nodiscard]] bool begin(std::size_t bytes, net::execution_context& context,
                           BudgetState::Clock::time_point now) {
    if (!place_->enter(context)) {
      static_cast<void>(place_->take());
      error_ = net::error::operation_aborted;
      return true;
    }
    has_waited_ = true;
    const std::shared_ptr<MemoryPlace> place = place_;
    const Draw draw = place->draw_or_wait(bytes);
    if (draw != Draw::kWaits) {
      has_waited_ = false;
      static_cast<void>(place->take());
      if (draw == Draw::kDrawn) {
        drawn_ = bytes;
      } else {
        error_ = to_net_error(Errc::memory_exhausted);
      }
      return true;
    }
    place->account().state().look_and_watch(now);
    return false;
  }

  [[nodiscard]] std::tuple<net_error_code> results() noexcept {
    if (has_waited_ && !error_) {
      drawn_ = place_->take_grant();
    }
    place_->account().add_credit(std::exchange(drawn_, 0U));
    return {error_};
  }

  /// On the handler's executor.
  void cancel() noexcept {
    if (place_->take() != nullptr) {
      end(nullptr);
    }
  }

 private:
  friend MemoryPlace;

  // Without a grant, by who has taken it.
  void end(const void* destroyed_context) noexcept {
    place_->leave_line();
    error_ = net::error::operation_aborted;
    resume(destroyed_context);
  }

  const std::shared_ptr<MemoryPlace> place_;
  bool has_waited_ = false;
  std::size_t drawn_ = 0;  // for the handler
  net_error_code error_;
};

inline void MemoryPlace::resume(const void* /*of another*/) noexcept {
  const std::shared_ptr<MemoryPlace> self = std::move(of_line_);
  const PostLease lease(guard());
  if (!lease) {
    return;  // the end of the context takes the wait
  }
  if (MemoryWait* const wait = take()) {
    wait->resume(nullptr);
  }
}

inline void MemoryPlace::end_with_context(const void* context) noexcept {
  if (MemoryWait* const wait = take()) {
    wait->end(context);
  }
  guard().wait_until_left();
}

/// Waits for `bytes` in the account's budget, then calls `handler(error)` on its executor, never
/// from inside of this. Throws std::bad_alloc.
template <class Executor, class Handler>
void async_wait_memory(MemberAccount& account, std::size_t bytes, const Executor& executor,
                       Handler handler) {
  using Op = WaitingOp<MemoryWait, Handler, Executor>;
  auto op = Op::make(std::move(handler), executor, account);
  const bool is_over = op->begin(bytes, context_of(executor), TimeOf<Executor>::now(executor));
  Op* const begun = op.release();
  if (is_over) {
    begun->post();
  }
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
