#pragma once

// Stands where the shell and the queues stand: a lane whose turns the test makes, and subscribers
// whose queues take what the test lets them.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/core/fan_out/fan_out_core.hpp"
#include "bytes_handoff/core/fan_out/lane.hpp"

namespace bytes_handoff::test {

template <class Sync>
class BasicFakeLane final : public detail::BasicFanOutLane<Sync> {
 public:
  using Base = detail::BasicFanOutLane<Sync>;
  using Base::Base;
  using typename Base::TimePoint;

  void wake() noexcept override {
    ++wakes;
    ++posted;
  }

  /// The turn that was posted; returns whether another one is.
  bool run_turn(TimePoint now) {
    --posted;
    const auto self = detail::BasicLanePointer<Sync>::adopt(this);  // what `wake` took over
    if (this->turn(now)) {
      this->add_reference();
      ++posted;
      return true;
    }
    return false;
  }

  int wakes = 0;
  int posted = 0;
};

/// A bounded queue whose writes leave when the test says so.
template <class Sync>
class BasicFakeSubscriber : public detail::BasicSubscriber<Sync>, public detail::QueueVisit {
 public:
  using Answer = detail::QueueAnswer;
  using Core = detail::BasicFanOutCore<Sync>;

  BasicFakeSubscriber(detail::BasicLanePointer<Sync> lane, LagPolicy policy, std::size_t most_bytes,
                      std::size_t most_items, detail::BudgetState* budget = nullptr)
      : detail::BasicSubscriber<Sync>(std::move(lane), std::move(policy), budget),
        max_bytes(most_bytes),
        max_items(most_items) {}

  detail::Served visit() noexcept override {
    if (on_visit) {
      on_visit();
    }
    const detail::Served served = this->lane().serve(*this, *this);
    if (on_visit) {
      on_visit();
    }
    return served;
  }

  void end_queue(detail::FanOutEnd how) noexcept override {
    end = how;
    is_closed = true;
    refuse_wait();
  }
  void release_room() noexcept override {
    refuse_wait();
    give_back();
  }

  Answer give(std::span<Bytes> slices) noexcept override {
    const auto [bytes, items] = size_of(slices);
    const std::size_t reserved_bytes = std::exchange(held_bytes, 0U);
    const std::size_t reserved_items = std::exchange(held_items, 0U);
    if (is_closed) {
      return Answer::kClosed;
    }
    const Answer answer =
        reserved_items != 0
            ? (fits_in(bytes, items, reserved_bytes, reserved_items) ? Answer::kYes
                                                                     : Answer::kNever)
            : answer_of(bytes, items);
    if (answer == Answer::kYes) {
      ++writes;
      pending_bytes += bytes;
      pending_items += items;
      auto& write = pending.emplace_back();
      last_buffers = 0;
      const std::byte* behind = nullptr;
      for (Bytes& slice : slices) {
        last_buffers += slice.begin() == behind ? 0U : 1U;
        behind = slice.end();
        write.push_back(slice.size());
        received.emplace_back(slice.view());
        slice.clear();
      }
      received_groups.push_back(slices.size());
    }
    return answer;
  }
  Answer ask_for_room(std::size_t bytes, std::size_t items) noexcept override {
    Answer answer = is_closed ? Answer::kClosed : answer_of(bytes, items);
    if (answer == Answer::kYes) {
      held_bytes = bytes;
      held_items = items;
    } else if (answer == Answer::kNoRoom) {
      answer = tells_of_room ? Answer::kWaiting : Answer::kLater;
      if (tells_of_room) {
        wanted = {bytes, items};
      }
    }
    return answer;
  }
  bool holds_room() const noexcept override { return held_items != 0; }
  bool holds_room_for(std::size_t bytes, std::size_t items) const noexcept override {
    return fits_in(bytes, items, held_bytes, held_items);
  }
  void give_back() noexcept override { held_bytes = held_items = 0; }
  /// Publications that it has been given, or has gone past.
  [[nodiscard]] std::uint64_t position() const { return this->place_.publications; }
  bool can_ever_hold(std::size_t bytes, std::size_t items) const noexcept override {
    return bytes <= max_bytes && items <= max_items;
  }

  /// The oldest write leaves. Who waits is told, if there is room then.
  void drain(Core& core) {
    if (!pending.empty()) {
      drain_slices(core, pending.front().size());
    }
  }
  void drain_slices(Core& core, std::size_t most) {
    for (; most != 0 && !pending.empty(); --most) {
      auto& write = pending.front();
      pending_bytes -= write.front();
      --pending_items;
      write.erase(write.begin());
      if (write.empty()) {
        pending.pop_front();
      }
    }
    if (wanted && answer_of(wanted->first, wanted->second) == Answer::kYes) {
      held_bytes = wanted->first;
      held_items = wanted->second;
      refuse_wait(&core);
    }
  }
  /// The queue is closed by somebody else.
  void close(Core& core) {
    is_closed = true;
    refuse_wait(&core);
  }

  const std::size_t max_bytes;
  const std::size_t max_items;
  std::function<void()> on_visit;  // what others do meanwhile
  bool tells_of_room = true;
  bool is_closed = false;
  std::optional<detail::FanOutEnd> end;
  std::optional<std::pair<std::size_t, std::size_t>> wanted;  // what it waits for
  std::deque<std::vector<std::size_t>> pending;               // sizes of the slices of each write
  std::size_t pending_bytes = 0;
  std::size_t pending_items = 0;
  std::size_t held_bytes = 0;
  std::size_t held_items = 0;
  std::size_t writes = 0;
  std::vector<std::string> received;
  std::vector<std::size_t> received_groups;  // slices of each write
  std::size_t last_buffers = 0;              // of the last write: neighbours in memory are one

 private:
  static std::pair<std::size_t, std::size_t> size_of(std::span<const Bytes> slices) {
    std::size_t bytes = 0;
    for (const Bytes& slice : slices) {
      bytes += slice.size();
    }
    return {bytes, slices.size()};
  }
  static bool fits_in(std::size_t bytes, std::size_t items, std::size_t most_bytes,
                      std::size_t most_items) {
    return bytes <= most_bytes && items <= most_items;
  }
  [[nodiscard]] Answer answer_of(std::size_t bytes, std::size_t items) const {
    if (!fits_in(bytes, items, max_bytes, max_items)) {
      return Answer::kNever;
    }
    const bool fits = fits_in(bytes, items, max_bytes - pending_bytes - held_bytes,
                              max_items - pending_items - held_items);
    return fits ? Answer::kYes : Answer::kNoRoom;
  }
  void refuse_wait(Core* tell = nullptr) {
    Core& core = tell == nullptr ? this->lane().core() : *tell;
    if (std::exchange(wanted, std::nullopt)) {
      typename Core::LaneList woken;
      core.answer(*this, woken);
      detail::wake_all(woken);
    }
  }
};

using FakeLane = BasicFakeLane<detail::StdSync>;
using FakeSubscriber = BasicFakeSubscriber<detail::StdSync>;
using FakeSubscriberPointer = detail::CountedPointer<FakeSubscriber, detail::ObjectReference>;

}  // namespace bytes_handoff::test
