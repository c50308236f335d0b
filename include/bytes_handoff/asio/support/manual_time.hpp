#pragma once

// Time that a test moves by hand. It belongs to an executor, so it reaches whatever runs there.

#include <atomic>
#include <chrono>
#include <concepts>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include "bytes_handoff/asio/support/context_registry.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/support/target_of.hpp"
#include "bytes_handoff/asio/support/waiting_op.hpp"
#include "bytes_handoff/core/queue/waiting.hpp"
#include "bytes_handoff/core/support/later.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

class ManualTime;

/// What time it is, for all contexts of one clock.
class ManualNow {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  [[nodiscard]] TimePoint get() const noexcept {
    return TimePoint(Duration(ticks_.load(std::memory_order_acquire)));
  }
  void set(TimePoint now) noexcept {
    ticks_.store(now.time_since_epoch().count(), std::memory_order_release);
  }

 private:
  // Of the system's clock, for a stream whose layers run on executors with and without this one.
  std::atomic<Duration::rep> ticks_{std::chrono::steady_clock::now().time_since_epoch().count()};
};

/// Waits for a point in time. It keeps the time that it waits in.
class ManualWait : public Waiting {
 public:
  static constexpr const char* kName = "a timer of a ManualClock";

  /// `timer` tells the waits of one timer from others.
  ManualWait(std::shared_ptr<ManualTime> time, const void* timer, ManualNow::TimePoint until);

  [[nodiscard]] std::tuple<net_error_code> results() const noexcept { return error_; }
  void cancel() noexcept;
  [[nodiscard]] auto take_hold() noexcept {
    // The time is left only when the handler is posted: this may hold it last.
    struct Hold {
      std::shared_ptr<ManualTime> time;
      HeldPostGuard guard;
    };
    return Hold{std::move(time_), std::move(held_)};
  }

 private:
  friend ManualTime;

  std::shared_ptr<ManualTime> time_;
  HeldPostGuard held_;
  const void* const timer_;
  const ManualNow::TimePoint until_;
  net_error_code error_;
  bool is_parked_ = false;
};

/// The waits on one execution context. They end with it. Any thread.
class ManualTime final : public ContextMember, public std::enable_shared_from_this<ManualTime> {
 public:
  ManualTime(std::shared_ptr<const ManualNow> now, net::execution_context& context)
      : now_(std::move(now)), context_(&context) {
    is_over_ = !enter_context(context);
  }
  ManualTime(const ManualTime&) = delete;
  ManualTime& operator=(const ManualTime&) = delete;
  ~ManualTime() override { leave_context(*this); }

  [[nodiscard]] const net::execution_context* context() const noexcept { return context_; }
  [[nodiscard]] ManualNow::TimePoint now() const noexcept { return now_->get(); }
  /// Its context has gone, or is going.
  [[nodiscard]] bool is_over() noexcept {
    const std::lock_guard lock(mutex_);
    return is_over_;
  }

  /// From here on the wait belongs to the time. One that is due completes at once.
  void start(ManualWait& wait) noexcept {
    std::unique_lock lock(mutex_);
    const bool is_over = is_over_;
    if (!is_over && wait.until_ > now()) {
      wait.is_parked_ = true;
      waits_.push_back(wait);
      return;
    }
    lock.unlock();
    if (is_over) {
      wait.error_ = net::error::operation_aborted;
    }
    wait.resume(is_over ? context_ : nullptr);
  }

  void cancel(ManualWait& wait) noexcept {
    end(nullptr, net::error::operation_aborted,
        [&](const ManualWait& each) { return &each == &wait; });
  }
  /// All waits of one timer.
  void cancel(const void* timer) noexcept {
    end(nullptr, net::error::operation_aborted,
        [&](const ManualWait& each) { return each.timer_ == timer; });
  }
  /// Completes the waits that are due, the earliest first.
  void expire() noexcept {
    for (auto next = next_until(); next && *next <= now(); next = next_until()) {
      end(nullptr, {}, [&](const ManualWait& each) { return each.until_ <= *next; });
    }
  }
  /// None: nobody waits.
  [[nodiscard]] std::optional<ManualNow::TimePoint> next_until() noexcept {
    const std::lock_guard lock(mutex_);
    std::optional<ManualNow::TimePoint> next;
    for (Waiting* each = waits_.front(); each != nullptr; each = waits_.after(*each)) {
      const auto until = static_cast<ManualWait&>(*each).until_;
      next = next && *next < until ? *next : until;
    }
    return next;
  }

 private:
  template <class Which>
  void end(const void* destroyed_context, const net_error_code& error, Which which) noexcept {
    WaitingList ended;
    {
      const std::lock_guard lock(mutex_);
      for (Waiting* each = waits_.front(); each != nullptr;) {
        auto& wait = static_cast<ManualWait&>(*std::exchange(each, waits_.after(*each)));
        if (wait.is_parked_ && which(wait)) {
          wait.is_parked_ = false;
          wait.error_ = error;
          waits_.remove(wait);
          ended.push_back(wait);
        }
      }
    }
    while (Waiting* const wait = ended.pop_front()) {
      wait->resume(destroyed_context);
    }
  }

  std::shared_ptr<void> keep_alive() noexcept override { return weak_from_this().lock(); }
  void end_with_context(const void* context) noexcept override {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    end(context, net::error::operation_aborted, [](const ManualWait&) { return true; });
    guard().wait_until_left();
  }

  const std::shared_ptr<const ManualNow> now_;
  const net::execution_context* const context_;
  std::mutex mutex_;
  WaitingList waits_;
  bool is_over_ = false;
};

inline ManualWait::ManualWait(std::shared_ptr<ManualTime> time, const void* timer,
                              ManualNow::TimePoint until)
    : time_(std::move(time)), timer_(timer), until_(until) {
  if (time_->guard().try_enter()) {
    held_.reset(&time_->guard());
  }
}

inline void ManualWait::cancel() noexcept {
  if (const std::shared_ptr<ManualTime> time = time_) {  // this may be gone at the end
    time->cancel(*this);
  }
}

/// Any executor, with the time of a `ManualClock`.
class ManualExecutor {
  using Inner = net::any_io_executor;

 public:
  ManualExecutor(Inner inner, std::shared_ptr<ManualTime> time) noexcept
      : inner_(std::move(inner)), time_(std::move(time)) {}

  [[nodiscard]] ManualTime& time() const noexcept { return *time_; }
  [[nodiscard]] net::execution_context& context() const { return context_of(inner_); }

  template <class Function>
  void execute(Function&& function) const {
    inner_.execute(std::forward<Function>(function));
  }
  [[nodiscard]] friend bool operator==(const ManualExecutor& a, const ManualExecutor& b) noexcept {
    return a.inner_ == b.inner_ && a.time_ == b.time_;
  }
  [[nodiscard]] friend bool operator!=(const ManualExecutor& a, const ManualExecutor& b) noexcept {
    return !(a == b);
  }

  [[nodiscard]] net::execution_context& query(net::execution::context_t) const { return context(); }
  template <class Property>
  requires(!std::same_as<Property, net::execution::context_t> &&
           net::can_query<const Inner&, Property>::value)  //
      [[nodiscard]] decltype(auto) query(const Property& property) const {
    return net::query(inner_, property);
  }
  template <class Property>
  requires net::can_require<const Inner&, Property>::value [[nodiscard]] ManualExecutor require(
      const Property& property) const {
    return {net::require(inner_, property), time_};
  }
  template <class Property>
  requires net::can_prefer<const Inner&, Property>::value [[nodiscard]] ManualExecutor prefer(
      const Property& property) const {
    return {net::prefer(inner_, property), time_};
  }

 private:
  Inner inner_;
  std::shared_ptr<ManualTime> time_;
};

/// The manual time of an executor, or null. It lives as long as the executor.
[[nodiscard]] inline ManualTime* manual_time_of(const ManualExecutor& executor) noexcept {
  return &executor.time();
}
[[nodiscard]] inline ManualTime* manual_time_of(const net::any_io_executor& executor) noexcept {
  const auto* const manual = target_of<ManualExecutor>(executor);
  return manual == nullptr ? nullptr : &manual->time();
}

/// What the library needs of a timer, in manual time.
template <class Executor>
class ManualTimer {
 public:
  using TimePoint = ManualNow::TimePoint;

  ManualTimer(const Executor& executor, ManualTime& time)
      : executor_(executor), time_(time.shared_from_this()), until_(time.now()) {}
  ManualTimer(const ManualTimer&) = delete;
  ManualTimer& operator=(const ManualTimer&) = delete;
  ~ManualTimer() { cancel(); }

  void expires_at(TimePoint until) noexcept {
    cancel();
    until_ = until;
  }
  void cancel() noexcept { time_->cancel(static_cast<const void*>(this)); }

  template <class Handler>
  void async_wait(Handler handler) {
    using Op = WaitingOp<ManualWait, Handler, Executor>;
    auto op =
        Op::make(std::move(handler), executor_, time_, static_cast<const void*>(this), until_);
    time_->start(*op.release());
  }

 private:
  Executor executor_;
  std::shared_ptr<ManualTime> time_;
  TimePoint until_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
