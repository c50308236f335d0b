#pragma once

// Small concurrent programs on a fan-out, for every order of their steps.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/core/fan_out/fan_out_core_members.hpp"
#include "bytes_handoff/core/fan_out/lane_members.hpp"
#include "support/fan_out/fake_subscriber.hpp"
#include "support/stepping/stepping_sync.hpp"

namespace bytes_handoff::test {

/// A subscriber of a program.
struct FanOutMember {
  LagPolicy policy;
  std::size_t max_items = 100;  // of its queue
  std::size_t place = 0;        // which lane
};

/// What a program is made of.
struct FanOutProgramShape {
  FanOutConfig config{.max_bytes = 1000, .max_entries = 10};
  std::vector<FanOutMember> members{FanOutMember()};
  std::size_t publishers = 1;
  std::size_t publications = 2;  // of each publisher
  std::size_t slices = 1;        // of each publication of the first publisher
  std::size_t keys = 0;          // of the publications, in turn; 0: they have none
  bool leaves = false;           // the first member
  bool ends_queue = false;       // of the first member
  std::size_t joins = 0;         // more members, of the first lane
  std::size_t drains = 0;        // slices that leave the queue of the first member
  bool closes = false;           // the log
  bool ends_context = false;     // of the first lane
  std::size_t calls = 0;         // of the first lane, as by a timer
  std::size_t waits = 0;         // until the first member has caught up
  bool cancels = false;          // the first of them
};

/// The shared part, as a number.
class InspectedCore : public detail::BasicFanOutCore<SteppingSync> {
 public:
  using BasicFanOutCore::BasicFanOutCore;

  [[nodiscard]] std::uint64_t state() const;
  [[nodiscard]] detail::Glance glance() const { return {log_.end(), is_closed_}; }
  [[nodiscard]] std::uint64_t wakes() const { return wakes_; }
};

/// A lane whose turns a thread of the program makes.
class SteppedLane final : public detail::BasicFanOutLane<SteppingSync> {
 public:
  SteppedLane(std::shared_ptr<Core> core, std::size_t at)
      : BasicFanOutLane(std::move(core)), place(at) {}

  void wake() noexcept override;
  void run(TimePoint now);
  /// Its context is destroyed.
  void end();

  [[nodiscard]] bool is_busy() const { return is_posted || is_in_turn || waker != 0; }
  [[nodiscard]] std::uint64_t state(const InspectedCore& core) const;
  /// Empty, or what does not hold whenever the lock is open.
  [[nodiscard]] std::string violation(const InspectedCore& core) const;
  [[nodiscard]] bool is_round(std::uint64_t round) const { return round == round_; }
  /// What the turn that goes on has seen.
  void note(std::uint64_t what) { trace_ = mixed(trace_, what); }

  const std::size_t place;
  bool is_posted = false;
  bool is_in_turn = false;
  bool is_to_end = false;
  bool has_ended = false;
  bool was_posted_twice = false;
  std::size_t waker = 0;  // the thread that is about to post it, plus 1

 private:
  [[nodiscard]] static std::uint64_t state_of(const SubscriberList& list);
  [[nodiscard]] std::uint64_t state_of_taken() const;
  void post();

  detail::BasicLanePointer<SteppingSync> posted_;
  std::uint64_t trace_ = 0;
};

/// A subscriber of which each use of its queue is a step.
class SteppedSubscriber final : public BasicFakeSubscriber<SteppingSync> {
 public:
  SteppedSubscriber(SteppedLane& lane, const FanOutMember& member, std::size_t number)
      : BasicFakeSubscriber(detail::BasicLanePointer<SteppingSync>(&lane), member.policy, 1000,
                            member.max_items),
        name(number),
        lane_(&lane) {}

  Answer give(std::span<Bytes> slices) noexcept override {
    Stepper::mark();
    return noted(BasicFakeSubscriber::give(slices));
  }
  Answer ask_for_room(std::size_t bytes, std::size_t items) noexcept override {
    Stepper::mark();
    return noted(BasicFakeSubscriber::ask_for_room(bytes, items));
  }
  void give_back() noexcept override {
    Stepper::mark();
    BasicFakeSubscriber::give_back();
  }
  void end_queue(detail::FanOutEnd how) noexcept override {
    Stepper::mark();
    BasicFakeSubscriber::end_queue(how);
  }
  void release_room() noexcept override {
    Stepper::mark();
    BasicFakeSubscriber::release_room();
  }

  [[nodiscard]] SteppedLane& stepped_lane() const { return *lane_; }
  [[nodiscard]] std::uint64_t state() const;
  [[nodiscard]] std::uint64_t gap() const { return gap_; }
  [[nodiscard]] const SteppedSubscriber* next_with_mail() const {
    return static_cast<const SteppedSubscriber*>(next_mail_);
  }
  [[nodiscard]] bool has_room() const {
    return wanted && wanted->second <= max_items - pending_items - held_items;
  }

  const std::size_t name;
  std::size_t joined_at = 0;  // publication
  bool has_joined = false;
  bool is_told_to_go = false;  // it leaves, or its queue ends

 private:
  [[nodiscard]] Answer noted(Answer answer) {
    lane_->note(mixed(name, static_cast<std::uint64_t>(answer)));
    return answer;
  }

  SteppedLane* lane_;
};

/// Waits until a subscriber has caught up.
struct SteppedWait final : detail::CaughtUpWaiter {
  explicit SteppedWait(const SteppedSubscriber& subscriber) : of(&subscriber) {}

  void resume(const void* /*context*/) noexcept override {
    ++resumed;
    is_early = outcome == Outcome::kCaughtUp && of->position() < target;
  }
  [[nodiscard]] std::uint64_t state() const;
  /// Once nothing more comes.
  [[nodiscard]] std::string verdict() const;

  const SteppedSubscriber* const of;
  bool has_begun = false;
  bool was_over = false;  // at once
  bool is_early = false;
  std::uint64_t resumed = 0;
};

/// Publishers, a thread for each lane, and who else the shape asks for.
class FanOutProgram {
 public:
  explicit FanOutProgram(const FanOutProgramShape& shape);
  FanOutProgram(const FanOutProgram&) = delete;
  FanOutProgram& operator=(const FanOutProgram&) = delete;
  ~FanOutProgram();

  [[nodiscard]] std::vector<std::function<void()>> bodies();
  [[nodiscard]] std::string verdict();
  /// What `Stepper::State` asks for.
  [[nodiscard]] std::uint64_t state() const;

 private:
  using Core = detail::BasicFanOutCore<SteppingSync>;
  using Bodies = std::vector<std::function<void()>>;
  using SubscriberPointer = detail::CountedPointer<SteppedSubscriber, detail::ObjectReference>;

  static constexpr std::size_t kMostThreads = 10;
  static constexpr Core::Lane::TimePoint kNow{std::chrono::hours(1)};

  template <class Call>
  void step(Call&& call);
  template <class Body>
  void add(Bodies& to, Body body);
  void add_ends(Bodies& all);
  void add_waits(Bodies& all);
  void publish(std::size_t publisher);
  void join();
  void drain();
  void run_lane(std::size_t lane);
  SteppedLane& make_lane(std::size_t place);
  [[nodiscard]] SteppedSubscriber& make_subscriber(SteppedLane& lane, const FanOutMember& member);
  /// Whether nothing more comes but from the stream of the first member.
  [[nodiscard]] bool is_quiet() const;
  [[nodiscard]] std::string verdict_of(const SteppedSubscriber& subscriber) const;
  [[nodiscard]] std::string verdict_of_received(const SteppedSubscriber& subscriber) const;
  [[nodiscard]] std::size_t entries_before(std::size_t publication) const;
  void check();
  void violate(const std::string& what) { violation_ = violation_.empty() ? what : violation_; }

  const FanOutProgramShape shape_;
  std::shared_ptr<InspectedCore> core_;
  std::vector<SteppedLane*> lanes_;
  std::vector<SubscriberPointer> subscribers_;
  std::vector<std::unique_ptr<SteppedWait>> waits_;
  std::vector<std::vector<std::string>> published_;
  std::array<Core::LaneList, kMostThreads> woken_;  // by thread
  std::size_t busy_ = 0;                            // threads but those of lanes and the drainer
  bool is_draining_ = false;                        // it is in the middle of it
  bool may_drain_ = false;
  bool is_context_gone_ = false;
  std::string violation_;
};

}  // namespace bytes_handoff::test
