#pragma once

// Who waits for memory in tests, and queues that can be shed.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "bytes_handoff/core/budget/queue_account.hpp"
#include "bytes_handoff/core/budget/shedder.hpp"
#include "support/queue/queue_probes.hpp"

namespace bytes_handoff::test {

/// Waits for `of_bytes`.
struct CreditProbe : Probe<detail::CreditWaiter> {
  explicit CreditProbe(std::size_t of_bytes, std::string called = {}, ResumeLog* into = nullptr)
      : Probe(std::move(called), into) {
    bytes = of_bytes;
  }
};

/// Stands for a queue in the pot's line, and counts who keeps it alive.
struct QueueCreditProbe : Probe<detail::QueueCreditWaiter> {
  using Probe::Probe;
  void hold() noexcept override { ++holds; }
  void let_go() noexcept override { --holds; }

  int holds = 0;
};

/// A queue's credit, in front of what is made of it.
template <class Sync>
struct CreditOfAQueue {
  detail::BasicQueueCredit<Sync> credit;
};

/// What a queue is charged, without a queue.
template <class Sync>
class LoneAccount : CreditOfAQueue<Sync>, public detail::BasicQueueAccount<Sync> {
 public:
  LoneAccount(detail::BasicMemoryPot<Sync>& pot, detail::QueueCreditWaiter& waiter,
              std::size_t floor)
      : CreditOfAQueue<Sync>{{pot, waiter, floor}},
        detail::BasicQueueAccount<Sync>(&this->credit) {}
};

/// A queue as a shedder sees it.
struct ShedProbe final : detail::ShedMember {
  explicit ShedProbe(std::size_t bytes, std::uint64_t tag = 0) : ShedMember(tag), held(bytes) {}

  [[nodiscard]] Look look() const noexcept override { return {progress, held != 0}; }
  [[nodiscard]] std::size_t retained() noexcept override { return held; }
  [[nodiscard]] bool try_hold() noexcept override { return is_alive; }
  void shed() noexcept override { ++sheds; }
  [[nodiscard]] bool look_once() noexcept override { return ++looks, runs_errands; }
  [[nodiscard]] bool watch() noexcept override { return ++watches, runs_errands; }

  std::size_t held;
  std::uint64_t progress = 1;
  bool is_alive = true;
  bool runs_errands = true;
  int sheds = 0;
  int looks = 0;
  int watches = 0;
};

/// Gives back, and resumes who was granted something.
template <class Pot>
void give_back(Pot& pot, std::size_t n) {
  detail::WaitingList woken;
  pot.give_back(n, woken);
  detail::resume_all(woken);
}

}  // namespace bytes_handoff::test
