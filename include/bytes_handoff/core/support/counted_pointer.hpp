#pragma once

#include <utility>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// A pointer to an object that counts who points to it. `Count` says how: `Count::add(object)` and
/// `Count::drop(object)`, of which the last one may destroy it.
template <class T, class Count>
class CountedPointer {
 public:
  CountedPointer() noexcept = default;
  /// Counts one more, unless it is null.
  explicit CountedPointer(T* to) noexcept : to_(to) {
    if (to_ != nullptr) {
      Count::add(to_);
    }
  }
  /// Counts one more.
  explicit CountedPointer(T& to) noexcept : to_(&to) { Count::add(to_); }
  /// For one that is counted already.
  [[nodiscard]] static CountedPointer adopt(T* to) noexcept {
    CountedPointer pointer;
    pointer.to_ = to;
    return pointer;
  }
  CountedPointer(const CountedPointer& other) noexcept : CountedPointer(other.to_) {}
  CountedPointer(CountedPointer&& other) noexcept : to_(std::exchange(other.to_, nullptr)) {}
  CountedPointer& operator=(CountedPointer other) noexcept {
    std::swap(to_, other.to_);
    return *this;
  }
  [[gnu::always_inline]] ~CountedPointer() {
    if (to_ != nullptr) {
      Count::drop(to_);
    }
  }

  [[nodiscard]] T* get() const noexcept { return to_; }
  /// It stays counted, for `adopt`.
  [[nodiscard]] T* release() noexcept { return std::exchange(to_, nullptr); }
  /// Precondition for both: not null.
  [[nodiscard]] T& operator*() const noexcept { return *operator->(); }
  [[nodiscard]] T* operator->() const noexcept {
#if defined(__GNUC__)
    // A copy asks whether it is null, and GCC warns of what would happen if it were.
    if (to_ == nullptr) {
      __builtin_unreachable();
    }
#endif
    return to_;
  }
  [[nodiscard]] explicit operator bool() const noexcept { return to_ != nullptr; }

 private:
  T* to_ = nullptr;
};

}  // namespace bytes_handoff::detail
