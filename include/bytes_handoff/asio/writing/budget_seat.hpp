#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/support/writer_pointer.hpp"
#include "bytes_handoff/config.hpp"
#include "bytes_handoff/core/budget/budget_state.hpp"
#include "bytes_handoff/core/budget/queue_account.hpp"
#include "bytes_handoff/core/budget/shedder.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What a writer has to do on its executor for its memory budget.
enum class BudgetErrand : unsigned { kAdmit = 1, kShed = 2, kLook = 4, kWatch = 8 };

/// A queue's place in its memory budget: its credit, how it is resumed when it has waited for
/// memory, and how it is shed. It has the memory for that from the start.
class BudgetSeat final : public QueueCreditWaiter, public ShedMember {
 public:
  /// Null without a budget. Throws as `MemberAccount::make`.
  [[nodiscard]] static std::unique_ptr<BudgetSeat> make(WriterBase& writer,
                                                        const WriteHandoffConfig& config) {
    auto account = MemberAccount::make(config.memory_budget);
    return account ? std::make_unique<BudgetSeat>(writer, std::move(account), config.budget_tag)
                   : nullptr;
  }

  BudgetSeat(WriterBase& writer, AccountPointer account, std::uint64_t tag) noexcept
      : ShedMember(tag),
        writer_(&writer),
        member_(std::move(account)),
        credit_(member_->state().pot(), *this, member_->state().floor(), member_.get()) {}

  [[nodiscard]] QueueCredit& credit() noexcept { return credit_; }
  [[nodiscard]] BudgetState& state() const noexcept { return member_->state(); }

  /// From when the writer can be ended, until it is destroyed.
  void enter() noexcept {
    state().shedder().enter(*this);
    is_entered_ = true;
  }
  void leave() noexcept {
    if (std::exchange(is_entered_, false)) {
      state().shedder().leave(*this);
    }
  }

  /// Adds one. True if none was there, so that it is to be posted.
  [[nodiscard]] bool add(BudgetErrand errand) noexcept {
    return errands_.fetch_or(static_cast<unsigned>(errand), std::memory_order_acq_rel) == 0;
  }
  [[nodiscard]] unsigned take_errands() noexcept {
    return errands_.exchange(0, std::memory_order_acq_rel);
  }
  /// The queue was ended for its memory.
  [[nodiscard]] bool is_shed() const noexcept { return is_shed_.load(); }
  void set_shed() noexcept { is_shed_.store(true); }
  /// Whether it watches the budget for all members. Returns what it was. On the stream's executor.
  bool set_watching(bool does) noexcept { return std::exchange(is_watching_, does); }
  /// Of the post of the errands, one at a time.
  [[nodiscard]] PostMemory& memory() noexcept { return memory_; }

  // Defined where the writer is known.
  void resume(const void* destroyed_context) noexcept override;
  void hold() noexcept override;
  void let_go() noexcept override;
  [[nodiscard]] Look look() const noexcept override;
  [[nodiscard]] std::size_t retained() noexcept override;
  [[nodiscard]] bool try_hold() noexcept override;
  void shed() noexcept override;
  [[nodiscard]] bool look_once() noexcept override;
  [[nodiscard]] bool watch() noexcept override;

 private:
  WriterBase* writer_;
  AccountPointer member_;
  QueueCredit credit_;
  std::atomic<unsigned> errands_{0};
  std::atomic<bool> is_shed_{false};
  bool is_watching_ = false;
  bool is_entered_ = false;
  PostMemory memory_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
