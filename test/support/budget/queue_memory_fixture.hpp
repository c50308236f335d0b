#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "bytes_handoff/core/budget/memory_pot.hpp"
#include "support/budget/budget_queue.hpp"

namespace bytes_handoff::test {

inline constexpr std::size_t kQueueFloor = 100;

/// A copy of so many letters.
[[nodiscard]] inline Bytes letters(std::size_t n, char letter = 'x') {
  return Bytes::copy_of(std::string(n, letter));
}

/// Two queues in one budget. The floors are a part of the limit.
class QueueMemory : public testing::Test {
 protected:
  using Queue = BudgetQueue<>;
  using Reason = WriteRefusalReason;
  using Wait = detail::WriteQueue::Wait;

  void open(std::size_t limit, const WriteHandoffConfig& config = {}) {
    a_.reset();
    b_.reset();
    pot_ = std::make_unique<detail::MemoryPot>(limit, limit);
    a_.emplace(*pot_, kQueueFloor, config);
    b_.emplace(*pot_, kQueueFloor, config);
  }
  void SetUp() override { open(1000); }
  void TearDown() override {
    end_all();
    a_.reset();
    b_.reset();
    EXPECT_EQ(pot_->figures().free_bytes, pot_->limit());
    EXPECT_EQ(pot_->figures().waiters, 0U);
  }

  // What waits must still be there.
  void end_all() {
    for (Queue* each : {&*a_, &*b_}) {
      each->end();
      EXPECT_EQ(each->holds(), 0);
    }
  }

  // Drawn beside the floors.
  [[nodiscard]] std::size_t drawn() const {
    return pot_->limit() - pot_->figures().free_bytes - pot_->figures().floors;
  }

  std::unique_ptr<detail::MemoryPot> pot_;
  std::optional<Queue> a_;
  std::optional<Queue> b_;
};

}  // namespace bytes_handoff::test
