#pragma once

#include <cerrno>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/service/accept_handler.hpp"
#include "bytes_handoff/asio/service/accept_parts.hpp"
#include "bytes_handoff/asio/service/accept_turns.hpp"
#include "bytes_handoff/asio/service/errno_of.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/core/service/accept_core.hpp"
#include "bytes_handoff/core/service/accept_pause.hpp"
#include "bytes_handoff/core/service/accept_slot.hpp"
#include "bytes_handoff/core/support/counted_pointer.hpp"
#include "bytes_handoff/service/accept_each.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <class Acceptor>
using AcceptExecutor = std::remove_cvref_t<decltype(std::declval<Acceptor&>().get_executor())>;

/// Acceptors that give sockets to another executor than their own.
template <class Acceptor, class Executor>
concept AcceptsToExecutor = requires(Acceptor& acceptor, const Executor& executor) {
  acceptor.async_accept(executor, AnyAcceptHandler());
};

/// Acceptors of which the type of the sockets is known before one comes, and that tell whose
/// connection it is: Asio's.
template <class Acceptor>
concept TellsPeers = requires(Acceptor& acceptor,
                              typename Acceptor::protocol_type::endpoint& peer) {
  typename Acceptor::protocol_type::socket;
  acceptor.async_accept(peer, AnyAcceptHandler());
};

/// How `on_accept` is called. An acceptor that is not Asio's gives the socket and the slot alone.
/// Whether a slot is taken is not known there before a socket comes.
template <class OnAccept, class Acceptor>
struct AcceptCall {
  struct Peer {};
  static constexpr bool kTakesPeer = false;
  static constexpr bool kMayTakeSlot = true;
};
template <class OnAccept, TellsPeers Acceptor>
struct AcceptCall<OnAccept, Acceptor> {
  using Socket = typename Acceptor::protocol_type::socket::template rebind_executor<
      typename Acceptor::executor_type>::other;
  using Peer = typename Acceptor::protocol_type::endpoint;
  template <class... Arguments>
  static constexpr bool kTakes = std::is_invocable_v<OnAccept&, Socket, Arguments...>;

  static constexpr bool kTakesPeer =
      !kTakes<> && !kTakes<AcceptSlot> && (kTakes<const Peer&> || kTakes<const Peer&, AcceptSlot>);
  static constexpr bool kMayTakeSlot = kTakes<AcceptSlot> || kTakes<const Peer&, AcceptSlot>;
};

/// Acceptors that can tell in a pause that they are closed, or their operations cancelled.
template <class Acceptor>
concept TellsOfItsEnd = requires(Acceptor& acceptor) {
  acceptor.async_wait(Acceptor::wait_error, AnyWaitHandler());
};

/// The operation of a `WaitingOp`, which keeps the user's handler. The core decides.
///
/// One step is under way at a time, and all that is neither atomic nor locked belongs to it. All of
/// it runs on the acceptor's executor, which may run several handlers at once.
template <class Acceptor, class OnAccept, class Clock>
class AcceptOperation : public AcceptTurns<AcceptExecutor<Acceptor>> {
  using Base = AcceptTurns<AcceptExecutor<Acceptor>>;
  using Base::hop;
  using Base::is_cancelled;
  using Base::set_context_gone;

  using Call = AcceptCall<OnAccept, Acceptor>;
  // With the peer, if that is taken.
  template <class Socket, class... Slot>
  static constexpr bool kTakes =
      Call::kTakesPeer ? std::is_invocable_v<OnAccept&, Socket, const typename Call::Peer&, Slot...>
                       : std::is_invocable_v<OnAccept&, Socket, Slot...>;

 public:
  using Executor = AcceptExecutor<Acceptor>;
  using Self = CountedPointer<AcceptOperation, typename Base::Reference>;
  using Options = AcceptOptions<Executor>;
  using Base::executor;

  AcceptOperation(Acceptor& acceptor, OnAccept on_accept, Options options)
      : Base(acceptor.get_executor()),
        acceptor_(&acceptor),
        on_accept_(std::move(on_accept)),
        options_(std::move(options)),
        open_(options_.max_open != 0 ? std::make_shared<OpenConnections>(options_.max_open)
                                     : nullptr) {}

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
  void start() noexcept {
    const Self self = Self::adopt(this);
    hop();
  }

  [[nodiscard]] std::tuple<net_error_code> results() const noexcept {
    return core_.has_failed() ? error_ : net_error_code(net::error::operation_aborted);
  }

  // ---- What its handlers tell it.

  [[nodiscard]] net::cancellation_slot slot() noexcept { return parts_.slot(); }
  /// Destroyed uninvoked: with its context, or by what Asio throws behind the system's accept if it
  /// has no memory for the socket. Then accepting goes on behind a pause.
  template <AcceptPart kPart>
  void lose() noexcept {
    if (kPart != kAcceptPart || std::uncaught_exceptions() == 0) {
      set_context_gone(true);
      return;
    }
    parts_.finish_accept();
    has_lost_connection_ = true;
    hop();
  }

  template <AcceptPart kPart, class... Socket>
  void complete(const net_error_code& error, Socket... socket) {
    if constexpr (kPart == kAcceptPart) {
      parts_.finish_accept();
      accepted(error, std::move(socket)...);
    } else if (parts_.finish_in_pause(kPart, error)) {
      set_paused(false);
      note_cancellation();
      if (core_.after_pause(errno_of(parts_.end_of_acceptor())) != AcceptStep::kDone) {
        prepare();
      }
    }
  }

 private:
  void note_cancellation() noexcept {
    if (is_cancelled()) {
      core_.cancel();
    }
  }

  // ---- Steps. Each is called when nothing is under way, by who holds this.

  void prepare() {
    note_cancellation();
    if (core_.next() == AcceptStep::kDone) {
      return;
    }
    net_error_code error;
    is_full_ = open_ && open_->is_full();
    if (is_full_) {
      error = to_net_error(Errc::limit_exceeded);
    } else if (options_.prepare) {
      error = or_pause([&] { return options_.prepare(); });
    }
    note_cancellation();
    go_on(core_.after_prepare(!error), error);
  }

  void accept() {
    if constexpr (AcceptsToExecutor<Acceptor, Executor>) {
      if (options_.next_executor) {
        const Executor next = or_pause([&] { return options_.next_executor(); });
        return accept_by([&] { start_accept(next); });
      }
    }
    accept_by([&] { start_accept(); });
  }

  template <class... To>
  void start_accept(const To&... to) {
    AcceptHandler<AcceptOperation, kAcceptPart> handler(Self(this));
    if constexpr (Call::kTakesPeer) {
      acceptor_->async_accept(to..., peer_, std::move(handler));
    } else {
      acceptor_->async_accept(to..., std::move(handler));
    }
  }

  template <class Start>
  void accept_by(Start start) {
    net_error_code error;
    {
      const auto locked = parts_.lock();
      note_cancellation();
      if (core_.next() == AcceptStep::kDone) {
        return;
      }
      error = parts_.start(kAcceptPart, start);
    }
    if (error) {
      go_on(core_.after_accept(errno_of(error)), error);
    }
  }

  template <class Socket>
  void accepted(const net_error_code& error, Socket socket) {
    constexpr bool kTakesSlot = kTakes<Socket, AcceptSlot>;
    static_assert(
        kTakesSlot || kTakes<Socket>,
        "on_accept must take the socket; behind it, it may take the peer's endpoint if the "
        "acceptor is one of Asio's, and an AcceptSlot");
    const AcceptStep step = core_.after_accept(errno_of(error));
    if (error) {
      note_cancellation();
      return go_on(core_.next() == AcceptStep::kDone ? AcceptStep::kDone : step, error);
    }
    if (!kTakesSlot && open_) {  // the sockets were not known at the start
      return fail(net::error::invalid_argument);
    }
    try {
      if constexpr (kTakesSlot) {
        give(std::move(socket), open_ ? AcceptSlotAccess::make(open_) : AcceptSlot());
      } else {
        give(std::move(socket));
      }
    } catch (...) {
      hop();
      throw;
    }
    prepare();
  }

  template <class Socket, class... Slot>
  void give(Socket&& socket, Slot&&... slot) {
    const auto call = [&](auto&&... all) {
      static_assert(std::is_void_v<std::invoke_result_t<OnAccept&, decltype(all)...>>,
                    "on_accept must return nothing: spawn a coroutine inside of it");
      (*on_accept_)(std::forward<decltype(all)>(all)...);
    };
    if constexpr (Call::kTakesPeer) {
      call(std::forward<Socket>(socket), std::as_const(peer_), std::forward<Slot>(slot)...);
    } else {
      call(std::forward<Socket>(socket), std::forward<Slot>(slot)...);
    }
  }

  void go_on(AcceptStep step, const net_error_code& error) {
    switch (step) {
      case AcceptStep::kPrepare:
        return prepare();
      case AcceptStep::kAccept:
        return accept();
      case AcceptStep::kPause:
        if (core_.is_to_be_told(is_full_) && options_.on_pause) {
          or_pause([&] { options_.on_pause(error); });
        }
        return start_pause();
      case AcceptStep::kDone:
        error_ = error;
    }
  }

  // What a function of the user's throws leaves this, and accepting goes on behind a pause.
  template <class Function>
  auto or_pause(Function function) {
    try {
      return function();
    } catch (...) {
      start_pause();
      throw;
    }
  }

  // ---- Pauses.

  void start_pause() noexcept {
    const auto locked = parts_.lock();
    note_cancellation();
    if (core_.next() == AcceptStep::kDone) {
      return;
    }
    if (parts_.start_timer(executor(), options_.retry_after,
                           AcceptHandler<AcceptOperation, kTimerPart>(Self(this)))) {
      return fail(net::error::no_memory);
    }
    if constexpr (TellsOfItsEnd<Acceptor>) {
      // Without it, the next accept notices.
      static_cast<void>(parts_.start(kWatchPart, [&] {
        acceptor_->async_wait(Acceptor::wait_error,
                              AcceptHandler<AcceptOperation, kWatchPart>(Self(this)));
      }));
    }
    set_paused(true);
    if (is_full_ && !open_->is_full()) {  // a slot has gone before there was a pause to end
      parts_.end_pause();
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

  void fail(const net_error_code& error) noexcept {
    set_context_gone(false);
    error_ = error;
    core_.fail();
  }

  // ---- Turns.

  void run_turn() final {
    if (std::exchange(has_lost_connection_, false)) {
      go_on(core_.after_accept(ENOMEM), net::error::no_memory);
    } else {
      prepare();
    }
  }
  void fail_to_hop() noexcept final { fail(net::error::no_memory); }
  void run_errands(unsigned errands) noexcept final {
    parts_.interrupt((errands & Base::kCancel) != 0);
  }
  void forget() noexcept final {
    parts_.drop_timer();  // its context may be gone when the handler's turn has come
    if (options_.pause) {
      AcceptPauseAccess::detach(*options_.pause);
    }
    if (open_) {  // connections may still hold it
      AcceptPauseAccess::detach(open_->pause());
    }
    options_ = {};
    on_accept_.reset();
  }

  Acceptor* acceptor_;
  std::optional<OnAccept> on_accept_;
  [[no_unique_address]] typename Call::Peer peer_;  // of the accept that is under way
  Options options_;
  const std::shared_ptr<OpenConnections> open_;  // if their number is limited
  AcceptCore core_;
  net_error_code error_;
  bool has_lost_connection_ = false;
  bool is_full_ = false;  // so that the pause that follows is for `max_open`
  AcceptParts<Executor, Clock> parts_{this};
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
