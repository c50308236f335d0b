#include "bytes_handoff/config.hpp"

#include "bytes_handoff/core/memory/block.hpp"

namespace bytes_handoff {

expected<void, ConfigError> HandoffBufferConfig::validate() const noexcept {
  if (max_len == 0) {
    return unexpected(ConfigError{"max_len", "must be at least 1"});
  }
  if (max_len > detail::kLargestBlock) {
    return unexpected(ConfigError{"max_len", "must be at most a quarter of the address space"});
  }
  if (read_reserve == 0) {
    return unexpected(ConfigError{"read_reserve", "must be at least 1"});
  }
  if (block_size == 0) {
    return unexpected(ConfigError{"block_size", "must be at least 1"});
  }
  if (block_size > detail::kLargestBlock) {
    return unexpected(ConfigError{"block_size", "must be at most a quarter of the address space"});
  }
  if (gather_for < std::chrono::nanoseconds::zero()) {
    return unexpected(ConfigError{"gather_for", "must not be negative"});
  }
  return {};
}

expected<void, ConfigError> WriteHandoffConfig::validate() const noexcept {
  if (max_items == 0) {
    return unexpected(ConfigError{"max_items", "must be at least 1"});
  }
  if (max_pending_bytes == 0) {
    return unexpected(ConfigError{"max_pending_bytes", "must be at least 1"});
  }
  if (stall_timeout < std::chrono::nanoseconds::zero()) {
    return unexpected(ConfigError{"stall_timeout", "must not be negative"});
  }
  if (close_timeout < std::chrono::nanoseconds::zero()) {
    return unexpected(ConfigError{"close_timeout", "must not be negative"});
  }
  if (close_limit < std::chrono::nanoseconds::zero()) {
    return unexpected(ConfigError{"close_limit", "must not be negative"});
  }
  return {};
}

}  // namespace bytes_handoff
