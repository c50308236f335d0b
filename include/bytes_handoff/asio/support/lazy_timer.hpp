#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/time_of.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// One timer, made when there is something to wait for: most owners never do. On the executor that
/// it is given.
template <class Executor, class Clock = std::chrono::steady_clock>
class LazyTimer {
  using Timer = typename TimeOf<Executor, Clock>::Timer;

 public:
  /// Waits until then, unless it is stopped or set again before. Throws where memory is short.
  template <class Handler>
  void async_wait_until(typename Clock::time_point time, const Executor& executor,
                        Handler handler) {
    if (!timer_) {
      timer_ = std::make_unique<Timer>(executor);
    }
    timer_->expires_at(time);
    timer_->async_wait(std::move(handler));
  }
  /// The same, and calls `on_time()` then.
  template <class OnTime>
  void wait_until(typename Clock::time_point time, const Executor& executor, OnTime on_time) {
    async_wait_until(time, executor, [on_time = std::move(on_time)](const net_error_code& error) {
      if (!error) {
        on_time();
      }
    });
  }

  void stop() noexcept { timer_.reset(); }

 private:
  std::unique_ptr<Timer> timer_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
