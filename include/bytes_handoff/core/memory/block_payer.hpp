#pragma once

#include <cstddef>
#include <new>

#include "bytes_handoff/core/memory/advance.hpp"
#include "bytes_handoff/core/support/abi.hpp"
#include "bytes_handoff/core/support/sync.hpp"

namespace bytes_handoff::detail {

/// What pays for a block.
enum class PaidFrom : bool { kBudget, kFloor };

/// Who pays for blocks and pipes, and is paid back when they are freed. It outlives them. What it
/// is paid back it keeps for the next one, as far as its budget lets it.
class BlockPayer {
 public:
  using Advance = BasicAdvance<StdSync>;

  BlockPayer(const BlockPayer&) = delete;
  BlockPayer& operator=(const BlockPayer&) = delete;

  /// Which budget it pays from.
  [[nodiscard]] const void* budget() const noexcept { return budget_; }

  /// Pays for a block that takes `bytes`, or does not.
  [[nodiscard]] bool try_pay(std::size_t bytes, PaidFrom from) noexcept {
    return (from == PaidFrom::kBudget && kept_.try_draw(bytes)) || try_pay_anew(bytes, from);
  }
  /// Of a block that it has paid for, on any thread and under any lock but those of the budget. A
  /// payment may be paid back in parts.
  void pay_back(std::size_t bytes, PaidFrom from) noexcept {
    if (from == PaidFrom::kFloor || !kept_.try_put_back(bytes)) {
      give_back(bytes, from);  // behind which this may be gone
    }
  }

 protected:
  /// `holds` counts what is kept, too.
  BlockPayer(const void* budget, Advance::Counter& holds) noexcept
      : budget_(budget), kept_(&holds) {}
  ~BlockPayer() = default;

  [[nodiscard]] virtual bool try_pay_anew(std::size_t bytes, PaidFrom from) noexcept = 0;
  virtual void give_back(std::size_t bytes, PaidFrom from) noexcept = 0;

  [[nodiscard]] Advance& kept() noexcept { return kept_; }

 private:
  const void* const budget_;
  Advance kept_;
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
