#pragma once

#include <atomic>
#include <exception>
#include <string>
#include <utility>

#include "fault/library_calls.hpp"
#include "support/asio.hpp"

namespace bytes_handoff::test {

/// One asynchronous operation of a program, and what became of its handler, on whichever thread
/// that was. Relaxed: this orders nothing of what is tested.
struct Operation {
  Operation(const char* of_kind, bool reads) : kind(of_kind), is_read(reads) {}

  const char* kind;
  const bool is_read;
  net::cancellation_signal signal;
  std::atomic<bool> is_starting{true};  ///< its initiating function has not returned
  std::atomic<int> calls{0};
  std::atomic<bool> was_destroyed{false};  ///< uninvoked
  std::atomic<bool> was_started{true};     ///< false: its initiating function threw
  std::atomic<bool> was_called_inside{false};

  [[nodiscard]] bool is_pending() const {
    constexpr auto kRelaxed = std::memory_order_relaxed;
    return !is_starting.load(std::memory_order_acquire) && calls.load(kRelaxed) == 0 &&
           !was_destroyed.load(kRelaxed) && was_started.load(kRelaxed);
  }

  /// Whose initiating function this thread is in.
  static inline constinit thread_local const Operation* starting = nullptr;
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
      operation_->was_destroyed.store(true, std::memory_order_relaxed);
    }
  }

  [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept { return slot_; }

  template <class... Results>
  void operator()(Results&&... results) {
    const OutsideLibrary outside;
    Operation& operation = *std::exchange(operation_, nullptr);
    operation.calls.fetch_add(1, std::memory_order_relaxed);
    if (&operation == Operation::starting) {
      operation.was_called_inside.store(true, std::memory_order_relaxed);
    }
    function_(std::forward<Results>(results)...);
  }

 private:
  Operation* operation_;
  net::cancellation_slot slot_;
  Function function_;
};

}  // namespace bytes_handoff::test
