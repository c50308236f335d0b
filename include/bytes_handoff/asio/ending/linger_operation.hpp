#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/ending/linger.hpp"
#include "bytes_handoff/asio/support/handler_memory.hpp"
#include "bytes_handoff/asio/support/time_of.hpp"
#include "bytes_handoff/asio/support/waiting_op.hpp"
#include "bytes_handoff/core/queue/waiting.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Waits for the end of a linger.
struct LingerWaiter : Waiting {
  net_error_code error = net::error::operation_aborted;
  std::size_t dropped = 0;
};

/// Somebody waits for its end. The stream is not its own.
template <class Socket>
class AwaitedLinger final : public Linger<Socket> {
 public:
  AwaitedLinger(Socket& socket, const LingerBounds& bounds, LingerWaiter& waiter)
      : Linger<Socket>(std::shared_ptr<Socket>(std::shared_ptr<void>(), &socket), bounds),
        waiter_(&waiter),
        context_(&context_of(socket.get_executor())) {}
  // With somebody who waits, only where the context is destroyed.
  ~AwaitedLinger() override {
    if (waiter_ != nullptr) {
      waiter_->resume(context_);
    }
  }

  /// Nobody waits any more.
  void forget_waiter() noexcept { waiter_ = nullptr; }

 private:
  void on_decided() noexcept override {
    try {
      this->stop_waiting_for_input();
    } catch (...) {  // NOLINT: then it goes on until there is input
    }
  }
  void on_end() noexcept override {
    LingerWaiter& waiter = *std::exchange(waiter_, nullptr);
    waiter.error = this->error();
    waiter.dropped = this->dropped();
    waiter.resume(nullptr);
  }

  LingerWaiter* waiter_;
  const void* context_;
};

template <class Socket>
class LingerWait : public LingerWaiter {
 public:
  static constexpr const char* kName = "async_linger";

  void wait_for(const std::shared_ptr<AwaitedLinger<Socket>>& linger) noexcept { linger_ = linger; }
  [[nodiscard]] auto results() const noexcept { return std::tuple(error, dropped); }
  void cancel() noexcept {
    if (const auto linger = linger_.lock()) {
      linger->finish(net::error::operation_aborted);
    }
  }

 private:
  std::weak_ptr<AwaitedLinger<Socket>> linger_;
};

struct LingerDurations {
  std::size_t max_bytes;
  std::chrono::nanoseconds silence;
  std::chrono::nanoseconds whole;
};

template <class Stream>
class StartLinger {
 public:
  using executor_type = std::remove_cvref_t<decltype(std::declval<Stream&>().get_executor())>;

  explicit StartLinger(Stream& stream) noexcept : stream_(&stream) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return stream_->get_executor(); }

  template <class Handler>
  void operator()(Handler&& handler, const LingerDurations& limits) const {
    using Socket = SocketBelow<Stream>;
    using Op = WaitingOp<LingerWait<Socket>, std::decay_t<Handler>, executor_type>;
    const LingerBounds bounds{limits.max_bytes, limits.silence,
                              later(now_at(detail::lowest_socket(*stream_)), limits.whole),
                              nullptr};
    auto op = Op::make(std::forward<Handler>(handler), get_executor());
    const auto linger = std::allocate_shared<AwaitedLinger<Socket>>(
        PoolAllocator<void>(), detail::lowest_socket(*stream_), bounds, *op);
    op->wait_for(linger);
    Op* const waiting = op.release();
    try {
      linger->start();
    } catch (...) {
      linger->forget_waiter();
      const typename Op::Pointer discarded(waiting);
      throw;
    }
  }

 private:
  Stream* stream_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
