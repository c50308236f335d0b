#pragma once

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <chrono>

#include "support/as_tuple.hpp"
#include "support/asio_names.hpp"
#include "support/ring.hpp"

namespace programs {

/// Ends what a coroutine waits for.
class Stop {
 public:
  /// Of what can be ended. One operation at a time has it.
  [[nodiscard]] asio::cancellation_slot slot() noexcept { return signal_.slot(); }
  /// A token of that.
  [[nodiscard]] auto token() noexcept {
    return asio::bind_cancellation_slot(slot(), as_tuple(use_awaitable));
  }

  /// Whether nothing more is to begin.
  [[nodiscard]] bool is_told() const noexcept { return is_told_; }
  /// Throws `operation_aborted` then.
  void throw_if_told() const;

  /// Cancels what is under way.
  void interrupt() { signal_.emit(asio::cancellation_type::terminal); }
  /// Likewise, and what follows is not to begin.
  void tell() {
    is_told_ = true;
    interrupt();
  }

 private:
  asio::cancellation_signal signal_;
  bool is_told_ = false;
};

class Deadline;

/// Deadlines of one length. The first to begin is the first to be over, so that one timer is enough
/// for all. It is set anew only when it has run out. One thread.
class Deadlines {
 public:
  Deadlines(asio::io_context& context, std::chrono::nanoseconds length);
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;
  ~Deadlines();

  /// Leaves nothing to run on the context. None may begin from then on.
  void end() noexcept { timer_.cancel(); }

 private:
  friend class Deadline;

  void watch();
  void look();

  std::chrono::nanoseconds length_;
  steady_timer timer_;
  bool is_watching_ = false;
  RingPlace all_;  // in the order in which they began
};

/// While it lives, its time runs. When that is over, `stop` is interrupted once.
class Deadline : private RingPlace {
 public:
  Deadline(Deadlines& of, Stop& stop);
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  [[nodiscard]] bool is_over() const noexcept { return is_over_; }
  /// Whether an operation with `stop().token()` has ended by it.
  [[nodiscard]] bool has_ended(const asio::error_code& error) const noexcept {
    return is_over_ && error == asio::error::operation_aborted;
  }
  [[nodiscard]] Stop& stop() const noexcept { return stop_; }

 private:
  friend class Deadlines;

  Stop& stop_;
  const steady_timer::time_point at_;
  bool is_over_ = false;
};

}  // namespace programs
