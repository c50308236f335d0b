#pragma once

#include <memory>
#include <span>
#include <utility>

#include "bytes_handoff/asio/fan_out/executor_lane.hpp"
#include "bytes_handoff/asio/fan_out/queue_subscriber.hpp"
#include "bytes_handoff/core/support/check.hpp"
#include "bytes_handoff/fan_out.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What the handles on a log share.
class FanOutOwner {
 public:
  explicit FanOutOwner(const FanOutConfig& config) : core_(std::make_shared<FanOutCore>(config)) {}
  FanOutOwner(const FanOutOwner&) = delete;
  FanOutOwner& operator=(const FanOutOwner&) = delete;
  ~FanOutOwner() { close(false); }

  [[nodiscard]] FanOutCore& core() const noexcept { return *core_; }

  [[nodiscard]] expected<void, Errc> publish(std::span<Bytes> slices,
                                             const PublicationKey& key) const noexcept {
    LaneList woken;
    const auto published = core_->publish(slices, key, woken);
    wake_all(woken);
    return published;
  }

  void close(bool closes_queues) const noexcept {
    LaneList woken;
    core_->close(closes_queues, woken);
    wake_all(woken);
  }

  /// Null: the queue has ended, or the log is closed. Throws std::bad_alloc.
  template <class Executor>
  [[nodiscard]] SubscriberPointer join(const WriterPointer& writer, const LagPolicy& policy) const {
    const PostLease lease(writer->guard());
    const Executor executor = writer->executor(lease);
    while (executor && !core_->is_closed() && writer->queue().is_open()) {
      const LanePointer lane = lane_on(executor);
      if (!lane) {
        break;
      }
      auto* const made = new QueueSubscriber(lane, writer, policy);
      auto subscriber = SubscriberPointer::adopt(made);
      LaneList woken;
      const bool has_joined = core_->join(*subscriber, woken);
      if (!has_joined) {  // the lane is over, or the log; then nobody else may need the lane
        core_->call(*lane, woken);
      }
      wake_all(woken);
      if (has_joined) {
        made->watch_end();
        return subscriber;
      }
    }
    return {};
  }

 private:
  /// Null: the context is being destroyed.
  template <class Executor>
  [[nodiscard]] LanePointer lane_on(const Executor& executor) const {
    using Lane = ExecutorLane<Executor>;
    const auto is_it = [&](const FanOutLane& lane) {
      return static_cast<const Lane&>(lane).is_on(executor);
    };
    LanePointer lane = core_->find_or_add(is_it, nullptr);
    if (!lane) {
      auto* const fresh = new Lane(core_, executor);
      lane = LanePointer::adopt(fresh);
      lane = fresh->enter() ? core_->find_or_add(is_it, fresh) : LanePointer();
    }
    return lane;
  }

  std::shared_ptr<FanOutCore> core_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

inline Subscription& Subscription::operator=(Subscription&& other) noexcept {
  Subscription old(std::move(*this));
  subscriber_ = std::move(other.subscriber_);
  writer_ = std::move(other.writer_);
  return *this;
}

inline Subscription::~Subscription() { leave(); }

inline void Subscription::leave() noexcept {
  if (!subscriber_) {
    return;
  }
  detail::LaneList woken;
  subscriber_->lane().core().leave(*subscriber_, woken);
  detail::wake_all(woken);
}

template <class CompletionToken>
auto Subscription::async_caught_up(CompletionToken&& token) const {
  BYTES_HANDOFF_CHECK(valid(), "a Subscription that is not valid() was used");
  return net::async_initiate<CompletionToken, void(net_error_code)>(
      detail::StartWait<detail::CaughtUpWait>(writer_, subscriber_), token);
}

inline Subscription::executor_type Subscription::get_executor() const noexcept {
  BYTES_HANDOFF_CHECK(valid(), "a Subscription that is not valid() was used");
  return writer_->executor();
}

inline FanOut::FanOut(const FanOutConfig& config) {
  detail::throw_if_invalid(config);
  owner_ = std::make_shared<detail::FanOutOwner>(config);
}

inline detail::FanOutOwner& FanOut::checked() const noexcept {
  BYTES_HANDOFF_CHECK(owner_ != nullptr, "a FanOut that was moved from was used");
  return *owner_;
}

inline expected<void, Errc> FanOut::publish(Bytes& bytes, std::optional<std::uint64_t> key) const {
  return checked().publish({&bytes, 1}, key);
}

inline expected<void, Errc> FanOut::publish(std::span<Bytes> slices,
                                            std::optional<std::uint64_t> key) const {
  return checked().publish(slices, key);
}

template <class Executor>
Subscription FanOut::subscribe(const WriteHandoff& queue, LagPolicy policy) const {
  detail::throw_if_invalid(policy);
  const detail::FanOutOwner& owner = checked();
  detail::WriterPointer writer(queue.checked());
  auto subscriber = owner.join<Executor>(writer, policy);
  return {std::move(subscriber), std::move(writer)};
}

inline void FanOut::close() const noexcept { checked().close(true); }

inline bool FanOut::is_open() const noexcept { return !checked().core().is_closed(); }

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
