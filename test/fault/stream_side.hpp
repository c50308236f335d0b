#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/asio/support/post.hpp"
#include "fault/fault_plan.hpp"
#include "fault/library_calls.hpp"
#include "support/asio.hpp"

namespace bytes_handoff::test {

/// When a stream calls its handlers: in a turn of their own, when the world says so, or, for
/// writes, from inside of the initiating function.
enum class Completion { kLater, kHeld, kInside };

/// An operation that is with the stream.
class HeldOperation {
 public:
  virtual ~HeldOperation() = default;
  virtual void complete() = 0;
  virtual void cancel() = 0;
};

/// What a stream does, and what it has seen. Shared with the world.
struct StreamSide {
  explicit StreamSide(FaultPlan& of_run) : plan(&of_run) {}

  FaultPlan* plan;
  Completion completion = Completion::kLater;
  std::size_t most_per_call = SIZE_MAX;
  std::string received;           ///< what was written to it
  std::deque<std::string> input;  ///< what reads give, a piece at a time
  bool input_is_over = false;     ///< behind the input is the end, not silence
  std::size_t given = 0;          ///< bytes that reads were given
  bool is_shut_down = false;
  bool overlapped = false;
  std::vector<std::unique_ptr<HeldOperation>> held;

  [[nodiscard]] bool is_readable() const { return !input.empty() || input_is_over; }
  [[nodiscard]] net_error_code error_of(Fault fault) const {
    switch (fault) {
      case Fault::kError:
      case Fault::kErrorAfterBytes:
        return net::error::connection_reset;
      case Fault::kEnd:
        return net::error::eof;
      default:
        return {};
    }
  }
  [[nodiscard]] std::size_t most_of(Fault fault) const {
    switch (fault) {
      case Fault::kNone:
      case Fault::kThrow:
        return most_per_call;
      case Fault::kOneByte:
      case Fault::kErrorAfterBytes:
        return 1;
      default:
        return 0;
    }
  }

  /// The next operation begins.
  [[nodiscard]] Fault begin() const {
    const Fault fault = plan->next();
    if (fault == Fault::kThrow) {
      const OutsideLibrary outside;
      throw InjectedFault();
    }
    return fault;
  }

  template <class Buffers>
  std::size_t write(const Buffers& from, Fault fault, net_error_code& error) {
    const OutsideLibrary outside;
    std::string taken(std::min(net::buffer_size(from), most_of(fault)), '\0');
    net::buffer_copy(net::buffer(taken), from);
    received += taken;
    error = error_of(fault);
    return taken.size();
  }

  template <class Buffers>
  std::size_t read(const Buffers& into, Fault fault, net_error_code& error) {
    const OutsideLibrary outside;
    error = error_of(fault);
    if (input.empty() && !error) {
      error = net_error_code(net::error::would_block);
      if (input_is_over) {
        error = net::error::eof;
      }
    }
    if (input.empty()) {
      return 0;
    }
    std::string& piece = input.front();
    const std::size_t n = net::buffer_copy(into, net::buffer(piece), most_of(fault));
    piece.erase(0, n);
    if (piece.empty()) {
      input.pop_front();
    }
    given += n;
    return n;
  }
};

/// Calls back with an error code and a number of bytes, or with the error code alone.
template <bool kCounts, class Handler, class Executor>
void post_outcome(Handler handler, const Executor& executor, net_error_code error, std::size_t n) {
  if constexpr (kCounts) {
    detail::post_results(std::move(handler), executor, error, n);
  } else {
    detail::post_results(std::move(handler), executor, error);
  }
}

template <bool kCounts, class Handler, class Executor, class Perform>
class HeldOperationOf final : public HeldOperation {
 public:
  HeldOperationOf(Handler&& handler, const Executor& executor, Perform perform)
      : handler_(std::move(handler)), executor_(executor), perform_(std::move(perform)) {}
  void complete() override {
    net_error_code error;
    const std::size_t n = perform_(error);
    post_outcome<kCounts>(std::move(handler_), executor_, error, n);
  }
  void cancel() override {
    post_outcome<kCounts>(std::move(handler_), executor_, net::error::operation_aborted, 0);
  }

 private:
  Handler handler_;
  Executor executor_;
  Perform perform_;
};

}  // namespace bytes_handoff::test
