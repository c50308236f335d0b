#pragma once

// A fan-out and its model side by side: every operation is done to both. Where turns follow at once
// every difference is a failure. Otherwise lanes have their turns at random, and others publish and
// leave within a turn: then what each subscriber was given, missed and was spared must add up.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "bytes_handoff/bytes_mut.hpp"
#include "model/fan_out_model.hpp"
#include "support/fan_out/fake_subscriber.hpp"
#include "support/stepping/choices.hpp"
#include "support/stepping/random_runs.hpp"

namespace bytes_handoff::test {

/// What to do; `bits` decide with what.
struct FanOutOperation {
  enum class Kind : std::uint8_t {
    kPublish,
    kDrain,
    kJoin,
    kLeave,
    kCloseQueue,
    kTick,
    kTurn,
    kWait,
    kCancelWait,
    kClose
  };
  static constexpr const char* kNames[] = {"publish", "drain", "join", "leave",       "close_queue",
                                           "tick",    "turn",  "wait", "cancel_wait", "close"};

  [[nodiscard]] std::string text() const {
    return kNames[static_cast<std::size_t>(kind)] + ("(" + std::to_string(bits)) + ")";
  }

  Kind kind;
  std::uint64_t bits;
};

struct FanOutShape {
  FanOutConfig config;
  bool is_eager = true;  // turns follow at once
};

class FanOutWorld : public Expectations {
 public:
  using Kind = FanOutOperation::Kind;
  using Model = FanOutModel;

  explicit FanOutWorld(const FanOutShape& shape);
  FanOutWorld(const FanOutWorld&) = delete;
  FanOutWorld& operator=(const FanOutWorld&) = delete;
  ~FanOutWorld();

  [[nodiscard]] bool is_lively() const { return !model_.is_closed() && !subscribers_.empty(); }
  void apply(const FanOutOperation& operation);
  /// Closes the log and checks what is left.
  void finish();

 private:
  struct Pair {
    FakeSubscriberPointer fake;
    Model::Subscriber* model;
    std::size_t joined_at;  // entry
    bool has_left = false;
  };

  /// One who waits until a subscriber has caught up.
  struct Wait final : detail::CaughtUpWaiter {
    void resume(const void* context) noexcept override;

    FakeSubscriberPointer of;
    const Model::Subscriber* model = nullptr;
    std::size_t for_publications = 0;
    int resumed = 0;
    bool is_true = true;  // what it was told
  };

  void act(Kind kind, Choices& choices);
  void act_on(Kind kind, Pair& pair, Choices& choices);
  void publish(Choices& choices);
  [[nodiscard]] Bytes bytes_of(const std::string& text, Choices& choices);
  void join(Choices& choices);
  [[nodiscard]] FakeLane* lane_at(std::size_t place);
  void leave(Pair& pair);
  void wait(const Pair& pair);
  void cancel_wait(Choices& choices);
  void turn(FakeLane& lane);
  void run();
  void compare();
  void compare_waits();
  void expect_whole_groups(const FakeSubscriber& fake);

  FanOutShape shape_;
  Model model_;
  std::shared_ptr<detail::FanOutCore> core_;
  std::array<FakeLane*, 2> live_{};
  std::vector<FakeLane*> lanes_;
  detail::LaneList woken_;
  std::vector<Pair> subscribers_;
  std::vector<std::unique_ptr<Wait>> waits_;
  std::vector<std::size_t> group_ends_;  // of each entry that was published: where its group ends
  std::size_t publications_ = 0;
  std::deque<std::string> texts_;  // without an owner, as static storage
  BytesMut reads_;                 // a block that texts are sliced from
  Model::TimePoint now_{std::chrono::hours(1)};
};

}  // namespace bytes_handoff::test
