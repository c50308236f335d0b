#pragma once

// What time it is for what runs on an executor, and the timers there. It is the system's, unless a
// test moves it: the type of the executor says whether that is possible. Where it is not, nothing
// of this is left in the program.

#include <chrono>
#include <type_traits>
#include <utility>
#include <variant>

#include "bytes_handoff/asio/support/manual_time.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/core/support/later.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// The time of executors whose type has no other.
template <class Executor, class Clock>
struct SystemTime {
  using TimePoint = typename Clock::time_point;
  using Timer = net::basic_waitable_timer<Clock, net::wait_traits<Clock>, Executor>;

  [[nodiscard]] static TimePoint now(const Executor& /*executor*/) noexcept { return Clock::now(); }
};

/// A timer of the one time or the other, as its executor says. It stays where it is.
template <class Executor>
class EitherTimer {
  using Clock = std::chrono::steady_clock;
  using OfSystem = typename SystemTime<Executor, Clock>::Timer;

 public:
  explicit EitherTimer(const Executor& executor) {
    if (ManualTime* const time = manual_time_of(executor)) {
      timer_.template emplace<ManualTimer<Executor>>(executor, *time);
    } else {
      timer_.template emplace<OfSystem>(executor);
    }
  }
  EitherTimer(const Executor& executor, Clock::time_point until) : EitherTimer(executor) {
    expires_at(until);
  }
  EitherTimer(const EitherTimer&) = delete;
  EitherTimer& operator=(const EitherTimer&) = delete;
  ~EitherTimer() = default;

  void expires_at(Clock::time_point until) {
    with([&](auto& timer) { timer.expires_at(until); });
  }
  void cancel() {
    with([](auto& timer) { timer.cancel(); });
  }
  template <class Handler>
  void async_wait(Handler handler) {
    with([&](auto& timer) { timer.async_wait(std::move(handler)); });
  }

 private:
  template <class Call>
  void with(Call call) {
    if (auto* const of_system = std::get_if<OfSystem>(&timer_)) {
      call(*of_system);
    } else if (auto* const manual = std::get_if<ManualTimer<Executor>>(&timer_)) {
      call(*manual);
    }
  }

  std::variant<std::monostate, OfSystem, ManualTimer<Executor>> timer_;
};

/// The time of an executor that may have a manual one.
template <class Executor>
struct EitherTime {
  using TimePoint = std::chrono::steady_clock::time_point;
  using Timer = EitherTimer<Executor>;

  [[nodiscard]] static TimePoint now(const Executor& executor) noexcept {
    const ManualTime* const time = manual_time_of(executor);
    return time == nullptr ? std::chrono::steady_clock::now() : time->now();
  }
};

/// `now(executor)` and `Timer`, for executors of this type. Another clock is that of a test.
template <class Executor, class Clock = std::chrono::steady_clock>
struct TimeOf : SystemTime<Executor, Clock> {};

template <>
struct TimeOf<ManualExecutor> : EitherTime<ManualExecutor> {};
template <>
struct TimeOf<net::any_io_executor> : EitherTime<net::any_io_executor> {};
/// Not defined: a strand goes inside, as in `clock.executor(net::make_strand(context))`.
template <>
struct TimeOf<net::strand<ManualExecutor>>;

/// The same for a stream, or another object with an executor.
template <class Object>
using TimeAt = TimeOf<std::remove_cvref_t<decltype(std::declval<Object&>().get_executor())>>;

template <class Object>
[[nodiscard]] std::chrono::steady_clock::time_point now_at(Object& object) noexcept {
  return TimeAt<Object>::now(object.get_executor());
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
