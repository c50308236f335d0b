#pragma once

// For tests: a clock that stands still until the test moves it. Needs no other target than
// bytes_handoff::asio or bytes_handoff::boost_asio.

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <vector>

#include "bytes_handoff/asio/support/manual_time.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/support/time_of.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// The executor of a `ManualClock`. It converts to `any_io_executor`, and keeps its time there.
using ManualExecutor = detail::ManualExecutor;

/// The time of every time limit of the library, for streams on the executors that it makes. It
/// stands still until `advance`. So a test reaches a limit of an hour at once, and a limit of a
/// millisecond is never reached by accident.
///
/// It is the time of all of these: a queue's `stall_timeout`; `close_timeout` and `close_limit`, of
/// queues, relays and tunnels; a tunnel's `idle_timeout` and `half_close_timeout`; `gather_for`;
/// `retry_after` of accepting; the time in a `LagPolicy`; lingering; the delay of a `DuplexPath`.
/// So are the ages in `WriteStatistics`, and `time_blocked`. Timers of the test's own have the
/// system's clock.
///
/// A stream has this time if its executor does: make it on `executor(context)`. The executor may be
/// erased to `any_io_executor`. Strands, and other executors around executors, go inside:
/// `executor(make_strand(context))`. Around it they would hide the time.
///
/// Ownership: waits belong to their execution context, and end with it. Executors may outlive the
///     clock. What waits then waits until its context ends.
/// Threads: any member, any thread.
/// Cost: O(waits) for each call. Streams on other executors cost what they cost without it. A type
///     `any_io_executor` is asked whether it has a clock when a timer is made, and when a write
///     has to wait for the stream.
///
///     ManualClock clock;
///     auto [client, server] = make_duplex(clock.executor(context), 4096);
///     WriteHandoff out(std::move(server), {.close_timeout = 10s});
///     out.close();              // the client reads nothing
///     clock.advance(10s);
///     context.run();            // the queue has ended: timed_out
class ManualClock {
 public:
  using duration = std::chrono::steady_clock::duration;
  using time_point = std::chrono::steady_clock::time_point;

  ManualClock() : now_(std::make_shared<detail::ManualNow>()) {}
  ManualClock(const ManualClock&) = delete;
  ManualClock& operator=(const ManualClock&) = delete;

  /// The executor of a context, or the given one, with this time.
  template <class Place>
  [[nodiscard]] ManualExecutor executor(Place&& place) {
    if constexpr (requires { place.get_executor(); }) {
      return on(place.get_executor());
    } else {
      return on(place);
    }
  }

  /// It begins with the system's time, and goes on by `advance` alone.
  [[nodiscard]] time_point now() const noexcept { return now_->get(); }

  /// Moves the time, and completes what is due by then, the earliest first in each context. The
  /// handlers are posted: run the context to see the effect.
  ///
  /// Throws: std::invalid_argument if `by` is negative.
  void advance(duration by) {
    if (by < duration::zero()) {
      throw std::invalid_argument("ManualClock::advance: time does not go back");
    }
    std::vector<std::shared_ptr<detail::ManualTime>> times;
    {
      const std::lock_guard lock(mutex_);
      now_->set(detail::later(now_->get(), by));
      times = times_;
    }
    for (const auto& time : times) {
      time->expire();
    }
  }

  /// How long until something is due. None: nothing waits for this clock.
  ///
  ///     while (const auto next = clock.next_wait()) {  // until nothing is armed any more
  ///       clock.advance(*next);
  ///       context.poll();
  ///     }
  [[nodiscard]] std::optional<duration> next_wait() const {
    const std::lock_guard lock(mutex_);
    std::optional<duration> next;
    for (const auto& time : times_) {
      if (const auto until = time->next_until()) {
        const duration wait = *until - now();
        next = next ? (std::min)(*next, wait) : wait;
      }
    }
    return next;
  }

 private:
  [[nodiscard]] ManualExecutor on(const net::any_io_executor& inner) {
    net::execution_context& context = detail::context_of(inner);
    const std::lock_guard lock(mutex_);
    std::erase_if(times_, [](const auto& time) { return time->is_over(); });
    for (const auto& time : times_) {
      if (time->context() == &context) {
        return {inner, time};
      }
    }
    times_.push_back(std::make_shared<detail::ManualTime>(now_, context));
    return {inner, times_.back()};
  }

  const std::shared_ptr<detail::ManualNow> now_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<detail::ManualTime>> times_;  // one a context
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
