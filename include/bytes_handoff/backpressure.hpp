#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/detail/net.hpp"
#include "bytes_handoff/detail/outcome.hpp"
#include "bytes_handoff/impl/net_error.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Why a write was refused. A refused write leaves the queue as it was.
struct WriteRefusal {
  WriteRefusalReason reason = WriteRefusalReason::closed;
  /// What would have been pending, and what may be: bytes for `byte_budget_exceeded`, items for
  /// `queue_full`, waiters for `too_many_waiters`; for `can_never_fit` the size of the write alone,
  /// in whichever of bytes and items is too much. Else 0.
  std::size_t attempted = 0;
  std::size_t limit = 0;
  /// For `closed`: the error that ended the queue; none where it was closed in order.
  net_error_code error;

  /// One line for people.
  [[nodiscard]] std::string message() const;
};

/// A refused write with the bytes that were to be written: the very slice, not a copy.
struct WriteBackpressure : WriteRefusal {
  Bytes bytes;
};

/// The same for a write of several slices.
struct WriteAllBackpressure : WriteRefusal {
  std::vector<Bytes> bytes;
};

inline std::string WriteRefusal::message() const {
  const auto figures = [this](const char* what) {
    return std::to_string(attempted) + " " + what + " where " + std::to_string(limit) + " may be";
  };
  switch (reason) {
    case WriteRefusalReason::closed:
      return error ? "the write queue is closed: " + error.message() : "the write queue is closed";
    case WriteRefusalReason::can_never_fit:
      return "larger than the whole write queue: " + figures("bytes or items");
    case WriteRefusalReason::byte_budget_exceeded:
      return "no room for the bytes: " + figures("pending");
    case WriteRefusalReason::queue_full:
      return "no room for the items: " + figures("pending");
    case WriteRefusalReason::too_many_waiters:
      return "too many writes wait already: " + figures("waiting");
    case WriteRefusalReason::cancelled:
      return "cancelled while waiting for room";
  }
  return "refused";
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

inline WriteRefusal to_refusal(const Refusal& refusal) {
  return {refusal.reason, refusal.attempted, refusal.limit, to_net_error(refusal.first_error)};
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
