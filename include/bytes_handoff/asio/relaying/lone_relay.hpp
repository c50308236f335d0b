#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/relaying/errands.hpp"
#include "bytes_handoff/asio/relaying/relay_operation.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/core/support/counted_pointer.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// A relay that is an operation by itself, and not one way of a tunnel. It is cancelled where its
/// handler is. So a cancellation is posted to the executor of each side, and both are kept busy
/// until the relay is over: who cancels it may hold it last, and has something to run there.
template <class Relay>
class LoneRelay : public Relay {
  using Self = CountedPointer<Relay, RelayReference>;
  template <RelayPart kPart>
  using Work = net::executor_work_guard<typename Relay::template PartExecutor<kPart>>;

 public:
  template <class... Arguments>
  explicit LoneRelay(Arguments&&... arguments)
      : Relay(std::forward<Arguments>(arguments)...),
        in_work_(this->template executor<RelayPart::kIn>()) {
    if (!this->has_one_executor()) {
      at_out_ = std::make_unique<AtOut>(this->template executor<RelayPart::kOut>());
    }
  }

  /// Of `WaitingOp`.
  [[nodiscard]] PostMemory& post_memory() noexcept { return at_in_.memory(); }
  /// On the handler's executor.
  void cancel(net::cancellation_type_t type) noexcept {
    if (const Self self = this->try_hold()) {
      this->note_cancelled(type);
      post_cancellation<RelayPart::kIn>(self, at_in_);
      if (at_out_) {
        post_cancellation<RelayPart::kOut>(self, at_out_->errands);
      }
    }
  }

 private:
  enum Errand : unsigned { kCancel = 1 };

  struct AtOut {
    explicit AtOut(const typename Relay::template PartExecutor<RelayPart::kOut>& executor)
        : work(executor) {}
    Work<RelayPart::kOut> work;
    Errands errands;
  };

  template <RelayPart kAt>
  struct Cancellation {
    Self self;
    void operator()() noexcept {
      auto& relay = static_cast<LoneRelay&>(*self);
      if constexpr (kAt == RelayPart::kIn) {
        static_cast<void>(relay.at_in_.take());
        relay.cancel_in();
      } else {
        static_cast<void>(relay.at_out_->errands.take());
      }
      if (kAt == RelayPart::kOut || !relay.at_out_) {
        relay.cancel_out();
      }
    }
  };

  template <RelayPart kAt>
  void post_cancellation(const Self& self, Errands& errands) noexcept {
    BYTES_HANDOFF_HANDLER_LOCATION(Relay::kName);
    try {
      errands.ask(this->template executor<kAt>(), kCancel, false,
                  [&] { return Cancellation<kAt>{self}; });
    } catch (...) {  // without memory it is noticed at the next step
      static_cast<void>(errands.take());
    }
  }

  void release_work() noexcept override {
    in_work_.reset();
    if (at_out_) {
      at_out_->work.reset();
    }
  }

  Work<RelayPart::kIn> in_work_;
  Errands at_in_;
  std::unique_ptr<AtOut> at_out_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
