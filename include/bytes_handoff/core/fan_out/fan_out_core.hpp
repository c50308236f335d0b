#pragma once

// What the publishers, the lanes and the subscribers of a fan-out share: the log, and who is to be
// woken. One lock guards it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "bytes_handoff/core/fan_out/log.hpp"
#include "bytes_handoff/core/fan_out/subscriber.hpp"
#include "bytes_handoff/error.hpp"
#include "bytes_handoff/expected.hpp"

namespace bytes_handoff::detail {

/// Calls `wake()` of each lane. Outside all locks.
template <class Lane>
void wake_all(IntrusiveList<Lane>& lanes) noexcept {
  while (Lane* const lane = lanes.pop_front()) {
    lane->wake();
  }
}

/// The log as a lane sees it in one turn.
struct Glance {
  Place end;
  bool is_closed = false;

  friend bool operator==(const Glance&, const Glance&) = default;
};

/// What `take` found. `kNone`: it has been given everything. `kGrow`: `taken.needed` says how much
/// capacity is missing. `kAgain`: it has passed over many, and there is more.
enum class Take : std::uint8_t { kTaken, kNone, kNoneAndClosed, kLeft, kAgain, kGrow };

/// Every member: any thread. A lane is woken by `wake_all` of the list that a step filled.
template <class Sync>
class BasicFanOutCore : public std::enable_shared_from_this<BasicFanOutCore<Sync>> {
 public:
  using Lane = BasicFanOutLane<Sync>;
  using LaneList = IntrusiveList<Lane>;
  using LanePointer = BasicLanePointer<Sync>;
  using Subscriber = BasicSubscriber<Sync>;

  static constexpr std::size_t kMailATurn = 32;
  /// To whom something is new: it has joined, it has left, or its queue has answered.
  using MailBatch = std::array<BasicSubscriberPointer<Sync>, kMailATurn>;

  explicit BasicFanOutCore(const FanOutConfig& config) : log_(config) {}

  /// Refused with `can_never_fit` or `closed`; then the slices keep what they had.
  [[nodiscard]] expected<void, Errc> publish(std::span<Bytes> slices, const PublicationKey& key,
                                             LaneList& woken) noexcept;
  /// `closes_queues`: those of subscribers that have been given everything. Does nothing if it is
  /// closed.
  void close(bool closes_queues, LaneList& woken) noexcept;
  [[nodiscard]] bool is_closed() const noexcept;
  [[nodiscard]] bool closes_queues() const noexcept;

  // Subscribers.
  /// The next publication is the first that it is given. False if the log is closed or its lane is
  /// over.
  [[nodiscard]] bool join(Subscriber& subscriber, LaneList& woken) noexcept;
  /// By its own wish, or since its queue has ended.
  void leave(Subscriber& subscriber, LaneList& woken) noexcept;
  /// The queue has answered who waits for room.
  void answer(Subscriber& subscriber, LaneList& woken) noexcept;
  /// Waits until the subscriber has been given, or has gone past, all that was published before.
  /// Its lane resumes it. True: it is over at once, since the subscriber has left.
  [[nodiscard]] bool wait_caught_up(Subscriber& subscriber, CaughtUpWaiter& waiter,
                                    LaneList& woken) noexcept;
  /// Resumes it, if it still waits.
  void cancel_wait(Subscriber& subscriber, CaughtUpWaiter& waiter) noexcept;

  // Lanes.
  /// The first one of which `fits(lane)` holds; else `fresh`, which is added unless it is null.
  /// Throws std::bad_alloc.
  template <class Fits>
  [[nodiscard]] LanePointer find_or_add(const Fits& fits, Lane* fresh) {
    const Lock lock(mutex_);
    for (Lane* lane : lanes_) {
      if (fits(*lane)) {
        return LanePointer(lane);
      }
    }
    if (fresh != nullptr) {
      add(*fresh);
    }
    return LanePointer(fresh);
  }
  /// It is to have a turn, whatever was published.
  void call(Lane& lane, LaneList& woken) noexcept;
  /// It could not be woken: it is as if it had not been asked.
  void put_to_sleep(Lane& lane) noexcept;
  /// Its context is being destroyed.
  void retire(Lane& lane, const void* destroyed_context) noexcept;

  // Of one turn of a lane, in this order.
  [[nodiscard]] Glance begin_turn(Lane& lane, MailBatch& mail) noexcept;
  /// What the subscriber is to be given next, by its policy: one publication, or as many as fit
  /// into `taken`. Precondition: `taken` is empty.
  [[nodiscard]] Take take(Subscriber& subscriber, bool only_one, Taken& taken) noexcept;
  /// Resumes who waits until the subscriber has caught up, as far as it has. All of them if it is
  /// over. Outside of a turn: for a lane that is retired.
  void tell_waits(Subscriber& subscriber, const void* destroyed_context) noexcept;
  /// Whether the lane is to have another turn. `gone`: subscribers that it has let go of.
  [[nodiscard]] bool end_turn(Lane& lane, const Glance& seen, bool has_more,
                              std::size_t gone) noexcept;

 protected:
  using Lock = std::lock_guard<typename Sync::Mutex>;
  static constexpr int kMaxPassed = 64;

  // Under the lock.
  void schedule(Lane& lane, LaneList& woken) noexcept;
  void schedule_all(LaneList& woken) noexcept;
  void add(Lane& lane);
  void make_idle(Lane& lane) noexcept;
  void forget(Lane& lane) noexcept;
  void mail(Subscriber& subscriber, bool is_news, LaneList& woken) noexcept;
  [[nodiscard]] bool passes_over(Subscriber& subscriber, const Publication& next) const noexcept;
  [[nodiscard]] Take copy_from(const Subscriber& subscriber, bool only_one, Taken& taken) noexcept;
  void copy(const Publication& publication, BudgetState* budget, Taken& taken) noexcept;

  mutable typename Sync::Mutex mutex_;
  FanOutLog log_;
  bool is_closed_ = false;
  bool closes_queues_ = false;
  std::vector<Lane*> lanes_;
  LaneList idle_;            // each with a reference
  std::uint64_t wakes_ = 1;  // of all that were idle: whoever became idle before is idle no more
};

using FanOutCore = BasicFanOutCore<StdSync>;
using LaneList = FanOutCore::LaneList;

extern template class BasicFanOutCore<StdSync>;

}  // namespace bytes_handoff::detail
