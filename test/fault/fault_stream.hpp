#pragma once

// Streams of a test's own whose every operation is counted and can fail.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "bytes_handoff/joined_writes.hpp"
#include "fault/stream_side.hpp"

namespace bytes_handoff::test {

/// A stream that meets Asio's concepts and has nothing more.
template <class Executor>
class FaultStream {
 public:
  using executor_type = Executor;

  FaultStream(const Executor& executor, std::shared_ptr<StreamSide> side)
      : executor_(executor), side_(std::move(side)) {}
  FaultStream(FaultStream&&) noexcept = default;
  FaultStream& operator=(FaultStream&&) = delete;
  ~FaultStream() {
    if (side_ != nullptr) {
      const auto gone = std::exchange(side_->held, {});
    }
  }

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return net::async_initiate<Token, void(net_error_code, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          StreamSide* side = side_.get();
          start<true>(std::move(handler), [side, from](Fault fault, net_error_code& error) {
            return side->write(from, fault, error);
          });
        },
        token, buffers);
  }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return net::async_initiate<Token, void(net_error_code, std::size_t)>(
        [this](auto handler, const Buffers& into) {
          StreamSide* side = side_.get();
          start<true>(
              std::move(handler),
              [side, into](Fault fault, net_error_code& error) {
                return side->read(into, fault, error);
              },
              !side->is_readable());
        },
        token, buffers);
  }

 protected:
  [[nodiscard]] StreamSide& side() const noexcept { return *side_; }

  template <bool kCounts, class Handler, class Perform>
  void start(Handler handler, Perform perform, bool must_wait = false) {
    const Fault fault = side_->begin();
    auto with_fault = [perform, fault](net_error_code& error) { return perform(fault, error); };
    if (side_->completion == Completion::kHeld || (must_wait && !side_->error_of(fault))) {
      hold<kCounts>(std::move(handler), std::move(with_fault));
      return;
    }
    net_error_code error;
    const std::size_t n = with_fault(error);
    if constexpr (kCounts) {
      if (side_->completion == Completion::kInside) {
        std::move(handler)(error, n);
        return;
      }
    }
    const OutsideLibrary outside;
    post_outcome<kCounts>(std::move(handler), Executor(executor_), error, n);
  }

 private:
  template <bool kCounts, class Handler, class Perform>
  void hold(Handler handler, Perform perform) {
    const OutsideLibrary outside;
    auto slot = net::get_associated_cancellation_slot(handler);
    side_->held.push_back(std::make_unique<HeldOperationOf<kCounts, Handler, Executor, Perform>>(
        std::move(handler), executor_, std::move(perform)));
    if (slot.is_connected()) {
      slot.assign([side = side_.get(), of = side_->held.back().get()](net::cancellation_type) {
        cancel(*side, of);
      });
    }
  }

  static void cancel(StreamSide& side, const HeldOperation* which) {
    const OutsideLibrary outside;
    const auto found = std::find_if(side.held.begin(), side.held.end(),
                                    [which](const auto& held) { return held.get() == which; });
    if (found != side.held.end()) {
      const auto operation = std::move(*found);
      side.held.erase(found);
      operation->cancel();
    }
  }

  Executor executor_;
  std::shared_ptr<StreamSide> side_;
};

/// A stream whose shutdown takes time.
template <class Executor>
class PlainStream : public FaultStream<Executor> {
 public:
  using FaultStream<Executor>::FaultStream;

  template <class Handler>
  friend void async_end_write(PlainStream& stream, Handler handler) {
    StreamSide* side = &stream.side();
    stream.template start<false>(std::move(handler), [side](Fault fault, net_error_code& error) {
      error = side->error_of(fault);
      side->is_shut_down = !error;
      return std::size_t{0};
    });
  }
};

/// A stream to which small slices are joined.
template <class Executor>
class JoinedStream : public FaultStream<Executor> {
 public:
  using FaultStream<Executor>::FaultStream;

  friend void end_write(JoinedStream&, net_error_code& error) { error = {}; }
};

/// A stream that can be tried, waited for and shut down, as sockets can.
template <class Executor>
class ReadyStream : public FaultStream<Executor>, public net::socket_base {
 public:
  using FaultStream<Executor>::FaultStream;

  [[nodiscard]] bool non_blocking() const noexcept { return is_non_blocking_; }
  void non_blocking(bool mode, net_error_code& error) {
    error = this->side().error_of(this->side().begin());
    is_non_blocking_ = mode && !error;
  }

  template <class Buffers>
  std::size_t write_some(const Buffers& from, net_error_code& error) {
    if (this->side().completion == Completion::kHeld) {
      error = net::error::would_block;
      return 0;
    }
    return this->side().write(from, this->side().begin(), error);
  }

  template <class Buffers>
  std::size_t read_some(const Buffers& into, net_error_code& error) {
    return this->side().read(into, this->side().begin(), error);
  }

  template <class Handler>
  void async_wait(wait_type, Handler&& handler) {
    StreamSide* side = &this->side();
    this->template start<false>(
        std::forward<Handler>(handler),
        [side](Fault fault, net_error_code& error) {
          error = side->error_of(fault);
          return std::size_t{0};
        },
        !side->is_readable());
  }

  friend void end_write(ReadyStream& stream, net_error_code& error) {
    stream.shutdown(net::socket_base::shutdown_send, error);
  }
  void shutdown(shutdown_type, net_error_code& error) {
    error = this->side().error_of(this->side().begin());
    this->side().is_shut_down = !error;
  }

 private:
  bool is_non_blocking_ = false;
};

}  // namespace bytes_handoff::test

template <class Executor>
inline constexpr std::size_t
    bytes_handoff::kJoinedWriteBytes<bytes_handoff::test::JoinedStream<Executor>> = 16;
