// Random operations on a fan-out and on its model. A failing run is cut down and printed. In half
// of the runs lanes have their turns at random, and others publish and leave within a turn: then
// what each subscriber was given, missed and was spared must add up.
#include "model/fan_out_model.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "support/fan_out/fake_subscriber.hpp"
#include "support/stepping/count.hpp"
#include "support/stepping/random_runs.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

using Model = FanOutModel;
using std::chrono::seconds;

struct FanOutOperation {
  enum class Kind : std::uint8_t {
    kPublish,
    kDrain,
    kJoin,
    kLeave,
    kCloseQueue,
    kTick,
    kTurn,
    kClose
  };
  static constexpr const char* kNames[] = {"publish",     "drain", "join", "leave",
                                           "close_queue", "tick",  "turn", "close"};
  Kind kind;
  std::uint64_t a;

  [[nodiscard]] std::string text() const {
    return std::string(kNames[static_cast<std::size_t>(kind)]) + "(" + std::to_string(a) + ")";
  }
};

struct FanOutShape {
  FanOutConfig config;
  bool is_eager = true;
};

class FanOutWorld : public Expectations {
 public:
  using Kind = FanOutOperation::Kind;

  explicit FanOutWorld(const FanOutShape& shape)
      : shape_(shape),
        model_(shape.config),
        core_(std::make_shared<detail::FanOutCore>(shape.config)) {
    model_.tick(now_);
  }
  FanOutWorld(const FanOutWorld&) = delete;
  FanOutWorld& operator=(const FanOutWorld&) = delete;
  ~FanOutWorld() {
    core_->close(false, woken_);
    detail::wake_all(woken_);
    for (auto& each : subscribers_) {
      leave(each);
    }
    for (FakeLane* lane : lanes_) {
      lane->end_all();
      for (; lane->posted != 0; --lane->posted) {
        lane->drop_reference();
      }
      lane->drop_reference();
    }
  }

  [[nodiscard]] bool is_lively() const { return !model_.is_closed() && !subscribers_.empty(); }

  void apply(const FanOutOperation& operation) {
    Random random(operation.a);
    act(operation.kind, random);
    detail::wake_all(woken_);
    if (shape_.is_eager) {
      run();
      compare();
    }
    for (FakeLane* lane : lanes_) {
      expect(lane->posted <= 1, "two turns of one lane are posted");
    }
  }

  void finish() {
    core_->close(true, woken_);
    detail::wake_all(woken_);
    model_.close();
    run();
    for (auto& each : subscribers_) {
      while (!each.fake->pending.empty()) {
        each.fake->drain_slices(*core_, 1);
        run();
      }
    }
    for (const auto& each : subscribers_) {
      expect(each.has_left || each.fake->is_over(), "a subscriber never comes to its end");
      expect(each.fake->held_items == 0, "room is kept");
      if (!each.has_left && each.fake->end == detail::FanOutEnd::kInOrder) {
        expect(entries_of(*each.fake) == published_entries_ - each.joined_at,
               "what it was given, missed and was spared does not add up");
      }
    }
  }

 private:
  struct Pair {
    FakeSubscriberPointer fake;
    Model::Subscriber* model;
    std::size_t joined_at;  // entry
    bool has_left = false;
  };

  void act(Kind kind, Random& random) {
    if (kind == Kind::kPublish) {
      publish(random);
    } else if (kind == Kind::kJoin) {
      join(random);
    } else if (kind == Kind::kTick) {
      now_ += seconds(random.between(0, 4));
      for (FakeLane* lane : lanes_) {
        core_->call(*lane, woken_);
      }
      if (shape_.is_eager) {
        model_.tick(now_);
      }
    } else if (kind == Kind::kTurn) {
      if (!lanes_.empty()) {
        turn(*lanes_[random.between(0, lanes_.size() - 1)]);
      }
    } else if (kind == Kind::kClose) {
      core_->close(true, woken_);
      model_.close();
    } else if (!subscribers_.empty()) {
      act_on(kind, subscribers_[random.between(0, subscribers_.size() - 1)], random);
    }
  }

  void act_on(Kind kind, Pair& pair, Random& random) {
    if (kind == Kind::kDrain) {
      const std::size_t slices = random.between(1, 4);
      pair.fake->drain_slices(*core_, slices);
      model_.drain(*pair.model, slices);
    } else if (kind == Kind::kLeave) {
      leave(pair);
    } else {
      pair.fake->close(*core_);
      model_.close_queue(*pair.model);
    }
  }

  void publish(Random& random) {
    ModelPublication publication;
    const std::size_t slices = random.one_in(4) ? random.between(0, 5) : 1;
    std::vector<Bytes> bytes;
    for (std::size_t i = 0; i != slices; ++i) {
      publication.texts.push_back(std::to_string(serial_++) +
                                  std::string(random.one_in(5) ? random.between(0, 12) : 0, 'x'));
      bytes.push_back(Bytes::copy_of(publication.texts.back()));
    }
    if (random.one_in(2)) {
      publication.key = random.between(0, 3);
    }
    const auto key = publication.key;
    const bool published = core_->publish(bytes, key, woken_).has_value();
    expect(published == model_.publish(std::move(publication)), "another answer of a publication");
    published_entries_ += published ? slices : 0;
    for (const Bytes& each : bytes) {
      expect(each.empty() == published, "bytes that are taken or left");
    }
  }

  [[nodiscard]] static LagPolicy random_policy(Random& random) {
    const auto limit = [&](std::size_t most) {
      LagLimit of;
      of.bytes = random.one_in(3) ? random.between(0, 4 * most) : SIZE_MAX;
      of.entries = random.one_in(3) ? random.between(0, most) : SIZE_MAX;
      return of;
    };
    LagPolicy policy;
    policy.conflate = random.one_in(2);
    policy.skip_beyond = limit(10);
    if (random.one_in(2)) {
      policy.soft_limit = limit(10);
      policy.soft_for = seconds(random.between(0, 10));
      policy.hard_limit = limit(40);
    }
    if (random.one_in(2)) {
      policy.gap_note = [](std::uint64_t missed) { return Bytes::copy_of(note_of(missed)); };
    }
    return policy;
  }

  void join(Random& random) {
    if (subscribers_.size() == 12) {
      return;
    }
    const LagPolicy policy = random_policy(random);
    const std::size_t bytes = random.between(1, 40);
    const std::size_t items = random.between(1, 8);
    FakeLane* const lane = lane_at(random.between(0, 1));
    auto fake = FakeSubscriberPointer::adopt(
        new FakeSubscriber(detail::LanePointer(lane), policy, bytes, items));
    if (!shape_.is_eager) {
      fake->on_visit = [this, meanwhile = Random(random.bits())]() mutable {
        if (meanwhile.one_in(10)) {
          act(meanwhile.one_in(4) ? Kind::kLeave : Kind::kPublish, meanwhile);
          detail::wake_all(woken_);
        }
      };
    }
    if (core_->join(*fake, woken_)) {
      subscribers_.push_back({fake, model_.join(policy, bytes, items), published_entries_});
    }
  }

  /// One of two places, each with a lane that goes when its last subscriber does.
  FakeLane* lane_at(std::size_t place) {
    FakeLane*& lane = live_.at(place);
    const auto is_it = [&](detail::FanOutLane& each) { return &each == lane; };
    if (!core_->find_or_add(is_it, nullptr)) {
      lane = new FakeLane(core_);
      lanes_.push_back(lane);
      static_cast<void>(core_->find_or_add(is_it, lane));
    }
    return lane;
  }

  void leave(Pair& pair) {
    pair.has_left = true;
    pair.model->is_over = true;
    pair.model->waits = false;
    core_->leave(*pair.fake, woken_);
    detail::wake_all(woken_);
  }

  void turn(FakeLane& lane) {
    if (lane.posted != 0) {
      static_cast<void>(lane.run_turn(now_));
    }
  }
  void run() {
    int left = 100'000;
    for (bool is_quiet = false; !is_quiet && left != 0; --left) {
      is_quiet = true;
      for (FakeLane* lane : lanes_) {
        is_quiet &= lane->posted == 0;
        turn(*lane);
      }
    }
    expect(left != 0, "turns are posted for ever");
  }

  static std::size_t entries_of(const FakeSubscriber& fake) {
    std::size_t entries = fake.missed() + fake.conflated();
    for (const std::string& text : fake.received) {
      entries += text.front() == '-' ? 0U : 1U;
    }
    return entries;
  }

  void compare() {
    for (const Pair& pair : subscribers_) {
      const FakeSubscriber& fake = *pair.fake;
      const Model::Subscriber& model = *pair.model;
      expect(fake.received == model.received, "something else was given");
      expect(fake.is_over() == model.is_over, "over, or not");
      if (model.is_over && model.end == Model::End::kNone) {
        continue;  // it has left
      }
      expect(fake.missed() == model.missed, "another number is missed");
      expect(fake.conflated() == model.conflated, "another number is conflated");
      expect(fake.wanted.has_value() == model.waits, "waits, or not");
      expect((fake.end ? static_cast<int>(*fake.end) + 1 : 0) == static_cast<int>(model.end),
             "another end");
    }
  }

  FanOutShape shape_;
  Model model_;
  std::shared_ptr<detail::FanOutCore> core_;
  std::array<FakeLane*, 2> live_{};
  std::vector<FakeLane*> lanes_;
  detail::LaneList woken_;
  std::vector<Pair> subscribers_;
  std::size_t serial_ = 0;
  std::size_t published_entries_ = 0;
  Model::TimePoint now_{std::chrono::hours(1)};
};

struct FanOutScenario {
  explicit FanOutScenario(std::uint64_t seed) {
    Random random(seed);
    shape.config.max_bytes = random.between(5, 100);
    shape.config.max_entries = random.between(1, 30);
    shape.is_eager = random.one_in(2);
    const std::size_t length = random.between(20, 400);
    for (std::size_t i = 0; i != length; ++i) {
      operations.push_back({kind(random, i > length * 3 / 4), random.bits()});
    }
  }

  [[nodiscard]] static FanOutOperation::Kind kind(Random& random, bool may_close) {
    constexpr std::size_t kWeights[] = {40, 30, 6, 2, 1, 4, 20, 1};
    std::size_t at = random.between(0, may_close ? 103 : 102);
    std::size_t kind = 0;
    while (at >= kWeights[kind]) {
      at -= kWeights[kind++];
    }
    return static_cast<FanOutOperation::Kind>(kind);
  }

  [[nodiscard]] std::unique_ptr<FanOutWorld> start() const {
    return std::make_unique<FanOutWorld>(shape);
  }
  [[nodiscard]] std::string text() const {
    return "max_bytes " + std::to_string(shape.config.max_bytes) + ", max_entries " +
           std::to_string(shape.config.max_entries) +
           (shape.is_eager ? ", turns at once" : ", turns at random");
  }

  FanOutShape shape;
  std::vector<FanOutOperation> operations;
};

TEST(FanOutModel, random_operations_do_what_the_model_says) {
  SCOPED_TRACE(seed_note());
  RandomRuns<FanOutScenario> runs;
  EXPECT_EQ(runs.run(count_or(400'000)), "");
  std::cout << runs.summary();
  EXPECT_GT(runs.lively_steps(), runs.steps() / 2)
      << "most logs were closed early: the weights are wrong";
}

}  // namespace
}  // namespace bytes_handoff::test
