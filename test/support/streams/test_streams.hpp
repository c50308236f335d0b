#pragma once

// Streams of one's own that meet Asio's concepts and say how they are ended; they have nothing
// more, no non-blocking mode, no cancel. A script says how they behave.

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::test {

inline constexpr unsigned kNever = std::numeric_limits<unsigned>::max();

/// A completion handler that waits for the test to complete it.
class HeldHandler {
 public:
  virtual ~HeldHandler() = default;
  /// Posts the handler with these results to its executor.
  virtual void complete(net_error_code error, std::size_t n) = 0;

  template <class Handler, class Executor>
  static std::unique_ptr<HeldHandler> make(Handler handler, const Executor& executor) {
    return std::make_unique<Of<Handler, Executor>>(std::move(handler), executor);
  }

 private:
  template <class Handler, class Executor>
  class Of;
};

template <class Handler, class Executor>
class HeldHandler::Of final : public HeldHandler {
 public:
  Of(Handler&& handler, const Executor& executor)
      : handler_(std::move(handler)), executor_(executor) {}
  void complete(net_error_code error, std::size_t n) override {
    const auto on = net::get_associated_executor(handler_, executor_);
    net::post(
        on, [handler = std::move(handler_), error, n]() mutable { std::move(handler)(error, n); });
  }

 private:
  Handler handler_;
  Executor executor_;
};

/// What a scripted stream does, and what it has seen. Shared with the test.
struct StreamScript {
  std::size_t most_per_call = std::numeric_limits<std::size_t>::max();
  unsigned fail_at = kNever;  ///< the call, from 0, that fails with `error`
  net_error_code error;
  std::size_t bytes_with_error = 0;
  unsigned throw_at = kNever;   ///< the call that throws from its initiating function
  unsigned hold_from = kNever;  ///< calls from this one on wait for `complete`
  bool honours_cancellation = true;

  unsigned calls = 0;
  unsigned running = 0;
  bool overlapped = false;
  bool cancel_was_asked = false;
  bool is_alive = true;
  unsigned ends = 0;  ///< of the write side, in order
  unsigned resets = 0;
  std::vector<std::size_t> sizes;    ///< bytes offered, or room, by call
  std::vector<std::size_t> buffers;  ///< buffers offered by call
  std::string written;
  std::string input;  ///< what reads give
  std::unique_ptr<HeldHandler> held;
  std::function<void(std::size_t)> held_transfer;  ///< moves so many bytes of what is held

  void complete(net_error_code with, std::size_t n) {
    --running;
    if (n != 0 && held_transfer) {
      held_transfer(n);
    }
    std::exchange(held, nullptr)->complete(with, n);
  }
  template <class Buffers>
  void take(const Buffers& from, std::size_t n) {
    std::string taken(n, '\0');
    net::buffer_copy(net::buffer(taken), from);
    written += taken;
  }
};

/// The part that reading and writing have in common.
template <class Executor>
class ScriptedStream {
 public:
  using executor_type = Executor;

  ScriptedStream(Executor executor, std::shared_ptr<StreamScript> script)
      : executor_(std::move(executor)), script_(std::move(script)) {}
  ScriptedStream(ScriptedStream&&) noexcept = default;
  ScriptedStream& operator=(ScriptedStream&&) = delete;
  ~ScriptedStream() {
    if (script_ != nullptr) {
      script_->is_alive = false;
    }
  }

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return net::async_initiate<Token, void(net_error_code, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          start(std::move(handler), from, script_->most_per_call,
                [script = script_.get(), from](std::size_t n) { script->take(from, n); });
        },
        token, buffers);
  }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return net::async_initiate<Token, void(net_error_code, std::size_t)>(
        [this](auto handler, const Buffers& into) {
          std::string& input = script_->input;
          const std::size_t most = std::min(script_->most_per_call, input.size());
          start(std::move(handler), into, most, [&input, into](std::size_t n) {
            net::buffer_copy(into, net::buffer(input), n);
            input.erase(0, n);
          });
        },
        token, buffers);
  }

  friend void end_write(ScriptedStream& stream, net_error_code& error) {
    ++stream.script_->ends;
    error = {};
  }
  friend void reset_connection(ScriptedStream& stream) { ++stream.script_->resets; }

 protected:
  [[nodiscard]] StreamScript& script() const { return *script_; }

  template <class Buffers>
  void take(const Buffers& from, std::size_t n) {
    script_->take(from, n);
  }

 private:
  template <class Handler, class Buffers, class Transfer>
  void start(Handler handler, const Buffers& buffers, std::size_t most, Transfer transfer) {
    StreamScript& script = *script_;
    const unsigned call = script.calls++;
    script.overlapped |= script.running != 0;
    script.sizes.push_back(net::buffer_size(buffers));
    script.buffers.push_back(static_cast<std::size_t>(
        std::distance(net::buffer_sequence_begin(buffers), net::buffer_sequence_end(buffers))));
    if (call == script.throw_at) {
      throw std::runtime_error("this stream cannot start");
    }
    ++script.running;
    if (call >= script.hold_from) {
      script.held_transfer = std::move(transfer);
      hold(std::move(handler));
      return;
    }
    const bool fails = call == script.fail_at;
    const std::size_t n = std::min(script.sizes.back(), fails ? script.bytes_with_error : most);
    transfer(n);
    const auto on = net::get_associated_executor(handler, executor_);
    net::post(on, [shared = script_, handler = std::move(handler), n,
                   error = fails ? script.error : net_error_code()]() mutable {
      --shared->running;
      std::move(handler)(error, n);
    });
  }

  template <class Handler>
  void hold(Handler handler) {
    auto slot = net::get_associated_cancellation_slot(handler);
    script_->held = HeldHandler::make(std::move(handler), executor_);
    if (slot.is_connected()) {
      slot.assign([script = script_.get()](net::cancellation_type) {
        script->cancel_was_asked = true;
        if (script->honours_cancellation && script->held != nullptr) {
          script->complete(net::error::operation_aborted, 0);
        }
      });
    }
  }

  Executor executor_;
  std::shared_ptr<StreamScript> script_;
};

using IoStream = ScriptedStream<net::io_context::executor_type>;

/// A stream that calls its handlers from inside of the initiating function, as none should, and may
/// throw after that.
class InsideStream : public IoStream {
 public:
  using IoStream::IoStream;

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return net::async_initiate<Token, void(net_error_code, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          const unsigned call = script().calls++;
          const std::size_t n = std::min(net::buffer_size(from), script().most_per_call);
          take(from, n);
          std::move(handler)(net_error_code(), n);
          if (call == script().throw_at) {
            throw std::runtime_error("this stream throws too late");
          }
        },
        token, buffers);
  }
};

/// A stream whose writes never wait: it takes a byte a call, at once, and counts the calls.
class EagerStream : public IoStream {
 public:
  using IoStream::IoStream;

  [[nodiscard]] bool non_blocking() const { return true; }
  void non_blocking(bool, net_error_code& error) { error = {}; }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, net_error_code& error) {
    error = {};
    ++script().calls;
    const std::size_t n = std::min(net::buffer_size(buffers), script().most_per_call);
    take(buffers, n);
    return n;
  }
};

}  // namespace bytes_handoff::test
