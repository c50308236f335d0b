#pragma once

#include <utility>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// Owns an operation that nobody else knows yet. It has `discard()`, which destroys it.
///
/// In place of a `std::unique_ptr`, which costs a compiler about 50 functions for each type.
template <class Operation>
class Unstarted {
 public:
  explicit Unstarted(Operation* operation) noexcept : operation_(operation) {}
  Unstarted(Unstarted&& other) noexcept : operation_(other.release()) {}
  Unstarted& operator=(Unstarted&&) = delete;
  ~Unstarted() {
    if (operation_ != nullptr) {
      operation_->discard();
    }
  }

  [[nodiscard]] Operation* operator->() const noexcept { return operation_; }
  [[nodiscard]] Operation& operator*() const noexcept { return *operation_; }
  [[nodiscard]] Operation* release() noexcept { return std::exchange(operation_, nullptr); }

 private:
  Operation* operation_;
};

}  // namespace bytes_handoff::detail
