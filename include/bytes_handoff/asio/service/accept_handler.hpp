#pragma once

#include <utility>

#include "bytes_handoff/asio/support/handler_memory.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/writing/initiation.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// For handler tracking.
inline constexpr const char* kAcceptEachName = "async_accept_each";

/// What an accept operation can have under way: bits, since a pause waits for two at a time.
enum AcceptPart : unsigned {
  kAcceptPart = 1,
  kTimerPart = 2,  ///< the time of a pause
  kWatchPart = 4,  ///< in a pause, for the end of the acceptor
};

/// The handler of such a part. It uses neither executor nor allocator of the user's handler.
template <class Operation, AcceptPart kPart>
class AcceptHandler {
 public:
  using Self = typename Operation::Self;
  using executor_type = typename Operation::Executor;
  using allocator_type = PoolAllocator<void>;
  using cancellation_slot_type = net::cancellation_slot;

  explicit AcceptHandler(Self self) noexcept : self_(std::move(self)) {}
  AcceptHandler(AcceptHandler&&) noexcept = default;
  AcceptHandler& operator=(AcceptHandler&&) = delete;
  ~AcceptHandler() {
    if (!self_) {
      return;
    }
    if (Initiation* const inside = Initiation::of(self_.get())) {
      inside->drop();
    } else {
      self_->template lose<kPart>();
    }
  }

  [[nodiscard]] executor_type get_executor() const noexcept { return self_->executor(); }
  [[nodiscard]] static allocator_type get_allocator() noexcept { return {}; }
  [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
    return kPart == kTimerPart ? cancellation_slot_type() : self_->slot();
  }

  /// An accept brings a socket. What the user's functions throw leaves this.
  template <class... Socket>
  void operator()(const net_error_code& error, Socket... socket) {
    Operation& operation = *self_;
    if (Initiation* const inside = Initiation::of(&operation)) {
      // The operation is locked on this thread: go on behind that.
      net::post(operation.executor(),
                [handler = std::move(*this), error, ... kept = std::move(socket)]() mutable {
                  handler(error, std::move(kept)...);
                });
      inside->complete(error, 0);
      return;
    }
    const Self held = std::move(self_);
    operation.template complete<kPart>(error, std::move(socket)...);
  }

 private:
  Self self_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
