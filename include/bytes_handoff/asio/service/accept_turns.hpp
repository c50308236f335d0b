#pragma once

#include <atomic>
#include <utility>

#include "bytes_handoff/asio/service/accept_handler.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/support/turn.hpp"
#include "bytes_handoff/asio/writing/initiation.hpp"
#include "bytes_handoff/core/queue/waiting.hpp"
#include "bytes_handoff/core/service/accept_pause.hpp"
#include "bytes_handoff/core/support/counted_pointer.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What of an accept operation knows no acceptor: who holds it, and its turns on the executor.
///
/// Who holds it: each part that is under way, turns on their way, and who runs a step. With the
/// last one it is over.
template <class Executor>
class AcceptTurns : public Waiting, public PausedAccept {
 public:
  static constexpr const char* kName = kAcceptEachName;

  [[nodiscard]] const Executor& executor() const noexcept { return executor_; }

  /// On the handler's executor. All types are one: a connection is accepted, or it is not.
  void cancel() noexcept {
    if (try_hold()) {
      is_cancelled_.store(true, std::memory_order_release);
      ask(Held::adopt(this), kCancel);
    }
  }
  [[nodiscard]] bool try_hold_for_pause() noexcept final { return try_hold(); }
  void end_pause() noexcept final { ask(Held::adopt(this), kEndPause); }

 protected:
  enum Errand : unsigned { kCancel = 1, kEndPause = 2 };

  struct Reference {
    static void add(AcceptTurns* accept) noexcept {
      accept->references_.fetch_add(1, std::memory_order_relaxed);
    }
    static void drop(AcceptTurns* accept) noexcept {
      if (accept->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        accept->end();
      }
    }
  };
  using Held = CountedPointer<AcceptTurns, Reference>;

  /// With one reference.
  explicit AcceptTurns(Executor executor)
      : executor_(std::move(executor)), context_(&context_of(executor_)), work_(executor_) {}
  ~AcceptTurns() override = default;

  [[nodiscard]] bool is_cancelled() const noexcept {
    return is_cancelled_.load(std::memory_order_acquire);
  }
  /// The handler must not be called on a context that is gone.
  void set_context_gone(bool is_gone) noexcept {
    destroyed_context_ = is_gone ? context_ : nullptr;
  }

  /// By who holds it. Calls `run_turn` in a turn of its own: after the start, and behind what was
  /// thrown.
  void hop() noexcept {
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      post_on(Executor(executor_), PostAllocator(hop_memory_),
              Turn(Held(this).release(), &AcceptTurns::arrive));
    } catch (...) {
      fail_to_hop();
    }
  }

 private:
  virtual void run_turn() = 0;
  virtual void fail_to_hop() noexcept = 0;
  virtual void run_errands(unsigned errands) noexcept = 0;
  /// It is over. Lets go of what it was given.
  virtual void forget() noexcept = 0;

  static void arrive(void* of, Turn::Outcome outcome) {
    const Held self = Held::adopt(static_cast<AcceptTurns*>(of));
    if (outcome == Turn::Outcome::kTaken) {
      self->run_turn();
    } else {
      self->set_context_gone(true);
    }
  }

  // ---- Errands, from any thread.

  void ask(Held self, Errand errand) noexcept {
    if (errands_.fetch_or(errand, std::memory_order_acq_rel) != 0) {
      return;  // it is on its way
    }
    const Initiation inside(this);
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      post_on(Executor(executor_), PostAllocator(errand_memory_),
              Turn(self.release(), &AcceptTurns::arrive_with_errands));
    } catch (...) {  // NOLINT: without memory it is noticed at the next step
    }
  }
  static void arrive_with_errands(void* of, Turn::Outcome outcome) noexcept {
    const Held self = Held::adopt(static_cast<AcceptTurns*>(of));
    if (outcome == Turn::Outcome::kTaken) {
      self->run_errands(self->errands_.exchange(0, std::memory_order_acq_rel));
    } else if (Initiation::of(self.get()) == nullptr) {
      self->set_context_gone(true);
    } else {  // it could not be posted
      self->errands_.store(0, std::memory_order_release);
    }
  }

  [[nodiscard]] bool try_hold() noexcept {
    unsigned count = references_.load(std::memory_order_relaxed);
    while (count != 0) {
      if (references_.compare_exchange_weak(count, count + 1, std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  // Nothing is under way any more. The handler may run before this returns.
  void end() noexcept {
    forget();
    work_.reset();
    this->resume(destroyed_context_);
  }

  const Executor executor_;
  const net::execution_context* const context_;
  const net::execution_context* destroyed_context_ = nullptr;
  std::atomic<bool> is_cancelled_{false};
  std::atomic<unsigned> errands_{0};
  std::atomic<unsigned> references_{1};
  PostMemory hop_memory_;
  PostMemory errand_memory_;
  net::executor_work_guard<Executor> work_;  // until it is over: who asks may hold it last
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
