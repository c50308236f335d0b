#pragma once

// One subscriber of a fan-out: its place in the log, what it missed, and how far it may lag.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/core/fan_out/log.hpp"
#include "bytes_handoff/core/fan_out/shared_copy.hpp"
#include "bytes_handoff/core/support/counted_pointer.hpp"
#include "bytes_handoff/core/support/intrusive_list.hpp"
#include "bytes_handoff/core/support/sync.hpp"
#include "bytes_handoff/lag_policy.hpp"

namespace bytes_handoff::detail {

class BudgetState;
template <class Sync>
class BasicFanOutCore;
template <class Sync>
class BasicFanOutLane;

/// Objects that count who points to them; the last one destroys them.
class CountedObject {
 public:
  CountedObject(const CountedObject&) = delete;
  CountedObject& operator=(const CountedObject&) = delete;

  void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void drop_reference() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete this;
    }
  }
  /// False if it is being destroyed.
  [[nodiscard]] bool try_add_reference() noexcept {
    std::uint32_t count = references_.load(std::memory_order_relaxed);
    while (count != 0) {
      if (references_.compare_exchange_weak(count, count + 1, std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

 protected:
  CountedObject() noexcept = default;
  virtual ~CountedObject() = default;

 private:
  std::atomic<std::uint32_t> references_{1};
};

struct ObjectReference {
  static void add(CountedObject* object) noexcept { object->add_reference(); }
  static void drop(CountedObject* object) noexcept { object->drop_reference(); }
};

template <class Sync>
using BasicLanePointer = CountedPointer<BasicFanOutLane<Sync>, ObjectReference>;

/// What a queue answers. `kLater`: there is no room, and nobody will tell when there is.
enum class QueueAnswer : std::uint8_t { kYes, kNoRoom, kNever, kClosed, kWaiting, kLater };

/// How a fan-out ends a queue. `kSoft`: everything is written first.
enum class FanOutEnd : std::uint8_t { kInOrder, kSoft, kHard };

/// A subscriber's queue, while the subscriber is being served.
class QueueVisit {
 public:
  /// Admits the slices as one write, or none: with the room that is held, if any is. Admitted, they
  /// are left empty.
  [[nodiscard]] virtual QueueAnswer give(std::span<Bytes> slices) noexcept = 0;
  /// `kYes`: it is held. `kWaiting`: the subscriber is told when it is.
  [[nodiscard]] virtual QueueAnswer ask_for_room(std::size_t bytes,
                                                 std::size_t entries) noexcept = 0;
  [[nodiscard]] virtual bool holds_room() const noexcept = 0;
  /// Precondition: some is held.
  [[nodiscard]] virtual bool holds_room_for(std::size_t bytes,
                                            std::size_t entries) const noexcept = 0;
  /// Does nothing where none is held.
  virtual void give_back() noexcept = 0;
  /// Whether the queue could hold as much if it were empty.
  [[nodiscard]] virtual bool can_ever_hold(std::size_t bytes,
                                           std::size_t entries) const noexcept = 0;

 protected:
  ~QueueVisit() = default;
};

/// Waits until a subscriber has been given all that was published before.
struct CaughtUpWaiter : ListNode {
  enum class Outcome : std::uint8_t { kCaughtUp, kLeft, kCancelled };

  /// The outcome is in place: see to it that whoever waits gets it. Called once, outside all locks.
  /// `destroyed_context` is the execution context that is being destroyed, if one is.
  virtual void resume(const void* destroyed_context) noexcept = 0;

  Outcome outcome = Outcome::kLeft;
  std::uint64_t target = 0;  // publications that it must be past
  bool linked = false;

 protected:
  virtual ~CaughtUpWaiter() = default;
};

using CaughtUpList = IntrusiveList<CaughtUpWaiter>;

/// What became of a visit. `kCurrent`: it has been given everything. `kLater`: it is to be visited
/// when there is more to give, since nobody tells when there is room.
enum class Served : std::uint8_t { kCurrent, kLater, kWaiting, kMore, kOver };

/// On its lane alone, but for what says otherwise.
template <class Sync>
class BasicSubscriber : public CountedObject, public ListNode {
 public:
  /// `budget`: that of its queue, which outlives this; null: there is none.
  BasicSubscriber(BasicLanePointer<Sync> lane, LagPolicy policy, BudgetState* budget = nullptr)
      : lane_(std::move(lane)), policy_(std::move(policy)), budget_(budget) {}

  /// Calls `lane().serve()` with its queue.
  [[nodiscard]] virtual Served visit() noexcept = 0;
  /// Has the memory of its queue come, which is visited next.
  virtual void prefetch_queue() const noexcept {}
  virtual void end_queue(FanOutEnd how) noexcept = 0;
  /// It is over: it waits for nothing any more, and room that it was granted goes back.
  virtual void release_room() noexcept = 0;

  // Any thread.
  [[nodiscard]] BasicFanOutLane<Sync>& lane() const noexcept { return *lane_; }
  [[nodiscard]] const LagPolicy& policy() const noexcept { return policy_; }
  [[nodiscard]] std::uint64_t missed() const noexcept { return missed_; }
  [[nodiscard]] std::uint64_t conflated() const noexcept { return conflated_; }
  /// Whether it is given nothing more.
  [[nodiscard]] bool is_over() const noexcept { return is_over_; }
  [[nodiscard]] bool has_left() const noexcept { return has_left_.load(std::memory_order_acquire); }

 protected:
  friend class BasicFanOutCore<Sync>;
  friend class BasicFanOutLane<Sync>;

  enum class Where : std::uint8_t { kNowhere, kServed, kWaiting, kWatched };

  /// Goes past a publication, or what the log has dropped, without being given it.
  void miss(const Place& until) noexcept {
    const std::uint64_t entries = until.entries - place_.entries;
    missed_ += entries;
    gap_ += entries;
    place_ = until;
  }
  void note_given(const Place& until) noexcept {
    gap_ = 0;
    place_ = until;
  }
  void gap_told() noexcept { gap_ = 0; }

  const BasicLanePointer<Sync> lane_;
  const LagPolicy policy_;
  BudgetState* const budget_;
  Place place_;
  std::uint64_t gap_ = 0;  // missed since something was given
  bool lags_ = false;
  Where where_ = Where::kNowhere;
  std::uint64_t current_since_ = 0;  // the lane's round, while it has been given everything
  std::optional<std::chrono::steady_clock::time_point> beyond_soft_since_;
  bool has_news_ = false;   // of the mail that was just taken
  bool has_waits_ = false;  // somebody waits until it has caught up, as of the last mail
  std::atomic<std::uint64_t> missed_{0};
  std::atomic<std::uint64_t> conflated_{0};
  std::atomic<bool> is_over_{false};
  typename Sync::template Atomic<bool> has_left_{false};

  // The core's, under its lock.
  BasicSubscriber* next_mail_ = nullptr;
  bool has_mail_ = false;
  bool is_news_ = false;  // the mail: more than that somebody waits until it has caught up
  CaughtUpList waits_;    // by target
};

template <class Sync>
using BasicSubscriberPointer = CountedPointer<BasicSubscriber<Sync>, ObjectReference>;

/// What a visit takes from the log: publications that follow each other.
struct Taken {
  static constexpr std::size_t kUsualSlices = 64;

  std::vector<Bytes> slices;
  bool has_note = false;         // the first slice is to become the note of a gap
  bool is_note_alone = false;    // the note is all that is given; the publication comes after it
  std::size_t first_slices = 0;  // of the first publication, with the note
  std::size_t first_bytes = 0;
  Place after_first;
  Place after_all;
  bool is_all = false;     // nothing is behind it, in a log that is open
  std::size_t needed = 0;  // capacity, where it was too small for the first one
  SharedCopy shared;       // it may come from there; empty while nobody is to be served

  [[nodiscard]] std::span<Bytes> first() noexcept { return {slices.data(), first_slices}; }
  [[nodiscard]] bool has_one() const noexcept { return first_slices == slices.size(); }
};

using Subscriber = BasicSubscriber<StdSync>;
using SubscriberPointer = BasicSubscriberPointer<StdSync>;
using LanePointer = BasicLanePointer<StdSync>;

}  // namespace bytes_handoff::detail
