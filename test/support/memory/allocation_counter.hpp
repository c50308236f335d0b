#pragma once

// Counts the calls of the global `operator new` and `operator delete` of core_tests, which
// support/memory/allocation_counter.cpp replaces.

#include <cstddef>

namespace bytes_handoff::test {

struct AllocationCounts {
  std::size_t allocations = 0;
  std::size_t deallocations = 0;
  std::size_t refusals = 0;
};

/// What this thread has allocated and given back since it began.
[[nodiscard]] AllocationCounts allocation_counts() noexcept;

/// Makes this thread's allocations throw std::bad_alloc while it lives.
class FailingAllocations {
 public:
  FailingAllocations() noexcept;
  FailingAllocations(const FailingAllocations&) = delete;
  FailingAllocations& operator=(const FailingAllocations&) = delete;
  ~FailingAllocations();
};

/// What this thread has allocated and given back, and been refused, since this was made.
class AllocationScope {
 public:
  [[nodiscard]] std::size_t allocations() const noexcept {
    return allocation_counts().allocations - start_.allocations;
  }
  [[nodiscard]] std::size_t deallocations() const noexcept {
    return allocation_counts().deallocations - start_.deallocations;
  }
  [[nodiscard]] std::size_t refusals() const noexcept {
    return allocation_counts().refusals - start_.refusals;
  }

 private:
  AllocationCounts start_ = allocation_counts();
};

}  // namespace bytes_handoff::test
