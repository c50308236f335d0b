#pragma once

#include <cstddef>
#include <new>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// What pays for a block.
enum class PaidFrom : bool { kBudget, kFloor };

/// Who pays for blocks and pipes, and is paid back when they are freed. It outlives them.
class BlockPayer {
 public:
  BlockPayer(const BlockPayer&) = delete;
  BlockPayer& operator=(const BlockPayer&) = delete;

  /// Which budget it pays from.
  [[nodiscard]] const void* budget() const noexcept { return budget_; }

  /// Pays for a block that takes `bytes`, or does not.
  [[nodiscard]] virtual bool try_pay(std::size_t bytes, PaidFrom from) noexcept = 0;
  /// Of a block that it has paid for, on any thread and under any lock but those of the budget.
  virtual void pay_back(std::size_t bytes, PaidFrom from) noexcept = 0;
  /// What was paid at once is paid back in one part more.
  virtual void split_payment() noexcept = 0;

 protected:
  explicit BlockPayer(const void* budget) noexcept : budget_(budget) {}
  ~BlockPayer() = default;

 private:
  const void* const budget_;
};

/// Thrown where a payer does not pay for a block.
struct MemoryShort : std::bad_alloc {
  explicit MemoryShort(std::size_t bytes) noexcept : bytes_needed(bytes) {}
  [[nodiscard]] const char* what() const noexcept override {
    return "bytes_handoff: the memory budget is exhausted";
  }

  std::size_t bytes_needed;
};

}  // namespace bytes_handoff::detail
