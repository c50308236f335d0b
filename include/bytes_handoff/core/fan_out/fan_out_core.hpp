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

using LaneList = IntrusiveList<FanOutLane>;

/// Calls `wake()` of each lane. Outside all locks.
void wake_all(LaneList& lanes) noexcept;

/// What is new to a subscriber.
struct Mail {
  SubscriberPointer subscriber;
  bool has_answer = false;  // its queue has answered: it waits no more
};

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
class FanOutCore : public std::enable_shared_from_this<FanOutCore> {
 public:
  static constexpr std::size_t kMailATurn = 32;
  using MailBatch = std::array<Mail, kMailATurn>;

  explicit FanOutCore(const FanOutConfig& config) : log_(config) {}

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

  // Lanes.
  /// The first one of which `fits(lane)` holds; else `fresh`, which is added unless it is null.
  /// Throws std::bad_alloc.
  template <class Fits>
  [[nodiscard]] LanePointer find_or_add(const Fits& fits, FanOutLane* fresh) {
    const std::lock_guard lock(mutex_);
    for (FanOutLane* lane : lanes_) {
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
  void call(FanOutLane& lane, LaneList& woken) noexcept;
  /// It could not be woken: it is as if it had not been asked.
  void put_to_sleep(FanOutLane& lane) noexcept;
  /// Its context is being destroyed.
  void retire(FanOutLane& lane) noexcept;

  // Of one turn of a lane, in this order.
  [[nodiscard]] Glance begin_turn(FanOutLane& lane, MailBatch& mail) noexcept;
  /// What the subscriber is to be given next, by its policy: one publication, or as many as fit
  /// into `taken`. Precondition: `taken` is empty.
  [[nodiscard]] Take take(Subscriber& subscriber, bool only_one, Taken& taken) noexcept;
  /// Whether the lane is to have another turn. `gone`: subscribers that it has let go of.
  [[nodiscard]] bool end_turn(FanOutLane& lane, const Glance& seen, bool has_more,
                              std::size_t gone) noexcept;

 private:
  static constexpr int kMaxPassed = 64;

  // Under the lock.
  void schedule(FanOutLane& lane, LaneList& woken) noexcept;
  void schedule_all(LaneList& woken) noexcept;
  void add(FanOutLane& lane);
  void make_idle(FanOutLane& lane) noexcept;
  void forget(FanOutLane& lane) noexcept;
  void mail(Subscriber& subscriber, LaneList& woken) noexcept;
  [[nodiscard]] bool passes_over(Subscriber& subscriber, const Publication& next) const noexcept;
  [[nodiscard]] Take copy_from(const Subscriber& subscriber, bool only_one,
                               Taken& taken) const noexcept;
  void copy(const Publication& publication, Taken& taken) const noexcept;

  mutable std::mutex mutex_;
  FanOutLog log_;
  bool is_closed_ = false;
  bool closes_queues_ = false;
  std::vector<FanOutLane*> lanes_;
  LaneList idle_;            // each with a reference
  std::uint64_t wakes_ = 1;  // of all that were idle: whoever became idle before is idle no more
};

}  // namespace bytes_handoff::detail
