#pragma once

#include <cstddef>
#include <span>
#include <tuple>
#include <utility>

#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/writing/start_wait.hpp"
#include "bytes_handoff/asio/writing/writer_base.hpp"
#include "bytes_handoff/core/fan_out/lane.hpp"
#include "bytes_handoff/core/support/prefetch.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// A subscriber whose queue is a `WriteHandoff`'s, which it does not keep open.
class QueueSubscriber final : public Subscriber {
 public:
  QueueSubscriber(LanePointer lane, WriterPointer writer, LagPolicy policy)
      : Subscriber(std::move(lane), std::move(policy), writer->budget()), room_(std::move(writer)) {
    room_.subscriber = ended_.subscriber = this;
    room_.asks_for = AsksFor::kRoom;
    room_.is_counted = false;
  }

  /// Once it has joined: it leaves when the queue ends.
  void watch_end() noexcept {
    add_reference();
    if (writer().queue().wait_closed(ended_)) {
      ended_.resume(nullptr);
    }
  }

  [[nodiscard]] Served visit() noexcept override;

  // The writer has the queue in it, and more behind what is seen of it here.
  void prefetch_queue() const noexcept override {
    prefetch<sizeof(WriterBase) + 4 * kCacheLine>(&writer());
  }

  void end_queue(FanOutEnd how) noexcept override {
    const ErrorValue slow = ErrorValue::of(Errc::slow_consumer);
    switch (how) {
      case FanOutEnd::kInOrder:
        writer().close(Waiters::refuse);
        break;
      case FanOutEnd::kSoft:
        writer().abort_after_written(slow);
        break;
      case FanOutEnd::kHard:
        writer().abort(slow);
        break;
    }
  }

  void release_room() noexcept override {
    Effects effects(writer().guard());
    writer().queue().cancel(room_, effects);
    writer().queue().cancel(ended_, ErrorValue::of(Errc::aborted), effects);
    writer().carry_out(effects);
    if (room_.room.items != 0) {
      writer().give_back(room_.room);
    }
  }

 private:
  class Visit;

  using Tell = void (FanOutCore::*)(Subscriber&, LaneList&) noexcept;

  /// A waiter in the queue. While it waits it has a reference on its subscriber.
  template <class Waiter, Tell kTell>
  struct Told final : Waiter {
    using Waiter::Waiter;
    void resume(const void* destroyed_context) noexcept override {
      const auto self = SubscriberPointer::adopt(subscriber);
      if (destroyed_context == nullptr) {
        LaneList woken;
        (self->lane().core().*kTell)(*self, woken);
        wake_all(woken);
      }
    }
    QueueSubscriber* subscriber = nullptr;
  };

  [[nodiscard]] WriterBase& writer() const noexcept { return room_.writer(); }

  Told<TimedRoomWaiter, &FanOutCore::answer> room_;
  Told<CloseWaiter, &FanOutCore::leave> ended_;
};

/// Waits until a subscriber has caught up. No subscriber: it never joined.
class CaughtUpWait : public CaughtUpWaiter {
 public:
  static constexpr const char* kName = "Subscription::async_caught_up";
  using Parameters = SubscriberPointer;

  CaughtUpWait(const WriterPointer& /*of the queue*/, const Parameters& of) noexcept
      : subscriber_(of) {}

  [[nodiscard]] bool begin(Effects& /*none*/) noexcept {
    const SubscriberPointer subscriber = subscriber_;  // this may be gone at the end
    if (!subscriber) {
      return true;
    }
    LaneList woken;
    const bool is_over = subscriber->lane().core().wait_caught_up(*subscriber, *this, woken);
    wake_all(woken);
    return is_over;
  }
  [[nodiscard]] std::tuple<net_error_code> results() const noexcept {
    switch (outcome) {
      case Outcome::kCaughtUp:
        return {};
      case Outcome::kCancelled:
        return {net::error::operation_aborted};
      case Outcome::kLeft:
        break;
    }
    return {to_net_error(Errc::closed)};
  }
  void cancel() noexcept {
    const SubscriberPointer subscriber = subscriber_;  // this may be gone at the end
    if (subscriber) {
      subscriber->lane().core().cancel_wait(*subscriber, *this);
    }
  }

 private:
  const SubscriberPointer subscriber_;
};

class QueueSubscriber::Visit final : public QueueVisit {
 public:
  Visit(QueueSubscriber& subscriber, Effects& effects) noexcept
      : subscriber_(&subscriber), effects_(&effects) {}

  [[nodiscard]] QueueAnswer give(std::span<Bytes> slices) noexcept override {
    try {
      const auto admitted = holds_room() ? queue().commit(room().room, slices, *effects_)
                                         : queue().try_write(slices, *effects_);
      effects_->releases.run();
      return admitted ? QueueAnswer::kYes : answer_of(admitted.error());
    } catch (...) {  // std::bad_alloc
      return QueueAnswer::kLater;
    }
  }

  [[nodiscard]] QueueAnswer ask_for_room(std::size_t bytes, std::size_t entries) noexcept override {
    room().bytes = bytes;
    room().items = entries;
    room().refusal.reset();
    subscriber_->add_reference();  // of who waits
    try {
      if (queue().wait_room(room(), *effects_) == WriteQueue::Wait::kWaiting) {
        return QueueAnswer::kWaiting;
      }
    } catch (...) {  // std::bad_alloc
      subscriber_->drop_reference();
      return QueueAnswer::kLater;
    }
    subscriber_->drop_reference();
    if (room().refusal && room().refusal->reason == WriteRefusalReason::memory_exhausted) {
      return QueueAnswer::kNever;  // who waits is refused only where it can never be had
    }
    return room().refusal ? answer_of(*room().refusal) : QueueAnswer::kYes;
  }

  [[nodiscard]] bool holds_room() const noexcept override { return room().room.items != 0; }
  [[nodiscard]] bool holds_room_for(std::size_t bytes,
                                    std::size_t entries) const noexcept override {
    return bytes <= room().room.bytes && entries <= room().room.items;
  }
  [[nodiscard]] bool can_ever_hold(std::size_t bytes, std::size_t entries) const noexcept override {
    const QueueConfig& limits = queue().config();
    return bytes <= limits.max_pending_bytes && entries <= limits.max_items;
  }
  void give_back() noexcept override {
    if (holds_room()) {
      queue().give_back(room().room, *effects_);
      effects_->releases.run();
    }
  }

 private:
  [[nodiscard]] static QueueAnswer answer_of(const Refusal& refusal) noexcept {
    switch (refusal.reason) {
      case WriteRefusalReason::closed:
        return QueueAnswer::kClosed;
      case WriteRefusalReason::can_never_fit:
      case WriteRefusalReason::exceeds_permit:
        return QueueAnswer::kNever;
      default:
        return QueueAnswer::kNoRoom;
    }
  }

  [[nodiscard]] WriteQueue& queue() const noexcept { return subscriber_->writer().queue(); }
  [[nodiscard]] RoomWaiter& room() const noexcept { return subscriber_->room_; }

  QueueSubscriber* subscriber_;
  Effects* effects_;
};

// All that a visit gives leaves in one turn of the writer.
inline Served QueueSubscriber::visit() noexcept {
  Effects effects(writer().guard());
  Visit to_queue(*this, effects);
  const Served served = lane().serve(*this, to_queue);
  writer().carry_out(effects, TurnStart::kDispatch);
  return served;
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
