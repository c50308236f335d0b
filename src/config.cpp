#include "bytes_handoff/config.hpp"

#include <stdexcept>
#include <string>

#include "bytes_handoff/core/memory/block.hpp"
#include "bytes_handoff/core/support/not_negative.hpp"
#include "bytes_handoff/lag_policy.hpp"

namespace bytes_handoff {
namespace {

std::string shown(std::size_t value) { return std::to_string(value); }

// The rules that members follow. `member` is its full name.
template <class Value>
void require(bool holds, const char* member, Value value, const char* rule) {
  if (!holds) {
    throw std::invalid_argument(std::string(member) + " is " + shown(value) + ": it must " + rule);
  }
}

void require_at_least_1(const char* member, std::size_t value) {
  require(value != 0, member, value, "be at least 1");
}

void require_block_size(const char* member, std::size_t value) {
  require_at_least_1(member, value);
  require(value <= detail::kLargestBlock, member, value,
          "be at most a quarter of the address space");
}

}  // namespace

void detail::throw_if_invalid(const HandoffBufferConfig& config) {
  require_block_size("HandoffBufferConfig::max_size", config.max_size);
  require_at_least_1("HandoffBufferConfig::read_reserve", config.read_reserve);
  require_block_size("HandoffBufferConfig::block_size", config.block_size);
  detail::require_not_negative("HandoffBufferConfig::gather_for", config.gather_for);
}

void detail::throw_if_invalid(const WriteHandoffConfig& config) try {
  require_at_least_1("WriteHandoffConfig::max_items", config.max_items);
  require_at_least_1("WriteHandoffConfig::max_pending_bytes", config.max_pending_bytes);
  detail::require_not_negative("WriteHandoffConfig::stall_timeout", config.stall_timeout);
  detail::require_not_negative("WriteHandoffConfig::close_timeout", config.close_timeout);
  detail::require_not_negative("WriteHandoffConfig::close_limit", config.close_limit);
  detail::require_not_negative("WriteHandoffConfig::stalled_after", config.stalled_after);
} catch (const std::invalid_argument& wrong) {
  if (config.name.empty()) {
    throw;
  }
  throw std::invalid_argument(wrong.what() + (" (queue \"" + std::string(config.name) + "\")"));
}

void detail::throw_if_invalid(const MemoryBudgetConfig& config) {
  require_at_least_1("MemoryBudgetConfig::limit", config.limit);
  require(config.high_mark <= config.limit, "MemoryBudgetConfig::high_mark", config.high_mark,
          "be at most the limit");
  require(config.floor <= config.limit, "MemoryBudgetConfig::floor", config.floor,
          "be at most the limit");
  detail::require_not_negative("MemoryBudgetConfig::shed_after", config.shed_after);
}

void detail::throw_if_invalid(const FanOutConfig& config) {
  require_at_least_1("FanOutConfig::max_bytes", config.max_bytes);
  require_at_least_1("FanOutConfig::max_entries", config.max_entries);
}

void detail::throw_if_invalid(const LagPolicy& policy) {
  detail::require_not_negative("LagPolicy::soft_for", policy.soft_for);
}

}  // namespace bytes_handoff
