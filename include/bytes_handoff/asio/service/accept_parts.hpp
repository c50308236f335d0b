#pragma once

#include <chrono>
#include <mutex>
#include <utility>

#include "bytes_handoff/asio/service/accept_handler.hpp"
#include "bytes_handoff/asio/service/errno_of.hpp"
#include "bytes_handoff/asio/support/lazy_timer.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/stream_exception.hpp"
#include "bytes_handoff/asio/support/time_of.hpp"
#include "bytes_handoff/asio/writing/initiation.hpp"
#include "bytes_handoff/core/service/accept_core.hpp"
#include "bytes_handoff/core/support/later.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What an accept operation has under way: an accept, or the parts of a pause. Locked, since others
/// may interrupt it: a cancellation, the end of a pause, and each part of a pause the other one.
template <class Executor, class Clock>
class AcceptParts {
 public:
  using Lock = std::lock_guard<std::mutex>;

  /// By `operation` its handlers find the call that starts them.
  explicit AcceptParts(const void* operation) noexcept : operation_(operation) {}
  AcceptParts(const AcceptParts&) = delete;
  AcceptParts& operator=(const AcceptParts&) = delete;
  ~AcceptParts() = default;

  /// Of an accept, or of a watch.
  [[nodiscard]] net::cancellation_slot slot() noexcept { return signal_.slot(); }
  [[nodiscard]] Lock lock() noexcept { return Lock(mutex_); }

  // ---- Locked.

  /// The error is what `start` has thrown: then the part is not under way.
  template <class Start>
  [[nodiscard]] net_error_code start(AcceptPart part, Start start) noexcept {
    const Initiation inside(operation_);
    BYTES_HANDOFF_HANDLER_LOCATION(kAcceptEachName);
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
  /// Begins a pause with this.
  template <class Handler>
  [[nodiscard]] net_error_code start_timer(const Executor& executor, std::chrono::nanoseconds after,
                                           Handler handler) noexcept {
    is_pause_ending_ = false;
    end_of_acceptor_ = {};
    return start(kTimerPart, [&] {
      timer_.async_wait_until(later(TimeOf<Executor, Clock>::now(executor), after), executor,
                              std::move(handler));
    });
  }
  void end_pause() noexcept {
    if (std::exchange(is_pause_ending_, true)) {
      return;
    }
    if ((under_way_ & kTimerPart) != 0) {
      timer_.stop();
    }
    if ((under_way_ & kWatchPart) != 0) {
      cancel();
    }
  }

  // ---- These lock.

  /// It has come back, or is lost.
  void finish_accept() noexcept {
    const Lock locked(mutex_);
    under_way_ = 0;
  }
  /// A part of a pause has come back. Whether the pause is over.
  [[nodiscard]] bool finish_in_pause(AcceptPart part, const net_error_code& error) noexcept {
    const Lock locked(mutex_);
    under_way_ &= ~static_cast<unsigned>(part);
    if (part == kWatchPart && !is_pause_ending_) {
      end_of_acceptor_ = error;
    }
    // A watch can also end because it is not supported, or with an error of the socket's own.
    if (part == kTimerPart || AcceptCore::is_end(errno_of(error))) {
      end_pause();
    }
    return under_way_ == 0;
  }
  /// Ends a pause. An accept is cancelled only if that is asked for.
  void interrupt(bool also_accept) noexcept {
    const Lock locked(mutex_);
    if ((under_way_ & kAcceptPart) == 0) {
      end_pause();
    } else if (also_accept) {
      cancel();
    }
  }

  // ---- With nothing under way.

  /// What the acceptor has told in the last pause.
  [[nodiscard]] const net_error_code& end_of_acceptor() const noexcept { return end_of_acceptor_; }
  /// Its context may be gone later.
  void drop_timer() noexcept { timer_.stop(); }

 private:
  void cancel() noexcept {
    const Initiation inside(operation_);
    try {
      signal_.emit(net::cancellation_type::terminal);
    } catch (...) {  // NOLINT: it returns by itself
    }
  }

  const void* const operation_;
  std::mutex mutex_;
  unsigned under_way_ = 0;  // of AcceptPart
  bool is_pause_ending_ = false;
  net_error_code end_of_acceptor_;
  net::cancellation_signal signal_;
  LazyTimer<Executor, Clock> timer_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
