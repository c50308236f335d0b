#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <utility>

#include "bytes_handoff/detail/net.hpp"
#include "bytes_handoff/detail/write_queue.hpp"
#include "bytes_handoff/impl/later.hpp"
#include "bytes_handoff/impl/net_error.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What a writer's queue is watched for in time: the deadline of its close, and its stall timeout.
/// One timer, for whichever comes first. On the stream's executor, but for `may_run()`.
template <class Executor>
class WriterTimer {
 public:
  using Clock = std::chrono::steady_clock;

  /// Whether there can be anything to stop. From any thread.
  [[nodiscard]] bool may_run(const WriteHandoffConfig& config) const noexcept {
    return config.stall_timeout.count() != 0 || has_deadline_.load();
  }
  [[nodiscard]] bool must_watch(const WriteHandoffConfig& config) const noexcept {
    return config.stall_timeout.count() != 0 && !watches_stalls_;
  }

  /// The earliest deadline counts.
  void add_deadline(Clock::time_point deadline) noexcept {
    has_deadline_ = true;  // before the queue is asked: who ends it later stops the timer
    deadline_ = std::min(deadline_, deadline);
  }

  /// Ends the queue where its time is over. Returns when to check it again; the latest time there
  /// is: never.
  [[nodiscard]] Clock::time_point check(WriteQueue& queue, Effects& effects) noexcept {
    const Clock::time_point now = Clock::now();
    watches_stalls_ = queue.tick(now, effects);
    if (now >= deadline_) {
      queue.abort(ErrorValue::of(Errc::timed_out), effects);
    }
    if (!watches_stalls_) {
      return deadline_;
    }
    return std::min(deadline_, later(now, queue.config().stall_timeout / 4));
  }

  /// Calls `on_time()` then, unless stopped before. Throws where memory is short.
  template <class OnTime>
  void wait_until(Clock::time_point time, const Executor& executor, OnTime on_time) {
    if (!timer_) {
      timer_.emplace(executor);
    }
    timer_->expires_at(time);
    timer_->async_wait([on_time = std::move(on_time)](const net_error_code& error) {
      if (!error) {
        on_time();
      }
    });
  }

  void stop() noexcept { timer_.reset(); }

 private:
  std::atomic<bool> has_deadline_{false};
  bool watches_stalls_ = false;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::optional<net::basic_waitable_timer<Clock, net::wait_traits<Clock>, Executor>> timer_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
