#pragma once

#include <exception>
#include <string>
#include <utility>

#include "fault/library_calls.hpp"
#include "support/asio.hpp"

namespace bytes_handoff::test {

/// One asynchronous operation of a program, and what became of its handler.
struct Operation {
  explicit Operation(const char* of_kind) : kind(of_kind) {}

  const char* kind;
  net::cancellation_signal signal;
  int calls = 0;
  bool was_destroyed = false;  ///< uninvoked
  bool was_started = true;     ///< false: its initiating function threw

  [[nodiscard]] bool is_pending() const { return calls == 0 && !was_destroyed && was_started; }
};

/// A completion handler with a cancellation slot that tells its operation what becomes of it.
template <class Function>
class Watched {
 public:
  using cancellation_slot_type = net::cancellation_slot;

  Watched(Operation& operation, Function function)
      : operation_(&operation), slot_(operation.signal.slot()), function_(std::move(function)) {}
  Watched(Watched&& other) noexcept
      : operation_(std::exchange(other.operation_, nullptr)),
        slot_(other.slot_),
        function_(std::move(other.function_)) {}
  Watched& operator=(Watched&&) = delete;
  ~Watched() {
    if (operation_ != nullptr) {
      operation_->was_destroyed = true;
    }
  }

  [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept { return slot_; }

  template <class... Results>
  void operator()(Results&&... results) {
    const OutsideLibrary outside;
    ++std::exchange(operation_, nullptr)->calls;
    function_(std::forward<Results>(results)...);
  }

 private:
  Operation* operation_;
  net::cancellation_slot slot_;
  Function function_;
};

}  // namespace bytes_handoff::test
