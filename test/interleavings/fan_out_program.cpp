#include "interleavings/fan_out_program.hpp"

#include <algorithm>

namespace bytes_handoff::test {

// ---- The program.

FanOutProgram::FanOutProgram(const FanOutProgramShape& shape)
    : shape_(shape), core_(std::make_shared<InspectedCore>(shape.config)) {
  for (const FanOutMember& member : shape.members) {
    while (lanes_.size() <= member.place) {
      make_lane(lanes_.size());
      static_cast<void>(core_->find_or_add([](auto&) { return false; }, lanes_.back()));
    }
    SteppedSubscriber& subscriber = make_subscriber(*lanes_[member.place], member);
    subscriber.has_joined = core_->join(subscriber, woken_[0]);
    detail::wake_all(woken_[0]);
  }
  for (SteppedLane* lane : lanes_) {
    while (lane->is_posted) {
      lane->run(kNow);
    }
  }
  may_drain_ = shape.drains != 0;
}

FanOutProgram::~FanOutProgram() {
  for (SteppedLane* lane : lanes_) {
    lane->end();
    lane->drop_reference();
  }
}

SteppedLane& FanOutProgram::make_lane(std::size_t place) {
  lanes_.push_back(new SteppedLane(core_, place));
  return *lanes_.back();
}

SteppedSubscriber& FanOutProgram::make_subscriber(SteppedLane& lane, const FanOutMember& member) {
  subscribers_.push_back(
      SubscriberPointer::adopt(new SteppedSubscriber(lane, member, subscribers_.size())));
  return *subscribers_.back();
}

template <class Body>
void FanOutProgram::add(Bodies& to, Body body) {
  ++busy_;
  to.emplace_back([this, body] {
    body();
    --busy_;
  });
}

FanOutProgram::Bodies FanOutProgram::bodies() {
  Bodies all;
  for (std::size_t i = 0; i != shape_.publishers; ++i) {
    add(all, [this, i] { publish(i); });
  }
  for (std::size_t i = 0; i != shape_.joins; ++i) {
    add(all, [this] { join(); });
  }
  if (shape_.leaves || shape_.ends_queue) {
    add(all, [this] {
      SteppedSubscriber& first = *subscribers_.front();
      if (shape_.ends_queue) {
        Stepper::mark();
        first.is_told_to_go = true;
        first.close(*core_);
      }
      step([&](auto& woken) {
        core_->leave(first, woken);
        first.is_told_to_go = true;
      });
    });
  }
  add_ends(all);
  add_waits(all);
  if (shape_.drains != 0) {
    all.emplace_back([this] { drain(); });
  }
  // A publication wakes a new lane, which goes if it has its turn before the joiner is there.
  const std::size_t fresh =
      shape_.joins == 0 ? 0 : shape_.joins + shape_.publishers * shape_.publications;
  for (std::size_t i = 0; i != lanes_.size() + fresh; ++i) {
    all.emplace_back([this, i] { run_lane(i); });
  }
  return all;
}

void FanOutProgram::add_ends(Bodies& all) {
  if (shape_.closes) {
    add(all, [this] { step([this](auto& woken) { core_->close(true, woken); }); });
  }
  for (std::size_t i = 0; i != shape_.calls; ++i) {
    add(all, [this] { step([this](auto& woken) { core_->call(*lanes_.front(), woken); }); });
  }
  if (shape_.ends_context) {
    add(all, [this] {
      Stepper::mark();
      lanes_.front()->is_to_end = is_context_gone_ = true;
    });
  }
}

void FanOutProgram::add_waits(Bodies& all) {
  for (std::size_t i = 0; i != shape_.waits; ++i) {
    waits_.push_back(std::make_unique<SteppedWait>(*subscribers_.front()));
    add(all, [this, i] {
      SteppedWait& wait = *waits_[i];
      step([&](auto& woken) {
        wait.was_over = core_->wait_caught_up(*subscribers_.front(), wait, woken);
        wait.has_begun = true;
      });
      if (shape_.cancels && i == 0) {
        core_->cancel_wait(*subscribers_.front(), wait);
      }
    });
  }
}

template <class Call>
void FanOutProgram::step(Call&& call) {
  Core::LaneList& woken = woken_[Stepper::thread()];
  call(woken);
  check();
  detail::wake_all(woken);
}

void FanOutProgram::check() {
  for (const SteppedLane* lane : lanes_) {
    violate(lane->violation(*core_));
  }
}

void FanOutProgram::publish(std::size_t publisher) {
  for (std::size_t i = 0; i != shape_.publications; ++i) {
    std::vector<std::string> texts;
    std::vector<Bytes> slices;
    for (std::size_t slice = 0; slice != (publisher == 0 ? shape_.slices : 1); ++slice) {
      texts.push_back({static_cast<char>('a' + publisher), static_cast<char>('0' + i),
                       static_cast<char>('0' + slice)});
      slices.push_back(Bytes::copy_of(texts.back()));
    }
    const detail::PublicationKey key =
        shape_.keys == 0 ? detail::PublicationKey() : std::optional(i % shape_.keys);
    step([&](auto& woken) {
      const bool was_taken = core_->publish(slices, key, woken).has_value();
      if (was_taken == core_->glance().is_closed) {
        violate("another answer of a publication");
      }
      if (was_taken) {
        published_.push_back(std::move(texts));
      }
    });
  }
}

// As the shell does it.
void FanOutProgram::join() {
  while (!is_context_gone_ && !core_->is_closed()) {
    const auto is_it = [](const Core::Lane& lane) {
      return static_cast<const SteppedLane&>(lane).place == 0;
    };
    auto lane = core_->find_or_add(is_it, nullptr);
    if (!lane && !is_context_gone_) {
      lane = core_->find_or_add(is_it, &make_lane(0));
    }
    if (!lane) {
      return;
    }
    SteppedSubscriber& subscriber =
        make_subscriber(static_cast<SteppedLane&>(*lane), FanOutMember());
    step([&](auto& woken) {
      subscriber.has_joined = core_->join(subscriber, woken);
      subscriber.joined_at = published_.size();
    });
    if (subscriber.has_joined) {
      return;
    }
    step([&](auto& woken) { core_->call(*lane, woken); });
  }
}

// Of the first member's queue, while something may come.
void FanOutProgram::drain() {
  SteppedSubscriber& first = *subscribers_.front();
  for (std::size_t left = shape_.drains; left != 0; --left) {
    Stepper::wait_until([&] { return first.pending_items != 0 || is_quiet(); });
    Stepper::mark();
    if (first.pending_items == 0) {
      break;
    }
    is_draining_ = true;
    first.drain_slices(*core_, 1);
    is_draining_ = false;
    check();
  }
  may_drain_ = false;
}

bool FanOutProgram::is_quiet() const {
  return busy_ == 0 && std::none_of(lanes_.begin(), lanes_.end(),
                                    [](const SteppedLane* lane) { return lane->is_busy(); });
}

void FanOutProgram::run_lane(std::size_t at) {
  const auto has_work = [this, at] {
    return at < lanes_.size() &&
           (lanes_[at]->is_posted || (lanes_[at]->is_to_end && !lanes_[at]->has_ended));
  };
  for (;;) {
    Stepper::wait_until([&] { return has_work() || (is_quiet() && !may_drain_); });
    if (!has_work()) {
      return;
    }
    if (lanes_[at]->is_to_end) {
      lanes_[at]->end();
    } else {
      lanes_[at]->run(kNow);
    }
    check();
  }
}

std::uint64_t FanOutProgram::state() const {
  std::uint64_t all = core_->state();
  for (const SteppedLane* lane : lanes_) {
    all = mixed(all, lane->state(*core_));
  }
  for (const auto& subscriber : subscribers_) {
    all = mixed(all, subscriber->state());
  }
  for (const auto& wait : waits_) {
    all = mixed(all, wait->state());
  }
  for (const auto& texts : published_) {
    all = mixed(all, texts.front());
  }
  for (const auto& woken : woken_) {
    all = mixed(all, woken.size());
  }
  return mixed(all, (busy_ << 3U) + (is_draining_ ? 4 : 0) + (may_drain_ ? 2 : 0) +
                        (is_context_gone_ ? 1 : 0));
}

// ---- What must have come of it.

std::string FanOutProgram::verdict() {
  check();
  std::string wrong = violation_;
  for (const auto& subscriber : subscribers_) {
    if (wrong.empty() && subscriber->has_joined) {
      wrong = verdict_of(*subscriber);
    }
  }
  for (const auto& wait : waits_) {
    wrong = wrong.empty() ? wait->verdict() : wrong;
  }
  return wrong;
}

std::string FanOutProgram::verdict_of(const SteppedSubscriber& subscriber) const {
  if (std::string wrong = verdict_of_received(subscriber); !wrong.empty()) {
    return wrong;
  }
  const bool is_to_go = subscriber.is_told_to_go || subscriber.stepped_lane().has_ended;
  if (subscriber.is_over()) {
    const bool may_be = is_to_go || subscriber.end || core_->glance().is_closed;
    return subscriber.held_items != 0 || subscriber.wanted ? "who is over keeps or wants room"
           : !may_be                                       ? "over, and nobody asked for it"
                                                           : "";
  }
  if (is_to_go) {
    return "who is to go is never over";
  }
  if (subscriber.has_room()) {
    return "who waits has room";
  }
  if (!subscriber.wanted && (subscriber.position() != published_.size())) {
    return "forgotten: it has room, and was not given everything";
  }
  return !subscriber.wanted && core_->glance().is_closed ? "its queue was not ended" : "";
}

std::size_t FanOutProgram::entries_before(std::size_t publication) const {
  std::size_t entries = 0;
  for (std::size_t i = 0; i != publication; ++i) {
    entries += published_[i].size();
  }
  return entries;
}

// In order, in whole publications, each in one write; and nothing is unaccounted for.
std::string FanOutProgram::verdict_of_received(const SteppedSubscriber& subscriber) const {
  std::size_t next = subscriber.joined_at;  // the first publication that may come
  std::size_t slice = 0;                    // of that one
  std::size_t entries = 0;
  std::uint64_t told = 0;
  auto text = subscriber.received.begin();
  for (const std::size_t slices : subscriber.received_groups) {
    for (std::size_t left = slices; left != 0; --left, ++text) {
      if (text->front() == '-') {
        told += std::stoull(text->substr(1));
        continue;
      }
      while (slice == 0 && next != published_.size() && published_[next].front() != *text) {
        ++next;
      }
      if (next == published_.size() || published_[next][slice] != *text) {
        return "out of order, torn, or given twice: " + *text;
      }
      ++entries;
      if (++slice == published_[next].size()) {
        slice = 0;
        ++next;
      }
    }
    if (slice != 0) {
      return "a publication is cut";
    }
  }
  const std::size_t all =
      entries_before(subscriber.position()) - entries_before(subscriber.joined_at);
  if (entries + subscriber.missed() + subscriber.conflated() != all) {
    return "given, missed and conflated do not add up";
  }
  const bool is_told = subscriber.policy().gap_note != nullptr;
  return is_told && told + subscriber.gap() != subscriber.missed() ? "another gap was told" : "";
}

}  // namespace bytes_handoff::test
