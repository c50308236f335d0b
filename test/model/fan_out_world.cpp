#include "model/fan_out_world.hpp"

#include <span>
#include <utility>

namespace bytes_handoff::test {
namespace {

using std::chrono::seconds;

LagPolicy any_policy(Choices& choices) {
  const auto limit = [&](std::size_t most) {
    LagLimit of;
    of.bytes = choices.one_in(3) ? choices.between(0, 4 * most) : SIZE_MAX;
    of.entries = choices.one_in(3) ? choices.between(0, most) : SIZE_MAX;
    return of;
  };
  LagPolicy policy;
  policy.conflate = choices.one_in(2);
  policy.skip_beyond = limit(10);
  if (choices.one_in(2)) {
    policy.soft_limit = limit(10);
    policy.soft_for = seconds(choices.between(0, 10));
    policy.hard_limit = limit(40);
  }
  if (choices.one_in(2)) {
    policy.gap_note = [](std::uint64_t missed) { return Bytes::copy_of(note_of(missed)); };
  }
  return policy;
}

std::size_t entries_of(const FakeSubscriber& fake) {
  std::size_t entries = fake.missed() + fake.conflated();
  for (const std::string& text : fake.received) {
    entries += text.front() == '-' ? 0U : 1U;
  }
  return entries;
}

}  // namespace

FanOutWorld::FanOutWorld(const FanOutShape& shape)
    : shape_(shape),
      model_(shape.config),
      core_(std::make_shared<detail::FanOutCore>(shape.config)) {
  model_.tick(now_);
}

FanOutWorld::~FanOutWorld() {
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

void FanOutWorld::apply(const FanOutOperation& operation) {
  Choices choices(operation.bits);
  act(operation.kind, choices);
  detail::wake_all(woken_);
  if (shape_.is_eager) {
    run();
    compare();
  }
  for (FakeLane* lane : lanes_) {
    expect(lane->posted <= 1, "two turns of one lane are posted");
  }
  for (const auto& each : waits_) {
    expect(each->resumed <= 1 && each->is_true, "who waits is told twice, or what is not so");
  }
}

void FanOutWorld::finish() {
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
  for (const auto& each : waits_) {
    expect(each->resumed == 1, "who waits is told once");
  }
  for (const auto& each : subscribers_) {
    expect(each.has_left || each.fake->is_over(), "a subscriber never comes to its end");
    expect(each.fake->held_items == 0, "room is kept");
    expect_whole_groups(*each.fake);
    if (!each.has_left && each.fake->end == detail::FanOutEnd::kInOrder) {
      expect(entries_of(*each.fake) == group_ends_.size() - each.joined_at,
             "what it was given, missed and was spared does not add up");
    }
  }
}

void FanOutWorld::act(Kind kind, Choices& choices) {
  if (kind == Kind::kPublish) {
    publish(choices);
  } else if (kind == Kind::kJoin) {
    join(choices);
  } else if (kind == Kind::kTick) {
    now_ += seconds(choices.between(0, 4));
    for (FakeLane* lane : lanes_) {
      core_->call(*lane, woken_);
    }
    if (shape_.is_eager) {
      model_.tick(now_);
    }
  } else if (kind == Kind::kTurn) {
    if (!lanes_.empty()) {
      turn(*lanes_[choices.between(0, lanes_.size() - 1)]);
    }
  } else if (kind == Kind::kCancelWait) {
    cancel_wait(choices);
  } else if (kind == Kind::kClose) {
    core_->close(true, woken_);
    model_.close();
  } else if (!subscribers_.empty()) {
    act_on(kind, subscribers_[choices.between(0, subscribers_.size() - 1)], choices);
  }
}

void FanOutWorld::act_on(Kind kind, Pair& pair, Choices& choices) {
  if (kind == Kind::kDrain) {
    const std::size_t slices = choices.between(1, 4);
    pair.fake->drain_slices(*core_, slices);
    model_.drain(*pair.model, slices);
  } else if (kind == Kind::kLeave) {
    leave(pair);
  } else if (kind == Kind::kWait) {
    wait(pair);
  } else {
    pair.fake->close(*core_);
    model_.close_queue(*pair.model);
  }
}

void FanOutWorld::publish(Choices& choices) {
  ModelPublication publication;
  const std::size_t slices = choices.one_in(4) ? choices.between(0, 5) : 1;
  std::vector<Bytes> bytes;
  for (std::size_t i = 0; i != slices; ++i) {
    publication.texts.push_back(std::to_string(group_ends_.size() + i) +
                                std::string(choices.one_in(5) ? choices.between(0, 12) : 0, 'x'));
  }
  if (choices.one_in(2)) {
    publication.key = choices.between(0, 3);
  }
  for (const std::string& text : publication.texts) {
    bytes.push_back(bytes_of(text, choices));
  }
  const auto key = publication.key;
  const bool published = core_->publish(bytes, key, woken_).has_value();
  expect(published == model_.publish(std::move(publication)), "another answer of a publication");
  if (published) {
    group_ends_.resize(group_ends_.size() + slices, group_ends_.size() + slices);
    publications_ += slices != 0 ? 1U : 0U;
  }
  for (const Bytes& each : bytes) {
    expect(each.empty() == published, "bytes that are taken or left");
  }
}

// A copy of its own, static storage, or the next part of a block that has room for many texts.
Bytes FanOutWorld::bytes_of(const std::string& text, Choices& choices) {
  const std::size_t from = choices.between(0, 5);
  if (from < 2) {
    return Bytes::copy_of(text);
  }
  if (from == 2) {
    const std::string& kept = texts_.emplace_back(text);
    return detail::BytesAccess::adopt(std::as_bytes(std::span(kept)).data(), kept.size(), nullptr);
  }
  if (from == 3 || reads_.capacity() < text.size()) {
    reads_ = BytesMut::with_capacity(4096);
  }
  reads_.extend(text);
  return std::move(*reads_.split_to_frozen(text.size()));
}

void FanOutWorld::join(Choices& choices) {
  if (subscribers_.size() == 12) {
    return;
  }
  const LagPolicy policy = any_policy(choices);
  const std::size_t bytes = choices.between(1, 40);
  const std::size_t items = choices.between(1, 8);
  FakeLane* const lane = lane_at(choices.between(0, 1));
  auto fake = FakeSubscriberPointer::adopt(
      new FakeSubscriber(detail::LanePointer(lane), policy, bytes, items));
  if (!shape_.is_eager) {
    fake->on_visit = [this, meanwhile = Random(choices.between(0, SIZE_MAX))]() mutable {
      if (meanwhile.one_in(10)) {
        const Kind kind = meanwhile.one_in(4) ? Kind::kLeave : Kind::kPublish;
        Choices what(meanwhile.bits());
        act(kind, what);
        detail::wake_all(woken_);
      }
    };
  }
  if (core_->join(*fake, woken_)) {
    subscribers_.push_back({fake, model_.join(policy, bytes, items), group_ends_.size()});
  }
}

// What was received is in order, each publication as a whole in one write.
void FanOutWorld::expect_whole_groups(const FakeSubscriber& fake) {
  std::size_t next = 0;  // the least number that may come
  auto text = fake.received.begin();
  for (const std::size_t slices : fake.received_groups) {
    bool is_inside = false;  // of a publication
    for (std::size_t left = slices; left != 0; --left, ++text) {
      if (text->front() == '-') {
        expect(!is_inside, "a note is inside of a publication");
        continue;
      }
      const std::size_t number = std::stoul(*text);
      expect(is_inside ? number == next : number >= next, "out of order, or given twice");
      expect(is_inside || number == 0 || group_ends_[number - 1] == number, "it begins in a group");
      next = number + 1;
      is_inside = group_ends_[number] != next;
    }
    expect(!is_inside, "a publication is cut");
  }
}

FakeLane* FanOutWorld::lane_at(std::size_t place) {
  FakeLane*& lane = live_.at(place);
  const auto is_it = [&](detail::FanOutLane& each) { return &each == lane; };
  if (!core_->find_or_add(is_it, nullptr)) {
    lane = new FakeLane(core_);
    lanes_.push_back(lane);
    static_cast<void>(core_->find_or_add(is_it, lane));
  }
  return lane;
}

void FanOutWorld::leave(Pair& pair) {
  pair.has_left = true;
  pair.model->is_over = true;
  pair.model->waits = false;
  core_->leave(*pair.fake, woken_);
  detail::wake_all(woken_);
}

// ---- Who waits until a subscriber has caught up.

void FanOutWorld::Wait::resume(const void* /*context*/) noexcept {
  ++resumed;
  is_true = outcome == Outcome::kCaughtUp
                ? of->position() >= for_publications
                : outcome == Outcome::kCancelled || of->has_left() || of->is_over();
}

void FanOutWorld::wait(const Pair& pair) {
  Wait& wait = *waits_.emplace_back(std::make_unique<Wait>());
  wait.of = pair.fake;
  wait.model = pair.model;
  wait.for_publications = publications_;
  if (core_->wait_caught_up(*pair.fake, wait, woken_)) {
    expect(wait.resumed == 0 && wait.outcome == Wait::Outcome::kLeft, "it is over at once");
    wait.resume(nullptr);
  }
}

void FanOutWorld::cancel_wait(Choices& choices) {
  if (!waits_.empty()) {
    Wait& wait = *waits_[choices.between(0, waits_.size() - 1)];
    const bool was_told = wait.resumed != 0;
    core_->cancel_wait(*wait.of, wait);
    expect(was_told || wait.outcome == Wait::Outcome::kCancelled, "cancelled, and told otherwise");
  }
}

void FanOutWorld::compare_waits() {
  for (const auto& each : waits_) {
    const bool is_over = each->model->is_over || each->model->next >= each->for_publications ||
                         each->outcome == Wait::Outcome::kCancelled;
    expect(each->resumed == (is_over ? 1 : 0), "who waits is told too early, too late or twice");
  }
}

void FanOutWorld::turn(FakeLane& lane) {
  if (lane.posted != 0) {
    static_cast<void>(lane.run_turn(now_));
  }
}

void FanOutWorld::run() {
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

void FanOutWorld::compare() {
  compare_waits();
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

}  // namespace bytes_handoff::test
