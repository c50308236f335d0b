#pragma once

// A lane: the subscribers whose streams have one executor, served there a few at a time.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "bytes_handoff/core/fan_out/fan_out_core.hpp"
#include "bytes_handoff/core/fan_out/subscriber.hpp"

namespace bytes_handoff::detail {

/// Decides in each turn who is served, who waits, and whose queue is ended. Turns are made one at a
/// time, on the executor.
template <class Sync>
class BasicFanOutLane : public CountedObject, public ListNode {
 public:
  using Core = BasicFanOutCore<Sync>;
  using Subscriber = BasicSubscriber<Sync>;
  using TimePoint = std::chrono::steady_clock::time_point;

  /// Subscribers that a turn serves, and those whose lag it looks at.
  static constexpr std::size_t kServedATurn = 16;
  static constexpr std::size_t kLooksATurn = 256;

  explicit BasicFanOutLane(std::shared_ptr<Core> core);

  /// Sees to it that a turn is made. Takes over one reference on this.
  virtual void wake() noexcept = 0;

  /// Returns whether another turn is to be made.
  [[nodiscard]] bool turn(TimePoint now) noexcept;
  /// When a turn must be made if none is before; the latest time that there is: not at all.
  [[nodiscard]] TimePoint next_look() const noexcept { return next_look_; }

  /// From `Subscriber::visit`, at most once each: gives the subscriber what there is, as far as its
  /// queue has room.
  [[nodiscard]] Served serve(Subscriber& subscriber, QueueVisit& queue) noexcept;

  /// The context is being destroyed: lets go of all subscribers.
  void end_all(const void* destroyed_context = nullptr) noexcept;

  [[nodiscard]] Core& core() const noexcept { return *core_; }

 protected:
  ~BasicFanOutLane() override = default;

  friend class BasicFanOutCore<Sync>;
  using SubscriberList = IntrusiveList<Subscriber>;
  using Where = typename Subscriber::Where;

  /// With fewer to be served, their memory is in the cache.
  static constexpr std::size_t kPrefetchedFrom = 32;

  /// Steps of a visit, of which each gives, asks, or passes over.
  static constexpr int kStepsAVisit = 16;

  /// How a visit goes on: whether it must ask for room first, and gives one publication at a time.
  struct Pace {
    bool must_ask = false;
    bool only_one = false;
  };

  void open_mail(Subscriber& subscriber) noexcept;
  void open_news(Subscriber& subscriber) noexcept;
  void serve_some(TimePoint now) noexcept;
  void prefetch_next() const noexcept;
  void put_where_it_belongs(Subscriber& subscriber, Served served, TimePoint now) noexcept;
  void start_looking() noexcept;
  void look_at_some(TimePoint now) noexcept;
  [[nodiscard]] bool look_at(Subscriber& subscriber, TimePoint now) noexcept;
  [[nodiscard]] Take take_for(Subscriber& subscriber, const QueueVisit& queue,
                              bool only_one) noexcept;
  void add_note(const Subscriber& subscriber, const QueueVisit& queue) noexcept;
  void was_given(Subscriber& subscriber, const Place& until) const noexcept;
  [[nodiscard]] QueueAnswer give(Subscriber& subscriber, QueueVisit& queue, Pace& pace) noexcept;
  [[nodiscard]] QueueAnswer give_in_room(Subscriber& subscriber, QueueVisit& queue) noexcept;
  [[nodiscard]] QueueAnswer give_all(Subscriber& subscriber, QueueVisit& queue,
                                     Pace& pace) noexcept;
  void take_out(Subscriber& subscriber) noexcept;
  void let_go(Subscriber& subscriber) noexcept;

  const std::shared_ptr<Core> core_;
  SubscriberList ready_;     // to be served
  SubscriberList current_;   // given everything, as of `seen_`
  SubscriberList waiting_;   // for room
  SubscriberList watched_;   // for room, with a limit to their lag
  std::uint64_t round_ = 1;  // grows when those in `current_` become ready
  Glance seen_;
  std::size_t to_look_at_ = 0;  // of `watched_`, from the front
  TimePoint next_look_ = (TimePoint::max)();
  TimePoint next_look_so_far_ = (TimePoint::max)();  // of those looked at since `start_looking`
  std::size_t gone_ = 0;
  Taken taken_;

  // The core's, under its lock.
  bool is_retired_ = false;
  std::uint64_t idle_since_ = 0;  // the core's `wakes_` when it became idle; 0: it is not
  std::size_t members_ = 0;
  Subscriber* first_mail_ = nullptr;
  Subscriber* last_mail_ = nullptr;
};

using FanOutLane = BasicFanOutLane<StdSync>;

extern template class BasicFanOutLane<StdSync>;

}  // namespace bytes_handoff::detail
