#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

#include "support/asio.hpp"

namespace bytes_handoff::test {

/// A clock that the test sets, for all timers of it in the process. A timer of it looks at it each
/// millisecond.
struct SetClock {
  using duration = std::chrono::steady_clock::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr bool is_steady = true;

  [[nodiscard]] static time_point now() noexcept {
    return time_point(duration(ticks().load(std::memory_order_relaxed)));
  }
  static void pass(duration time) noexcept { ticks().fetch_add(time.count()); }

 private:
  static std::atomic<rep>& ticks() noexcept {
    static std::atomic<rep> of_all{std::chrono::hours(1) / duration(1)};
    return of_all;
  }
};

}  // namespace bytes_handoff::test

#if defined(BYTES_HANDOFF_BOOST_ASIO)
namespace boost::asio {
#else
namespace asio {
#endif

template <>
struct wait_traits<bytes_handoff::test::SetClock> {
  using Clock = bytes_handoff::test::SetClock;
  static Clock::duration to_wait_duration(const Clock::duration& time) {
    return std::min<Clock::duration>(time, std::chrono::milliseconds(1));
  }
  static Clock::duration to_wait_duration(const Clock::time_point& time) {
    return to_wait_duration(time - Clock::now());
  }
};

}  // namespace (boost::)asio
