#pragma once

#include <chrono>
#include <cstddef>

#include "bytes_handoff/config.hpp"

namespace bytes_handoff::detail {

/// What a queue keeps of a `WriteHandoffConfig`, as members of the same names. Its budget, name,
/// hook and source of blocks are elsewhere.
struct QueueConfig {
  explicit QueueConfig(const WriteHandoffConfig& config) noexcept
      : max_items(config.max_items),
        max_pending_bytes(config.max_pending_bytes),
        max_waiters(config.max_waiters),
        max_waiting_bytes(config.max_waiting_bytes),
        stall_timeout(config.stall_timeout),
        close_timeout(config.close_timeout),
        close_limit(config.close_limit) {}

  std::size_t max_items;
  std::size_t max_pending_bytes;
  std::size_t max_waiters;
  std::size_t max_waiting_bytes;
  std::chrono::nanoseconds stall_timeout;
  std::chrono::nanoseconds close_timeout;
  std::chrono::nanoseconds close_limit;
};

}  // namespace bytes_handoff::detail
