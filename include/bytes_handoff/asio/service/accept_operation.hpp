#pragma once

#include <atomic>
#include <cerrno>
#include <chrono>
#include <concepts>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/service/accept_handler.hpp"
#include "bytes_handoff/asio/service/errno_of.hpp"
#include "bytes_handoff/asio/support/lazy_timer.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/support/stream_exception.hpp"
#include "bytes_handoff/asio/support/turn.hpp"
#include "bytes_handoff/asio/writing/initiation.hpp"
#include "bytes_handoff/core/queue/waiting.hpp"
#include "bytes_handoff/core/service/accept_core.hpp"
#include "bytes_handoff/core/service/accept_pause.hpp"
#include "bytes_handoff/core/service/accept_slot.hpp"
#include "bytes_handoff/core/support/counted_pointer.hpp"
#include "bytes_handoff/core/support/later.hpp"
#include "bytes_handoff/service/accept_each.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Acceptors that give sockets to another executor than their own.
template <class Acceptor, class Executor>
concept AcceptsToExecutor = requires(Acceptor& acceptor, const Executor& executor) {
  acceptor.async_accept(executor, AnyAcceptHandler());
};

/// Acceptors that can tell in a pause that they are closed, or their operations cancelled.
template <class Acceptor>
concept TellsOfItsEnd = requires(Acceptor& acceptor) {
  acceptor.async_wait(Acceptor::wait_error, AnyWaitHandler());
};

/// The operation of a `WaitingOp`, which keeps the user's handler. The core decides.
///
/// One step is under way at a time, and all that is neither atomic nor locked belongs to it. Locked
/// is what others may interrupt: a cancellation, the end of a pause, and both parts of a pause. All
/// of it runs on the acceptor's executor, which may run several handlers at once.
///
/// Who holds it: each part that is under way, errands on their way, and who runs a step. With the
/// last one it is over.
template <class Acceptor, class OnAccept, class Clock>
class AcceptOperation : public Waiting, public PausedAccept {
  struct Reference {
    static void add(AcceptOperation* accept) noexcept {
      accept->references_.fetch_add(1, std::memory_order_relaxed);
    }
    static void drop(AcceptOperation* accept) noexcept {
      if (accept->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        accept->end();
      }
    }
  };

 public:
  static constexpr const char* kName = "async_accept_each";
  using Self = CountedPointer<AcceptOperation, Reference>;
  using Executor = std::remove_cvref_t<decltype(std::declval<Acceptor&>().get_executor())>;
  using Options = AcceptOptions<Executor>;

  AcceptOperation(Acceptor& acceptor, OnAccept on_accept, Options options)
      : acceptor_(&acceptor),
        executor_(acceptor.get_executor()),
        on_accept_(std::move(on_accept)),
        options_(std::move(options)),
        open_(options_.max_open != 0 ? std::make_shared<OpenConnections>(options_.max_open)
                                     : nullptr),
        context_(&context_of(executor_)),
        work_(executor_) {}

  /// Throws `std::invalid_argument` if it is another operation's.
  void attach_pause() {
    if (options_.pause && !AcceptPauseAccess::attach(*options_.pause, *this)) {
      throw std::invalid_argument("AcceptOptions::pause is in use by another operation");
    }
    if (open_) {
      static_cast<void>(AcceptPauseAccess::attach(open_->pause(), *this));
    }
  }

  /// From the initiating function. The handler is told of all that fails from here on.
  void start() noexcept { hop(Self::adopt(this)); }

  /// On the handler's executor. All types are one: a connection is accepted, or it is not.
  void cancel() noexcept {
    if (try_hold()) {
      is_cancelled_.store(true, std::memory_order_release);
      ask(Self::adopt(this), kCancel);
    }
  }

  [[nodiscard]] std::tuple<net_error_code> results() const noexcept {
    return core_.has_failed() ? error_ : net_error_code(net::error::operation_aborted);
  }

  [[nodiscard]] bool try_hold_for_pause() noexcept override { return try_hold(); }
  void end_pause() noexcept override { ask(Self::adopt(this), kEndPause); }

  // ---- What its handlers tell it.

  [[nodiscard]] const Executor& executor() const noexcept { return executor_; }
  [[nodiscard]] net::cancellation_slot slot() noexcept { return signal_.slot(); }
  /// Destroyed uninvoked: with its context, or by what Asio throws behind the system's accept if it
  /// has no memory for the socket. Then accepting goes on behind a pause.
  template <AcceptPart kPart>
  void lose(const Self& self) noexcept {
    if (kPart != kAcceptPart || std::uncaught_exceptions() == 0) {
      destroyed_context_ = context_;
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      under_way_ = 0;
    }
    has_lost_connection_ = true;
    hop(self);
  }

  template <AcceptPart kPart, class... Socket>
  void complete(Self self, const net_error_code& error, Socket... socket) {
    if constexpr (kPart == kAcceptPart) {
      {
        const std::lock_guard lock(mutex_);
        under_way_ = 0;
      }
      accepted(self, error, std::move(socket)...);
    } else if (is_pause_over(kPart, error)) {
      note_cancellation();
      if (core_.after_pause(errno_of(end_of_acceptor_)) != AcceptStep::kDone) {
        prepare(self);
      }
    }
  }

 private:
  enum Errand : unsigned { kCancel = 1, kEndPause = 2 };

  void note_cancellation() noexcept {
    if (is_cancelled_.load(std::memory_order_acquire)) {
      core_.cancel();
    }
  }

  // ---- Steps. Each is called when nothing is under way.

  void prepare(const Self& self) {
    note_cancellation();
    if (core_.next() == AcceptStep::kDone) {
      return;
    }
    net_error_code error;
    is_full_ = open_ && open_->is_full();
    if (is_full_) {
      error = to_net_error(Errc::limit_exceeded);
    } else if (options_.prepare) {
      error = or_pause(self, [&] { return options_.prepare(); });
    }
    note_cancellation();
    go_on(self, core_.after_prepare(!error), error);
  }

  void accept(const Self& self) {
    using Handler = AcceptHandler<AcceptOperation, kAcceptPart>;
    if constexpr (AcceptsToExecutor<Acceptor, Executor>) {
      if (options_.next_executor) {
        const Executor next = or_pause(self, [&] { return options_.next_executor(); });
        return accept_by(self, [&] { acceptor_->async_accept(next, Handler(self)); });
      }
    }
    accept_by(self, [&] { acceptor_->async_accept(Handler(self)); });
  }

  template <class Start>
  void accept_by(const Self& self, Start start) {
    net_error_code error;
    {
      const std::lock_guard lock(mutex_);
      note_cancellation();
      if (core_.next() == AcceptStep::kDone) {
        return;
      }
      error = start_part(kAcceptPart, start);
    }
    if (error) {
      go_on(self, core_.after_accept(errno_of(error)), error);
    }
  }

  template <class Socket>
  void accepted(const Self& self, const net_error_code& error, Socket socket) {
    constexpr bool kTakesSlot = std::is_invocable_v<OnAccept&, Socket, AcceptSlot>;
    static_assert(kTakesSlot || std::is_invocable_v<OnAccept&, Socket>,
                  "on_accept must take the socket, or the socket and an AcceptSlot");
    const AcceptStep step = core_.after_accept(errno_of(error));
    if (error) {
      note_cancellation();
      return go_on(self, core_.next() == AcceptStep::kDone ? AcceptStep::kDone : step, error);
    }
    try {
      if constexpr (kTakesSlot) {
        static_assert(std::is_void_v<std::invoke_result_t<OnAccept&, Socket, AcceptSlot>>,
                      "on_accept must return nothing: spawn a coroutine inside of it");
        (*on_accept_)(std::move(socket), open_ ? AcceptSlotAccess::make(open_) : AcceptSlot());
      } else {
        static_assert(std::is_void_v<std::invoke_result_t<OnAccept&, Socket>>,
                      "on_accept must return nothing: spawn a coroutine inside of it");
        (*on_accept_)(std::move(socket));
      }
    } catch (...) {
      hop(self);
      throw;
    }
    prepare(self);
  }

  void go_on(const Self& self, AcceptStep step, const net_error_code& error) {
    switch (step) {
      case AcceptStep::kPrepare:
        return prepare(self);
      case AcceptStep::kAccept:
        return accept(self);
      case AcceptStep::kPause:
        if (core_.is_to_be_told(is_full_) && options_.on_pause) {
          or_pause(self, [&] { options_.on_pause(error); });
        }
        return start_pause(self);
      case AcceptStep::kDone:
        error_ = error;
    }
  }

  // What a function of the user's throws leaves this, and accepting goes on behind a pause.
  template <class Function>
  auto or_pause(const Self& self, Function function) {
    try {
      return function();
    } catch (...) {
      start_pause(self);
      throw;
    }
  }

  // In a turn of its own: after the start, and behind what was thrown.
  void hop(const Self& self) noexcept {
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      post_on(Executor(executor_), PostAllocator(hop_memory_),
              Turn(Self(self).release(), &AcceptOperation::arrive));
    } catch (...) {
      fail(net::error::no_memory);
    }
  }
  static void arrive(void* of, Turn::Outcome outcome) {
    const Self self = Self::adopt(static_cast<AcceptOperation*>(of));
    if (outcome != Turn::Outcome::kTaken) {
      self->destroyed_context_ = self->context_;
    } else if (std::exchange(self->has_lost_connection_, false)) {
      self->go_on(self, self->core_.after_accept(ENOMEM), net::error::no_memory);
    } else {
      self->prepare(self);
    }
  }

  void fail(const net_error_code& error) noexcept {
    destroyed_context_ = nullptr;
    error_ = error;
    core_.fail();
  }

  // ---- Pauses.

  void start_pause(const Self& self) noexcept {
    const std::lock_guard lock(mutex_);
    note_cancellation();
    if (core_.next() == AcceptStep::kDone) {
      return;
    }
    is_pause_ending_ = false;
    end_of_acceptor_ = {};
    const net_error_code error = start_part(kTimerPart, [&] {
      timer_.async_wait_until(later(TimeOf<Executor, Clock>::now(executor_), options_.retry_after),
                              executor_, AcceptHandler<AcceptOperation, kTimerPart>(self));
    });
    if (error) {
      return fail(net::error::no_memory);
    }
    if constexpr (TellsOfItsEnd<Acceptor>) {
      // Without it, the next accept notices.
      static_cast<void>(start_part(kWatchPart, [&] {
        acceptor_->async_wait(Acceptor::wait_error,
                              AcceptHandler<AcceptOperation, kWatchPart>(self));
      }));
    }
    set_paused(true);
    if (is_full_ && !open_->is_full()) {  // a slot has gone before there was a pause to end
      end_pause_locked();
    }
  }

  [[nodiscard]] bool is_pause_over(AcceptPart part, const net_error_code& error) noexcept {
    const std::lock_guard lock(mutex_);
    under_way_ &= ~static_cast<unsigned>(part);
    if (part == kWatchPart && !is_pause_ending_) {
      end_of_acceptor_ = error;
    }
    // A watch can also end because it is not supported, or with an error of the socket's own.
    if (part == kTimerPart || AcceptCore::is_end(errno_of(error))) {
      end_pause_locked();
    }
    if (under_way_ != 0) {
      return false;
    }
    set_paused(false);
    return true;
  }

  void end_pause_locked() noexcept {
    if (std::exchange(is_pause_ending_, true)) {
      return;
    }
    if ((under_way_ & kTimerPart) != 0) {
      timer_.stop();
    }
    if ((under_way_ & kWatchPart) != 0) {
      cancel_part();
    }
  }

  void set_paused(bool is_paused) noexcept {
    if (options_.pause) {
      AcceptPauseAccess::set(*options_.pause, is_paused);
    }
    if (open_) {
      AcceptPauseAccess::set(open_->pause(), is_paused);
    }
  }

  // ---- Locked: what is under way.

  // The error is what it has thrown: then it is not under way.
  template <class Start>
  [[nodiscard]] net_error_code start_part(AcceptPart part, Start start) noexcept {
    const Initiation inside(this);
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    under_way_ |= part;
    try {
      start();
    } catch (...) {
      if (inside.result().outcome != InitiationOutcome::kCompleted) {
        under_way_ &= ~static_cast<unsigned>(part);
        return error_of_current_exception();
      }
    }
    return {};
  }

  void cancel_part() noexcept {
    const Initiation inside(this);
    try {
      signal_.emit(net::cancellation_type::terminal);
    } catch (...) {  // NOLINT: it returns by itself
    }
  }

  // ---- Errands to the acceptor's executor, from any thread.

  void ask(Self self, Errand errand) noexcept {
    if (errands_.fetch_or(errand, std::memory_order_acq_rel) != 0) {
      return;  // it is on its way
    }
    const Initiation inside(this);
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      post_on(Executor(executor_), PostAllocator(errand_memory_),
              Turn(self.release(), &AcceptOperation::run_errands_of));
    } catch (...) {  // NOLINT: without memory it is noticed at the next step
    }
  }
  static void run_errands_of(void* of, Turn::Outcome outcome) noexcept {
    const Self self = Self::adopt(static_cast<AcceptOperation*>(of));
    if (outcome == Turn::Outcome::kTaken) {
      self->run_errands();
    } else if (Initiation::of(self.get()) == nullptr) {
      self->destroyed_context_ = self->context_;
    } else {  // it could not be posted
      self->errands_.store(0, std::memory_order_release);
    }
  }
  void run_errands() noexcept {
    const unsigned errands = errands_.exchange(0, std::memory_order_acq_rel);
    const std::lock_guard lock(mutex_);
    if ((under_way_ & kAcceptPart) == 0) {
      end_pause_locked();
    } else if ((errands & kCancel) != 0) {
      cancel_part();
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
    timer_.stop();  // its context may be gone when the handler's turn has come
    if (options_.pause) {
      AcceptPauseAccess::detach(*options_.pause);
    }
    if (open_) {  // connections may still hold it
      AcceptPauseAccess::detach(open_->pause());
    }
    options_ = {};
    on_accept_.reset();
    work_.reset();
    this->resume(destroyed_context_);
  }

  Acceptor* acceptor_;
  const Executor executor_;
  std::optional<OnAccept> on_accept_;
  Options options_;
  const std::shared_ptr<OpenConnections> open_;  // if their number is limited
  const net::execution_context* const context_;
  const net::execution_context* destroyed_context_ = nullptr;
  AcceptCore core_;
  net_error_code error_;
  bool has_lost_connection_ = false;
  bool is_full_ = false;  // so that the pause that follows is for `max_open`
  std::atomic<bool> is_cancelled_{false};
  std::atomic<unsigned> errands_{0};
  std::atomic<unsigned> references_{1};
  PostMemory hop_memory_;
  PostMemory errand_memory_;

  std::mutex mutex_;
  unsigned under_way_ = 0;  // of AcceptPart
  bool is_pause_ending_ = false;
  net_error_code end_of_acceptor_;
  net::cancellation_signal signal_;  // of the accept, or of the watch
  LazyTimer<Executor, Clock> timer_;

  net::executor_work_guard<Executor> work_;  // until it is over: who asks may hold it last
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
