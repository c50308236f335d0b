#pragma once

#include <atomic>
#include <cstdint>

#include "bytes_handoff/core/support/sync.hpp"

namespace bytes_handoff::detail {

/// How many references there are on something shared. Many are taken and given back at once.
template <class Sync, class Count>
class ReferenceCount {
 public:
  explicit ReferenceCount(Count references) noexcept : references_(references) {}

  void add(Count count) noexcept { references_.fetch_add(count, std::memory_order_relaxed); }

  /// Gives back `count` references that the caller holds. True when they were the last ones: then
  /// what the other holders did has happened before.
  [[nodiscard]] bool release(Count count) noexcept {
    // Who holds all the references there are needs no atomic step to give them back.
    return is_unique(count) || references_.fetch_sub(count, std::memory_order_acq_rel) == count;
  }

  /// Whether the `held` references of the caller are all that there are. When true, what the other
  /// holders did has happened before.
  [[nodiscard]] bool is_unique(Count held) const noexcept {
    return references_.load(std::memory_order_acquire) == held;
  }

  /// Only for a holder of all references.
  void reset(Count count) noexcept { references_.store(count, std::memory_order_relaxed); }

 private:
  typename Sync::template Atomic<Count> references_;
};

}  // namespace bytes_handoff::detail
