#pragma once

#include <chrono>
#include <optional>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// A writer's one timer, made when there is something to wait for. On the stream's executor.
template <class Executor>
class WriterTimer {
 public:
  using Clock = std::chrono::steady_clock;

  /// Calls `on_time()` then, unless it is stopped or set again before. Throws where memory is
  /// short.
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
  std::optional<net::basic_waitable_timer<Clock, net::wait_traits<Clock>, Executor>> timer_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
