#pragma once

// A write queue in a budget, without a stream: a peer takes what the test says.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bytes_handoff/core/budget/memory_pot.hpp"
#include "bytes_handoff/core/budget/queue_account.hpp"
#include "bytes_handoff/core/budget/shedder.hpp"
#include "bytes_handoff/core/queue/departure.hpp"
#include "bytes_handoff/core/queue/write_queue_members.hpp"
#include "support/budget/budget_probes.hpp"

namespace bytes_handoff::test {

/// A queue that shows what it is charged.
template <class Sync = detail::StdSync>
class ChargedQueue : public detail::BasicWriteQueue<Sync> {
 public:
  using detail::BasicWriteQueue<Sync>::BasicWriteQueue;
  [[nodiscard]] const detail::BasicQueueAccount<Sync>& account() const { return this->account_; }
};

/// One member: its floor, its credit and its queue, which a shedder sees. `run_errands` is what
/// the front end posts to its executor.
template <class Sync = detail::StdSync>
class BudgetQueue : public detail::QueueCreditWaiter, public detail::ShedMember {
 public:
  using Queue = ChargedQueue<Sync>;
  using Pot = detail::BasicMemoryPot<Sync>;

  /// Precondition: the floor fits.
  BudgetQueue(Pot& pot, std::size_t floor, const WriteHandoffConfig& config,
              detail::Entries entries = detail::Entries::kBytes,
              std::unique_ptr<detail::WriteTimer> timer = nullptr)
      : pot_(&pot),
        has_floor_(pot.try_take_floor(floor)),
        credit_(pot, *this, floor),
        queue_(config, detail::kMaxStepItems, entries, &credit_, std::move(timer)) {}
  ~BudgetQueue() override {
    detail::WaitingList woken;
    pot_->give_back_floor(credit_.floor(), woken);
    detail::resume_all(woken);
  }

  [[nodiscard]] bool has_floor() const { return has_floor_; }
  [[nodiscard]] Queue& queue() { return queue_; }
  [[nodiscard]] std::size_t charged() const { return queue_.account().charged(); }
  /// Credit that was granted and is not charged yet.
  [[nodiscard]] std::size_t granted() const { return credit_.granted(); }
  [[nodiscard]] int holds() const { return holds_; }
  [[nodiscard]] bool was_shed() const { return was_shed_; }
  [[nodiscard]] bool has_turn() const { return has_turn_; }
  [[nodiscard]] bool wants_look() const { return wants_look_; }
  [[nodiscard]] bool has_errand() const { return has_grant_; }

  [[nodiscard]] bool try_write(Bytes slice) {
    return step([&](auto& effects) { return queue_.try_write({&slice, 1}, effects).has_value(); });
  }
  [[nodiscard]] auto wait(detail::RoomWaiter& waiter) {
    return step([&](auto& effects) { return queue_.wait_room(waiter, effects); });
  }
  template <class Step>
  auto step(Step call) {
    detail::Effects effects;
    auto result = call(effects);
    carry_out(effects);
    return result;
  }

  /// Who was resumed by the pot, or shed, has something to run on its executor.
  void run_errands() {
    if (std::exchange(has_grant_, false)) {
      detail::Effects effects;
      queue_.admit_with_credit(effects);
      carry_out(effects);
      let_go();
    }
    if (is_to_be_shed_ && !std::exchange(was_shed_, true)) {
      detail::Effects effects;
      queue_.abort(detail::ErrorValue::of(Errc::shed), effects);
      carry_out(effects);
      if (!is_writing_) {
        queue_.discard_unwritten();
      }
    }
  }

  /// The peer reads at most `n` bytes. Returns how many.
  std::size_t read(std::size_t n) {
    std::size_t taken = 0;
    if (!is_writing_ && std::exchange(has_turn_, false)) {
      detail::Effects effects;
      note(queue_.begin_turn(batch_, effects));
      carry_out(effects);
    }
    while (is_writing_ && taken != n) {
      const std::size_t now = std::min(n - taken, batch_.bytes);
      taken += now;
      finish({}, now);
    }
    return taken;
  }
  /// What the stream's operation does when it is cancelled.
  void cancel_write() {
    if (is_writing_) {
      finish(error_value(1), 0);
      queue_.discard_unwritten();
    }
  }
  /// Ends the queue, so that nobody waits in it or for it.
  void end() {
    run_errands();
    step([&](auto& effects) {
      queue_.abort(detail::ErrorValue::of(Errc::aborted), effects);
      return 0;
    });
    cancel_write();
    queue_.discard_unwritten();
    run_errands();
  }
  [[nodiscard]] bool is_writing() const { return is_writing_; }

  // Of the pot and of the shedder.
  void resume(const void*) noexcept override { has_grant_ = true; }
  void hold() noexcept override { ++holds_; }
  void let_go() noexcept override { --holds_; }
  [[nodiscard]] Look look() const noexcept override {
    return {queue_.progress(), queue_.pending_bytes() != 0};
  }
  [[nodiscard]] std::size_t retained() noexcept override { return queue_.retained(); }
  [[nodiscard]] bool try_hold() noexcept override { return true; }
  void shed() noexcept override { is_to_be_shed_ = true; }
  [[nodiscard]] bool look_once() noexcept override { return true; }
  [[nodiscard]] bool watch() noexcept override { return true; }

 private:
  void finish(const detail::ErrorValue& error, std::size_t written) {
    detail::Effects effects;
    note(queue_.finish_write(error, written, false, batch_, effects));
    carry_out(effects);
  }
  void note(typename Queue::Turn turn) {
    is_writing_ = turn == Queue::Turn::kWrite;
    has_turn_ = turn == Queue::Turn::kYield;
  }
  void carry_out(detail::Effects& effects) {
    has_turn_ = has_turn_ || effects.start_turn;
    wants_look_ = wants_look_ || effects.look_at_memory;
    effects.resume_all();
    effects.finish();
  }

  Pot* pot_;
  bool has_floor_;
  detail::BasicQueueCredit<Sync> credit_;
  Queue queue_;
  detail::WriteBatch batch_;
  int holds_ = 0;
  bool has_turn_ = false;
  bool is_writing_ = false;
  bool has_grant_ = false;
  bool wants_look_ = false;
  bool is_to_be_shed_ = false;
  bool was_shed_ = false;
};

}  // namespace bytes_handoff::test
