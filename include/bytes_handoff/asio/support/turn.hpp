#pragma once

#include <utility>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// What an executor is given of an operation: one type for all of them. So the code by which an
/// executor runs it is compiled once for each type of executor, and not for each handler.
class Turn {
 public:
  enum class Outcome : unsigned char {
    kTaken,  ///< it runs
    kLost,   ///< it never will: its executor's context is destroyed, say
  };
  /// Called once. It owns `operation` from then on.
  using End = void (*)(void* operation, Outcome outcome);

  Turn(void* operation, End end) noexcept : operation_(operation), end_(end) {}
  Turn(Turn&& other) noexcept
      : operation_(std::exchange(other.operation_, nullptr)), end_(other.end_) {}
  Turn& operator=(Turn&&) = delete;
  ~Turn() {
    if (operation_ != nullptr) {
      end_(operation_, Outcome::kLost);
    }
  }
  void operator()() { end_(std::exchange(operation_, nullptr), Outcome::kTaken); }

 private:
  void* operation_;
  End end_;
};

}  // namespace bytes_handoff::detail
