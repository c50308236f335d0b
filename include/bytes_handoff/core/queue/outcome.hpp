#pragma once

// What the write queue tells its callers: plain values, without a word about Asio.

#include <cstddef>
#include <cstdint>

#include "bytes_handoff/error.hpp"

namespace bytes_handoff::detail {

/// An error code of whichever kind the front end uses, taken apart. The core only keeps it and
/// gives it back. The category is a `std::error_category`, as this library's own is, or that of the
/// front end's own error type.
struct ErrorValue {
  int value = 0;
  bool has_std_category = false;
  const void* category = nullptr;

  [[nodiscard]] static ErrorValue of(Errc code) noexcept {
    return {static_cast<int>(code), true, &error_category()};
  }
  [[nodiscard]] explicit operator bool() const noexcept { return value != 0; }
  friend bool operator==(const ErrorValue&, const ErrorValue&) = default;
};

struct Refusal {
  WriteRefusalReason reason = WriteRefusalReason::closed;
  /// What would have been, and what the limit is. Bytes for byte_budget_exceeded and
  /// too_many_waiting_bytes; items for queue_full; waiters for too_many_waiters. For can_never_fit
  /// and exceeds_permit the size of the write in bytes or items. For memory_exhausted what it would
  /// be charged for, and the limit of the budget. Else 0.
  std::size_t attempted = 0;
  std::size_t limit = 0;
  /// For closed: the error that ended the queue, if one did.
  ErrorValue first_error;
  /// For these two: the figures are items, not bytes.
  bool counts_items = false;
};

/// How a write ended.
struct WriteResult {
  ErrorValue error;
  /// Bytes of this write that the stream took.
  std::size_t written = 0;
};

}  // namespace bytes_handoff::detail
