#pragma once

#include <cstddef>

#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

enum class InitiationOutcome : unsigned char { kUnderWay, kCompleted, kDropped };

struct InitiationResult {
  InitiationOutcome outcome = InitiationOutcome::kUnderWay;
  net_error_code error;
  std::size_t n = 0;
};

/// A call, on this thread, that starts an operation on a stream. If the operation's handler is
/// called, or destroyed, inside that call, it finds this object and leaves the outcome here. So a
/// stream that completes inline leads to a loop, not to a recursion. If the handler is called later
/// or on another thread, the call that started it must not touch the operation any more.
class Initiation {
 public:
  explicit Initiation(const void* operation) noexcept : operation_(operation), outer_(innermost()) {
    innermost() = this;
  }
  Initiation(const Initiation&) = delete;
  Initiation& operator=(const Initiation&) = delete;
  ~Initiation() { innermost() = outer_; }

  /// The one that starts `operation`, if this thread is inside of it.
  [[nodiscard]] static Initiation* of(const void* operation) noexcept {
    Initiation* at = innermost();
    while (at != nullptr && at->operation_ != operation) {
      at = at->outer_;
    }
    return at;
  }

  [[nodiscard]] const InitiationResult& result() const noexcept { return result_; }

  void complete(const net_error_code& error, std::size_t n) noexcept {
    result_ = {InitiationOutcome::kCompleted, error, n};
  }
  void drop() noexcept {
    if (result_.outcome == InitiationOutcome::kUnderWay) {
      result_.outcome = InitiationOutcome::kDropped;
    }
  }

 private:
  [[nodiscard]] static Initiation*& innermost() noexcept {
    static constinit thread_local Initiation* innermost = nullptr;
    return innermost;
  }

  const void* operation_;
  Initiation* outer_;
  InitiationResult result_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
