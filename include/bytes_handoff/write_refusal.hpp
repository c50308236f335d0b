#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/error.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Why a write was refused. A refused write leaves the queue, and the caller's bytes, as they were.
struct WriteRefusal {
  WriteRefusalReason reason = WriteRefusalReason::closed;
  /// What would have been pending or waiting, and what may be: bytes for `byte_budget_exceeded` and
  /// `too_many_waiting_bytes`, items for `queue_full`, waiters for `too_many_waiters`. For
  /// `can_never_fit` and `exceeds_permit` the size of the write alone, in bytes or items. For
  /// `memory_exhausted` the bytes that it would be charged for, and the budget's limit. Else 0.
  std::size_t attempted = 0;
  std::size_t limit = 0;
  /// For `closed`: the error that ended the queue; none if it was closed in order.
  net_error_code first_error;
  /// For `can_never_fit` and `exceeds_permit`: true if the write has too many items, not too many
  /// bytes.
  bool counts_items = false;
  /// Of the queue: for as long as a handle, ticket or permit of it is there.
  std::string_view queue_name{};

  /// One line for people, with the queue's name, if it has one, and the member of
  /// `WriteHandoffConfig` that is the limit.
  [[nodiscard]] std::string message() const;
};

inline std::string WriteRefusal::message() const {
  const std::string refused = queue_name.empty()
                                  ? "write refused: "
                                  : "write to \"" + std::string(queue_name) + "\" refused: ";
  const auto count = [](std::size_t n, const char* what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
  };
  const auto would_be = [&](const char* what, const char* where, const char* member) {
    return refused + count(attempted, what) + " would be " + where + ", the limit is " +
           std::to_string(limit) + " (`" + member + "`)";
  };
  switch (reason) {
    case WriteRefusalReason::closed:
      return refused + "the queue is closed" + (first_error ? ": " + first_error.message() : "");
    case WriteRefusalReason::can_never_fit:
      return refused + "it has " + count(attempted, counts_items ? "slice" : "byte") +
             ", the queue's limit is " + std::to_string(limit) +
             (counts_items ? " (`max_items`)" : " (`max_pending_bytes`)");
    case WriteRefusalReason::byte_budget_exceeded:
      return would_be("byte", "pending", "max_pending_bytes");
    case WriteRefusalReason::queue_full:
      return would_be("item", "pending", "max_items");
    case WriteRefusalReason::too_many_waiters:
      return limit == 0 ? refused + "no write may wait (`max_waiters`)"
                        : refused + count(limit, "write") + (limit == 1 ? " is" : " are") +
                              " already waiting (`max_waiters`)";
    case WriteRefusalReason::too_many_waiting_bytes:
      return would_be("byte", "waiting", "max_waiting_bytes");
    case WriteRefusalReason::cancelled:
      return refused + "cancelled while it waited for room";
    case WriteRefusalReason::exceeds_permit:
      return refused + "it has " + count(attempted, counts_items ? "slice" : "byte") +
             ", its permit's limit is " + std::to_string(limit);
    case WriteRefusalReason::memory_exhausted:
      return refused + "no memory for " + count(attempted, "byte") + ", the limit of all is " +
             std::to_string(limit) + " (`MemoryBudgetConfig::limit`)";
  }
  return "write refused";
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
